"""The chain: one small function for each step between raw and final probabilities.

Every step is given what is left (`Left`: tokens, their scores, and the moment) and says which of them it removes, as a
mask, or None for none; a step that changes scores puts new ones in. What one step removed later steps do not see.
Meaning follows Hugging Face transformers' logits processors and warpers; what they lack follows OpenAI's API or
llama.cpp, each step says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.sampling.coin import nth_highest, step_chance
from engine.sampling.settings import Settings

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]
Mask = NDArray[np.bool_]

LOWEST = np.finfo(np.float64).min
LARGEST = 1e300

BITS = 1.0 / math.log(2.0)

LARGEST_LOG = 88.7228391
"""The logarithm of the largest float32, at which llama.cpp ends the growth of DRY's penalty."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a stream a token is chosen: all that a chain and a coin may depend on beside logits and settings.

    Attributes:
        position: 0-based index of the token to be chosen.
        ids: what stands before it; may be left out where `Settings.looks_back` says no.
        prompt: how many of them are the prefix.
        end_of_text: the id of `<|endoftext|>`.
        seed, roll: the coin's.
        offset: added to the position for the coins, where lanes line up at the end of prefixes of different lengths.
        mu: mirostat's state, in bits; None where it begins.
    """

    position: int = 0
    ids: Sequence[int] = ()
    prompt: int = 0
    end_of_text: int | None = None
    seed: int = 0
    roll: int = 0
    offset: int = 0
    mu: float | None = None

    @property
    def coin_position(self) -> int:
        """The position that the coins are told."""
        return self.position + self.offset


class Left:
    """The tokens that are left, while the chain runs.

    Attributes:
        tokens: [n] their ids, ascending.
        scores: [n] float64 logits.
        top: what was taken from the scores for `mass`; at least their highest.
        moment: where in the stream this is.
        vocabulary: how many tokens there were at first.
    """

    def __init__(self, scores: Floats, mass: Floats, moment: Moment) -> None:
        self.tokens: Ids = _all_tokens(scores.size)
        self.scores = scores
        self.top = float(scores.max())
        self.moment = moment
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
            self._history = np.array(self.moment.ids, dtype=np.intp)
        return self._history

    def rescore(self, scores: Floats) -> None:
        """Puts other scores in."""
        self.scores = scores
        self._mass = None

    def drop(self, gone: Mask) -> None:
        """Removes tokens."""
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


# Steps that change scores for what stands before


def penalize_repetition(left: Left, settings: Settings) -> None:
    """Makes every token of the text less likely: positive logits are divided by the penalty, negative ones multiplied.

    A logit of 2 becomes 1.6 at a penalty of 1.25, one of -2 becomes -2.5. Below 1 it rewards. The prefix counts, and
    how often a token stood does not. Limits: 0.01 to 100. Source: Keskar et al. 2019 (arXiv 1909.05858); transformers,
    RepetitionPenaltyLogitsProcessor.
    """
    penalty = settings.repetition_penalty
    seen, _ = left.find(left.history)
    scores = left.scores.copy()
    known = scores[seen]
    scores[seen] = np.where(known < 0, known * penalty, known / penalty)
    left.rescore(scores)


def penalize_presence(left: Left, settings: Settings) -> None:
    """Takes the same from the logit of every token that was generated already.

    With a penalty of 0.5 a token that came once or ten times falls from 2 to 1.5. The prefix does not count. Limits:
    -10 to 10. Source: OpenAI's API (presence_penalty).
    """
    seen, _ = left.find(left.history[left.moment.prompt :])
    scores = left.scores.copy()
    scores[seen] -= settings.presence_penalty
    left.rescore(scores)


def penalize_frequency(left: Left, settings: Settings) -> None:
    """Takes the penalty from a token's logit once for each time that it was generated.

    With a penalty of 0.5 a token that came three times falls from 2 to 0.5. The prefix does not count. Limits: -10 to
    10. Source: OpenAI's API (frequency_penalty).
    """
    seen, times = left.find(left.history[left.moment.prompt :])
    scores = left.scores.copy()
    scores[seen] -= settings.frequency_penalty * times
    left.rescore(scores)


def forbid_ngrams(left: Left, settings: Settings) -> Mask | None:
    """Removes every token that would complete a run of n tokens that stood before.

    After 7 8 9 7 8 with n = 3 the token 9 goes: 7 8 9 stood already. With n = 1 no token comes twice. The prefix
    counts. Source: Paulus et al. 2017 (arXiv 1705.04304); transformers, NoRepeatNGramLogitsProcessor.
    """
    size, history = settings.no_repeat_ngram_size, left.history
    if history.size < size:
        return None
    # Places that an earlier run of n - 1 tokens, equal to the last ones, ends before.
    places = np.arange(size - 1, history.size)
    for back in range(1, size):
        places = places[history[places - back] == history[-back]]
    return left.mask(left.find(history[places])[0])


def discourage_repeats(left: Left, settings: Settings) -> None:
    """DRY ("don't repeat yourself"): the longer the repetition that a token would lengthen, the less likely it gets.

    The penalty is multiplier * base ** (length - allowed_length), `length` being how many of the last tokens stand
    before an earlier occurrence of the candidate too, from allowed_length on. A sequence breaker ends a repetition and
    is never penalized. After 7 8 9 7 8 with multiplier 1, base 2, allowed length 2 the token 9 loses 1 * 2 ** 0 = 1;
    after 6 7 8 9 6 7 8 it loses 2. The prefix counts. Limits: multiplier 0 to 100, base 1 to 100. Source: p-e-w 2024
    (text-generation-webui pull request 5677); llama.cpp, whose breakers are strings, ours are token ids.
    """
    history = left.history
    breaks = np.flatnonzero(np.isin(history, settings.dry_breakers))
    limit = history.size - 1 - int(breaks[-1]) if breaks.size else history.size
    allowed = settings.dry_allowed_length
    if history.size <= allowed or limit < allowed:
        return
    steepest = int(LARGEST_LOG / math.log(settings.dry_base)) if settings.dry_base > 1.000001 else 0
    longest = min(limit, allowed + steepest) if steepest else limit
    lengths = np.zeros(left.vocabulary, dtype=np.intp)  # by token
    places = np.arange(1, history.size)  # of tokens that something stands before
    length = 0
    while places.size and length < longest:
        length += 1
        places = places[places >= length]
        places = places[history[places - length] == history[-length]]
        lengths[history[places]] = length
    if steepest == 0:  # the penalty does not grow
        steepest = max(0, longest - allowed)
    lengths[[token for token in settings.dry_breakers if token < left.vocabulary]] = 0
    repeated = np.flatnonzero(lengths >= allowed)
    if not repeated.size:
        return
    at, _ = left.find(repeated)
    exponent = np.minimum(lengths[left.tokens[at]] - allowed, steepest)
    scores = left.scores.copy()
    scores[at] -= settings.dry_multiplier * settings.dry_base ** exponent.astype(np.float64)
    left.rescore(scores)


# Single tokens


def add_bias(left: Left, settings: Settings) -> None:
    """Adds each bias to its token's logit. A bias of +1 multiplies the odds by e. Limits: -100 to 100.

    Source: OpenAI's API (logit_bias); transformers, SequenceBiasLogitsProcessor for single tokens.
    """
    biases = dict(settings.logit_bias)
    at, _ = left.find(np.array(list(biases), dtype=np.intp))
    scores = left.scores.copy()
    scores[at] += np.array([biases[int(token)] for token in left.tokens[at]])
    left.rescore(scores)


def ban(left: Left, settings: Settings) -> Mask:
    """Rules the banned tokens out. Banning 13 leaves every other token with its share of what 13 had.

    Source: transformers, NoBadWordsLogitsProcessor for single tokens.
    """
    return left.mask(left.find(np.array(settings.banned, dtype=np.intp))[0])


def postpone_end(left: Left, settings: Settings) -> Mask | None:
    """Rules `<|endoftext|>` out until enough new tokens stand: with 5, the sixth new token is the first that may be it.

    Source: transformers, MinNewTokensLengthLogitsProcessor.
    """
    moment = left.moment
    if moment.end_of_text is None or moment.position - moment.prompt >= settings.min_new_tokens:
        return None
    return left.mask(left.find(np.array([moment.end_of_text]))[0])


# Temperature


def temper(left: Left, settings: Settings) -> Mask | None:
    """Divides the logits by the temperature; 0 leaves the highest alone (ties: the smallest id).

    Logits (2, 1) are odds of e : 1 at temperature 1 and of e**2 : 1 at 0.5. Limits: 0 to 100. Source: transformers,
    TemperatureLogitsWarper.
    """
    return _temper(left, settings.temperature)


def temper_by_entropy(left: Left, settings: Settings) -> Mask | None:
    """Dynamic temperature: low where the network is sure, high where it is not.

    Between temperature - range (0 at least) and temperature + range, at (entropy / largest possible entropy) **
    exponent of the way. With temperature 1, range 0.5, exponent 1 an even choice gets 1.5, a certain one 0.5, and one
    with half the possible entropy 1. Limits: range 0 to 100, exponent 0.01 to 100. Source: kalomaze 2023; llama.cpp
    (dynatemp_range, dynatemp_exponent).
    """
    n = left.scores.size
    if n < 2:
        return None
    share = entropy(left) / math.log(n)
    low = max(0.0, settings.temperature - settings.dynatemp_range)
    high = settings.temperature + settings.dynatemp_range
    return _temper(left, low + (high - low) * min(1.0, share) ** settings.dynatemp_exponent)


def _temper(left: Left, temperature: float) -> Mask | None:
    scores = left.scores
    best = int(np.argmax(scores))
    if temperature <= 0:
        return ~left.mask(np.array([best]))
    if max(scores[best], -scores.min()) >= LARGEST * temperature:
        # Subtracting the highest first, and a floor, keep tiny temperatures from overflowing.
        with np.errstate(over="ignore"):
            left.rescore(np.maximum((scores - scores[best]) / temperature, LOWEST))
    else:
        left.rescore(scores / temperature)
    return None


# Cuts


def cut_top_k(left: Left, settings: Settings) -> Mask | None:
    """Keeps the k most probable tokens, and those tied with the k-th. Source: Fan et al. 2018 (arXiv 1805.04833).

    Scores (3, 2, 2, 1) with k = 2 keep the first three.
    """
    if settings.top_k >= left.scores.size:
        return None
    cut: Mask = left.scores < nth_highest(left.scores, settings.top_k)
    return cut


def cut_top_p(left: Left, settings: Settings) -> Mask:
    """Keeps a token if the mass above it is less than p. Source: Holtzman et al. 2019 (arXiv 1904.09751).

    Probabilities (0.5, 0.3, 0.15, 0.05) with p = 0.9 keep the first three: above the third lies 0.8, above the
    fourth 0.95. The most probable token always stays; among ties the smaller ids do.
    """
    mass = left.mass
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


def cut_min_p(left: Left, settings: Settings) -> Mask:
    """Keeps tokens with at least min_p times the highest probability. Source: Nguyen et al. 2024 (arXiv 2407.01082).

    Probabilities (0.5, 0.3, 0.04) with min_p = 0.1 keep the first two: the bar is 0.05.
    """
    cut: Mask = left.scores < left.scores.max() + math.log(settings.min_p)
    return cut


def cut_typical(left: Left, settings: Settings) -> Mask:
    """Keeps the tokens whose surprisal is nearest to the entropy, until their mass reaches p.

    Probabilities (0.6, 0.3, 0.1) have an entropy of 0.90 nats and surprisals of 0.51, 1.20 and 2.30, so distances of
    0.39, 0.31 and 1.40: p = 0.2 keeps the second alone, p = 0.5 the first two. Even the most probable token can go.
    Source: Meister et al. 2022 (arXiv 2202.00666); transformers, TypicalLogitsWarper.
    """
    mass = left.mass
    total = float(mass.sum())
    distance = np.abs(left.top + math.log(total) - left.scores - entropy(left))
    goal = settings.typical_p * total
    keys = _coarse(distance)
    edge_key, before = _reaching(keys, mass, goal)
    edges = np.flatnonzero(keys == edge_key)
    edges = edges[np.argsort(distance[edges], kind="stable")]
    last = int(np.searchsorted(before + np.cumsum(mass[edges]), goal, side="left"))
    cut: Mask = distance > distance[edges[min(last, edges.size - 1)]]
    return cut


def cut_epsilon(left: Left, settings: Settings) -> Mask:
    """Keeps tokens of at least this probability, and the most probable one.

    Probabilities (0.9, 0.0995, 0.0005) with 0.001 keep the first two. Source: Hewitt et al. 2022 (arXiv 2210.15191);
    transformers, EpsilonLogitsWarper.
    """
    return _rarer_than(left, settings.epsilon_cutoff)


def cut_eta(left: Left, settings: Settings) -> Mask:
    """Like epsilon, with a bar that sinks where the entropy is high: min(epsilon, sqrt(epsilon) * exp(-entropy)).

    With 0.01 an even choice among 200 tokens (0.005 each, entropy ln 200) has its bar at 0.1 / 200 = 0.0005 and keeps
    them all, where epsilon would not. The most probable token stays. Source: Hewitt et al. 2022 (arXiv 2210.15191);
    transformers, EtaLogitsWarper.
    """
    epsilon = settings.eta_cutoff
    return _rarer_than(left, min(epsilon, math.sqrt(epsilon) * math.exp(-entropy(left))))


def _rarer_than(left: Left, bar: float) -> Mask:
    rare: Mask = left.mass < bar * left.mass.sum()
    # Never all of them: the most probable stay.
    rare &= left.scores < left.scores.max()
    return rare


def cut_top_n_sigma(left: Left, settings: Settings) -> Mask:
    """Keeps logits within n standard deviations of the highest. Source: Tang et al. 2024 (arXiv 2411.07641); llama.cpp.

    Logits (4, 2, 0, -2) have a standard deviation of 2.24: n = 1 keeps (4, 2), whose bar is 1.76. The same at every
    temperature. What earlier steps removed does not count.
    """
    cut: Mask = left.scores < left.scores.max() - settings.top_n_sigma * left.scores.std()
    return cut


def exclude_top_choices(left: Left, settings: Settings) -> Mask | None:
    """XTC ("exclude top choices"): now and then removes the obvious choices, so that a less obvious good one is taken.

    With the given probability (a coin of its own, stream 1), of all tokens with at least the threshold only the least
    probable stays. Probabilities (0.5, 0.3, 0.15, 0.05) with threshold 0.1 lose the first two. Nothing happens where
    fewer than two reach it, so never with a threshold above 0.5. Source: p-e-w 2024 (text-generation-webui pull
    request 6335); llama.cpp.
    """
    above = np.flatnonzero(left.mass >= settings.xtc_threshold * left.mass.sum())
    moment = left.moment
    if above.size < 2 or step_chance(moment.seed, moment.coin_position, moment.roll) >= settings.xtc_probability:
        return None
    scores = left.scores[above]
    stays = above[np.flatnonzero(scores == scores.min())[-1]]
    gone = np.zeros(left.scores.size, dtype=np.bool_)
    gone[above] = True
    gone[stays] = False
    return gone


def cut_mirostat(left: Left, settings: Settings) -> Mask:
    """Mirostat v2: keeps tokens with a surprisal of at most mu bits; mu moves so that the mean surprisal nears tau.

    mu begins at 2 tau; after each flip it loses eta * (surprisal of the token among those that were kept - tau). With
    tau 3, eta 0.1 it is 6 at first, and 6.1 after a token of 2 bits. The most probable token stays. Source: Basu et al.
    2020 (arXiv 2007.14966), in the form of llama.cpp (--mirostat 2).
    """
    mu = 2 * settings.mirostat_tau if left.moment.mu is None else left.moment.mu
    return _rarer_than(left, 2.0**-mu if mu < 1000 else 0.0) if mu > 0 else left.scores < left.scores.max()


def next_mu(mu: float | None, settings: Settings, p_final: float) -> float:
    """Mirostat's state after a token that was chosen with this final probability, from the state before it."""
    mu = 2 * settings.mirostat_tau if mu is None else mu
    return mu - settings.mirostat_eta * (-math.log2(p_final) - settings.mirostat_tau) if p_final > 0 else mu


