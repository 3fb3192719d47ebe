"""The distribution as a plot: raw and final probability over rank, both on a logarithmic scale, the cuts marked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from gpt2_remix.engine.words import counted
from gpt2_remix.tui.playground.views.view import Position, View
from gpt2_remix.tui.style.palette import Palette

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.chain.state import Floats
    from gpt2_remix.engine.sampling.distribution import Distribution

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille character by column and row of its dots."""

AXIS = 6
"""Cells for the numbers beside the plot."""

LOWEST = -9
"""The power of ten at which the scale ends; what is less probable lies on the ground."""


class DistributionPlot(Widget):
    """Braille curves; drawn for the width and height that there are."""

    DEFAULT_CSS = """
    DistributionPlot { height: 1fr; background: $surface; }
    """

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="plot")
        self._palette = palette
        self._dist: Distribution | None = None
        self._taken: int | None = None
        self._empty = ""
        self._drawn: tuple[object, object, object] | None = None
        self._lines: list[list[Segment]] = []

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette, self._drawn = palette, None
        self.refresh()

    def show(self, position: Position, *, keep: bool) -> None:
        """Show another position."""
        shown = (position.dist, position.taken, position.empty)
        if shown != (self._dist, self._taken, self._empty):
            self._dist, self._taken, self._empty = shown
            self.refresh()

    def summary(self) -> str:
        """How many tokens the chain left."""
        return "" if self._dist is None else f"{counted(self._dist.kept, 'token')} kept"

    def render_line(self, y: int) -> Strip:
        """One row of the plot, or the ranks below it."""
        width, height = self.size
        if self._dist is None:
            words = self._empty if y == 0 else ""
            return Strip([Segment(words, self._palette.muted)]).adjust_cell_length(width, self._palette.text)
        drawn = (self._dist, self._taken, self.size)
        if drawn != self._drawn:
            self._lines = draw(self._dist, self._taken, max(4, width - AXIS), max(2, height - 1), self._palette)
            self._drawn = drawn
        line = self._lines[y] if y < len(self._lines) else []
        return Strip(line).adjust_cell_length(width, self._palette.text)


def cuts(dist: Distribution) -> dict[str, int]:
    """For each rule of the chain that removed something, the first rank (0 the most probable) that it removed."""
    import numpy as np

    order = np.argsort(-dist.raw, kind="stable")
    codes = dist.removed[order]
    found: dict[str, int] = {}
    for step in dist.settings.active():
        from gpt2_remix.engine.sampling.distribution import CODES

        places = np.flatnonzero(codes == CODES[step])
        if places.size:
            found[step] = int(places[0])
    return found


