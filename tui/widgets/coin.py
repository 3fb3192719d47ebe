"""The coin: the unit interval cut into the candidates' shares with the marker at u, or the Gumbel coin's race."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import CoinKind
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import fitted

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

MARKER = "▼"

NAME_ROOM = 12
"""Cells of a runner's name at least: where there are fewer, only its sum is told."""


@dataclass(frozen=True, slots=True)
class CoinView:
    """What the coin at the cursor shows.

    Attributes:
        dist: the distribution at the cursor under the current settings; None while it is not known.
        step: the token that stands there; None where none was chosen yet.
        seed, coin: those of the next flip.
        again: whether the flip before fell on the same token.
    """

    dist: Distribution | None
    step: Step | None
    seed: int
    coin: CoinKind
    again: bool = False

    @property
    def coin_ignored(self) -> bool:
        """Whether the settings are greedy."""
        return self.dist is not None and self.dist.settings.greedy


def share_segments(
    dist: Distribution, width: int, hit: int | None, palette: Palette, name_of: Callable[[int], str],
    span: tuple[float, float] = (0.0, 1.0),
) -> list[Segment]:
    """A part of the unit interval in `width` cells: shares of half a cell or more on their own, the others as one tail.

    Args:
        dist: whose shares they are.
        width: cells.
        hit: the token that was chosen, which is always seen where its share is in the part.
        palette: the styles.
        name_of: a token's name.
        span: where the part begins and ends.
    """
    from gpt2_remix.engine.sampling.coin import interval_shares, interval_span

    low, high = span
    scale, whole = width / (high - low), span == (0.0, 1.0)
    tokens, edges = interval_shares(dist.final, width if whole else dist.size)
    first = int(edges.searchsorted(low, side="right"))
    segments: list[Segment] = []
    done = 0
    for place in range(first, len(tokens)):
        token, edge = int(tokens[place]), round((min(float(edges[place]), high) - low) * scale)
        if edge > done:
            style = palette.share_hit if token == hit else palette.share[len(segments) % 2]
            segments.append(Segment(_label(name_of(token), edge - done), style))
            done = edge
        if done >= width:
            break
    if done < width:
        segments.append(Segment("┊" * (width - done) if done else " " * width, palette.muted))
    if hit is not None and all(segment.style is not palette.share_hit for segment in segments):
        # The share that was hit is too small for a cell of its own: show it where it lies.
        start, end = interval_span(dist.final, hit)
        if start < high and end > low:
            place = max(0, min(width - 1, int((start - low) * scale)))
            strip = Strip(segments)
            return [*strip.crop(0, place), Segment("█", palette.marker), *strip.crop(place + 1, width)]
    return segments


def _label(name: str, width: int) -> str:
    if cell_len(name) > width:
        return " " * width if width < 3 else set_cell_size(name, width - 1) + "…"
    left = (width - cell_len(name)) // 2
    return set_cell_size(" " * left + name, width)


