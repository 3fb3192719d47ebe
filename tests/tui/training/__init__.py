"""tests/tui/training."""
