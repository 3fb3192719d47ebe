"""tests/tui/models."""
