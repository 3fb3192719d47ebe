"""What stands around the panes: titles in borders, the status line, and the line of a terminal that is too small."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

NEEDED = (80, 24)
"""Cells that the screens need."""


def retitle(widget: Widget, *, title: str | None = None, subtitle: str | None = None) -> None:
    """Change a border's title or subtitle; None leaves one as it is.

    Only where they change: Textual draws the whole widget again for each assignment.
    """
    if title is not None and widget.border_title != title:
        widget.border_title = title
    if subtitle is not None and widget.border_subtitle != subtitle:
        widget.border_subtitle = subtitle


def status_line(left: Text, parts: Sequence[str], width: int, last: int = 0) -> Text:
    """One line: what this is on the left, the rest on the right; parts for which there is no room go.

    Those at the end go first, but for the `last` ones, which go after all others but the first.
    """
    shown = list(parts)
    while len(shown) > 1 and left.cell_len + cell_len("   ".join(shown)) + 2 > width:
        shown.pop(-1 - last if len(shown) > last + 1 else -1)
    right = Text("   ".join(shown) + " ", style="not bold", no_wrap=True)
    line = left + Text(" " * max(1, width - left.cell_len - right.cell_len)) + right
    line.truncate(max(1, width))
    return line


def needs_room(width: int, height: int, needed: tuple[int, int], hint: str) -> Text:
    """What a terminal shows that has fewer cells than are needed."""
    return Text(
        f"gpt2-remix needs {needed[0]}x{needed[1]} cells; this terminal has {width}x{height}. Make it larger.{hint}"
    )
