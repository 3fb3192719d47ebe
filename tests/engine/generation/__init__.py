"""tests/engine/generation."""
