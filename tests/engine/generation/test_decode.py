
from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import check_ids, logits_at, window_start
from gpt2_remix.engine.generation.decode import advance, choose_token, pick_token
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.score import score
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling import coin
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import without_texts
from tests.kinds import Checkpoint

END = 8192
TOKENS = without_texts(END)
PROMPT = [1026, 318, 257]


def run(model: Model, *lanes: Lane) -> None:
    while advance(model.backend, lanes, TOKENS):
        pass


def test_steps_are_the_formulas(fresh_classics: Model) -> None:
    """u, rank and probabilities of every step, recomputed from docs/coins.md's definitions."""
    settings = Settings(temperature=0.8, top_k=50)
    lane = Lane(list(PROMPT), settings, seed=7, limit=40)
    run(fresh_classics, lane)
    for n, step in enumerate(lane.steps):
        assert step.position == 3 + n
        u = np.random.Generator(np.random.Philox(key=7, counter=[0, step.position, 0, 0])).random()
        assert step.u == u
        logits = fresh_classics.backend.logits([lane.tokens[: step.position]])[0].astype(np.float64)
        raw = np.exp(logits - logits.max())
        raw /= raw.sum()
        order = sorted(range(raw.size), key=lambda t: (-raw[t], t))
        assert order.index(step.token) == step.rank
        assert step.p_raw == pytest.approx(raw[step.token], abs=1e-6)
        final = np.where(raw >= raw[order[49]], raw, 0) ** (1 / 0.8)
        final /= final.sum()
        assert step.p_final == pytest.approx(final[step.token], abs=1e-6)
        chosen = next(t for t, total in zip(order, np.cumsum(final[order]), strict=True) if total > u)
        assert chosen == step.token


def test_the_same_luck_gives_the_same_ids_in_any_company(classics: Model, fresh_classics: Model) -> None:
    alone = Lane(list(PROMPT), Settings(), seed=7, limit=30)
    run(classics, alone)
    together = [Lane(list(PROMPT), Settings(), seed=seed, limit=30) for seed in (6, 7, 8)]
    run(fresh_classics, *together)
    assert together[1].tokens == alone.tokens
    assert together[0].tokens != alone.tokens


def test_greedy_ignores_the_coin(classics: Model) -> None:
    lanes = [Lane(list(PROMPT), Settings(temperature=0), seed, coin) for seed in (1, 2) for coin in coin_kinds()]
    for lane in lanes:
        lane.limit = 10
    run(classics, *lanes)
    assert len({tuple(lane.tokens) for lane in lanes}) == 1
    assert all(step.rank == 0 and step.p_final == 1 for step in lanes[0].steps)


def coin_kinds() -> Any:
    from gpt2_remix.engine.sampling.settings import COINS

    return COINS


def test_gumbel_steps_record_their_u(classics: Model) -> None:
    lane = Lane(list(PROMPT), Settings(), 5, "gumbel", limit=5)
    run(classics, lane)
    for step in lane.steps:
        assert step.u == coin.gumbel_uniforms(5, step.position, 0, 8193)[step.token]


def test_reasons_to_stop(checkpoint: Checkpoint) -> None:
    from gpt2_remix.engine.gpt2.opening import open_backend

    backend = open_backend("x", checkpoint())
    lanes = [
        Lane([1, 2], Settings(), 1, limit=0),
        Lane([1, 2], Settings(), 1, limit=3),
        Lane([1, 2], Settings(), 1, slide=False),
        Lane([1, 2], Settings(logit_bias=((5, 100.0),)), 1, end_of_text=5),
    ]
    while advance(backend, lanes, without_texts(96)):
        pass
    assert [lane.stop for lane in lanes] == ["length", "length", "context", "end_of_text"]
    assert [len(lane.steps) for lane in lanes] == [0, 3, 31, 1]
    assert len(lanes[2].tokens) == 33  # the last token needs no place in the context


