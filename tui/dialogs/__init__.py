"""Dialogs that more than one screen asks: a line of text, the prefix, a lane's settings, help."""
