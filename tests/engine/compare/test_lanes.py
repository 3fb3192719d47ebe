"""Lanes side by side: the same as alone, the same coins, counterfactuals, repeats."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.compare.lanes import (
    LaneSpec,
    LaneStart,
    divergences,
    lane_starts,
    parse_lane,
    run_together,
    start_lanes,
)
from gpt2_remix.engine.compare.repeats import repeat
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import window_start
from gpt2_remix.engine.generation.counterfactual import rechoose, script_of
from gpt2_remix.engine.generation.decode import advance, pick_token
from gpt2_remix.engine.generation.lane import Lane, lane_at
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.generation.stream import Prefix
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.sampling.coin import choose_gumbel, choose_interval, gumbel_uniforms, interval_chance
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import CoinKind, Settings
from gpt2_remix.engine.session.replay import within_rounding
from gpt2_remix.engine.tokens.tokenizer import without_texts
from tests.kinds import Checkpoint

END = 1
TOKENS = without_texts(END)

chains = st.builds(
    Settings,
    temperature=st.sampled_from([0.0, 0.4, 0.8, 1.0, 1.5]),
    top_k=st.sampled_from([0, 0, 5, 20]),
    top_p=st.sampled_from([1.0, 1.0, 0.8]),
    repetition_penalty=st.sampled_from([1.0, 1.0, 1.3]),
    frequency_penalty=st.sampled_from([0.0, 0.5]),
    dry_multiplier=st.sampled_from([0.0, 0.8]),
    xtc_probability=st.sampled_from([0.0, 0.0, 0.5]),
    mirostat_tau=st.sampled_from([0.0, 0.0, 3.0]),
    min_new_tokens=st.sampled_from([0, 3]),
)


def run(backend: LocalBackend, lanes: list[Lane]) -> None:
    for _ in run_together(backend, lanes, TOKENS):
        pass


def test_lane_texts() -> None:
    assert parse_lane("temperature=0.7,top_p=0.9") == LaneSpec(
        Settings(temperature=0.7, top_p=0.9), None, "temperature=0.7,top_p=0.9"
    )
    assert parse_lane('"Call me \\"Ishmael\\"" temperature=1.5').prefix == 'Call me "Ishmael"'
    assert parse_lane('"" temperature=1.5').prefix == ""
    assert parse_lane("nucleus,temperature=0.5").settings == Settings(temperature=0.5, top_p=0.95)
    assert parse_lane("greedy").settings == Settings(temperature=0.0)
    assert parse_lane("").settings == Settings()
    assert parse_lane("temperature=0.5", Settings(top_k=3)).settings == Settings(temperature=0.5, top_k=3)


@pytest.mark.parametrize(("text", "said"), [
    ('"Call me', "not closed"), ("temprature=1", "did you mean temperature"), ("gredy", "did you mean greedy"),
    ("temperature=1,nucleus", "no setting 'nucleus'"), ('"a" "b"', "no preset|no setting"),
])
def test_bad_lanes_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_lane(text)
    assert text in str(caught.value) or repr(text) in str(caught.value)


@given(st.text())
def test_any_lane_is_read_or_refused_by_name(text: str) -> None:
    try:
        spec = parse_lane(text)
    except InputError as error:
        said = str(error)
    else:
        said = ""
        assert parse_lane(spec.text).settings == spec.settings
    assert not said or said.startswith(("lane ", "the prefix of lane "))


def same_luck(backend: LocalBackend, one: Lane, other: Lane) -> None:
    """Two lanes are the same to the last token, or part where a coin fell on an edge that rounding alone moves.

    In fp32 a row's last bits depend on how many rows go through a matrix with it; some coin falls between them.
    """
    for a, b in zip(one.steps, other.steps, strict=False):
        if a.token != b.token:
            before = other.tokens[: b.position]
            moment = SamplingContext(b.position, before, other.prompt or 0, TOKENS, b.seed or 0, b.roll, b.offset, b.mu)
            dist = distribution(backend.logits([before[window_start(b.position, 32) :]])[0], other.settings, moment)
            assert within_rounding(dist, b, a.token), (a, b)
            return
        assert a.u == b.u
    assert one.tokens == other.tokens


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(chains, st.integers(1, 40)), min_size=2, max_size=6), st.integers(0, 2**32), st.booleans(),
       st.sampled_from(["interval", "gumbel"]))
def test_lanes_agree_with_running_alone(tiny: Path, wanted: Any, seed: int, own: bool, coin: CoinKind) -> None:
    """Every lane of a batch, for prefixes of every length (past the context too), gives what it gives alone."""
    rng = np.random.default_rng(seed)
    specs = [LaneSpec(chain) for chain, _ in wanted]
    prefixes = [[int(token) for token in rng.integers(0, 97, length)] for _, length in wanted]

    def lanes() -> list[Lane]:
        return start_lanes(lane_starts(specs, prefixes), seed=seed, own_coins=own, coin=coin, limit=12)

    together = lanes()
    run(open_backend("tiny", tiny), together)
    for lane, alone in zip(together, lanes(), strict=True):
        run(open_backend("tiny", tiny), [alone])
        same_luck(open_backend("tiny", tiny), lane, alone)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chains, chains, st.integers(0, 2**32))
def test_equal_settings_never_diverge_and_u_is_equal_at_equal_positions(
    tiny: Path, a: Settings, b: Settings, seed: int
) -> None:
    lanes = start_lanes(lane_starts([LaneSpec(a), LaneSpec(b), LaneSpec(a)], [[5, 6]] * 3), seed=seed, limit=15)
    run(open_backend("tiny", tiny), lanes)
    assert lanes[0].tokens == lanes[2].tokens
    assert divergences(lanes)[0][2] is None
    for steps in zip(*(lane.steps for lane in lanes), strict=True):
        assert len({step.u for step in steps}) == 1


def test_lanes_of_different_prefixes_share_coins_from_the_end_of_the_prefix(tiny: Path) -> None:
    lanes = start_lanes(lane_starts([LaneSpec()] * 2, [[5, 6, 7], [9] * 10]), seed=7, limit=5)
    run(open_backend("tiny", tiny), lanes)
    assert [step.u for step in lanes[0].steps] == [step.u for step in lanes[1].steps]
    assert [step.u for step in lanes[0].steps] == [interval_chance(7, 3 + n, 0) for n in range(5)]
    assert {step.offset for step in lanes[1].steps} == {-7}
    assert [step.position for step in lanes[1].steps] == [10, 11, 12, 13, 14]


def test_own_coins_are_seeds_in_a_row(tiny: Path) -> None:
    lanes = start_lanes(lane_starts([LaneSpec()] * 3, [[5, 6]] * 3), seed=7, own_coins=True, limit=2)
    run(open_backend("tiny", tiny), lanes)
    assert [lane.steps[0].u for lane in lanes] == [interval_chance(seed, 2, 0) for seed in (7, 8, 9)]
    with pytest.raises(InputError):
        start_lanes(lane_starts([LaneSpec()] * 2, [[5]] * 2), seed=2**63 - 1, own_coins=True)


def test_sixteen_lanes_are_one_pass_a_step(tiny: Path) -> None:
    backend = open_backend("tiny", tiny)
    specs = [LaneSpec(Settings(temperature=0.5 + n / 8)) for n in range(16)]
    lanes = start_lanes(lane_starts(specs, [[5, 6, 7]] * 16), seed=3, limit=20)
    passes = []
    while advance(backend, lanes, TOKENS):
        passes.append(backend.passes)
    assert [after - before for before, after in zip([0, *passes], passes, strict=False)] == [1] * 20
    assert len({tuple(lane.tokens) for lane in lanes}) > 4


@pytest.mark.slow
def test_sixteen_lanes_of_the_124m_shape_are_one_pass_a_step(checkpoint: Checkpoint) -> None:
    folder = checkpoint(vocab_size=50257, n_positions=1024, n_embd=768, n_layer=12, n_head=12, initializer_range=0.02,
                        bos_token_id=50256, eos_token_id=50256)
    backend = open_backend("124M", folder)
    assert backend.info.parameters == 124_439_808
    specs = [LaneSpec(Settings(temperature=0.5 + n / 8)) for n in range(16)]
    lanes = start_lanes(lane_starts(specs, [[464, 1110]] * 16), seed=3, limit=4)
    passes = []
    while advance(backend, lanes, without_texts(50256)):
        passes.append(backend.passes)
    assert passes == [1, 2, 3, 4]
    assert len({tuple(lane.tokens) for lane in lanes}) > 4


# Counterfactuals


def stream(tiny: Path, count: int = 14, coin: CoinKind = "gumbel") -> tuple[LocalBackend, Lane]:
    backend = open_backend("tiny", tiny)
    lane = Lane([5, 6, 7], Settings(temperature=0.9), 7, coin, limit=count)
    run(backend, [lane])
    return backend, lane


@pytest.mark.parametrize("coin", ["interval", "gumbel"])
def test_nothing_changed_nothing_differs_and_nothing_is_computed_twice(tiny: Path, coin: CoinKind) -> None:
    backend, old = stream(tiny, coin=coin)
    computed = backend.computed
    new = Lane(old.tokens[:3], Settings(), 99, limit=14, script=script_of(old.steps))
    run(backend, [new])
    assert new.tokens == old.tokens
    assert backend.computed == computed


def test_rolls_and_picks_are_taken_again(tiny: Path) -> None:
    backend, old = stream(tiny)
    ids = old.tokens[:8]
    logits = backend.logits([ids])[0]
    picked = pick_token(distribution(logits, old.settings), 33, SamplingContext(8, ids, 3))
    lane = Lane([*ids, 33], old.settings, 11, "interval", roll=4, limit=3, prompt=3)
    run(backend, [lane])
    steps = [*old.steps[:5], picked, *lane.steps]
    new = Lane(old.tokens[:3], Settings(), 1, limit=len(steps), script=script_of(steps))
    run(backend, [new])
    assert new.tokens == lane.tokens
    assert [step.origin for step in new.steps] == [step.origin for step in steps]


def test_one_other_token_leaves_all_before_it_alone(tiny: Path) -> None:
    backend, old = stream(tiny)
    other = (old.tokens[9] + 1) % 97
    script = script_of(old.steps)
    script[9] = Step(9, other, "picked", settings=old.settings)
    computed = backend.computed
    new = Lane(old.tokens[:9], old.settings, old.seed, old.coin, limit=8, script=script, prompt=3)
    run(backend, [new])
    assert new.tokens[:9] == old.tokens[:9]
    assert new.tokens[9] == other
    assert backend.computed - computed <= 7  # the new tokens, but not the last one
    for step in new.steps[1:]:
        logits = backend.logits([new.tokens[: step.position]])[0]
        luck = gumbel_uniforms(7, step.position, 0, 97)
        assert step.token == choose_gumbel(distribution(logits, old.settings).final, luck)


def test_another_setting_or_prefix_keeps_the_coins(tiny: Path) -> None:
    backend, old = stream(tiny, coin="interval")
    warmer = Lane(old.tokens[:3], Settings(temperature=1.4), 7, limit=14,
                  script=script_of(old.steps, Settings(temperature=1.4)))
    longer = Lane([8, 9, 10, 11, 12], old.settings, 7, limit=14, script=script_of(old.steps, moved=2))
    run(backend, [warmer, longer])
    for lane in (warmer, longer):
        assert [step.u for step in lane.steps] == [step.u for step in old.steps]
    assert {step.settings for step in warmer.steps} == {Settings(temperature=1.4)}


def test_mirostat_is_restored_when_going_back(tiny: Path) -> None:
    backend = open_backend("tiny", tiny)
    chain = Settings(mirostat_tau=3.0, mirostat_eta=0.5)
    whole = Lane([5, 6, 7], chain, 7, limit=12)
    run(backend, [whole])
    for cut in range(1, 12):
        part = lane_at(whole, 3 + cut, chain, seed=7, limit=12 - cut)
        run(backend, [part])
        assert part.tokens == whole.tokens
        assert [step.mu for step in part.steps] == [step.mu for step in whole.steps[cut:]]
    assert whole.steps[0].mu is None
    assert len({step.mu for step in whole.steps}) == 12


# Repeats


@pytest.mark.parametrize("own_coins", [False, True])
def test_repeats_are_the_comparisons_of_each_seed(tiny: Path, own_coins: bool) -> None:
    """Also in mid-stream, where prompt, mirostat and the coins' offset are the stream's; and from a lane's own seed."""
    grown = lane_at(Prefix([5, 6, 7], offset=2), 3, Settings(mirostat_tau=3), seed=1, limit=5)
    run(open_backend("tiny", tiny), [grown])
    wanted = [LaneStart(grown, Settings(presence_penalty=3)), LaneStart(grown, Settings(mirostat_tau=3)),
              LaneStart(Prefix([5, 6, 7]), Settings(), seed=90), LaneStart(Prefix([5, 6, 7]), Settings())]
    *_, (result, done, total) = repeat(
        open_backend("tiny", tiny), wanted, seed=40, repeats=7, limit=6, tokenizer=TOKENS, own_coins=own_coins
    )
    assert (done, total) == (168, 168)
    assert result.seeds == list(range(40, 47))
    for n, seed in enumerate(result.seeds):
        starts = [replace(start, seed=None if start.seed is None else start.seed + n) for start in wanted]
        lanes = start_lanes(starts, seed=seed, limit=6, end_of_text=END, own_coins=own_coins)
        run(open_backend("tiny", tiny), lanes)
        assert [streams[n].tokens for streams in result.lanes] == [lane.tokens for lane in lanes]
        assert [streams[n].seed for streams in result.lanes] == [
            seed, seed + own_coins, 90 + n, seed + 3 * own_coins]
        assert [(lane.prompt, lane.offset) for lane in lanes[:2]] == [(3, 2)] * 2
        assert lanes[1].steps[0].mu is not None
    assert result.table()[0]["mean_surprisal"] is not None
    assert result.divergences()[0] == [None] * 7


