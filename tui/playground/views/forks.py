"""Forks under the cursor: what would have come of each alternative, as one stacked bar of outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.tui.playground.views.view import Position, View
from gpt2_remix.tui.state.forks import stacked
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import fitted
from gpt2_remix.tui.widgets.bars import percent

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.outlook.forks import Fork

SIGNS = "█▓▒░▚▞▙▟"
"""Of the outcomes, in their order: they are told apart without colours too."""

OTHER = "·"

HEADS = 3
"""Rows above the alternatives."""


class ForksView(Widget, can_focus=True, inherit_bindings=False):  # the screen owns all keys
    """The outcomes' names, fork and pull, and a stacked bar for each alternative."""

    DEFAULT_CSS = """
    ForksView { height: 1fr; background: $surface; }
    """

    class Picked(Message):
        """A person wants to read the rolls of an alternative."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="forks")
        self._palette = palette
        self._fork: Fork | None = None
        self._outcomes: Sequence[str] = ()
        self._words = ""
        self._cost = ""
        self._name_of: Callable[[int], str] = str
        self.selected = 0

    @property
    def fork(self) -> Fork | None:
        """What it shows; None where nothing is known of the position."""
        return self._fork

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, position: Position, *, keep: bool) -> None:
        """Another position: its names; what is known of it comes by `tell`."""
        self._name_of = position.name

    def tell(self, fork: Fork | None, outcomes: Sequence[str], words: str, cost: str) -> None:
        """What is known of a position, what is said where that is nothing, and what it has cost."""
        if fork is not self._fork:
            self.selected = 0 if fork is None else next(
                n for n, other in enumerate(fork.alternatives) if other.token == fork.token)
        shown = (fork, outcomes, words, cost)
        if shown != (self._fork, self._outcomes, self._words, self._cost):
            self._fork, self._outcomes, self._words, self._cost = shown
            self.refresh()

    def summary(self) -> str:
        """What it has cost so far."""
        return self._cost

    def move(self, rows: int) -> None:
        """Select another alternative."""
        if self._fork is not None:
            self.selected = max(0, min(len(self._fork.alternatives) - 1, self.selected + rows))
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Select an alternative; a double click reads its rolls."""
        offset = event.get_content_offset(self)
        if offset is not None and self._fork is not None and 0 <= offset.y - HEADS < len(self._fork.alternatives):
            self.selected = offset.y - HEADS
            self.refresh()
            if event.chain == 2:
                self.post_message(self.Picked())

    def render_line(self, y: int) -> Strip:
        """A row."""
        width, palette, fork = self.size.width, self._palette, self._fork
        measured = fork.measured if fork is not None else None
        segments: list[Segment] = []
        if fork is None or measured is None:
            lines = _wrapped(self._words, max(1, width))
            segments = [Segment(lines[y] if y < len(lines) else "", palette.muted)]
        elif y == 0:
            words = f"fork {measured.fork:.2f}{_error(measured.fork_se)}, by chance {measured.chance:.2f}"
            segments = [Segment(fitted(words, width), palette.value)]
        elif y == 1:
            words = f"pull {measured.pull:.2f}{_error(measured.pull_se)} of {self._name_of(fork.token)}"
            segments = [Segment(fitted(words, width), palette.value)]
        elif y == 2:
            for n, name in enumerate(self._outcomes):
                segments += [Segment(f"{self._sign(n)} ", self._style(n)),
                             Segment(show_text(name, keep="")[:14] + "  ", palette.value)]
        elif y >= HEADS and y - HEADS < len(fork.alternatives):
            segments = self._alternative(fork, y - HEADS, width)
        return Strip(segments).adjust_cell_length(width, palette.text)

    def _alternative(self, fork: Fork, place: int, width: int) -> list[Segment]:
        palette, other = self._palette, fork.alternatives[place]
        taken, room = other.token == fork.token, max(6, min(14, width // 3))
        style = palette.taken if taken else palette.value
        if place == self.selected:
            style += palette.selected
        segments = [Segment(fitted(f"{'●' if taken else ' '} {self._name_of(other.token)}", room), style),
                    Segment(percent(other.p) + " ", palette.muted)]
        bar = max(1, width - room - 8)
        for n, cells in enumerate(stacked(other.shares(len(self._outcomes)), bar)):
            segments.append(Segment(self._sign(n) * cells, self._style(n)))
        return segments

    def _sign(self, outcome: int) -> str:
        return OTHER if outcome == len(self._outcomes) - 1 else SIGNS[outcome % len(SIGNS)]

    def _style(self, outcome: int) -> Style:
        lanes = self._palette.lanes
        return self._palette.muted if outcome == len(self._outcomes) - 1 else lanes[outcome % len(lanes)]


def _error(error: float | None) -> str:
    return "" if error is None else f" ± {error:.2f}"


def _wrapped(words: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(words, width)


VIEW = View("forks", """\
    Where did the text become what it is? Each token that could have stood here is continued many times with the same
    luck, and a bar shows what came of it: the share of each outcome that you named (F). fork says how far the bars lie
    apart, so how much hung on this coin; chance, what so few rolls make of nothing; pull, how far the token that stands
    here (●) moved the story. Enter reads the rolls of the selected alternative; each can be kept as a branch.
    """, ForksView)
