"""What the training text says of the token under the cursor, and the passage beside the stream where it is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Static

from gpt2_remix.tui.style.palette import Palette


@dataclass(frozen=True, slots=True)
class Passage:
    """Two texts that are the same up to a place, as drawn: what both have before it, and what each has from there."""

    before: str
    theirs: str
    ours: str


class TraceLine(Static):
    """Lines under the text while verbatim spans are shown."""

    HELP = """\
    h until "verbatim" underlines what stands word for word in the training text, in spans of at least 8 tokens ({ and }
    change that), with the document and the place under the cursor. The token that left a span is marked: the text goes
    on otherwise there, and that is where the remix begins. In every heat colouring ≡ marks the candidates with which
    the text goes on.
    """

    DEFAULT_CSS = "TraceLine { background: $surface; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="trace")
        self._palette = palette
        self._said: tuple[str, Passage | None, int] = ("", None, 0)

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self._said = ("", None, 0)

    def say(self, words: str, passage: Passage | None = None) -> None:
        """Another sentence, and the passage where it is at hand."""
        width = max(20, self.size.width or 60)
        if (words, passage, width) == self._said:
            return
        before, self._said = self._said, (words, passage, width)
        palette = self._palette
        text = Text(words, palette.value)
        if passage is not None:
            half = (width - 7) // 2
            for label, after, style in (("text", passage.theirs, palette.bar), ("here", passage.ours, palette.taken)):
                text.append(f"\n{label} ", palette.label)
                text.append(fitting(passage.before, half, from_end=True), palette.muted)
                text.append("┃", palette.label)
                text.append(fitting(after, half, from_end=False), style)
        self.update(text, layout=lines_of(*before) != lines_of(*self._said))


def lines_of(words: str, passage: Passage | None, width: int) -> int:
    """How many lines that takes, about."""
    return -(-cell_len(words) // max(1, width)) + (2 if passage is not None else 0)


def fitting(text: str, width: int, *, from_end: bool) -> str:
    """As much of a text as fits into some cells, its end (which then stands right) or its beginning."""
    cells: Callable[[str], int] = cell_len
    if from_end:
        while cells(text) > width:
            text = text[1:]
        return " " * (width - cells(text)) + text
    while cells(text) > width:
        text = text[:-1]
    return text
