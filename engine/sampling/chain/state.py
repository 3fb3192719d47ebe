"""What is left of the vocabulary while the chain runs."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.sampling.context import SamplingContext

Floats = NDArray[np.float64]


Ids = NDArray[np.intp]


Mask = NDArray[np.bool_]


LOWEST = np.finfo(np.float64).min


LARGEST = 1e300


BITS = 1.0 / math.log(2.0)


class ChainState:
    """The tokens that are left, while the chain runs.

    Attributes:
        tokens: [n] their ids, ascending.
        scores: [n] float64 logits.
        top: what was taken from the scores for `mass`; at least their highest.
        context: where in the stream this is.
        vocabulary: how many tokens there were at first.
    """

    def __init__(self, scores: Floats, mass: Floats, context: SamplingContext) -> None:
        self.tokens: Ids = _all_tokens(scores.size)
        self.scores = scores
        self.top = float(scores.max())
        self.context = context
        self.vocabulary = scores.size
        self._mass: Floats | None = mass
        self._history: Ids | None = None

    @property
    def mass(self) -> Floats:
        """[n] float64, exp(scores - top): probabilities up to a common factor."""
        if self._mass is None:
            self.top = float(self.scores.max())
            self._mass = np.exp(self.scores - self.top)
        return self._mass

    @property
    def history(self) -> Ids:
        """The ids that stand before."""
        if self._history is None:
            self._history = np.array(self.context.ids, dtype=np.intp)
        return self._history

    def rescore(self, scores: Floats) -> None:
        """Put other scores in."""
        self.scores = scores
        self._mass = None

    def drop(self, gone: Mask) -> None:
        """Remove tokens."""
        kept = np.flatnonzero(~gone)
        self.tokens, self.scores = self.tokens.take(kept), self.scores.take(kept)
        if self._mass is not None:
            mass = self._mass.take(kept)
            # Where all that had a say is gone, what is left is measured from its own highest.
            self._mass = mass if kept.size and mass.max() > 1e-30 else None

    def find(self, ids: Ids) -> tuple[Ids, Ids]:
        """Where those of `ids` that are left stand among `tokens`, and how often each stands among `ids`."""
        wanted, counts = np.unique(ids, return_counts=True)
        if self.tokens.size == self.vocabulary:
            inside = wanted < self.vocabulary
            return wanted[inside], counts[inside]
        places = np.minimum(np.searchsorted(self.tokens, wanted), self.tokens.size - 1)
        hit = self.tokens[places] == wanted
        return places[hit], counts[hit]

    def mask(self, places: Ids) -> Mask:
        """[n] which tokens these are."""
        found = np.zeros(self.tokens.size, dtype=np.bool_)
        found[places] = True
        return found


@cache
def _all_tokens(vocabulary: int) -> Ids:
    """The ids of a vocabulary, which nobody changes: for every distribution the same."""
    tokens = np.arange(vocabulary)
    tokens.flags.writeable = False
    return tokens


def entropy(state: ChainState) -> float:
    """The entropy in nats of what is state."""
    mass = state.mass
    total = float(mass.sum())
    # Not np.dot: after it, BLAS's own threads go on spinning on the cores that the next token needs.
    mean = float((mass * np.maximum(state.scores - state.top, -LARGEST)).sum()) / total
    return max(0.0, math.log(total) - mean)