def test_generation_goes_on_past_the_context(checkpoint: Checkpoint) -> None:
    from gpt2_remix.engine.gpt2.opening import open_backend

    backend = open_backend("x", checkpoint())
    lane = Lane([1, 2], Settings(), 3, limit=200)
    while advance(backend, [lane], without_texts(96)):
        pass
    assert len(lane.tokens) == 202
    for step in lane.steps:
        assert step.window == window_start(step.position, 32)
        logits = backend.logits([lane.tokens[step.window : step.position]])[0]
        assert distribution(logits, Settings()).raw[step.token] == pytest.approx(step.p_raw, abs=1e-5)


@pytest.mark.parametrize("context", [1, 2, 3, 32, 512])
def test_the_window_holds_half_a_context_to_a_whole_one(context: int) -> None:
    starts = [window_start(length, context) for length in range(1, 5 * context + 10)]
    assert starts == sorted(starts)
    for length, start in enumerate(starts, start=1):
        assert max(1, min(length, context // 2)) <= length - start <= context
    # It slides by half a context at once, so that what stays need not be computed again at each token.
    slides = [b - a for a, b in pairwise(starts) if b != a]
    assert set(slides) <= {max(1, context // 2)}
    assert len(slides) <= (4 * context + 10) / max(1, context // 2) + 1


def test_the_first_token_is_chosen_as_after_the_end_of_a_text(classics: Model) -> None:
    first = logits_at(classics.backend, [(PROMPT, 0)], END)
    assert np.array_equal(first, classics.backend.logits([[END]]))


def test_picked_steps_have_no_coin(classics: Model) -> None:
    dist = distribution(classics.backend.logits([PROMPT])[0], Settings(top_k=5))
    step = pick_token(dist, 4000, SamplingContext(3))
    assert (step.origin, step.u, step.seed) == ("picked", None, None)
    assert step.p_final == 0
    assert step.p_raw == dist.raw[4000]
    with pytest.raises(InputError, match="outside the vocabulary"):
        pick_token(dist, 8193, SamplingContext(3))


def test_flipping_again_changes_u_and_nothing_else(classics: Model) -> None:
    dist = distribution(classics.backend.logits([PROMPT])[0], Settings())
    steps = [choose_token(dist, SamplingContext(3, seed=7, roll=roll), "interval") for roll in range(20)]
    assert len({step.u for step in steps}) == 20
    assert len({step.token for step in steps}) > 3


def test_scores_are_those_of_the_network(fresh_classics: Model) -> None:
    ids = fresh_classics.tokenizer.encode("In the beginning God created the heaven and the earth.")
    scored = dict(score(fresh_classics.backend, ids, END))
    assert list(scored) == list(range(1, len(ids)))
    for position, dist in scored.items():
        logits = fresh_classics.backend.logits([ids[:position]])[0]
        assert dist.raw == pytest.approx(distribution(logits, Settings()).raw, abs=1e-6)
    assert next(iter(dict(score(fresh_classics.backend, ids, END, from_start=True)))) == 0


@pytest.mark.parametrize("length", [1, 2, 32, 33, 34, 100])
def test_long_texts_are_scored_in_overlapping_windows(checkpoint: Checkpoint, length: int) -> None:
    from gpt2_remix.engine.gpt2.opening import open_backend

    backend = open_backend("x", checkpoint())
    ids = np.random.default_rng(0).integers(0, 97, length).tolist()
    scored = list(score(backend, ids, 96))
    assert [position for position, _ in scored] == list(range(1, length))
    for position, dist in scored:
        logits = backend.logits([ids[window_start(position, 32) : position]])[0]
        assert dist.raw == pytest.approx(distribution(logits, Settings()).raw, abs=1e-5)


def test_ids_are_checked() -> None:
    with pytest.raises(InputError, match="ids are 0 to 9"):
        check_ids([0, 10], 10)
