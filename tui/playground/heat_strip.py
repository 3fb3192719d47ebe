"""The heat of the tokens around the cursor as a row of bars: height is the value."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from gpt2_remix.tui.style.heat import heat_bar
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.place_strip import PlaceStrip


class HeatStrip(PlaceStrip):
    """A value between 0 and 1 for each position, None where it is not known."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, id="heat")

    def render_line(self, y: int) -> Strip:
        """The bars."""
        palette = self._palette
        segments = []
        for position, value in enumerate(self._values, start=self._first):
            chosen = position == self._cursor
            segments.append(Segment(heat_bar(value), palette.marker if chosen else palette.bar))
        return Strip(segments).adjust_cell_length(self.size.width, palette.text)
