"""tests/engine/tokens."""
