"""One stream and its tree: the screen that the app begins with, its panes, and every action on a position."""
