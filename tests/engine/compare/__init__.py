"""tests/engine/compare."""
