"""Futures, forks, words and patterns."""
