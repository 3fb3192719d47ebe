"""The commands that need no terminal UI, a file each; `options.commands` imports the one that is asked for."""
