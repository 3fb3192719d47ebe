"""Where a text can go: exact futures, and forks of a text, with the words and patterns that are asked for in them."""
