"""tests/tui/compare."""
