"""tests/tui/sessions."""
