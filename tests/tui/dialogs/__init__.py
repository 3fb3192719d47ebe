"""tests/tui/dialogs."""
