"""Rules that cut: each keeps some of the most probable tokens, or the most typical ones, and removes the rest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.sampling.chain.state import ChainState, Floats, Mask, entropy
from gpt2_remix.engine.sampling.coin import nth_highest, rule_chance
from gpt2_remix.engine.sampling.settings import Settings


def cut_top_k(state: ChainState, settings: Settings) -> Mask | None:
    """Keep the k most probable tokens, and those tied with the k-th. Source: Fan et al. 2018 (arXiv 1805.04833).

    Scores (3, 2, 2, 1) with k = 2 keep the first three.
    """
    if settings.top_k >= state.scores.size:
        return None
    cut: Mask = state.scores < nth_highest(state.scores, settings.top_k)
    return cut


def cut_top_p(state: ChainState, settings: Settings) -> Mask:
    """Keep a token if the mass above it is less than p. Source: Holtzman et al. 2019 (arXiv 1904.09751).

    Probabilities (0.5, 0.3, 0.15, 0.05) with p = 0.9 keep the first three: above the third lies 0.8, above the
    fourth 0.95. The most probable token always stays; among ties the smaller ids do.
    """
    mass = state.mass
    goal = settings.top_p * mass.sum()
    keys = -_coarse(mass)
    edge_key, before = _reaching(keys, mass, goal)
    edges = np.sort(mass[keys == edge_key])[::-1]
    kept = 1 + int(np.searchsorted(before + np.cumsum(edges)[:-1], goal, side="left"))
    edge = edges[kept - 1]
    cut: Mask = mass < edge
    tied = np.flatnonzero(mass == edge)
    surplus = mass.size - int(np.count_nonzero(cut)) - int(np.count_nonzero(keys < edge_key)) - kept
    cut[tied[tied.size - surplus :]] = True
    return cut


def _coarse(values: Floats) -> NDArray[np.int64]:
    """[n] whole numbers in the order of some floats >= 0, some neighbours as one: their exponent and 6 bits more."""
    return np.ascontiguousarray(values).view(np.int64) >> 46


def _reaching(keys: NDArray[np.int64], mass: Floats, goal: float) -> tuple[int, float]:
    """The key with which the mass, summed by ascending key, reaches a goal, and the mass before it.

    Counting into buckets and sorting one of them is many times faster than sorting all tokens.
    """
    low = int(keys.min())
    reached = np.cumsum(np.bincount(keys - low, weights=mass))
    place = min(int(np.searchsorted(reached, goal, side="left")), reached.size - 1)
    return low + place, float(reached[place - 1]) if place else 0.0


def cut_min_p(state: ChainState, settings: Settings) -> Mask:
    """Keep tokens with at least min_p times the highest probability. Source: Nguyen et al. 2024 (arXiv 2407.01082).

    Probabilities (0.5, 0.3, 0.04) with min_p = 0.1 keep the first two: the bar is 0.05.
    """
    cut: Mask = state.scores < state.scores.max() + math.log(settings.min_p)
    return cut


def cut_typical(state: ChainState, settings: Settings) -> Mask:
    """Keep the tokens whose surprisal is nearest to the entropy, until their mass reaches p.

    Probabilities (0.6, 0.3, 0.1) have an entropy of 0.90 nats and surprisals of 0.51, 1.20 and 2.30, so distances of
    0.39, 0.31 and 1.40: p = 0.2 keeps the second alone, p = 0.5 the first two. Even the most probable token can go.
    Source: Meister et al. 2022 (arXiv 2202.00666); transformers, TypicalLogitsWarper.
    """
    mass = state.mass
    total = float(mass.sum())
    distance = np.abs(state.top + math.log(total) - state.scores - entropy(state))
    goal = settings.typical_p * total
    keys = _coarse(distance)
    edge_key, before = _reaching(keys, mass, goal)
    edges = np.flatnonzero(keys == edge_key)
    edges = edges[np.argsort(distance[edges], kind="stable")]
    last = int(np.searchsorted(before + np.cumsum(mass[edges]), goal, side="left"))
    cut: Mask = distance > distance[edges[min(last, edges.size - 1)]]
    return cut


def cut_epsilon(state: ChainState, settings: Settings) -> Mask:
    """Keep tokens of at least this probability, and the most probable one.

    Probabilities (0.9, 0.0995, 0.0005) with 0.001 keep the first two. Source: Hewitt et al. 2022 (arXiv 2210.15191);
    transformers, EpsilonLogitsWarper.
    """
    return _rarer_than(state, settings.epsilon_cutoff)


def cut_eta(state: ChainState, settings: Settings) -> Mask:
    """Like epsilon, with a bar that sinks where the entropy is high: min(epsilon, sqrt(epsilon) * exp(-entropy)).

    With 0.01 an even choice among 200 tokens (0.005 each, entropy ln 200) has its bar at 0.1 / 200 = 0.0005 and keeps
    them all, where epsilon would not. The most probable token stays. Source: Hewitt et al. 2022 (arXiv 2210.15191);
    transformers, EtaLogitsWarper.
    """
    epsilon = settings.eta_cutoff
    return _rarer_than(state, min(epsilon, math.sqrt(epsilon) * math.exp(-entropy(state))))


def _rarer_than(state: ChainState, bar: float) -> Mask:
    rare: Mask = state.mass < bar * state.mass.sum()
    # Never all of them: the most probable stay.
    rare &= state.scores < state.scores.max()
    return rare


def cut_top_n_sigma(state: ChainState, settings: Settings) -> Mask:
    """Keep logits within n standard deviations of the highest. Source: Tang et al. 2024 (arXiv 2411.07641); llama.cpp.

    Logits (4, 2, 0, -2) have a standard deviation of 2.24: n = 1 keeps (4, 2), whose bar is 1.76. The same at every
    temperature. What earlier rules removed does not count.
    """
    cut: Mask = state.scores < state.scores.max() - settings.top_n_sigma * state.scores.std()
    return cut


def exclude_top_choices(state: ChainState, settings: Settings) -> Mask | None:
    """XTC ("exclude top choices"): now and then removes the obvious choices, so that a less obvious good one is taken.

    With the given probability (a coin of its own, stream 1), of all tokens with at least the threshold only the least
    probable stays. Probabilities (0.5, 0.3, 0.15, 0.05) with threshold 0.1 lose the first two. Nothing happens where
    fewer than two reach it, so never with a threshold above 0.5. Source: p-e-w 2024 (text-generation-webui pull
    request 6335); llama.cpp.
    """
    above = np.flatnonzero(state.mass >= settings.xtc_threshold * state.mass.sum())
    context = state.context
    if above.size < 2 or rule_chance(context.seed, context.coin_position, context.roll) >= settings.xtc_probability:
        return None
    scores = state.scores[above]
    stays = above[np.flatnonzero(scores == scores.min())[-1]]
    gone = np.zeros(state.scores.size, dtype=np.bool_)
    gone[above] = True
    gone[stays] = False
    return gone


def cut_mirostat(state: ChainState, settings: Settings) -> Mask:
    """Mirostat v2: keeps tokens with a surprisal of at most mu bits; mu moves so that the mean surprisal nears tau.

    mu begins at 2 tau; after each flip it loses eta * (surprisal of the token among those that were kept - tau). With
    tau 3, eta 0.1 it is 6 at first, and 6.1 after a token of 2 bits. The most probable token stays. Source: Basu et al.
    2020 (arXiv 2007.14966), in the form of llama.cpp (--mirostat 2).
    """
    mu = 2 * settings.mirostat_tau if state.context.mu is None else state.context.mu
    return _rarer_than(state, 2.0**-mu if mu < 1000 else 0.0) if mu > 0 else state.scores < state.scores.max()


def next_mu(mu: float | None, settings: Settings, p_final: float) -> float:
    """Mirostat's state after a token that was chosen with this final probability, from the state before it."""
    mu = 2 * settings.mirostat_tau if mu is None else mu
    return mu - settings.mirostat_eta * (-math.log2(p_final) - settings.mirostat_tau) if p_final > 0 else mu
