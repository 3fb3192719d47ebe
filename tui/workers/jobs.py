"""What the worker does when nothing else is to do, part by part: scoring, asking what if, exporting, repeating."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from textual.message import Message

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui.messages import (
    Exported,
    ForksGrown,
    FuturesGrown,
    HindsightReady,
    PromptScored,
    Rechosen,
    RepeatProgress,
)
from gpt2_remix.tui.workers.requests import (
    ExportRequest,
    ForksRequest,
    FuturesRequest,
    HindsightRequest,
    JobRequest,
    RechooseRequest,
    RepeatRequest,
    ScoreRequest,
)

if TYPE_CHECKING:
    from gpt2_remix.engine.models.opening import Model

SCORED_AT_ONCE = 32

AHEAD_FRAME = 1 / 8
"""Seconds between two messages of what is found ahead."""

PART = 0.008
"""Seconds that a part of it takes, about."""

REPEAT_FRAME = 1 / 4
"""Seconds between two messages of a repetition: its table is made anew for each."""

Job: TypeAlias = Iterator[Message | None]
"""Work in parts: each `next` does one, and gives a message where there is something to tell."""

JOBS = (ScoreRequest, RechooseRequest, HindsightRequest, ExportRequest, RepeatRequest, FuturesRequest, ForksRequest)
"""The most urgent first."""


def start(model: Model, request: JobRequest) -> Job:
    """The work of a request, in parts; nothing is computed yet."""
    match request:
        case ScoreRequest():
            return scoring(model, request)
        case RechooseRequest():
            return rechoosing(model, request)
        case HindsightRequest():
            return drawing_luck(model, request)
        case ExportRequest():
            return exporting(model, request)
        case RepeatRequest():
            return repeating(model, request)
        case FuturesRequest():
            return looking_ahead(model, request)
        case ForksRequest():
            return looking_for_forks(model, request)


def scoring(model: Model, request: ScoreRequest) -> Job:
    """Fill in the probabilities of prompt steps (node, step) of a stream."""
    from gpt2_remix.engine.generation.score import score
    from gpt2_remix.engine.generation.step import with_probabilities

    wanted = {step.position: (node, step) for node, step in request.steps}
    part: list[tuple[int, Step]] = []
    for position, dist in score(model.backend, request.ids, model.tokenizer.end_of_text, from_start=0 in wanted):
        if position in wanted:
            node, step = wanted[position]
            part.append((node, with_probabilities(step, dist)))
        if len(part) >= SCORED_AT_ONCE:
            yield PromptScored(request.network, part, model.backend.computed)
            part = []
    yield PromptScored(request.network, part, model.backend.computed)


def rechoosing(model: Model, request: RechooseRequest) -> Job:
    """What the coins of a stream would have chosen with other settings."""
    from gpt2_remix.engine.generation.counterfactual import rechoose

    part: list[tuple[int, int | None]] = []
    for found in rechoose(model.backend, request.steps, request.settings, tokenizer=model.tokenizer,
                          first=request.first):
        part.append(found)
        if len(part) >= SCORED_AT_ONCE:
            yield Rechosen(request.number, part, done=False)
            part = []
    yield Rechosen(request.number, part, done=True)


def drawing_luck(model: Model, request: HindsightRequest) -> Job:
    """Luck in hindsight: the tokens as steps whose luck can be taken again, all of them at the end."""
    from gpt2_remix.engine.generation.hindsight import hindsight_script

    steps = []
    for step in hindsight_script(model.backend, request.question, model.tokenizer, request.first):
        steps.append(step)
        if len(steps) % SCORED_AT_ONCE == 0:
            yield None
    yield HindsightReady(request.number, steps)


def repeating(model: Model, request: RepeatRequest) -> Job:
    """Run lanes over seeds."""
    from gpt2_remix.engine.compare.repeats import repeat

    posted = 0.0
    for result, done, total in repeat(
        model.backend, request.starts, seed=request.seed, repeats=request.repeats,
        limit=request.limit, tokenizer=model.tokenizer, coin=request.coin,
        stop_at_end=request.stop_at_end,
    ):
        now = time.monotonic()
        if now - posted < REPEAT_FRAME and done < total:
            yield None
            continue
        posted = now
        table = result.table() if result.seeds else None
        streams = [[lane.new_ids for lane in lanes] for lanes in result.lanes]
        yield RepeatProgress(request.number, done, total, len(result.seeds), table, result.divergences(), streams)


class Parts:
    """How much is done at once: as much as takes some milliseconds, since a key may have to wait for it."""

    def __init__(self, most: int) -> None:
        self.size = 1
        self._most = most

    def took(self, seconds: float) -> None:
        """A part took so long."""
        if seconds > 2 * PART:
            self.size = max(1, self.size // 2)
        elif seconds < PART / 2:
            self.size = min(self._most, self.size + 1)  # a new lane's buffers take a while, once


def looking_ahead(model: Model, request: FuturesRequest) -> Job:
    """Exact futures, batch by batch."""
    from gpt2_remix.engine.outlook.explore import BATCH, explore
    from gpt2_remix.tui.state.futures import futures_seen

    parts, began = Parts(BATCH), time.monotonic()
    posted, last = 0.0, began
    for futures in explore(model.backend, request.stream, request.settings, request.question,
                           tokenizer=model.tokenizer, budget=request.budget, batch=lambda: parts.size):
        now = time.monotonic()
        parts.took(now - last)
        if now - posted > AHEAD_FRAME:
            posted = now
            yield FuturesGrown(request.number, futures_seen(futures, now - began, over=False))
        else:
            yield None
        last = time.monotonic()
    yield FuturesGrown(request.number, futures_seen(futures, time.monotonic() - began, over=True))


def looking_for_forks(model: Model, request: ForksRequest) -> Job:
    """Forks, pass by pass."""
    from gpt2_remix.engine.outlook.forks import BATCH, find_forks

    parts, began = Parts(BATCH), time.monotonic()
    posted, last, told = 0.0, began, 0
    for forks in find_forks(model.backend, request.stream, request.question, tokenizer=model.tokenizer,
                            first=request.first, batch=lambda: parts.size):
        now = time.monotonic()
        parts.took(now - last)
        ready = [fork for fork in forks.order if fork.measured is not None]
        if now - posted > AHEAD_FRAME:
            posted = now
            yield ForksGrown(request.number, ready[told:], forks.rolls_done, forks.rolls, forks.computed, now - began,
                             over=False)
            told = len(ready)
        else:
            yield None
        last = time.monotonic()
    yield ForksGrown(request.number, ready[told:], forks.rolls_done, forks.rolls, forks.computed,
                     time.monotonic() - began, over=True)


def exporting(model: Model, request: ExportRequest) -> Job:
    """Write a session as an HTML page with the candidates of every token."""
    from gpt2_remix.engine.session.export.render import page_size, page_with_candidates, write_text

    session = request.copy()
    done, total, path, text = 0, page_size(session, request.leaf), str(request.path), ""
    posted = 0.0
    for text in page_with_candidates(session, model.backend, model.tokenizer, branch=request.leaf,
                                     colors=request.colors, heat=request.heat):
        done += not text
        if (now := time.monotonic()) - posted > REPEAT_FRAME:
            posted = now
            yield Exported(path, done=done, total=total)
        else:
            yield None
    problem = ""
    try:
        write_text(request.path, text)
    except EngineError as error:
        problem = str(error)
    yield Exported(path, done=total, total=total, problem=problem, finished=True)
