"""Scoring a text: the distribution of each of its positions, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.generation.backend import Backend, check_ids, window_start
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import Settings


def score(
    backend: Backend, ids: Sequence[int], end_of_text: int, *, from_start: bool = False, at_once: int = 1
) -> Iterator[tuple[int, Distribution]]:
    """The raw distribution of each position of a text, in order: (position, distribution).

    Position 0 comes only with `from_start`, as after `<|endoftext|>`. A text longer than the context is scored in
    windows that overlap by half: each position sees what `window_start` gives it, as when generating. So many windows
    run as one batch as `at_once` says.
    """
    check_ids(ids, backend.info.vocab_size)
    plain = Settings()
    for position, logits in each_logits(backend, ids, end_of_text, 0 if from_start else 1, at_once):
        yield position, distribution(logits, plain)


def each_logits(
    backend: Backend, ids: Sequence[int], end_of_text: int, first: int = 0, at_once: int = 1
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Logits for choosing each token of a sequence again, from position `first` on: (position, [vocabulary] float32).

    Every position sees what it saw when it was generated; of what the backend still keeps nothing is computed again.
    """
    length = backend.info.context
    if first == 0 and ids:
        yield 0, backend.logits([[end_of_text]])[0]
    windows = list(_windows(len(ids), length, max(1, first)))
    for n in range(0, len(windows), at_once):
        part = windows[n : n + at_once]
        if len(part) > 1:
            backend.logits([ids[start : end - 1] for start, _, end in part])  # as one batch; then they are kept
        for start, position, end in part:
            place = position
            for chunk in backend.every_logits(ids[start : end - 1], first=position - start - 1):
                for logits in chunk:
                    yield place, logits
                    place += 1


def _windows(count: int, length: int, position: int) -> Iterator[tuple[int, int, int]]:
    """The windows that give the positions from one on: their start, and the first and (past) the last such position."""
    while position < count:
        start = window_start(position, length)
        end = position
        while end < count and window_start(end, length) == start:
            end += 1
        yield start, position, end
        position = end
