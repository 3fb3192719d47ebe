"""The stage's last line: what is being told, and how it goes on; keys as words while the mouse moves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import shortened

MENU = (("run", "g"), ("again", "r"), ("undo", "u"), ("guess", "a"), ("dice", "d"), ("vote", "v"),
        ("<", "less_than_sign"), (">", "greater_than_sign"), ("zoom", "z"), ("?", "question_mark"),
        ("leave", "escape"))
"""Words for the mouse, and the keys that they stand for. They fit at 60 columns."""

WHILE_TYPING = (("enter", "enter"), ("erase", "backspace"), ("leave", "escape"))
"""The same while hands or digits are typed."""

WORDS = ("words", "w")
"""What a guess has beside them."""

SECONDS = 4
"""How long the words stay after the mouse has moved last."""

LEAST_LEFT = 8
"""Cells in which something can still be said beside the words."""


class StageLine(Widget):
    """The last line: what is being told on the left, how it goes on at the right.

    Where the mouse moves, what can be done stands there as words to click on, as a video player shows its buttons; a
    room that only looks sees none of them.
    """

    class Clicked(Message):
        """A person clicked on it, or on a word.

        Attributes:
            key: Textual's name of the key that the word stands for; "" beside the words.
        """

        def __init__(self, key: str = "") -> None:
            super().__init__()
            self.key = key

    DEFAULT_CSS = "StageLine { height: 1; padding: 0 3; }"

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="stage-line")
        self._palette = palette
        self._left = ""
        self._right: tuple[str, ...] = ()
        self._menu: Sequence[tuple[str, str]] = MENU
        self._hovered: int | None = None
        self._hides: Timer | None = None

    @property
    def words(self) -> str:
        """What it says."""
        return f"{self._left}   {self._right[0] if self._right else ''}"

    @property
    def menu(self) -> tuple[str, ...]:
        """The words that can be clicked on now."""
        return tuple(word for word, _ in self._menu) if self._hides is not None else ()

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, left: str, *right: str, menu: Sequence[tuple[str, str]] = MENU) -> None:
        """Say something else; of what may stand at the right the first that fits."""
        if (left, right, menu) != (self._left, self._right, self._menu):
            self._left, self._right, self._menu = left, right, menu
            self.refresh()

    def show_menu(self) -> None:
        """Show the words, until the mouse has not moved for some seconds."""
        if self._hides is None:
            self._hides = self.set_timer(SECONDS, self._hide)
            self.refresh()
        else:
            self._hides.reset()

    def _hide(self) -> None:
        if self._hides is not None:
            self._hides.stop()
            self._hides = None
        self._hovered = None
        self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The word under the mouse stands out."""
        self._hover(self._word_at(event.x))

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        self._hover(None)

    def _hover(self, word: int | None) -> None:
        if word != self._hovered:
            self._hovered = word
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click on a word is like its key."""
        word = self._word_at(event.x)
        self.post_message(self.Clicked(self._menu[word][1] if word is not None else ""))

    def _starts(self) -> list[int]:
        """The first cell of each word, in the line without its padding."""
        cells = [cell_len(word) for word, _ in self._menu]
        gaps = [min(2, *pair) for pair in pairwise(cells)]  # signs stand closer than words
        ends = list(accumulate(cell + gap for cell, gap in zip(cells, [*gaps, 0], strict=True)))
        return [self.size.width - ends[-1] + start for start in [0, *ends[:-1]]]

    def _word_at(self, x: int) -> int | None:
        """The word at a cell of the widget, padding included; None beside the words."""
        if self._hides is None:
            return None
        cell = x - self.gutter.left
        return next((n for n, (start, (word, _)) in enumerate(zip(self._starts(), self._menu, strict=True))
                     if start <= cell < start + cell_len(word)), None)

    def render_line(self, y: int) -> Strip:
        """Left and right; the right side is cut down first where there is little room."""
        width = self.size.width
        if self._hides is not None:
            return self._menu_line(width)
        room = width - cell_len(self._left) - 3
        right = next((words for words in self._right if cell_len(words) <= room), "")
        left = shortened(self._left, width)
        gap = " " * max(0, width - cell_len(left) - cell_len(right))
        return Strip([Segment(left, self._palette.value), Segment(gap + right, self._palette.muted)]
                     ).adjust_cell_length(width, self._palette.text)

    def _menu_line(self, width: int) -> Strip:
        starts, room = self._starts(), self._starts()[0] - 3
        segments = [Segment(shortened(self._left, room) if room >= LEAST_LEFT else "", self._palette.value)]
        at = segments[0].cell_length
        for n, (start, (word, _)) in enumerate(zip(starts, self._menu, strict=True)):
            style = self._palette.muted if n != self._hovered else self._palette.slot
            segments += [Segment(" " * (start - at), self._palette.text), Segment(word, style)]
            at = start + cell_len(word)
        return Strip(segments).adjust_cell_length(width, self._palette.text)