def test_a_repeat_up_to_the_last_seed(tiny: Path) -> None:
    starts = lane_starts([LaneSpec()] * 2, [[5]] * 2)
    with pytest.raises(InputError, match="seed"):
        next(repeat(open_backend("tiny", tiny), starts, seed=2**63 - 3, repeats=3, limit=1, tokenizer=TOKENS,
                    own_coins=True))


def test_repeats_can_be_stopped_and_keep_what_is_finished(tiny: Path) -> None:
    going = repeat(
        open_backend("tiny", tiny),
        lane_starts([LaneSpec()] * 8, [[5]] * 8),
        seed=1,
        repeats=9,
        limit=4,
        tokenizer=TOKENS,
        stop_at_end=False,
    )
    for result, _, _ in going:
        if len(result.seeds) == 4:
            break
    cast(Generator[object], going).close()
    assert result.seeds == [1, 2, 3, 4]
    assert all(len(streams) == 4 for streams in result.lanes)


# What if


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chains, chains, st.integers(0, 2**32), st.sampled_from(["interval", "gumbel"]))
def test_what_if_gives_what_a_chain_gives_and_the_same_for_the_same(
    tiny: Path, chain: Settings, other: Any, seed: int, coin: CoinKind
) -> None:
    backend = open_backend("tiny", tiny)
    prompt = [5, 6, 7]
    lane = Lane(list(prompt), chain, seed, coin, limit=40)
    run(backend, [lane])
    steps = [Step(n, token, "prompt") for n, token in enumerate(prompt)] + lane.steps
    computed = backend.computed
    same = dict(rechoose(backend, steps, chain, tokenizer=TOKENS))
    assert same == {step.position: step.token for step in lane.steps}
    found = dict(rechoose(backend, steps, other, tokenizer=TOKENS))
    assert backend.computed == computed  # nothing is run: all of it is kept
    assert list(found) == [step.position for step in lane.steps]
    if other.mirostat_tau and other != chain:
        return  # its state is one of the whole stream
    for step in lane.steps:
        start = window_start(step.position, backend.info.context)
        ids = lane.tokens[: step.position]
        moment = SamplingContext(step.position, ids, 3, TOKENS, seed, 0, 0, step.mu if other == chain else None)
        dist = distribution(backend.logits([ids[start:]])[0], other, moment)
        luck = (seed, step.position, 0)
        expected = (choose_gumbel(dist.final, gumbel_uniforms(*luck, 97)) if coin == "gumbel"
                    else choose_interval(dist.final, interval_chance(*luck)))
        assert found[step.position] == expected


def test_what_if_leaves_picked_tokens_alone_and_says_where_nothing_is_left(tiny: Path) -> None:
    backend, old = stream(tiny)
    steps = [Step(n, token, "prompt") for n, token in enumerate(old.tokens[:3])] + old.steps
    steps[6] = Step(6, steps[6].token, "picked", settings=old.settings)
    found = dict(rechoose(backend, steps, old.settings, tokenizer=TOKENS, first=5))
    assert list(found) == [5, *range(7, len(steps))]
    seen = dict(rechoose(backend, steps, Settings(banned=tuple(range(96)), no_repeat_ngram_size=1),
                           tokenizer=TOKENS))
    assert set(seen.values()) <= {96, None}
