import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.sampling import coin
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import parse_settings

probabilities = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any).map(
    lambda weights: np.array(weights) / sum(weights)
)


def defined_u(seed: int, position: int, roll: int, stream: int, n: int) -> np.ndarray:
    """docs/coins.md's formula, written out once more."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, position, roll, stream])).random(n)


def slow_choice(final: np.ndarray, u: float) -> int:
    """docs/coins.md's definition of the interval coin, token by token."""
    order = sorted((token for token in range(len(final)) if final[token] > 0), key=lambda t: (-final[t], t))
    total = 0.0
    for token in order:
        total += final[token]
        if total > u:
            return token
    return order[-1]


@given(st.integers(0, 2**63 - 1), st.integers(0, 100_000), st.integers(0, 1000))
def test_u_is_the_formula(seed: int, position: int, roll: int) -> None:
    u = coin.interval_chance(seed, position, roll)
    assert u == defined_u(seed, position, roll, 0, 1)[0]
    assert 0 <= u < 1
    assert np.array_equal(coin.gumbel_uniforms(seed, position, roll, 7), defined_u(seed, position, roll, 2, 7))


def test_neighbouring_positions_share_no_numbers() -> None:
    drawn = np.concatenate([coin.uniforms(7, position, roll, 2, 50) for position in range(20) for roll in range(5)])
    assert len(set(drawn)) == len(drawn)


@given(probabilities, st.floats(0, 1, exclude_max=True))
def test_interval_choice_is_the_definition(final: np.ndarray, u: float) -> None:
    assert coin.choose_interval(final, u) == slow_choice(final, u)


@given(st.integers(0, 2**32), st.floats(0, 1, exclude_max=True))
def test_interval_choice_far_down_a_large_vocabulary(seed: int, u: float) -> None:
    final = np.random.default_rng(seed).random(5000).round(2)
    final /= final.sum()
    assert coin.choose_interval(final, u) == slow_choice(final, u)


def test_rounding_falls_on_the_last_token_with_a_share() -> None:
    final = np.array([0.3, 0.0, 0.3, 0.3999999])
    assert coin.choose_interval(final, 1 - 1e-9) == 2


@given(probabilities, st.floats(0, 1, exclude_max=True))
def test_the_marker_lies_in_the_share_of_the_choice(final: np.ndarray, u: float) -> None:
    start, end = coin.interval_span(final, coin.choose_interval(final, u))
    assert start - 1e-12 <= u < end + 1e-9


@given(probabilities)
def test_shares_cover_the_interval_in_order(final: np.ndarray) -> None:
    tokens, ends = coin.interval_shares(final, final.size)
    assert ends[-1] == pytest.approx(1)
    assert np.all(np.diff(final[tokens]) <= 0)


def test_interval_coin_is_fair() -> None:
    final = np.array([0.5, 0.3, 0.15, 0.05])
    chosen = [coin.choose_interval(final, coin.interval_chance(1, n, 0)) for n in range(20_000)]
    assert np.bincount(chosen, minlength=4) / 20_000 == pytest.approx(final, abs=0.015)


def test_gumbel_coin_is_fair_and_takes_only_kept_tokens() -> None:
    final = np.array([0.5, 0.0, 0.3, 0.2])
    chosen = [coin.choose_gumbel(final, coin.gumbel_uniforms(1, n, 0, 4)) for n in range(20_000)]
    assert np.bincount(chosen, minlength=4) / 20_000 == pytest.approx(final, abs=0.015)


@pytest.mark.parametrize("chain", ["", "temperature=0.7,top_p=0.9", "temperature=1.4,min_p=0.05,typical_p=0.95"])
@pytest.mark.parametrize("kind", ["interval", "gumbel"])
def test_over_many_seeds_both_coins_are_faithful_to_the_final_distribution(kind: str, chain: str) -> None:
    """Chi-square over 20,000 seeds, at one position of one distribution; tokens expected less than 5 times as one."""
    logits = np.random.default_rng(3).normal(0, 1, 60).astype(np.float32)
    final = distribution(logits, parse_settings(chain)).final
    count = 20_000
    chosen = [
        coin.choose_interval(final, coin.interval_chance(seed, 9, 0)) if kind == "interval"
        else coin.choose_gumbel(final, coin.gumbel_uniforms(seed, 9, 0, final.size)) for seed in range(count)
    ]
    seen, expected = np.bincount(chosen, minlength=final.size), final * count
    assert not seen[final == 0].any()
    rare = expected < 5
    cells = [*zip(seen[~rare], expected[~rare], strict=True)]
    if expected[rare].sum() >= 5:
        cells.append((seen[rare].sum(), expected[rare].sum()))
    statistic = sum((a - b) ** 2 / b for a, b in cells)
    freedom = len(cells) - 1
    assert freedom > 10
    # The 99.9 % quantile of chi-square, after Wilson and Hilferty 1931.
    assert statistic < freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3


@given(probabilities, st.integers(0, 1000))
def test_gumbel_choice_is_the_definition(final: np.ndarray, seed: int) -> None:
    luck = coin.gumbel_uniforms(seed, 3, 0, final.size)
    with np.errstate(divide="ignore"):
        scores = np.log(final) - np.log(-np.log(luck))
    assert coin.choose_gumbel(final, luck) == int(np.argmax(scores))


def test_gumbel_luck_of_zero_does_not_win() -> None:
    assert coin.choose_gumbel(np.array([0.9, 0.1]), np.array([0.0, 0.5])) == 1
    assert coin.choose_gumbel(np.array([0.1, 0.9]), np.array([0.0, 0.0])) == 1


def test_race_is_ordered_and_adds_up() -> None:
    final = np.array([0.5, 0.0, 0.3, 0.2])
    race = coin.gumbel_race(final, coin.gumbel_uniforms(5, 1, 0, 4), 3)
    assert [runner.score for runner in race] == sorted((runner.score for runner in race), reverse=True)
    for runner in race:
        assert runner.score == pytest.approx(runner.log_p + runner.luck)
        assert runner.log_p == pytest.approx(np.log(final[runner.token]))
