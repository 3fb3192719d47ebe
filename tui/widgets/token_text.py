"""The stream as tokens: wrapped, heat-coloured, with a cursor on any token. Only visible lines are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.tokens.tokenizer import split_characters
from gpt2_remix.tui.state.verbatim import TraceMark
from gpt2_remix.tui.style.contrast import legible
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.wrap import Flow

TokenKind = Literal["prompt", "sampled", "picked", "leaves", "apart", "again", "otherwise"]
"""How a token came; in a lane also where it leaves lane 1, what is other after that, and what is the same again;
with "what if" what other settings would not have chosen."""


@dataclass(frozen=True, slots=True)
class TokenCell:
    """A token as drawn: its bytes (or a stand-in), how it came, its heat level (-1 for none), its mark."""

    piece: bytes
    kind: TokenKind
    level: int
    mark: TraceMark = ""


class TokenText(ScrollView, can_focus=True, inherit_bindings=False):  # the screen owns all keys
    """Shows tokens; the screen gives it cells and a cursor, and it says where one clicked."""

    HELP = """\
    The stream as tokens. Given tokens are blue, sampled ones plain, picked ones underlined; the background is the heat.
    Struck-out tokens are past the context: the network no longer sees them.
    """

    DEFAULT_CSS = """
    TokenText {
        background: $surface;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
    }
    """

    class Clicked(Message):
        """A person clicked on a token, or past the end (index = number of tokens)."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, palette: Palette, *, cursor: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self._palette = palette
        self._flow = Flow(40)
        self._cells: list[TokenCell] = []
        self._cursor: int | None = 0 if cursor else None
        self._window = 0
        self._styles: dict[tuple[str, int, str, bool], Style] = {}
        self._empty = "…"
        self._plain = ""
        self._apart = palette.text

    # What it shows

    @property
    def cursor(self) -> int | None:
        """The token under the cursor; the number of tokens for the place after the last."""
        return self._cursor

    @property
    def cells(self) -> Sequence[TokenCell]:
        """The tokens as drawn."""
        return self._cells

    @property
    def window(self) -> int:
        """The first token that the network sees."""
        return self._window

    def offset_of(self, index: int) -> Offset:
        """Where a token is drawn, from the first line on."""
        line = self._flow.line_of(index)
        return Offset(sum(piece.width for piece in self._flow.lines[line] if piece.token < index), line)

    @property
    def count(self) -> int:
        """How many tokens there are."""
        return len(self._cells)

    def show_plain(self, text: str) -> None:
        """Text that is not split into tokens yet, while the tokenizer loads."""
        self._plain = text
        self.replace(0, [])

    def set_empty(self, text: str) -> None:
        """What stands there while there is no token."""
        self._empty = text
        self.refresh()

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self._styles.clear()
        self.refresh()

    def set_apart(self, style: Style) -> None:
        """The style of what a lane holds otherwise than the first one."""
        if style != self._apart:
            self._apart = style
            self._styles.clear()
            self.refresh()

    def replace(self, start: int, cells: Sequence[TokenCell]) -> None:
        """Put other tokens in place of everything from index `start` on."""
        del self._cells[start:]
        self._cells.extend(cells)
        # A character that is completed or broken here may begin up to three tokens before.
        back = max(0, start - 3)
        while back > 0 and (not self._cells[back].piece or 0x80 <= self._cells[back].piece[0] < 0xC0):
            back -= 1
        texts = split_characters([cell.piece for cell in self._cells[back:]])
        lines = len(self._flow.lines)
        changed = self._flow.replace(back, [show_text(text, keep="\n") for text in texts])
        self._resize_content()
        self._refresh_lines(changed, max(lines, len(self._flow.lines)))

    def set_kinds(self, kinds: Mapping[int, TokenKind]) -> None:
        """Say of single tokens how they came."""
        for index, kind in kinds.items():
            cell = self._cells[index]
            if cell.kind != kind:
                self._cells[index] = TokenCell(cell.piece, kind, cell.level, cell.mark)
                self._refresh_lines(self._flow.line_of(index), self._flow.line_of(index + 1) + 1)

    def set_levels(self, start: int, levels: Sequence[int]) -> None:
        """Other heat levels for the tokens from index `start` on."""
        for index, level in enumerate(levels, start=start):
            cell = self._cells[index]
            if cell.level != level:
                self._cells[index] = TokenCell(cell.piece, cell.kind, level, cell.mark)
        self._refresh_lines(self._flow.line_of(start), self._flow.line_of(start + len(levels)) + 1)

    def set_marks(self, start: int, marks: Sequence[TraceMark]) -> None:
        """Other marks for the tokens from index `start` on."""
        for index, mark in enumerate(marks, start=start):
            cell = self._cells[index]
            if cell.mark != mark:
                self._cells[index] = TokenCell(cell.piece, cell.kind, cell.level, mark)
        self._refresh_lines(self._flow.line_of(start), self._flow.line_of(start + len(marks)) + 1)

    def set_cursor(self, index: int, window: int) -> None:
        """Move the cursor, and say from which token on the network sees the text there; scroll to the cursor."""
        if window != self._window:
            self._window = window
            self.refresh()
        if index != self._cursor:
            for place in (self._cursor or 0, index):
                line = self._flow.line_of(place)
                self._refresh_lines(line, line + 1)
            self._cursor = index
        self._scroll_to_cursor()

    def line_step(self, lines: int) -> int:
        """The token that many lines below (above, if negative) the cursor."""
        index = self._cursor or 0
        line = self._flow.line_of(index)
        x = 0
        for piece in self._flow.lines[line]:
            if piece.token >= index:
                break
            x += piece.width
        target = line + lines
        if target < 0:
            return 0
        return self._flow.token_at(target, x)

    # Drawing

    def _resize_content(self) -> None:
        size = Size(self._flow.width, len(self._flow.lines))
        if self.show_vertical_scrollbar and size.height > self.size.height:
            # Another line changes nothing but the scrollbar: without this, Textual lays the whole screen out again.
            self.set_reactive(TokenText.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    def _refresh_lines(self, first: int, end: int) -> None:
        """Draw some lines again, as far as they are in view: while streaming that is one line or two."""
        top = self.scroll_offset.y
        first, end = max(first, top), min(end, top + self.size.height)
        if first < end:
            self.refresh(Region(0, first - top, self.size.width, end - first))

    def _scroll_to_cursor(self) -> None:
        if self._cursor is not None and self.size.height:
            line = self._flow.line_of(self._cursor)
            # Some lines before and after stay in view, where there are any.
            margin = min(3, self.size.height // 3)
            first, end = max(0, line - margin), min(len(self._flow.lines), line + margin + 1)
            self.scroll_to_region(Region(0, first, 1, end - first), animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap to the new width."""
        self._flow.set_width(self.scrollable_content_region.width - 1)  # one cell for the place after the last token
        self._resize_content()
        self.refresh()
        self._scroll_to_cursor()

    def render_line(self, y: int) -> Strip:
        """One line of tokens."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        base = self._palette.text
        if not self._cells:
            text = self._plain or self._empty
            lines = show_text(text, keep="\n").split("\n")
            shown = lines[number] if number < len(lines) else ""
            style = base if self._plain else self._palette.muted
            return Strip([Segment(shown, style)]).adjust_cell_length(width, base)
        if number >= len(self._flow.lines):
            return Strip.blank(width, base)
        marked = self._marked()
        segments = [
            Segment(text, self._style(token, token == marked)) for token, text, _ in self._flow.lines[number]
        ]
        if self._cursor == len(self._cells) and number == len(self._flow.lines) - 1:
            segments.append(Segment(" ", self._palette.slot))
        return Strip(segments).adjust_cell_length(width, base)

    def _marked(self) -> int | None:
        """The token to draw the cursor on: one without text of its own is marked where its character stands."""
        index = self._cursor
        if index is None or index >= len(self._cells):
            return None
        pieces = self._flow.lines[self._flow.line_of(index)]
        while index > 0 and all(piece.token != index for piece in pieces):
            index -= 1
            pieces = self._flow.lines[self._flow.line_of(index)]
        return index

    def _style(self, index: int, cursor: bool) -> Style:
        cell = self._cells[index]
        kind = "gone" if index < self._window else cell.kind
        key = (kind, cell.level, cell.mark, cursor)
        style = self._styles.get(key)
        if style is None:
            palette = self._palette
            style = {
                "gone": palette.gone, "prompt": palette.prompt, "picked": palette.picked,
                "again": self._apart + Style(dim=True),
                "otherwise": palette.otherwise, "apart": self._apart,
                "leaves": self._apart + Style(bold=True, underline=True, reverse=True),
            }.get(kind, palette.text)
            if cell.level >= 0 and kind != "gone":
                style += palette.heat[cell.level]
            if cell.mark and kind != "gone":
                style += palette.marks[cell.mark]
            style = legible(style)
            if cursor:
                style += Style(reverse=kind != "leaves" and cell.mark != "left", bold=True)
            self._styles[key] = style
        return style

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the token under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None:
            event.stop()
            self.post_message(self.Clicked(self._flow.token_at(offset.y + self.scroll_offset.y, offset.x)))
