"""What a heat is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui.state.verbatim import StreamTrace

MOST_BITS = 14.0
"""Surprisal or entropy at which the scale ends; 14 bits are odds of 1 in 16,384."""


@dataclass(frozen=True, slots=True)
class HeatSource:
    """What a heat is made from.

    Attributes:
        steps: of the stream, from position `first` on.
        first: the position of the first of them.
        trace: what is known of the stream's way through the training text; None where nothing is.
        fork: the fork beyond chance at a position; None where it is not known.
    """

    steps: Sequence[Step]
    first: int = 0
    trace: StreamTrace | None = None
    fork: Callable[[int], float | None] = lambda position: None


@dataclass(frozen=True, slots=True)
class Heat:
    """A number for each token.

    Attributes:
        name: on screen and in what is remembered.
        help: what it shows.
        values: for each step of a source its place on the scale, 0 to 1; None where it is not known (yet).
        legend: what the scale means, for the text pane's border.
        spans: whether tokens are marked as spans rather than coloured by their number.
        grows: whether numbers come later, for tokens that stand there already.
    """

    name: str
    help: str
    values: Callable[[HeatSource], list[float | None]]
    legend: Callable[[HeatSource], str]
    spans: bool = False
    grows: bool = False
