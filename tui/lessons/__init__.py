"""Lessons that play in the app."""
