"""Commands that draw: the app itself, themes, pictures."""
