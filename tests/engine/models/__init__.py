"""tests/engine/models."""
