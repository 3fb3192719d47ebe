"""The stage's last line: what is being told, and how it goes on."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.tui.style.palette import Palette


class StageLine(Widget):
    """The last line: what is being told on the left, how it goes on at the right."""

    class Clicked(Message):
        """A person clicked on it: that goes on, or enters what was typed."""

    DEFAULT_CSS = "StageLine { height: 1; padding: 0 3; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="stage-line")
        self._palette = palette
        self._left = ""
        self._right: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What it says."""
        return f"{self._left}   {self._right[0] if self._right else ''}"

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, left: str, *right: str) -> None:
        """Say something else; of what may stand at the right the first that fits."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def on_click(self) -> None:
        """A click is like its key."""
        self.post_message(self.Clicked())

    def render_line(self, y: int) -> Strip:
        """Left and right; the right side is cut down first where there is little room."""
        width = self.size.width
        room = width - cell_len(self._left) - 3
        right = next((words for words in self._right if cell_len(words) <= room), "")
        left = self._left if cell_len(self._left) <= width else set_cell_size(self._left, width - 1) + "…"
        gap = " " * max(0, width - cell_len(left) - cell_len(right))
        return Strip([Segment(left, self._palette.value), Segment(gap + right, self._palette.muted)]
                     ).adjust_cell_length(width, self._palette.text)