def entropy(left: Left) -> float:
    """The entropy in nats of what is left."""
    mass = left.mass
    total = float(mass.sum())
    # Not np.dot: after it, BLAS's own threads go on spinning on the cores that the next token needs.
    mean = float((mass * np.maximum(left.scores - left.top, -LARGEST)).sum()) / total
    return max(0.0, math.log(total) - mean)


STEPS: dict[str, Callable[[Left, Settings], Mask | None]] = {
    "repetition_penalty": penalize_repetition,
    "presence_penalty": penalize_presence,
    "frequency_penalty": penalize_frequency,
    "no_repeat_ngram_size": forbid_ngrams,
    "dry": discourage_repeats,
    "logit_bias": add_bias,
    "banned": ban,
    "min_new_tokens": postpone_end,
    "temperature": temper,
    "dynamic_temperature": temper_by_entropy,
    "top_k": cut_top_k,
    "top_p": cut_top_p,
    "min_p": cut_min_p,
    "typical_p": cut_typical,
    "epsilon_cutoff": cut_epsilon,
    "eta_cutoff": cut_eta,
    "top_n_sigma": cut_top_n_sigma,
    "xtc": exclude_top_choices,
    "mirostat": cut_mirostat,
}
"""What each step of `engine.sampling.settings.CHAIN` does."""
