"""Words that have to fit into some cells."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def shortened(words: str, room: int) -> str:
    """The words where they fit into the cells, else their beginning and "…"."""
    return words if cell_len(words) <= room else set_cell_size(words, room - 1) + "…"


def fitted(words: str, room: int) -> str:
    """The same, filled up to just so many cells."""
    return set_cell_size(shortened(words, room), room)
