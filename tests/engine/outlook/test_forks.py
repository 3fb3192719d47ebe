"""Forks against every continuation of a small network, and against the formulas written out."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import logits_at
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.stream import given_text
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.outlook.forks import (
    SHUFFLES,
    ForkQuestion,
    Forks,
    find_forks,
    measure,
    shuffler,
)
from gpt2_remix.engine.outlook.outcomes import OutcomeReader, check_outcomes, parse_outcome
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings, parse_settings
from tests.engine.outlook.small import END, paths, tokenizer

OUTCOMES = (parse_outcome("ab=ab"), parse_outcome("one=1|é"))
TEXT = [0, 3, 2, 1, 5]


def run(small: LocalBackend, ids: list[int], *, first: int = 1, **options: Any) -> Forks:
    asked: dict[str, Any] = {"outcomes": OUTCOMES, "settings": Settings(), "seed": 1, "length": 2}
    question = ForkQuestion(**asked | options)
    *_, last = find_forks(small, given_text(ids, first), question, tokenizer=tokenizer())
    return last


def wilson(share: float, rolls: int, z: float = 2.5758) -> tuple[float, float]:
    """The 99 % interval of a share (Wilson 1927)."""
    middle = (share + z * z / (2 * rolls)) / (1 + z * z / rolls)
    half = z / (1 + z * z / rolls) * math.sqrt(share * (1 - share) / rolls + z * z / (4 * rolls * rolls))
    return middle - half, middle + half


@pytest.mark.parametrize(("settings", "coin"), [("", "interval"), ("temperature=0.7,repetition_penalty=1.3", "gumbel")])
def test_shares_are_those_of_all_continuations(small: LocalBackend, settings: str, coin: str) -> None:
    """Over 100 seeds the 99 % Wilson interval of a share holds the exact one in at least 97 % of the cells."""
    chosen, reader, words = parse_settings(settings), OutcomeReader(OUTCOMES), tokenizer()
    exact: dict[tuple[int, int], list[float]] = {}
    inside = cells = 0
    for seed in range(0, 100 * 32, 32):
        forks = run(small, TEXT, seed=seed, settings=chosen, coin=coin, rolls=32)
        for fork in forks.positions:
            for other in fork.alternatives:
                key = fork.position, other.token
                if key not in exact:
                    exact[key] = [0.0] * 3
                    whole = [*TEXT[: fork.position], other.token]
                    if other.token == END:
                        exact[key][2] = 1.0
                    for ids, p in paths(small, whole, chosen, 2, words) if other.token != END else ():
                        new = [token for token in ids if token != END]
                        exact[key][reader.read(words.decode_bytes([other.token, *new]))] += p
                for truth, share in zip(exact[key], other.shares(3), strict=True):
                    low, high = wilson(share, 32)
                    cells += 1
                    inside += low - 1e-9 <= truth <= high + 1e-9
    assert cells > 3000
    assert inside / cells >= 0.97


@examples(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 1000))
def test_what_is_measured_follows_from_the_rolls(alternatives: int, rolls: int, seed: int) -> None:
    """The formulas of the definition, written out over plain lists."""
    rng = np.random.default_rng(seed)
    outcomes = rng.integers(0, 3, (alternatives, rolls))
    weights = rng.dirichlet(np.ones(alternatives))
    chosen = seed % alternatives

    def distances(table: list[list[int]]) -> tuple[float, float]:
        shares = [[row.count(o) / len(row) for o in range(3)] for row in table]
        mixed = [sum(w * share[o] for w, share in zip(weights, shares, strict=True)) for o in range(3)]
        apart = [sum(abs(share[o] - mixed[o]) for o in range(3)) / 2 for share in shares]
        return sum(w * tv for w, tv in zip(weights, apart, strict=True)), apart[chosen]

    def jackknife(which: int) -> float | None:
        if rolls == 1:
            return None
        left = [distances([[o for n, o in enumerate(row) if n != out] for row in table])[which] for out in range(rolls)]
        mean = sum(left) / rolls
        return math.sqrt((rolls - 1) / rolls * sum((value - mean) ** 2 for value in left))

    table = outcomes.tolist()
    found = measure(outcomes, weights, chosen, 3, shuffler(seed, 5))
    assert (found.fork, found.pull) == pytest.approx(distances(table))
    assert found.fork_se == pytest.approx(jackknife(0))
    assert found.pull_se == pytest.approx(jackknife(1))
    again, forks = shuffler(seed, 5), []
    for _ in range(SHUFFLES):
        shuffled = again.permuted(outcomes, axis=0)
        assert np.array_equal(np.sort(shuffled, axis=0), np.sort(outcomes, axis=0))  # roll by roll
        forks.append(distances(shuffled.tolist())[0])
    assert found.chance == pytest.approx(sum(forks) / SHUFFLES)


def test_rolls_are_what_generating_gives(small: LocalBackend) -> None:
    words = tokenizer()
    for coin in ("interval", "gumbel"):
        forks = run(small, TEXT, seed=40, coin=coin, rolls=5, length=3, threshold=0.1)
        reader = OutcomeReader(OUTCOMES)
        for fork in forks.positions:
            final = distribution(logits_at(small, [(TEXT, fork.position)], END)[0], Settings()).final
            tokens = sorted({fork.token, *np.flatnonzero(final >= 0.1).tolist()}, key=lambda n: (-final[n], n))
            assert [other.token for other in fork.alternatives] == tokens
            assert [other.p for other in fork.alternatives] == pytest.approx([final[n] for n in tokens])
            assert fork.weights.sum() == pytest.approx(1)
            for other in fork.alternatives:
                for roll in range(5 if other.token != END else 0):
                    lane = Lane([*TEXT[: fork.position], other.token], Settings(), 41 + roll, coin, end_of_text=END,
                                limit=3, prompt=1)
                    while advance(small, [lane], words):
                        pass
                    new = [token for token in lane.new_ids if token != END]
                    assert other.outcomes[roll] == reader.read(words.decode_bytes([other.token, *new]))
                    assert lane.new_ids[: len(other.texts[roll])] == other.texts[roll]


def test_nothing_is_computed_twice(small: LocalBackend) -> None:
    forks = run(small, TEXT, rolls=8, length=4)
    assert forks.computed <= 8 * 4 * sum(len(fork.alternatives) for fork in forks.positions)
    assert run(small, TEXT, rolls=8, length=4).computed == 0  # the cache has it all


def test_the_most_uncertain_position_comes_first_and_it_can_be_stopped(small: LocalBackend) -> None:
    question = ForkQuestion(OUTCOMES, Settings(), 1, length=2, rolls=4)
    going = find_forks(small, given_text(TEXT, 1), question, tokenizer=tokenizer())
    seen: list[int] = []
    for forks in going:
        seen += [fork.position for fork in forks.done if fork.position not in seen]
        if len(seen) == 2:
            break
    going.close()
    assert seen == [fork.position for fork in forks.order[:2]]
    entropies = [fork.entropy for fork in forks.order if len(fork.alternatives) > 1]
    assert entropies == sorted(entropies, reverse=True)
    assert [fork.position for fork in forks.positions] == [1, 2, 3, 4]


def test_a_coin_on_which_nothing_hangs_is_no_fork(small: LocalBackend) -> None:
    forks = run(small, TEXT, outcomes=(parse_outcome("never=zz"),))
    for fork in forks.positions:
        assert fork.measured is not None
        measured = fork.measured
        assert (measured.fork, measured.pull, measured.chance, measured.fork_se) == pytest.approx((0, 0, 0, 0))
    alone = run(small, TEXT, threshold=1.0)
    assert all(len(fork.alternatives) == 1 for fork in alone.positions)
    assert all(fork.measured is not None and fork.measured.fork == 0 for fork in alone.positions)


def test_a_cut_token_stands_there_all_the_same(small: LocalBackend) -> None:
    forks = run(small, TEXT, settings=Settings(top_k=1), rolls=3)
    assert all(fork.token in [other.token for other in fork.alternatives] for fork in forks.positions)
    assert any(other.p == 0 for fork in forks.positions for other in fork.alternatives)
    assert all(fork.measured is not None and math.isfinite(fork.measured.fork) for fork in forks.positions)


@pytest.mark.parametrize(("text", "outcome"), [
    ("a 1", 1), ("1 ab", 1), ("ab1", 0), ("", 2), ("a b", 2),
])
def test_the_earliest_match_counts(text: str, outcome: int) -> None:
    reader = OutcomeReader(OUTCOMES)
    assert reader.read(text.encode()) == outcome


def test_a_pattern_alone_is_its_own_name() -> None:
    for text, name in (("he", "he"), ("(?=x)y", "(?=x)y"), ("a=b=c", "a"), ("(?<=x)y", "(?<=x)y")):
        assert parse_outcome(text).name == name
    assert parse_outcome("a=b=c").pattern.text == "b=c"


def test_ties_go_by_the_order_of_naming() -> None:
    assert OutcomeReader([parse_outcome("x=ab"), parse_outcome("y=abc")]).read(b"abc") == 0
    assert OutcomeReader([parse_outcome("y=abc"), parse_outcome("x=ab")]).read(b"abc") == 0


@examples(max_examples=200, deadline=None)
@given(st.text("ab1.é ", max_size=8), st.text("ab1.é ", max_size=8))
def test_what_is_settled_stays(text: str, more: str) -> None:
    for outcomes in (["x=ab", "y=b1"], ["x=a..b", "y=1"], ["x=\\bab\\b", "y=é"], ["x=b", "y=.*1"], ["x=ab$", "y=1"]):
        reader = OutcomeReader([parse_outcome(one) for one in outcomes])
        settled = reader.settled(text.encode())
        if settled is not None:
            assert reader.read((text + more).encode()) == settled


@pytest.mark.parametrize(("outcomes", "says"), [
    ([], "name 1 to 8 outcomes"), (["a=b", "a=c"], "two outcomes are called 'a'"), (["other=b"], "what is left"),
    (["=b"], "write NAME=REGEX"), (["(?=x"], "not a regular expression"),
    (["a="], "write NAME=REGEX"), (["a=("], "not a regular expression"),
])
def test_what_are_no_outcomes(outcomes: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says.replace("(", "\\(")):
        check_outcomes([parse_outcome(one) for one in outcomes])


def test_seeds_end_somewhere(small: LocalBackend) -> None:
    with pytest.raises(InputError, match="seed"):
        next(islice(find_forks(small, given_text(TEXT, 1), ForkQuestion(OUTCOMES, Settings(), 2**63 - 5),
                               tokenizer=tokenizer()), 1))
