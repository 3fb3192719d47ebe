"""The coins: (seed, position, roll) -> chance, and chance -> token.

Every flip is a pure function, so that it can be replayed, shared between lanes, and kept while something else
changes. `position` is the 0-based index in the sequence of the token to be chosen (prompt tokens counted), `roll` how
often this position was flipped again. `docs/coins.md` is the definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.sampling.settings import CoinKind

INTERVAL_STREAM = 0
RULE_STREAM = 1
GUMBEL_STREAM = 2
HINDSIGHT_STREAM = 3

_PARTS = (1 / 16, 1 / 128, 1 / 1024, 0.0)
"""Shares of the highest probability down to which tokens are sorted, until u lies among them."""

_SURE = 1e-9
"""More than what sums of probabilities in another order differ by."""


def uniforms(seed: int, position: int, roll: int, stream: int, n: int) -> NDArray[np.float64]:
    """`n` numbers in [0, 1) that depend on nothing but the arguments.

    Source: Philox, a counter-based generator (Salmon et al. 2011). The lowest counter word stays 0: drawing counts
    it up, and a position there would make neighbouring positions share numbers.
    """
    bits = np.random.Philox(key=seed, counter=np.array([0, position, roll, stream], dtype=np.uint64))
    return np.random.Generator(bits).random(n)


@lru_cache(8192)  # continuations with common coins ask for the same one again and again
def interval_chance(seed: int, position: int, roll: int) -> float:
    """The interval coin's u in [0, 1)."""
    return float(uniforms(seed, position, roll, INTERVAL_STREAM, 1)[0])


def rule_chance(seed: int, position: int, roll: int) -> float:
    """The chance in [0, 1) of a rule of the chain that flips a coin of its own (XTC)."""
    return float(uniforms(seed, position, roll, RULE_STREAM, 1)[0])


def descending(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The indices of the `count` highest values, highest first, ties by smaller index."""
    if count <= 0:
        return np.empty(0, dtype=np.intp)
    if count >= values.size:
        return np.argsort(-values, kind="stable")
    threshold = nth_highest(values, count)
    index = np.flatnonzero(values >= threshold)
    return index[np.argsort(-values[index], kind="stable")][:count]


def nth_highest(values: NDArray[np.float64], count: int) -> float:
    """The `count`-th highest of as many values or more."""
    return float(np.partition(values, values.size - count)[values.size - count])


def choose_interval(final: NDArray[np.float64], u: float) -> int:
    """The token whose share of the unit interval holds u.

    Tokens are laid out by final probability, highest first, ties by smaller id. The choice is the first one whose
    cumulative probability exceeds u, or the last one with a share where rounding leaves none.

    Args:
        final: [vocabulary] float64 probabilities that sum to 1.
        u: in [0, 1).
    """
    # Most flips land among the first few: tokens are sorted down to that share of the highest which holds u for sure.
    highest = float(final.max())
    for part in _PARTS:
        shares = final[final >= highest * part] if part else final[final > 0]
        if not part or float(shares.sum()) > u + _SURE:
            break
    laid_out = np.sort(shares)[::-1]
    place = min(int(np.searchsorted(np.cumsum(laid_out), u, side="right")), laid_out.size - 1)
    share = laid_out[place]
    return int(np.flatnonzero(final == share)[place - int(np.count_nonzero(laid_out > share))])


def interval_shares(final: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The first `count` shares of the unit interval: whose they are, and where each of them ends."""
    tokens = descending(final, min(count, int(np.count_nonzero(final))))
    return tokens, np.cumsum(final[tokens])


@dataclass(frozen=True, slots=True)
class Runner:
    """A token in the Gumbel coin's race: its log-probability, its luck, and their sum."""

    token: int
    log_p: float
    luck: float
    score: float


def gumbel_race(final: NDArray[np.float64], luck: NDArray[np.float64], count: int) -> list[Runner]:
    """The `count` tokens that come in first, the winner first."""
    scores = gumbel_scores(final, luck)
    runners = descending(scores, min(count, int(np.count_nonzero(np.isfinite(scores)))))
    logs = np.log(final[runners])
    return [
        Runner(int(token), float(log_p), float(scores[token] - log_p), float(scores[token]))
        for token, log_p in zip(runners, logs, strict=True)
    ]


def interval_span(final: NDArray[np.float64], token: int) -> tuple[float, float]:
    """Where a token's share of the unit interval begins and ends."""
    p = final[token]
    before = float(final[final > p].sum() + p * np.count_nonzero(final[:token] == p))
    return before, before + float(p)


def gumbel_uniforms(seed: int, position: int, roll: int, vocabulary: int) -> NDArray[np.float64]:
    """[vocabulary] float64: the U of each token, from which its luck -log(-log(U)) comes."""
    return uniforms(seed, position, roll, GUMBEL_STREAM, vocabulary)


def gumbel_scores(final: NDArray[np.float64], luck: NDArray[np.float64]) -> NDArray[np.float64]:
    """[vocabulary] float64: log p_final + g for each token, -inf for those without a share.

    Source: the Gumbel-max trick; as a coin that is stable under change: Chatzi et al. 2024 (arXiv 2409.17027).
    """
    scores = np.full(final.size, -np.inf)
    kept = np.flatnonzero(final)
    with np.errstate(divide="ignore"):
        scores[kept] = np.log(final[kept]) - np.log(-np.log(luck[kept]))
    return scores


def choose_gumbel(final: NDArray[np.float64], luck: NDArray[np.float64]) -> int:
    """The token that wins the race: the highest log p_final + g, ties by smaller id."""
    scores = gumbel_scores(final, luck)
    best = int(np.argmax(scores))
    # A U of exactly 0 gives a luck of -inf; where only such tokens are left the likeliest of them is taken.
    return best if np.isfinite(scores[best]) else int(np.argmax(final))


def flip(
    final: NDArray[np.float64], kind: CoinKind, seed: int, position: int, roll: int
) -> tuple[int, float]:
    """The token that a coin chooses, and the chance that chose it: u on the interval, or the token's own in the race.

    Args:
        final: [vocabulary] float64, the final probabilities.
        kind: of the coin.
        seed: of the coin.
        position: of the coin, which is the token's own but where lanes are lined up.
        roll: of the coin.
    """
    if kind == "gumbel":
        chances = gumbel_uniforms(seed, position, roll, len(final))
        token = choose_gumbel(final, chances)
        return token, float(chances[token])
    u = interval_chance(seed, position, roll)
    return choose_interval(final, u), u
