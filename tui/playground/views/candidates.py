"""The candidates at the cursor: every token by final probability, drawn for the visible ranks only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from gpt2_remix.tui.playground.views.view import Position, View
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.bars import bar_segments, figure, percent, why_cut

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    import numpy as np
    from numpy.typing import NDArray

    from gpt2_remix.engine.sampling.distribution import Distribution

GOES_ON = "≡"
SIGNS = {"·": "· space", "↵": "↵ line break"}
"""What signs in the names of tokens stand for."""

HEADING = "raw %  final %"
"""Over the figures, where the chain changes them."""

FIRST = 512
"""How many candidates are put in order before someone scrolls further."""


class CandidateList(ScrollView, can_focus=True, inherit_bindings=False):  # the screen owns all keys
    """The rows. The selected one is what `pick` takes."""

    DEFAULT_CSS = """
    CandidateList {
        height: 1fr;
        background: $surface;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
    }
    """

    class RowsInView(Message):
        """Other rows are in view, or other tokens in them."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="candidate-list")
        self._palette = palette
        self._dist: Distribution | None = None
        self._order: NDArray[np.intp] | None = None
        self._total = 0
        self._taken: int | None = None
        self._label_of: Callable[[int], str] = str
        self._matches: frozenset[int] | None = None
        self._empty = ""
        self.goes_on: tuple[int, ...] = ()
        self.selected = 0

    @property
    def selected_token(self) -> int | None:
        """The id of the selected candidate."""
        return int(self._order[self.selected]) if self._order is not None and self._total else None

    @property
    def kept(self) -> int | None:
        """How many tokens the chain left; None where that is not known."""
        return None if self._dist is None else self._dist.kept

    @property
    def heading(self) -> str:
        """What stands over the figures at the right, "" where they need nothing said of them."""
        return HEADING if self._changed else ""

    @property
    def _changed(self) -> bool:
        """Whether the chain changes anything: then raw and final figures have a column each."""
        return self._dist is not None and bool(self._dist.settings.active())

    def summary(self) -> str:
        """The signs in view, how many tokens are out of view, and what they have together."""
        mass, others = self.visible_mass()
        rest = f"{others:,} other{'s' * (others > 1)} {percent(max(0.0, 1 - mass)).strip()}" if others > 0 else ""
        names = "".join(self._label_of(int(token)) for token in self._visible())
        signs = [words for sign, words in SIGNS.items() if sign in names]
        if any(token in self.goes_on for token in self._visible()):
            signs.append(f"{GOES_ON} the training text")
        room = self.size.width - cell_len(rest) - 3
        while signs and cell_len("  ".join(signs)) > room:
            signs.pop()
        return "   ".join(filter(None, ["  ".join(signs), rest]))

    def _visible(self) -> list[int]:
        """The tokens of the rows in view."""
        if self._order is None:
            return []
        top, height = self.scroll_offset.y, max(1, self.size.height)
        rows = [int(token) for token in self._order[top : top + height]]
        if self._pulled_up(top + height - 1):
            rows[-1:] = [self._taken or 0]
        return rows

    def _pulled_up(self, place: int) -> bool:
        """Whether the taken token stands in the last row, at a place of another, so that it is always in view."""
        top = self.scroll_offset.y
        return (self._order is not None and self._taken is not None and place != self.selected
                and self._taken not in self._order[top : place + 1])

    def visible_mass(self) -> tuple[float, int]:
        """The final probability of the rows in view, and how many other tokens have a share."""
        if self._dist is None or self._order is None:
            return 0.0, 0
        rows = self._visible()
        mass = float(self._dist.final[rows].sum())
        return mass, self._dist.kept - int((self._dist.removed[rows] == 0).sum())

    def show(self, position: Position, *, keep: bool) -> None:
        """Show another position; `keep` stays at the selected row instead of going to the first."""
        shown = (position.dist, position.taken, position.name, position.empty)
        if shown == (self._dist, self._taken, self._label_of, self._empty) and keep:
            return
        self._dist, self._taken, self._label_of, self._empty = shown
        self._sort(FIRST)
        if not keep:
            self.selected = 0
        self.selected = max(0, min(self.selected, self._total - 1))
        self._order_to_selected()
        self._scroll_to_selected()
        self.refresh()

    def _order_to_selected(self) -> None:
        """Put all in order where what is selected lies past the first ones."""
        if self._order is not None and self.selected >= self._order.size:
            self._sort(None)

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def set_goes_on(self, tokens: tuple[int, ...]) -> None:
        """The tokens with which the training text goes on here."""
        if tokens != self.goes_on:
            self.goes_on = tokens
            self.refresh()

    def filter(self, matches: Iterable[int] | None) -> None:
        """Only these token ids (all where None), in the order of the distribution."""
        self._matches = None if matches is None else frozenset(matches)
        self.selected = 0
        self._sort(FIRST)
        self.post_message(self.RowsInView())
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def move(self, rows: int) -> None:
        """Select a row further down (up, if negative)."""
        self.selected = max(0, min(self.selected + rows, self._total - 1))
        self._order_to_selected()
        self._scroll_to_selected()
        self.refresh()

    def _sort(self, count: int | None) -> None:
        if self._dist is None:
            self._order, self._total = None, 0
        elif self._matches is not None:
            self._order = self._dist.order(among=self._matches)
            self._total = self._order.size
        else:
            self._order = self._dist.order(count)
            self._total = self._dist.size
        self.virtual_size = Size(self.scrollable_content_region.width, self._total)

    def _scroll_to_selected(self) -> None:
        if self.size.height:
            self.scroll_to_region(Region(0, self.selected, 1, 1), animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the selected row in view."""
        self._scroll_to_selected()
        self.post_message(self.RowsInView())

    def render_line(self, y: int) -> Strip:
        """One candidate."""
        width = self.scrollable_content_region.width
        palette = self._palette
        place = y + self.scroll_offset.y
        if self._dist is None or self._order is None or not self._total:
            empty = self._empty if self._dist is None else "no token matches"
            return Strip([Segment(empty if y == 0 else "", palette.muted)]).adjust_cell_length(width, palette.text)
        if place >= self._total:
            return Strip.blank(width, palette.text)
        if place >= self._order.size:
            self._sort(None)
        token = int(self._order[place])
        if y == self.size.height - 1 and self._pulled_up(place):
            token, place = self._taken or 0, -1
        final, raw = float(self._dist.final[token]), float(self._dist.raw[token])
        step = self._dist.removed_by(token)
        taken, selected = token == self._taken, place == self.selected
        label_width = max(8, min(18, width // 3 - 2 * self._changed))
        bar_width = max(1, width - label_width - (17 if self._changed else 11))
        label = self._label_of(token)
        if cell_len(label) > label_width:
            label = set_cell_size(label, label_width - 1) + "…"
        style = palette.removed if step else palette.taken if taken else palette.text
        mark = "●" if taken else "›" if selected else " "
        if step:
            label += why_cut(step, label_width - cell_len(label), bar_width)
            middle = []
        else:
            label = set_cell_size(label, label_width) + " "
            scale = max(float(self._dist.final.max()), float(self._dist.raw.max()))
            middle = bar_segments(final, raw, scale, bar_width, palette.bar_taken if taken else palette.bar, palette)
        number = percent(final)
        if self._changed:
            number = f"{figure(raw)}  {'    –' if step else figure(final)} "
        told = Segment(GOES_ON, palette.marker) if token in self.goes_on else Segment(" ", style)
        segments = [Segment(mark, style), told, Segment(label, style), *middle, Segment(" " + number, style)]
        strip = Strip(segments).adjust_cell_length(width, palette.text)
        return strip.apply_style(palette.selected) if selected else strip


HELP = """\
Every token by its final probability. The bar is the final probability, ┃ the raw one, and where settings change
them both stand in figures; ● is the token that was taken; a cut token names the rule of the chain that removed it;
≡ those with which the training text goes on. · is a space, ↵ a line break. ↑ ↓ select, enter picks, / searches a token.
"""

VIEW = View("candidates", HELP, CandidateList)
