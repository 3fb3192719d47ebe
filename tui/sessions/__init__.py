"""Sessions on disk: opening, renaming, copying, deleting, exporting."""
