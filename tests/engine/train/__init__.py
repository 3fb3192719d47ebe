"""tests/engine/train."""
