"""Scoring a text: the distribution of each of its positions, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.generation.backend import Backend, check_ids, window_start
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import Settings


def score(
    backend: Backend, ids: Sequence[int], end_of_text: int, *, from_start: bool = False
) -> Iterator[tuple[int, Distribution]]:
    """The raw distribution of each position of a text, in order: (position, distribution).

    Position 0 comes only with `from_start`, as after `<|endoftext|>`. A text longer than the context is scored in
    windows that overlap by half: each position sees what `window_start` gives it, as when generating.
    """
    check_ids(ids, backend.info.vocab_size)
    plain = Settings()
    for position, logits in each_logits(backend, ids, end_of_text, 0 if from_start else 1):
        yield position, distribution(logits, plain)


def each_logits(
    backend: Backend, ids: Sequence[int], end_of_text: int, first: int = 0
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Logits for choosing each token of a sequence again, from position `first` on: (position, [vocabulary] float32).

    Every position sees what it saw when it was generated; of what the backend still keeps nothing is computed again.
    """
    length = backend.info.context
    if first == 0 and ids:
        yield 0, backend.logits([[end_of_text]])[0]
    position = max(1, first)
    while position < len(ids):
        start = window_start(position, length)
        end = position
        while end < len(ids) and window_start(end, length) == start:
            end += 1
        for chunk in backend.every_logits(ids[start : end - 1], first=position - start - 1):
            for logits in chunk:
                yield position, logits
                position += 1
