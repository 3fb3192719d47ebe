"""The candidates at the cursor: every token by final probability, drawn for the visible ranks only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

from tui.style.labels import STEP_LABELS
from tui.style.palette import Palette
from tui.style.status_bar import retitle
from tui.widgets.plot import DistributionPlot

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    import numpy as np
    from numpy.typing import NDArray

    from engine.sampling.distribution import Distribution

EIGHTHS = " ▏▎▍▌▋▊▉"
GOES_ON = "≡"
FIRST = 512
"""How many candidates are put in order before someone scrolls further."""


def percent(p: float) -> str:
    """A probability in seven cells."""
    if p >= 0.9995:
        return "100.0 %" if p > 0.99995 else "99.95 %"
    if p >= 0.1:
        return f"{p * 100:5.1f} %"
    if p >= 0.0001:
        return f"{p * 100:5.2f} %"
    return "    0 %" if p == 0 else "< .01 %"


def bar_segments(final: float, raw: float, scale: float, width: int, bar: Style, palette: Palette) -> list[Segment]:
    """A bar for the final probability with a mark where the raw one would end, `scale` filling the width."""
    eighths = round(min(1.0, final / scale) * width * 8) if scale > 0 else 0
    if final > 0:
        eighths = max(1, eighths)
    full, part = divmod(eighths, 8)
    cells = "█" * full + (EIGHTHS[part] if part else "")
    cells += " " * (width - len(cells))
    if abs(final - raw) < 0.005 * scale:
        return [Segment(cells, bar)]
    mark = min(width - 1, int(raw / scale * width)) if scale > 0 else 0
    on_bar = palette.raw_mark_on_taken if bar is palette.bar_taken else palette.raw_mark_on_bar
    style = on_bar if mark < full else palette.raw_mark
    return [Segment(cells[:mark], bar), Segment("┃", style), Segment(cells[mark + 1 :], bar)]


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
        self._goes_on: tuple[int, ...] = ()
        self.selected = 0

    @property
    def selected_token(self) -> int | None:
        """The id of the selected candidate."""
        return int(self._order[self.selected]) if self._order is not None and self._total else None

    @property
    def kept(self) -> int | None:
        """How many tokens the chain left; None where that is not known."""
        return None if self._dist is None else self._dist.kept

    def visible_mass(self) -> tuple[float, int]:
        """The final probability of the rows in view, and how many other tokens have a share."""
        if self._dist is None or self._order is None:
            return 0.0, 0
        top = self.scroll_offset.y
        rows = self._order[top : top + max(1, self.size.height)]
        mass = float(self._dist.final[rows].sum())
        return mass, self._dist.kept - int((self._dist.removed[rows] == 0).sum())

    def show(
        self, dist: Distribution | None, taken: int | None, name: Callable[[int], str], empty: str, *, keep: bool
    ) -> None:
        """Another distribution; `keep` stays at the selected row instead of going to the first."""
        if (dist, taken, name, empty) == (self._dist, self._taken, self._label_of, self._empty) and keep:
            return
        self._dist, self._taken, self._label_of, self._empty = dist, taken, name, empty
        self._sort(FIRST)
        if not keep:
            self.selected = 0
        self.selected = max(0, min(self.selected, self._total - 1))
        self._scroll_to_selected()
        self.refresh()

    def set_palette(self, palette: Palette) -> None:
        """Draws with another theme."""
        self._palette = palette
        self.refresh()

    def set_goes_on(self, tokens: tuple[int, ...]) -> None:
        """The tokens with which the training text goes on here."""
        if tokens != self._goes_on:
            self._goes_on = tokens
            self.refresh()

    def filter(self, matches: Iterable[int] | None) -> None:
        """Only these token ids (all where None), in the order of the distribution."""
        self._matches = None if matches is None else frozenset(matches)
        self.selected = 0
        self._sort(FIRST)
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def move(self, rows: int) -> None:
        """Selects a row further down (up, if negative)."""
        self.selected = max(0, min(self.selected + rows, self._total - 1))
        if self._order is not None and self.selected >= self._order.size:
            self._sort(None)
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
        """Keeps the selected row in view."""
        self._scroll_to_selected()

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
        if y == self.size.height - 1 and self._taken is not None and place != self.selected:
            # The taken token is always in view: in the last row, where it is not above or below already.
            top = self.scroll_offset.y
            if self._taken not in self._order[top : top + y + 1]:
                token, place = self._taken, -1
        final, raw = float(self._dist.final[token]), float(self._dist.raw[token])
        step = self._dist.removed_by(token)
        taken, selected = token == self._taken, place == self.selected
        label_width = max(8, min(18, width // 3))
        bar_width = max(1, width - label_width - 11)
        label = self._label_of(token)
        if cell_len(label) > label_width:
            label = set_cell_size(label, label_width - 1) + "…"
        label = set_cell_size(label, label_width)
        style = palette.removed if step else palette.taken if taken else palette.text
        mark = "●" if taken else "›" if selected else " "
        if step:
            name = STEP_LABELS.get(step, step)
            why = f"░ cut by {name}" if bar_width >= len(name) + 9 else f"░ by {name}"
            middle = [Segment(set_cell_size(why, bar_width), palette.removed)]
            number = percent(raw)
        else:
            scale = max(float(self._dist.final.max()), float(self._dist.raw.max()))
            middle = bar_segments(final, raw, scale, bar_width, palette.bar_taken if taken else palette.bar, palette)
            number = percent(final)
        told = Segment(GOES_ON, palette.marker) if token in self._goes_on else Segment(" ", style)
        segments = [Segment(mark, style), told, Segment(label + " ", style), *middle, Segment(" " + number, style)]
        strip = Strip(segments).adjust_cell_length(width, palette.text)
        return strip.apply_style(palette.selected) if selected else strip


class Candidates(Vertical):
    """The list, a field to search a token in, and what is left for all others."""

    HELP = """\
    Every token by its final probability. The bar is the final probability, ┃ the raw one; ● is the token that was
    taken; a cut token names the step of the chain that removed it; ≡ those with which the training text goes on.
    ↑ ↓ select, enter picks, / searches a token.
    """

    DEFAULT_CSS = """
    Candidates { height: 1fr; }
    Candidates.plotted CandidateList { display: none; }
    Candidates.plotted DistributionPlot { display: block; }
    Candidates Input { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    Candidates.searching Input { display: block; }
    """

    BINDINGS = [  # noqa: RUF012
        Binding("enter", "none", "pick"),
        Binding("down", "row(1)", "select", key_display="↑↓"),
        Binding("up", "row(-1)", show=False),
        Binding("escape", "close_search", "close"),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
    ]

    class Picked(Message):
        """A person picked a token."""

        def __init__(self, token: int) -> None:
            super().__init__()
            self.token = token

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="candidates")
        self.list = CandidateList(palette)
        self.plot = DistributionPlot(palette)
        self._texts: list[str] = []
        self._lower: list[str] = []

    def compose(self) -> ComposeResult:
        """The search field over the list."""
        yield Input(placeholder="search: text or id", compact=True)
        yield self.list
        yield self.plot

    def set_vocabulary(self, names: list[str]) -> None:
        """What each token looks like, by id."""
        self._texts = names
        self._lower = [name.lower() for name in names]

    def show(self, dist: Distribution | None, taken: int | None, empty: str, *, keep: bool = False) -> None:
        """Another distribution at the cursor."""
        self.list.show(dist, taken, self.name_of, empty, keep=keep)
        self.plot.show(dist, taken, empty)
        self._count_others()

    def name_of(self, token: int) -> str:
        """How a token is drawn."""
        return self._texts[token] if token < len(self._texts) else f"[{token}]"

    def _count_others(self) -> None:
        mass, others = self.list.visible_mass()
        others_mass = max(0.0, 1 - mass)
        retitle(self.list, subtitle=f"{others:,} others {percent(others_mass).strip()}" if others > 0 else "")
        kept = self.list.kept
        retitle(self.plot, subtitle="" if kept is None else f"{kept:,} tokens kept")

    def on_mount(self) -> None:
        """Follows scrolling, so that "others" means what is out of view."""
        self.watch(self.list, "scroll_y", self._count_others, init=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Its keys work while the search field is open; else the screen's do."""
        return self.searching if action in ("none", "row", "page", "close_search") else True

    @property
    def searching(self) -> bool:
        """Whether the search field is open."""
        return self.has_class("searching")

    def search(self) -> None:
        """Opens the search field."""
        self.add_class("searching")
        self.query_one(Input).focus()
        self.refresh_bindings()

    def action_close_search(self) -> None:
        """Closes it and shows all candidates again."""
        if self.searching:
            self.remove_class("searching")
            self.query_one(Input).value = ""
            self.list.filter(None)
        self.list.focus()
        self.refresh_bindings()

    def action_row(self, rows: int) -> None:
        """Moves the selection while the search field has the focus."""
        self.list.move(rows)
        self._count_others()

    def action_page(self, pages: int) -> None:
        """Moves the selection by a screenful."""
        self.action_row(pages * max(1, self.list.size.height - 1))

    @on(Input.Changed)
    def _search_changed(self, event: Input.Changed) -> None:
        event.stop()
        wanted = event.value.replace(" ", "·")
        if not wanted:
            self.list.filter(None)
            return
        lower = wanted.lower()
        texts = self._texts if wanted != lower else self._lower  # a capital letter makes the search exact
        found = [token for token, text in enumerate(texts) if wanted in text]
        if wanted.isdigit() and int(wanted) < len(self._texts):
            found.append(int(wanted))
        self.list.filter(found)
        self._count_others()

    @on(Input.Submitted)
    def _search_done(self, event: Input.Submitted) -> None:
        event.stop()
        token = self.list.selected_token
        self.action_close_search()
        if token is not None:
            self.post_message(self.Picked(token))

    def on_click(self, event: events.Click) -> None:
        """Selects the row under the mouse; a double click picks it."""
        offset = event.get_content_offset(self.list)
        if offset is None:
            return
        self.list.move(offset.y + self.list.scroll_offset.y - self.list.selected)
        self._count_others()
        if event.chain == 2 and (token := self.list.selected_token) is not None:
            self.post_message(self.Picked(token))
