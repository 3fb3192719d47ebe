"""The stage: one token after the other, told to a room."""
