"""tests/tui/style."""
