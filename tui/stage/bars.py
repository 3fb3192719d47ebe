"""The candidates on the stage: few, large, each with its bar; in letters of several lines where there is room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.tui.state.room import ELSE
from gpt2_remix.tui.state.stage import NOTHING, Scene
from gpt2_remix.tui.style.big_letters import LINES, big_letters
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import fitted
from gpt2_remix.tui.widgets.bars import EIGHTHS, percent

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

SHOWN = 5
"""Candidates that are shown: few, and in lines that are far apart, or in large letters, where there is room."""

SHOWN_ALONE = 12
"""Candidates where nothing else is on the screen."""

FIGURE = 9
"""Cells of a probability; `BIG_FIGURE` in large letters."""

BIG_FIGURE = 22

WIDE_ENOUGH = 76
"""Cells from which on there is room for large letters beside bars."""

Names = Literal["names", "letters", "both"]
"""What stands for a candidate: its name, a letter, or both."""


@dataclass(frozen=True, slots=True)
class BarRow:
    """A candidate: its token (None for all others together), its name, probabilities, and the rule that cut it."""

    token: int | None
    name: str
    raw: float
    final: float
    cut_by: str | None = None


@dataclass(frozen=True, slots=True)
class BarsView:
    """What the candidates show.

    Attributes:
        rows: the candidates, in the order in which they are shown.
        scene: how much of them has been told.
        names: what stands for them.
        selected: the row that a person would pick, None for none.
        empty: what stands there before there are any.
        told: whether probabilities are shown at all.
    """

    rows: tuple[BarRow, ...] = ()
    scene: Scene = NOTHING
    names: Names = "names"
    selected: int | None = None
    empty: str = ""
    told: bool = True


def rows_of(dist: Distribution, count: int, name_of: Callable[[int], str], taken: int | None) -> tuple[BarRow, ...]:
    """The candidates that are shown: the most probable ones before the chain, and among them the first after it.

    Args:
        dist: whose they are.
        count: how many.
        name_of: gives a token's name.
        taken: the token that was chosen, where that may be seen: it is always among them.
    """
    from gpt2_remix.engine.sampling.coin import descending

    tokens = [int(token) for token in descending(dist.raw, count)]
    for wanted in (int(dist.order(1)[0]), taken):
        if wanted is not None and wanted not in tokens:
            tokens[-1] = wanted
    return tuple(
        BarRow(token, name_of(token), float(dist.raw[token]), float(dist.final[token]), dist.removed_by(token))
        for token in tokens
    )


class StageBars(Widget):
    """Draws a BarsView."""

    HELP = """\
    The most probable tokens, each with its bar. First the bars rise to what the network gave; then the settings cut
    some and the others grow. · is a space. ↑ ↓ and enter pick one in place of the coin.
    """

    DEFAULT_CSS = "StageBars { height: 1fr; background: $surface; }"

    class Chosen(Message):
        """A person clicked on a row."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="stage-bars")
        self._palette = palette
        self._view = BarsView()

    @property
    def view(self) -> BarsView:
        """What is shown."""
        return self._view

    @property
    def room(self) -> int:
        """How many candidates there is room for."""
        return max(3, min(SHOWN_ALONE if self.has_class("alone") else SHOWN, self.size.height))

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, view: BarsView) -> None:
        """Show another moment."""
        if view != self._view:
            self._view = view
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click chooses a row."""
        place = self._row_at(event.y)
        if place is not None:
            self.post_message(self.Chosen(place))

    # Where each row stands

    def heights(self) -> list[int]:
        """The lines of each row, the blank ones after it included."""
        count, height = len(self._view.rows), self.size.height
        if not count:
            return []
        big = 0
        if self.size.width >= WIDE_ENOUGH or not self._view.told:
            fewest = 1 if self._view.names == "names" else count - 2  # of answers only "else" may be smaller
            big = next((n for n in range(count, fewest, -1) if n * (LINES + 1) + count - n <= height), 0)
        rest = height - big * (LINES + 1)
        small = 2 if count > big and 2 * (count - big) <= rest else 1
        return [LINES + 1] * big + [small] * (count - big)

    def _row_at(self, y: int) -> int | None:
        top = 0
        for place, height in enumerate(self.heights()):
            if top <= y < top + height:
                return place
            top += height
        return None

    def render_line(self, y: int) -> Strip:
        """One line of a row."""
        width, palette, view = self.size.width, self._palette, self._view
        if not view.rows:
            return Strip([Segment(view.empty if y == 0 else "", palette.muted)]).adjust_cell_length(width, palette.text)
        top = 0
        for place, height in enumerate(self.heights()):
            if y < top + height:
                segments = self._line(place, y - top, big=height > LINES)
                return Strip(segments).adjust_cell_length(width, palette.text)
            top += height
        return Strip.blank(width, palette.text)

    def _line(self, place: int, y: int, *, big: bool) -> Sequence[Segment]:
        row, palette = self._view.rows[place], self._palette
        hit = self._view.scene.hit is not None and row.token == self._view.scene.hit
        cut = row.cut_by is not None and self._view.scene.cut >= 1
        style = palette.taken if hit else palette.removed if cut else palette.text + Style(bold=True)
        letters = big_letters(self._called(place)) if big else None
        middle = LINES // 2 - 1 if big else 0
        if y >= (LINES if big else 1):
            return []
        name_width = self._name_width()
        if letters is not None and len(letters[0]) + 1 <= name_width:
            name = letters[y]
        else:
            name = self._called(place) if y == middle else ""
        mark = "›" if y == middle and place == self._view.selected else " "
        segments = [Segment(f"{mark} ", palette.marker), Segment(_fitted(name, name_width), style)]
        if not self._view.told:
            return segments
        figures = BIG_FIGURE if self.heights()[0] > LINES else FIGURE
        bar_width = max(4, self.size.width - name_width - figures - 4)
        if cut:
            said = f"░ cut by {row.cut_by}" if y == middle else ""
            return [*segments, Segment(set_cell_size(said, bar_width + figures), palette.removed)]
        thick = y in (middle, middle + 1) if big else True
        bar = self._bar(row, bar_width) if thick else " " * bar_width
        figure = self._figure(row)
        large = big_letters(figure.strip()) if big and figure else None
        if large is not None and len(large[0]) < figures:
            figure = large[y].rjust(figures)
        else:
            figure = figure.rjust(figures) if y == middle else ""
        return [*segments, Segment(bar, palette.bar_taken if hit else palette.bar), Segment(f"  {figure}", style)]

    def _called(self, place: int) -> str:
        row, names = self._view.rows[place], self._view.names
        letter = chr(ord("A") + place)
        if names == "letters":
            return letter
        return row.name if names == "names" else f"{letter}  {row.name}"

    def _name_width(self) -> int:
        widest = max(cell_len(self._called(place)) for place in range(len(self._view.rows))) + 1
        heights = self.heights()
        for place, height in enumerate(heights):
            if height > LINES and (letters := big_letters(self._called(place))) is not None:
                widest = max(widest, len(letters[0]) + 2)
        return min(max(12, widest), self.size.width * 45 // 100)

    def _value(self, row: BarRow) -> float:
        cut = self._view.scene.cut
        return row.raw * (1 - cut) + row.final * cut

    def _bar(self, row: BarRow, width: int) -> str:
        scale = max(map(self._value, self._view.rows)) or 1.0
        value = self._value(row) * self._view.scene.rise
        eighths = round(min(1.0, value / scale) * width * 8)
        if value > 0:
            eighths = max(1, eighths)
        full, part = divmod(eighths, 8)
        return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)

    def _figure(self, row: BarRow) -> str:
        """The probability, where it stands still."""
        scene = self._view.scene
        if scene.rise < 1 or 0 < scene.cut < 1:
            return ""
        p = row.final if scene.cut >= 1 else row.raw
        return percent(p) if self.heights()[0] <= LINES or p < 0.01 else f"{p:.0%}"


def others_of(rows: Sequence[BarRow], hands: Sequence[int] = ()) -> BarRow:
    """All other tokens as one row; with the share of the hands for them, the last ones, where they were counted."""
    raw, final = (max(0.0, 1 - sum(getattr(row, kind) for row in rows)) for kind in ("raw", "final"))
    return BarRow(None, with_hands(ELSE, hands, -1), raw, final)


def with_hands(name: str, hands: Sequence[int], place: int) -> str:
    """An answer's name, and the room's share of hands for it where they were counted."""
    return f"{name} room {hands[place] / sum(hands):.0%}" if hands else name


def _fitted(name: str, width: int) -> str:
    return fitted(name, width)
