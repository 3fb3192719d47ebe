"""The loss of a training over time: on training text as a line, on held-out text as points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.color import Color
from textual_plotext import PlotextPlot

Points = Sequence[tuple[float, float]]

LINE, LOOK = "⠒", "•"
"""What training text and held-out text are drawn with, also without colours."""

HURRY = 0.12
"""The share of the training at its start that the scale leaves out: there the loss falls from ten to six at once."""


class LossPlot(PlotextPlot):
    """Drawn by plotext, with the colours of the theme."""

    DEFAULT_CSS = """
    LossPlot { height: 1fr; background: $surface; }
    """

    def __init__(self, colors: Callable[[], dict[str, str]]) -> None:
        super().__init__()
        self._colors = colors

    def show(self, losses: Points, looks: Points, whole: float) -> None:
        """Other points (seconds, nats a token), of a training of `whole` seconds."""
        colors = self._colors()
        plot = self.plt
        plot.clear_data()
        unit, size = ("min", 60.0) if whole >= 120 else ("s", 1.0)
        for points, color, draw, marker in ((losses, "muted", plot.plot, "braille"),
                                            (looks, "accent", plot.scatter, LOOK)):
            if points:
                times, values = [seconds / size for seconds, _ in points], [value for _, value in points]
                draw(times, values, color=Color.parse(colors[color]).rgb, marker=marker)
        shown = [value for seconds, value in (*losses, *looks) if seconds >= HURRY * min(whole, _last(losses, looks))]
        if shown:
            low, high = min(shown), max(shown)
            room = max(0.05, 0.08 * (high - low))
            plot.ylim(low - room, high + room)
        end = max(whole, _last(losses, looks), 1.0) / size
        plot.xlim(0, end)
        ticks = [end * n / 4 for n in range(5)]
        plot.xticks(ticks, [f"{tick:.3g}" for tick in ticks[:-1]] + [f"{end:.3g} {unit}"])
        plot.yfrequency(3 if self.size.height < 12 else 7)
        plot.xaxes(True, False)
        plot.yaxes(True, False)
        self.refresh()


def _last(*lines: Points) -> float:
    return max((points[-1][0] for points in lines if points), default=0.0)
