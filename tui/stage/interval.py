"""The coin on the stage: the unit interval, large, with the marker that runs along it; with dice, ever more of less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.dice import span_of
from gpt2_remix.tui.state.stage import NOTHING, Scene
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.coin import MARKER, share_segments

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.coin import Runner
    from gpt2_remix.engine.sampling.distribution import Distribution


@dataclass(frozen=True, slots=True)
class IntervalView:
    """What the coin shows.

    Attributes:
        scene: how much of it has been told.
        words: what is said below it.
        digits: the dice that were rolled so far; None where a seed's coin is flipped.
        race: whether it is the Gumbel coin.
    """

    scene: Scene = NOTHING
    words: str = ""
    digits: str | None = None
    race: bool = False


class StageCoin(Widget):
    """Draws an IntervalView."""

    HELP = """\
    The unit interval, cut into the tokens' shares: a likely token has a wide one. ▼ runs along it and comes to rest at
    u, a number that the seed decides; the token under it is taken. With dice the room decides: each digit that is
    rolled leaves a tenth of what was left. The Gumbel coin is a race instead: log-probability plus luck.
    """

    DEFAULT_CSS = "StageCoin { height: 3; background: $surface; }"

    class Flipped(Message):
        """A person clicked on the coin: how far from its left end, 0 to 1."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="stage-coin")
        self._palette = palette
        self._view = IntervalView()
        self._name_of: Callable[[int], str] = str

    @property
    def view(self) -> IntervalView:
        """What is shown."""
        return self._view

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, view: IntervalView, name_of: Callable[[int], str]) -> None:
        """Show another moment."""
        if view != self._view:
            self._view, self._name_of = view, name_of
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click goes on with the story; with dice it is the digit of that tenth."""
        self.post_message(self.Flipped(max(0.0, min(0.999, (event.x + 0.5) / max(1, self.size.width)))))

    def render_line(self, y: int) -> Strip:
        """The marker above, the shares (thicker where there is room), words below."""
        width, palette, scene = self.size.width, self._palette, self._view.scene
        segments: list[Segment] = []
        if scene.dist is None or (not scene.cut_into_shares and self._view.digits is None):
            segments = []
        elif self._view.race:
            segments = self._race(scene, scene.dist, y, width)
        elif y == 0:
            segments = self._marker(width)
        elif y < self.size.height - 1:
            segments = self._shares(scene.dist, width, named=y == self.size.height // 2)
        if y == self.size.height - 1:
            segments = [Segment(set_cell_size(self._view.words, width).rstrip(), palette.value)]
        return Strip(segments).adjust_cell_length(width, palette.text)

    def _shares(self, dist: Distribution, width: int, *, named: bool) -> list[Segment]:
        name_of = self._name_of if named else lambda _: ""
        return share_segments(dist, width, self._view.scene.hit, self._palette, name_of, self._window())

    def _window(self) -> tuple[float, float]:
        """The part of the interval that is in view: with dice the one that the last digit was rolled in."""
        digits = self._view.digits
        return (0.0, 1.0) if digits is None else span_of(digits[:-1])

    def _marker(self, width: int) -> list[Segment]:
        digits, (low, high) = self._view.digits, self._window()
        if digits:
            start, end = (round((edge - low) / (high - low) * width) for edge in span_of(digits))
            left, right = f"{low:.{max(1, len(digits) - 1)}f}", f"{high:.{max(1, len(digits) - 1)}f}"
            line = set_cell_size(left, start)[:start] + MARKER * max(1, end - start)
            room = width - cell_len(line)
            return [Segment(line[:start], self._palette.muted), Segment(line[start:], self._palette.marker),
                    Segment(right.rjust(room)[-room:] if room > 0 else "", self._palette.muted)]
        place = self._view.scene.marker
        if place is None or digits is not None:
            return []
        return [Segment(" " * min(width - 1, int(place * width)) + MARKER, self._palette.marker)]

    def _race(self, scene: Scene, dist: Distribution, y: int, width: int) -> list[Segment]:
        """The three that come in first, in the order of their probability until the winner is told."""
        if scene.luck is None or y >= self.size.height - 1:
            return []
        runners = runners_of(dist, scene.luck, self.size.height - 1)
        if scene.hit is None:
            runners.sort(key=lambda runner: (-runner.log_p, runner.token))
        if y >= len(runners):
            return []
        runner = runners[y]
        words = f"{runner.log_p:6.2f} {runner.luck:+.2f} = {runner.score:.2f}"
        name = set_cell_size(self._name_of(runner.token), max(1, width - len(words) - 3))
        style = self._palette.taken if runner.token == scene.hit else self._palette.value
        return [Segment(f"{'●' if runner.token == scene.hit else ' '} {name}", style),
                Segment(f" {words}", self._palette.muted)]


def runners_of(dist: Distribution, step: Step, count: int) -> list[Runner]:
    """The first in the race of a step's coin."""
    from gpt2_remix.engine.sampling.coin import gumbel_race, gumbel_uniforms

    assert step.seed is not None
    return gumbel_race(dist.final, gumbel_uniforms(step.seed, step.coin_position, step.roll, dist.size), count)
