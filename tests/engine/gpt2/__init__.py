"""tests/engine/gpt2."""
