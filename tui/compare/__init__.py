"""Lanes side by side: the compare screen, its columns, repeating with many seeds."""
