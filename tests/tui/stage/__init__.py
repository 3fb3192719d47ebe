"""tests/tui/stage."""
