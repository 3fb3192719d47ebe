"""The pictures in the README."""
