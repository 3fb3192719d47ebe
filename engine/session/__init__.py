"""A session: the tree of all its steps, its file, its exports, and replaying it."""