def draw(dist: Distribution, taken: int | None, width: int, height: int, palette: Palette) -> list[list[Segment]]:
    """The plot as `height` rows of `width` cells, with numbers on the left and a row of ranks below."""
    import numpy as np

    order = np.argsort(-dist.raw, kind="stable")
    raw, final = dist.raw[order], dist.final[order]
    size, columns, rows = dist.size, 2 * width, 4 * height
    # Ranks 1 ... size, as many in each column of dots as the logarithmic scale gives it.
    edges = np.unique(np.round(np.geomspace(1, size, columns)).astype(int))
    bottom = max(LOWEST, math.floor(math.log10(max(raw[-1], 10.0**LOWEST))))

    def column_of(rank: int) -> int:
        return min(columns - 1, round(math.log(rank + 1) / math.log(size) * (columns - 1))) if size > 1 else 0

    def row_of(p: float) -> int:
        return rows - 1 if p <= 0 else min(rows - 1, max(0, round(math.log10(p) / bottom * (rows - 1))))

    def curve(values: Floats) -> list[int]:
        """For each column of dots its row, -1 where there is none; the highest value of a column counts."""
        found = [-1] * columns
        ends = [*edges[1:], size + 1]
        for start, end in zip(edges, ends, strict=True):
            best = float(values[start - 1 : end - 1].max()) if end > start else 0.0
            if best > 0:
                found[column_of(int(start) - 1)] = row_of(best)
        return found

    cells = np.zeros((2, height, width), dtype=int)
    for layer, values in enumerate((raw, final)):
        last = -1
        line = curve(values)
        known = [column for column in range(columns) if line[column] >= 0]
        for n, column in enumerate(known):
            row = line[column]
            # The ranks at the left are far apart: a flat stretch joins them, and a step where the next one stands.
            until = known[n + 1] if n + 1 < len(known) and known[n + 1] - column < 2 * width // 3 else column + 1
            joined = all(values[rank] > 0 for rank in range(*_ranks(column, until, columns, size)))
            for x in range(column, until if joined else column + 1):
                cells[layer, row // 4, x // 2] |= DOTS[x % 2][row % 4]
            if last >= 0 and joined:
                for y in range(min(last, row) + 1, max(last, row)):
                    cells[layer, y // 4, column // 2] |= DOTS[column % 2][y % 4]
            last = row
    marks = {column_of(rank) // 2: step for step, rank in cuts(dist).items()}
    place = None
    if taken is not None:
        rank = dist.rank(taken)
        place = (row_of(float(dist.final[taken]) or float(dist.raw[taken])) // 4, column_of(rank) // 2)
    return [
        *(_row(y, height, bottom, cells[:, y], marks, place, palette) for y in range(height)),
        _ranks_row(size, width, palette),
    ]


def _ranks(column: int, until: int, columns: int, size: int) -> tuple[int, int]:
    """The ranks between two columns of dots."""
    first, end = (round(size ** (x / (columns - 1))) - 1 for x in (column, until))
    return max(0, first), min(size, max(end, first + 1))


def _row(
    y: int, height: int, bottom: int, cells: object, marks: dict[int, str], place: tuple[int, int] | None,
    palette: Palette,
) -> list[Segment]:
    import numpy as np

    layers = np.asarray(cells)
    power = round(bottom * y / max(1, height - 1))
    shown = y == 0 or y == height - 1 or (y == height // 2 and height > 4)
    number = {0: "100 %", -1: "10 %", -2: "1 %"}.get(power, f"1e{power}") if shown else ""
    segments = [Segment(f"{number:>{AXIS - 1}} ", palette.muted)]
    names = {column: name for n, (column, name) in enumerate(sorted(marks.items())) if n % max(1, height - 1) == y}
    skip = 0
    for x in range(layers.shape[1]):
        if skip:
            skip -= 1
            continue
        if place == (y, x):
            segments.append(Segment("●", palette.taken))
            continue
        if x in names:
            room = layers.shape[1] - x
            words = ("╎" + names[x])[:room] if room > len(names[x]) else "╎"
            if room <= len(names[x]):
                # No room to the right: the name stands before the line, over what was drawn there.
                before = names[x][: max(0, x)]
                segments = _cut_back(segments, len(before))
                segments.append(Segment(before, palette.removed))
            segments.append(Segment(words, palette.removed))
            skip = len(words) - 1
            continue
        bits = int(layers[0, x] | layers[1, x])
        style: Style = palette.bar_taken if layers[1, x] else palette.muted
        if bits:
            segments.append(Segment(chr(0x2800 + bits), style))
        elif x in marks:
            segments.append(Segment("╎", palette.removed))
        else:
            segments.append(Segment(" ", palette.text))
    return segments


def _cut_back(segments: list[Segment], cells: int) -> list[Segment]:
    strip = Strip(segments)
    return list(strip.crop(0, max(0, strip.cell_length - cells)))


def _ranks_row(size: int, width: int, palette: Palette) -> list[Segment]:
    """The ranks 1, 10, 100, … below the plot."""
    line = [" "] * width
    end = 0
    for power in range(math.floor(math.log10(size)) + 1):
        x = round(power * math.log(10) / math.log(size) * (width - 1)) if size > 1 else 0
        words = f"{10**power:,}"
        if x >= end and x + len(words) <= width:
            line[x : x + len(words)] = words
            end = x + len(words) + 1
    return [Segment(f"{'rank':>{AXIS - 1}} ", palette.muted), Segment("".join(line), palette.muted)]


HELP = """\
l shows the distribution as a plot in place of the list: ranks from left to right, the most probable first, and
probability upwards, both logarithmic. The dim curve is the network's own, the bright one what the chain made of it;
a dashed line stands where a rule begins to cut, with its name.
"""

VIEW = View("plot", HELP, DistributionPlot)
