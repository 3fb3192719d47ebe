"""One line with a cell for each place around the cursor; what a cell shows is for whoever inherits it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events
from textual.message import Message
from textual.widget import Widget

from gpt2_remix.tui.style.palette import Palette


class PlaceStrip(Widget):
    """A click on a cell goes to its place. LABEL stands before the cells."""

    DEFAULT_CSS = "PlaceStrip { height: 1; background: $surface; }"

    LABEL: ClassVar[str] = ""

    class Clicked(Message):
        """A person clicked on a place."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, palette: Palette, *, id: str) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._values: Sequence[Any] = ()
        self._first = 0
        self._cursor = 0

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def range_for(self, cursor: int, count: int) -> tuple[int, int]:
        """The places that fit: those that end at the last one, moved back to hold the cursor."""
        width = max(1, self.size.width - len(self.LABEL))
        first = max(0, min(count - width, cursor - width // 2))
        return first, min(count, first + width)

    def show(self, first: int, values: Sequence[Any], cursor: int) -> None:
        """The values of the places from `first` on."""
        if (first, values, cursor) != (self._first, self._values, self._cursor):
            self._first, self._values, self._cursor = first, values, cursor
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Go to the place."""
        cell = event.x - len(self.LABEL)
        if 0 <= cell < len(self._values):
            event.stop()
            self.post_message(self.Clicked(self._first + cell))
