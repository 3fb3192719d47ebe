"""The whole session as a tree."""