class Coin(Widget):
    """The marker, the shares, and in words what happened, in three lines or more: then the shares are higher."""

    HELP = """\
    The interval is cut into the candidates' shares, ▼ stands at u: the token under it is taken. r flips the coin of
    this position again: the marker moves, a sibling is born. The luck comes from the seed, the position and the roll:
    how often this coin was flipped again. The Gumbel coin is a race: log-probability plus luck.
    """

    KEPT_HELP = """\
    Both coins choose every token with its final probability, and both can be flipped again just as before. They differ
    in what stays equal when something changes. The interval coin keeps u, one number a position: how far from the left
    to cut. The Gumbel coin keeps a luck for every token. An example: A has 36 %, B 34 %, C 30 %, and u 0.2 takes A. Now
    B gets 36 % and A 34 %. The interval coin lays the likeliest first, so the same u takes B, though A hardly changed.
    In the race A with luck 1.1 had log 0.36 + 1.1 = 0.08 and B with luck 0.3 had log 0.34 + 0.3 = -0.78; now it is 0.02
    against -0.72, and A still wins. Measured on the embedded model, from temperature 1 to 0.9, after the same text: the
    interval coin chooses the same token in 42 % of all flips, the Gumbel coin in 90 %; streams part after 0.5 and 7.7
    tokens (python -m benchmarks.coins).
    """

    DEFAULT_CSS = "Coin { height: 3; background: $surface; }"

    class Flipped(Message):
        """A person clicked on the coin."""

    def __init__(self, palette: Palette, *, id: str | None = "coin") -> None:
        super().__init__(id=id)
        self._palette = palette
        self._view: CoinView | None = None
        self._label_of: Callable[[int], str] = str

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, view: CoinView | None, name: Callable[[int], str]) -> None:
        """Another position."""
        if view != self._view:
            self._view, self._label_of = view, name
            self.refresh()

    def on_click(self) -> None:
        """A click flips it."""
        self.post_message(self.Flipped())

    def render_line(self, y: int) -> Strip:
        """The marker first, the words last, between them the shares; a race's runners."""
        width = self.size.width
        view = self._view
        if view is None or view.dist is None:
            return Strip.blank(width, self._palette.text)
        step = view.step
        kind = step.coin if step is not None and step.coin else view.coin
        if step is not None and step.hindsight is not None:
            segments = self._hindsight_line(view.dist, step, y, width)
        elif kind == "gumbel" and step is not None and step.u is not None:
            segments = self._race_line(view.dist, step, y, width)
        else:
            segments = self._interval_line(view, view.dist, y, width)
        return Strip(segments).adjust_cell_length(width, self._palette.text)

    def _interval_line(self, view: CoinView, dist: Distribution, y: int, width: int) -> list[Segment]:
        step = view.step
        flipped = step is not None and step.origin == "sampled" and step.u is not None
        if y == 0:
            if step is None or not flipped or step.u is None:
                return []
            return [Segment(" " * min(width - 1, int(step.u * width)) + MARKER, self._palette.marker)]
        if y < self.size.height - 1:
            hit = step.token if step is not None and step.origin != "prompt" else None
            if flipped and step is not None and step.u is not None and dist.settings != step.settings:
                from gpt2_remix.engine.sampling.coin import choose_interval

                hit = choose_interval(dist.final, step.u)
            return share_segments(dist, width, hit, self._palette, self._label_of if y == 1 else lambda _: "")
        return self._words(view, dist, width)

    def _hindsight_line(self, dist: Distribution, step: Step, y: int, width: int) -> list[Segment]:
        """Whose luck it was; the race itself was run for another text, which is not on screen."""
        if y == self.size.height - 1:
            return [Segment(self._label_of(step.token), self._palette.taken),
                    Segment(" by luck in hindsight", self._palette.muted)]
        if y == 0:
            return []
        return share_segments(dist, width, step.token, self._palette, self._label_of if y == 1 else lambda _: "")

    def _words(self, view: CoinView, dist: Distribution, width: int) -> list[Segment]:
        palette, step = self._palette, view.step
        if step is None:
            what = "temp 0: the most probable is taken" if view.coin_ignored else "not flipped yet: space flips it"
            return [Segment(set_cell_size(what, width), palette.muted)]
        name = self._label_of(step.token)
        if step.origin == "prompt":
            return [Segment(name, palette.prompt), Segment(" was given, no coin", palette.muted)]
        if step.origin == "picked":
            return [Segment(name, palette.taken), Segment(" was picked, no coin", palette.muted)]
        assert step.u is not None
        segments = [Segment(f"u {step.u:.4f} → ", palette.value), Segment(self._label_of(step.token), palette.taken)]
        if view.again:
            segments.append(Segment(f" again, roll {step.roll}", palette.taken))
        if step.by_hand:
            segments.append(Segment(" by hand", palette.muted))
        if dist.settings != step.settings:
            from gpt2_remix.engine.sampling.coin import choose_interval

            now = choose_interval(dist.final, step.u)
            if now != step.token:
                segments.append(Segment(f" (now {self._label_of(now)})", palette.muted))
        return segments

    def _race_line(self, dist: Distribution, step: Step, y: int, width: int) -> list[Segment]:
        from gpt2_remix.engine.sampling.coin import gumbel_race, gumbel_uniforms

        palette = self._palette
        assert step.seed is not None
        race = gumbel_race(dist.final, gumbel_uniforms(step.seed, step.coin_position, step.roll, dist.size),
                           self.size.height)
        if y >= len(race):
            return []
        runner = race[y]
        taken = runner.token == step.token
        words = f" {runner.log_p:6.2f} {runner.luck:+.2f} = {runner.score:.2f}"
        if width < len(words) + NAME_ROOM:
            words = f" {runner.score:.2f}"
        name = self._label_of(runner.token)
        room = max(1, width - len(words) - 2)
        name = fitted(name, room)
        mark = "●" if taken else " "
        return [Segment(f"{mark} {name}", palette.taken if taken else palette.value), Segment(words, palette.muted)]
