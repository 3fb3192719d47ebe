"""Whether the lanes agree, place by place, as a row: one cell each, around the cursor."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.place_strip import PlaceStrip


class AgreeStrip(PlaceStrip):
    """How many different tokens stand at each place: ━ where all lanes hold the same one."""

    LABEL = " agree "

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette, id="agree")

    def render_line(self, y: int) -> Strip:
        """The row."""
        palette = self._palette
        segments = [Segment(self.LABEL, palette.label)] if self._values else []
        for place, choices in enumerate(self._values, start=self._first):
            mark = "·" if choices == 0 else "━" if choices == 1 else str(choices) if choices < 10 else "+"
            style = palette.bar if choices < 2 else palette.marker
            segments.append(Segment(mark, palette.focus_value if place == self._cursor else style))
        if not self._values:
            words = " space: one token in every lane · s: this lane's settings · a: one more lane"
            segments.append(Segment(words, palette.muted))
        return Strip(segments).adjust_cell_length(self.size.width, palette.text)
