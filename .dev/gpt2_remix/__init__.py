"""gpt2-remix: a terminal playground for GPT-2. The package that holds the rooms: `engine`, `tui`, `themes`."""
