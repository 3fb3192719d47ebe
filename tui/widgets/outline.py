"""A list of rows of the tree, as long as it may be: only the rows in view are made and drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import fitted


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the node that it begins at and the one that it ends at, how deep it is nested, what follows when folded.

    `fold` is "▾", "▸" or " ".
    """

    first: int
    last: int
    depth: int
    fold: str = " "


@dataclass(frozen=True, slots=True)
class Label:
    """What a row says: a sign, words (cut where there is no room), and columns on the right."""

    sign: str
    words: str
    columns: Sequence[str]
    shown: bool = False
    dim: bool = False


def sign_of(step: Step | None) -> str:
    """How a token came: ¶ given, ✎ picked, · sampled, ↻ flipped again."""
    origin = step.origin if step is not None else ""
    return {"prompt": "¶", "picked": "✎"}.get(origin, "·" if step is not None and step.roll == 0 else "↻")


def indent_of(row: Row) -> str:
    """What stands before a row's mark."""
    return "  " * min(row.depth, 24) + ("⋯ " if row.depth > 24 else "")


class Outline(ScrollView, can_focus=True, inherit_bindings=False):  # the screen owns all keys
    """Rows; the screen gives them and says what each says."""

    DEFAULT_CSS = """
    Outline { background: $surface; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """

    class Clicked(Message):
        """A person clicked on a row."""

        def __init__(self, place: int, twice: bool, fold: bool) -> None:
            """`fold`: the click was on the mark that folds and unfolds the row."""
            super().__init__()
            self.place = place
            self.twice = twice
            self.fold = fold

    def __init__(self, palette: Palette, label_of: Callable[[Row], Label], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._label_of = label_of
        self._empty = ""
        self.rows: list[Row] = []
        self.cursor = 0

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, rows: list[Row], empty: str) -> None:
        """Other rows; the cursor stays at its place."""
        self.rows, self._empty = rows, empty
        self.virtual_size = Size(self.size.width, len(rows))
        self.move(0)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(self.cursor + rows, len(self.rows) - 1))
        if self.size.height:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self.move(0)

    def render_line(self, y: int) -> Strip:
        """One row."""
        palette, width = self._palette, self.scrollable_content_region.width
        place = y + self.scroll_offset.y
        if place >= len(self.rows):
            words = self._empty if y == 0 and not self.rows else ""
            return Strip([Segment(words, palette.muted)]).adjust_cell_length(width, palette.text)
        row = self.rows[place]
        label = self._label_of(row)
        chosen = place == self.cursor
        style = palette.gone if label.dim else palette.taken if label.shown else palette.text
        columns = "".join(f"  {column}" for column in label.columns)
        indent = indent_of(row)
        room = max(4, width - cell_len(indent) - cell_len(columns) - 5)
        segments = [
            Segment(f"{indent}{row.fold} ", palette.muted), Segment(f"{label.sign} ", style),
            Segment(fitted(label.words, room), style), Segment(columns, palette.muted),
        ]
        strip = Strip(segments).adjust_cell_length(width, palette.text)
        return strip.apply_style(palette.selected + Style(bold=True)) if chosen else strip

    def on_click(self, event: events.Click) -> None:
        """Select the row under the mouse; a double click goes there."""
        offset = event.get_content_offset(self)
        if offset is not None and (place := offset.y + self.scroll_offset.y) < len(self.rows):
            event.stop()
            self.move(place - self.cursor)
            row = self.rows[place]
            fold = bool(row.fold.strip()) and offset.x == cell_len(indent_of(row))
            self.post_message(self.Clicked(place, event.chain > 1 and not fold, fold))
