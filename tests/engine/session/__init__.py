"""tests/engine/session."""
