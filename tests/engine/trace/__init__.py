"""tests/engine/trace."""
