"""What the worker does when nothing else is to do, part by part: measuring, asking what if, repeating over seeds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from textual.message import Message

from engine.generation.step import Step
from engine.sampling.settings import CoinKind, Settings
from tui.messages import Exported, Measured, Reconsidered, RepeatProgress

if TYPE_CHECKING:
    from engine.compare.lanes import LaneStart
    from engine.models.opening import Model
    from engine.session.journal import Session

MEASURED_AT_ONCE = 32

REPEAT_FRAME = 1 / 4
"""Seconds between two messages of a repetition: its table is made anew for each."""

Job: TypeAlias = Iterator[Message | None]
"""Work in parts: each `next` does one, and gives a message where there is something to tell."""

JOBS = ("measure", "what if", "export", "repeat")
"""The most urgent first."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request to run lanes over several seeds: what `engine.compare.lanes.repeat` takes."""

    model: str
    number: int
    starts: Sequence[LaneStart]
    seed: int
    repeats: int
    limit: int
    own_coins: bool
    coin: CoinKind
    stop_at_end: bool


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A request to say what the coins of a stream would have chosen with other settings."""

    model: str
    number: int
    steps: Sequence[Step]
    settings: Settings
    first: int


@dataclass(frozen=True, slots=True)
class Export:
    """A request to write a session as an HTML page with the candidates of every token; a copy that nobody changes."""

    model: str
    session: Session
    leaf: int | None
    path: Path
    colors: dict[str, str]
    heat: tuple[str, str, str]


def measuring(model: Model, ids: list[int], steps: list[tuple[int, Step]]) -> Job:
    """Fills in the probabilities of prompt steps (node, step) of a stream."""
    from engine.generation.score import score
    from engine.generation.step import with_probabilities

    wanted = {step.position: (node, step) for node, step in steps}
    part: list[tuple[int, Step]] = []
    for position, dist in score(model.backend, ids, model.tokenizer.end_of_text, from_start=0 in wanted):
        if position in wanted:
            node, step = wanted[position]
            part.append((node, with_probabilities(step, dist)))
        if len(part) >= MEASURED_AT_ONCE:
            yield Measured(part)
            part = []
    yield Measured(part)


def reconsidering(model: Model, request: WhatIf) -> Job:
    """What the coins of a stream would have chosen with other settings."""
    from engine.generation.counterfactual import rechoose

    end, part = model.tokenizer.end_of_text, []
    for found in rechoose(model.backend, request.steps, request.settings, end_of_text=end, first=request.first):  # fmt: skip
        part.append(found)
        if len(part) >= MEASURED_AT_ONCE:
            yield Reconsidered(request.number, part, done=False)
            part = []
    yield Reconsidered(request.number, part, done=True)


def repeating(model: Model, request: Repeat) -> Job:
    """Runs lanes over seeds."""
    from engine.compare.repeats import repeat

    posted = 0.0
    for result, done, total in repeat(
        model.backend, request.starts, seed=request.seed, repeats=request.repeats,
        limit=request.limit, end_of_text=model.tokenizer.end_of_text, own_coins=request.own_coins,
        coin=request.coin, stop_at_end=request.stop_at_end,
    ):  # fmt: skip
        now = time.monotonic()
        if now - posted < REPEAT_FRAME and done < total:
            yield None
            continue
        posted = now
        table = result.table() if result.seeds else None
        yield RepeatProgress(request.number, done, total, len(result.seeds), table, result.partings())


def exporting(model: Model, request: Export) -> Job:
    """Writes a session as an HTML page with the candidates of every token."""
    from engine.session.export.html import HOVERED, to_html
    from engine.session.replay import Candidate, candidates

    known: dict[int, list[Candidate]] = {}
    tree, end = request.session.tree, model.tokenizer.end_of_text
    total = len(tree.nodes) - 1 if request.leaf is None else tree.nodes[request.leaf].depth
    posted = 0.0
    for node, found in candidates(model.backend, tree, end, HOVERED, request.leaf):
        known[node] = found
        if (now := time.monotonic()) - posted > REPEAT_FRAME:
            posted = now
            yield Exported(str(request.path), done=len(known), total=total)
        else:
            yield None
    text = to_html(request.session, model.tokenizer, branch=request.leaf, colors=request.colors, heat=request.heat,
                   candidates_of=lambda node: known.get(node, ()))  # fmt: skip
    yield Exported(str(request.path), done=total, total=total, problem=write_text(request.path, text), finished=True)


def write_text(path: Path, text: str) -> str:
    """Writes a file; "" or one line about what went wrong."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return ""
