"""tests/engine/sampling."""
