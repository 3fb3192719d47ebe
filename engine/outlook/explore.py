"""Growing exact futures on a backend: the heaviest open paths, several as one batch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Backend, logits_at
from gpt2_remix.engine.generation.stream import Stream, context_at, context_further
from gpt2_remix.engine.outlook.futures import Futures
from gpt2_remix.engine.outlook.paths import Floats, Path, Question
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

BATCH = 16
"""Open paths that are expanded as one batch."""


def explore(
    backend: Backend, stream: Stream, settings: Settings, question: Question, *, tokenizer: Tokenizer, budget: int,
    batch: Callable[[], int] = lambda: BATCH,
) -> Generator[Futures]:
    """Expand the continuations of a stream until everything is decided or the budget is spent.

    Yields the same `Futures` again after each batch, and before the first; closing the generator stops it.

    Args:
        backend: gives the logits; what it has cached is not computed again.
        stream: what is continued, from its end.
        settings: of the chain, applied along each path; both outcomes of XTC's coin are followed.
        question: what is asked.
        tokenizer: of the network's vocabulary.
        budget: how many distributions are evaluated; it is passed by less than a batch.
        batch: says how many paths are expanded next, at most BATCH.

    Raises:
        InputError: the settings name an id outside the vocabulary.
        EngineError: the network failed.
    """
    ids, length = stream.ids(), backend.info.context
    settings.check_vocabulary(backend.info.vocab_size)
    start = context_at(stream, len(ids), settings, seed=0, tokenizer=tokenizer, context_length=length)
    futures = Futures(question, settings, tokenizer, backend.info.vocab_size, ids, start.mu)
    outcomes = xtc_outcomes(settings)
    for _ in futures.begin():
        yield futures
    yield futures
    while futures.computed < budget and (heaviest := futures.waiting(batch())):
        paths = [path.ids for path in heaviest]
        requests = [([*ids, *path], len(ids) + len(path)) for path in paths]
        for path, new, logits in zip(heaviest, paths, logits_at(backend, requests, tokenizer.end_of_text), strict=True):
            context = context_further(start, new, settings, context_length=length)
            for _ in futures.prepare(path):
                yield futures
            futures.expand(path, _parts(path, logits, context, outcomes))
        yield futures


def xtc_outcomes(settings: Settings) -> list[tuple[float, Settings]]:
    """The outcomes of the chain's own coin: the weight of each, and the settings with which it has fallen so."""
    if not settings.flips:
        return [(1.0, settings)]
    chance = settings.xtc_probability
    outcomes = [(chance, 1.0), (1.0 - chance, 0.0)]
    return [(weight, replace(settings, xtc_probability=fallen)) for weight, fallen in outcomes if weight > 0]


def _parts(
    path: Path, logits: NDArray[np.float32], context: SamplingContext,
    outcomes: Sequence[tuple[float, Settings]],
) -> list[tuple[float, Floats, float | None]]:
    """The final distributions after a path, each with its weight and mirostat's state before it."""
    variants = path.variants or ((path.weight, context.mu),)
    parts: list[tuple[float, Floats, float | None]] = []
    for weight, mu in variants:
        for share, outcome in outcomes:
            try:
                dist = distribution(logits, outcome, replace(context, mu=mu))
            except InputError:
                return []  # a rule leaves no token: nobody can say what comes then
            parts.append((weight * share, dist.final, mu))
    return parts
