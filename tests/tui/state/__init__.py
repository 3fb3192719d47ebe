"""tests/tui/state."""
