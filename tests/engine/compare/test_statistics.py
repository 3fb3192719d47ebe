import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.compare.statistics import (
    compare_streams,
    divergence,
    highest_and_lowest,
    mean_and_spread,
    over_seeds,
    stream_stats,
)
from gpt2_remix.engine.generation.step import Step

tokens = st.lists(st.integers(0, 3), max_size=40)


def steps(ids: list[int], surprisal: float = 2.0) -> list[Step]:
    return [Step(n, token, "sampled", surprisal=surprisal + n, entropy=1.0) for n, token in enumerate(ids)]


def test_worked_example() -> None:
    stats = stream_stats(steps([1, 2, 3, 4, 1, 2, 3, 4])).to_dict()
    assert stats["mean_surprisal"] == 2 + 3.5
    assert stats["mean_entropy"] == 1
    assert stats["perplexity"] == 2**5.5
    assert stats["distinct_1"] == 4 / 8
    assert stats["distinct_2"] == 4 / 7
    assert stats["repeated_4gram_fraction"] == pytest.approx(1 / 5)


@given(tokens)
def test_running_measures_are_those_of_the_whole(ids: list[int]) -> None:
    stats = stream_stats(steps(ids)).to_dict()
    for name, size in (("distinct_1", 1), ("distinct_2", 2), ("repeated_4gram_fraction", 4)):
        grams = [tuple(ids[n : n + size]) for n in range(len(ids) - size + 1)]
        if not grams:
            assert stats[name] is None
        else:
            share = len(set(grams)) / len(grams)
            assert stats[name] == pytest.approx(1 - share if size == 4 else share)


def test_nothing_has_no_measures() -> None:
    assert set(stream_stats([]).to_dict().values()) == {None}


@given(tokens, tokens)
def test_partings(a: list[int], b: list[int]) -> None:
    found = compare_streams(a, b)
    n = min(len(a), len(b))
    assert found.compared == n
    assert found.same == sum(x == y for x, y in zip(a, b, strict=False))
    if found.first is None:
        assert a[:n] == b[:n]
    else:
        assert a[: found.first] == b[: found.first]
        assert a[found.first] != b[found.first]
        assert divergence(a, b) == found.first
        if found.apart is None:
            assert all(x != y for x, y in zip(a[found.first :], b[found.first :], strict=False))
        else:
            meet = found.first + found.apart
            assert all(x != y for x, y in zip(a[found.first : meet], b[found.first : meet], strict=False))
            assert a[meet : meet + found.together] == b[meet : meet + found.together]
            assert found.together >= 1


def test_a_stream_that_ends_early_diverges_where_it_ends() -> None:
    assert divergence([1, 2], [1, 2, 3]) == 2
    assert divergence([1, 2], [1, 2]) is None


def test_highest_and_lowest() -> None:
    assert highest_and_lowest([3.0, 1.0, None, 2.0]) == ({0}, {1})
    assert highest_and_lowest([0.3, 0.9]) == ({1}, {0})
    assert highest_and_lowest([0.3, 0.3]) == (set(), set())
    assert highest_and_lowest([None]) == (set(), set())


def test_mean_and_spread() -> None:
    assert mean_and_spread([2.0, 4.0]) == pytest.approx((3.0, math.sqrt(2)))
    assert mean_and_spread([5.0]) == (5.0, 0.0)
    table = over_seeds([stream_stats(steps([1, 2])).to_dict(), stream_stats(steps([1, 1])).to_dict()])
    assert table["distinct_1"] == pytest.approx((0.75, math.sqrt(0.125)))
    assert table["repeated_4gram_fraction"] is None
