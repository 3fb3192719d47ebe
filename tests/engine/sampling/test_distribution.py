import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings

logit_lists = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=60)
chains = st.builds(
    Settings,
    temperature=st.sampled_from([0.3, 0.8, 1.0, 1.7]),
    top_k=st.integers(0, 70),
    top_p=st.sampled_from([0.1, 0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5]),
)


@given(logit_lists, chains)
def test_probabilities_sum_to_one_and_removed_tokens_have_none(values: list[float], chain: Settings) -> None:
    dist = distribution(np.array(values, dtype=np.float32), chain)
    assert dist.raw.sum() == pytest.approx(1)
    assert dist.final.sum() == pytest.approx(1)
    assert np.all((dist.final == 0) >= (dist.removed > 0))
    assert dist.kept == np.count_nonzero(dist.removed == 0) >= 1
    # What has a share was not removed; the most probable token stays, of several the first.
    assert np.all(dist.removed[dist.final > 0] == 0)
    assert dist.removed[np.argmax(dist.raw)] == 0


def test_top_k_keeps_ties() -> None:
    dist = distribution(np.array([3, 2, 2, 1], dtype=np.float32), Settings(top_k=2))
    assert [dist.removed_by(token) for token in range(4)] == [None, None, None, "top_k"]


def test_top_p_worked_example() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05])).astype(np.float32)
    dist = distribution(logits, Settings(top_p=0.9))
    assert [dist.removed_by(token) for token in range(4)] == [None, None, None, "top_p"]
    assert dist.final == pytest.approx([0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0], abs=1e-6)


def test_top_p_of_zero_keeps_the_most_probable_and_ties_keep_small_ids() -> None:
    logits = np.array([1, 2, 2, 0], dtype=np.float32)
    assert list(np.flatnonzero(distribution(logits, Settings(top_p=0.0)).final)) == [1]


@given(st.integers(0, 10_000))
def test_top_p_takes_no_more_than_it_needs_in_a_large_vocabulary(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, rng.uniform(0.1, 5), 20_000).astype(np.float32)
    p = rng.uniform(0.05, 0.999)
    dist = distribution(logits, Settings(top_p=p))
    kept = np.sort(dist.raw[dist.removed == 0])
    assert kept.sum() >= p - 1e-9
    assert kept[1:].sum() < p + 1e-9
    assert kept[0] >= dist.raw[dist.removed > 0].max(initial=0)


def test_min_p_worked_example() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.04, 0.16])).astype(np.float32)
    dist = distribution(logits, Settings(min_p=0.1))
    assert [dist.removed_by(token) for token in range(4)] == [None, None, "min_p", None]


def test_greedy_takes_the_smallest_id_among_the_highest() -> None:
    dist = distribution(np.array([0, 5, 5], dtype=np.float32), Settings(temperature=0))
    assert list(dist.final) == [0, 1, 0]
    assert dist.removed_by(2) == "temperature"


@pytest.mark.parametrize("temperature", [1e-300, 1e-9, 100.0])
def test_extreme_temperatures_stay_finite(temperature: float) -> None:
    dist = distribution(np.array([3, 1, 2], dtype=np.float32), Settings(temperature=temperature))
    assert np.all(np.isfinite(dist.final))
    assert dist.final.sum() == pytest.approx(1)
    assert dist.kept == 3


def test_bias_and_ban() -> None:
    dist = distribution(np.zeros(3, dtype=np.float32), Settings(logit_bias=((0, 1.0),), banned=(2,)))
    assert dist.final == pytest.approx([np.e / (np.e + 1), 1 / (np.e + 1), 0])
    assert dist.raw == pytest.approx([1 / 3] * 3)
    assert dist.removed_by(2) == "banned"


def test_each_removed_token_names_the_first_step_that_removed_it() -> None:
    logits = np.arange(10, 0, -1).astype(np.float32)
    dist = distribution(logits, Settings(banned=(0,), top_k=5, top_p=0.9))
    names = [dist.removed_by(token) for token in range(10)]
    assert names[0] == "banned"
    assert set(names[6:]) == {"top_k"}
    assert "top_p" in names


def test_order_is_final_then_raw_then_id() -> None:
    dist = distribution(np.array([1, 4, 3, 4, 2, 1], dtype=np.float32), Settings(top_k=2))
    assert list(dist.order()) == [1, 3, 2, 4, 0, 5]
    assert list(dist.order(4)) == [1, 3, 2, 4]
    assert list(dist.order(among=[0, 2, 5])) == [2, 0, 5]


@given(logit_lists)
def test_measures_agree_with_their_definitions(values: list[float]) -> None:
    dist = distribution(np.array(values, dtype=np.float32), Settings(top_k=3))
    p = dist.raw[dist.raw > 0]
    assert dist.entropy_raw == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-6)
    order = sorted(range(dist.size), key=lambda t: (-dist.logits[t], t))
    for rank, token in enumerate(order):
        assert dist.rank(token) == rank
    assert dist.surprisal(order[0]) == pytest.approx(-np.log2(dist.raw[order[0]]), abs=1e-6)


def test_logits_are_not_changed() -> None:
    logits = np.array([1, 2, 3], dtype=np.float32)
    distribution(logits, Settings(0.5, 2, 0.9, 0.1, ((0, 3.0),), (1,)))
    assert list(logits) == [1, 2, 3]


def test_damaged_logits_and_empty_choices_are_refused() -> None:
    with pytest.raises(EngineError, match="not finite"):
        distribution(np.array([1, np.nan], dtype=np.float32), Settings())
    with pytest.raises(EngineError, match="not finite"):
        distribution(np.array([1, np.inf], dtype=np.float32), Settings())
    with pytest.raises(InputError, match="banned"):
        distribution(np.zeros(2, dtype=np.float32), Settings(banned=(0, 1)))


def test_stages_say_how_much_each_step_left() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05])).astype(np.float32)
    dist = distribution(logits, Settings(banned=(0,), top_k=2), account=True)
    assert dist.stages is not None
    assert [(stage.rule, stage.kept) for stage in dist.stages] == [("banned", 3), ("top_k", 2)]
    assert [stage.mass_removed for stage in dist.stages] == pytest.approx([0.5, 0.05 / 0.5])


@given(logit_lists, chains)
def test_stages_account_for_every_removed_token(values: list[float], chain: Settings) -> None:
    dist = distribution(np.array(values, dtype=np.float32), chain, account=True)
    assert dist.stages is not None
    assert tuple(stage.rule for stage in dist.stages) == chain.active()
    left = dist.size
    for stage in dist.stages:
        assert left - stage.kept == sum(dist.removed_by(token) == stage.rule for token in range(dist.size))
        left = stage.kept
    assert left == dist.kept


def test_a_ban_of_the_only_likely_token_leaves_the_others_in_proportion() -> None:
    dist = distribution(np.array([900, 1, 0], dtype=np.float32), Settings(banned=(0,)))
    assert dist.final == pytest.approx([0, np.e / (np.e + 1), 1 / (np.e + 1)])
