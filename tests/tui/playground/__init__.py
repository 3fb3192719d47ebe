"""tests/tui/playground."""
