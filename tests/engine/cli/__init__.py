"""tests/engine/cli."""
