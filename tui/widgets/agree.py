"""Whether the lanes agree, place by place, as a row: one cell each, around the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.palette import Palette

LABEL = " agree "


class AgreeStrip(Widget):
    """━ where all lanes hold the same token, else how many different ones; a click goes there."""

    DEFAULT_CSS = "AgreeStrip { height: 1; background: $surface; }"

    class Clicked(Message):
        """A person clicked on a place."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="agree")
        self._palette = palette
        self._choices: Sequence[int] = ()
        self._first = 0
        self._cursor = 0

    def set_palette(self, palette: Palette) -> None:
        """Draws with another theme."""
        self._palette = palette
        self.refresh()

    def range_for(self, cursor: int, count: int) -> tuple[int, int]:
        """The places that fit: those that end at the last one, moved back to hold the cursor."""
        width = max(1, self.size.width - len(LABEL))
        first = max(0, min(count - width, cursor - width // 2))
        return first, min(count, first + width)

    def show(self, first: int, choices: Sequence[int], cursor: int) -> None:
        """How many different tokens stand at the places from `first` on."""
        if (first, choices, cursor) != (self._first, self._choices, self._cursor):
            self._first, self._choices, self._cursor = first, choices, cursor
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row."""
        palette = self._palette
        segments = [Segment(LABEL, palette.label)]
        for place, choices in enumerate(self._choices, start=self._first):
            mark = "·" if choices == 0 else "━" if choices == 1 else str(choices) if choices < 10 else "+"
            style = palette.bar if choices < 2 else palette.marker
            segments.append(Segment(mark, palette.focus_value if place == self._cursor else style))
        if not self._choices:
            words = "space: one token in every lane · s: the settings of this lane · a: another one"
            segments.append(Segment(words, palette.muted))
        return Strip(segments).adjust_cell_length(self.size.width, palette.text)

    def on_click(self, event: events.Click) -> None:
        """Goes to the place."""
        place = self._first + event.x - len(LABEL)
        if 0 <= event.x - len(LABEL) < len(self._choices):
            event.stop()
            self.post_message(self.Clicked(place))
