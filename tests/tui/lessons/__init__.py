"""tests/tui/lessons."""
