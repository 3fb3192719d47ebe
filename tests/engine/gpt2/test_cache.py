"""Nothing is computed twice: the backend counts the tokens that the network was run on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.generation.backend import logits_at
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.models.names import embedded_folder
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import without_texts

END = 8192
TOKENS = without_texts(END)


def local(model: Model) -> LocalBackend:
    """The backend, to look into."""
    assert isinstance(model.backend, LocalBackend)
    return model.backend


def generated(backend: LocalBackend, count: int = 200) -> Lane:
    lane = Lane([1026, 318, 257], Settings(), seed=7, limit=count)
    while advance(backend, [lane], TOKENS):
        pass
    return lane


def test_generating_computes_each_token_once(fresh_classics: Model) -> None:
    lane = generated(local(fresh_classics))
    assert fresh_classics.backend.computed == 3 + 199  # the last token was chosen, not yet run
    assert len(lane.tokens) == 203


def test_looking_back_computes_nothing(fresh_classics: Model) -> None:
    backend = local(fresh_classics)
    lane = generated(backend)
    before = backend.computed
    for position in range(1, len(lane.tokens)):
        logits_at(backend, [(lane.tokens, position)], END)
    assert backend.computed == before


def test_picking_in_the_middle_computes_one_token_and_going_back_none(fresh_classics: Model) -> None:
    backend = local(fresh_classics)
    lane = generated(backend)
    logits_at(backend, [(lane.tokens, len(lane.tokens))], END)
    before = backend.computed
    picked = [*lane.tokens[:100], 262]
    logits_at(backend, [(picked, 101)], END)
    assert backend.computed - before == 1
    for position in (101, 50, 203, 102, 101):
        logits_at(backend, [(lane.tokens, position)], END)
    logits_at(backend, [(picked, 101)], END)
    assert backend.computed - before == 1


def test_branches_from_one_prefix_compute_it_once(fresh_classics: Model) -> None:
    backend = local(fresh_classics)
    lanes = [Lane([1026, 318, 257], Settings(), seed=7, roll=n, limit=20) for n in range(8)]
    passes = 0
    while advance(backend, lanes, TOKENS):
        passes += 1
    distinct = {tuple(lane.tokens[:n]) for lane in lanes for n in range(1, 23)}
    assert backend.computed == len(distinct)
    assert backend.passes <= passes + 2


def test_lanes_of_different_length_are_one_pass(fresh_classics: Model) -> None:
    backend = local(fresh_classics)
    backend.logits([[1, 2, 3], [4, 5], [6, 7, 8, 9, 10]])
    assert (backend.passes, backend.computed) == (1, 10)
    backend.logits([[1, 2, 3, 4], [4, 5, 6], [6, 7, 8, 9, 10, 11]])
    assert (backend.passes, backend.computed) == (2, 13)


def test_more_lanes_than_buffers(fresh_classics: Model) -> None:
    sequences = [[n, n + 1] for n in range(40)]
    together = fresh_classics.backend.logits(sequences)
    alone = np.stack([fresh_classics.backend.logits([ids])[0] for ids in sequences])
    assert np.allclose(together, alone, atol=1e-4)
    assert fresh_classics.backend.computed == 80


def test_past_the_context_only_the_new_half_is_computed(fresh_classics: Model) -> None:
    backend = local(fresh_classics)
    lane = generated(backend, 520)  # 523 tokens: the window slid once, at token 513
    assert backend.computed == 512 + 257 + (523 - 1 - 513)
    before = backend.computed
    for position in range(1, len(lane.tokens)):
        logits_at(backend, [(lane.tokens, position)], END)
    assert backend.computed == before


def test_a_small_budget_forgets_the_least_recently_used() -> None:
    per_token = open_backend("classics", embedded_folder()).cache.bytes_per_token
    backend = open_backend("classics", embedded_folder(), budget=60 * per_token)
    assert backend.cache.capacity == 60
    old, new = list(range(1, 31)), list(range(101, 131))
    backend.logits([old])
    backend.logits([new])
    backend.logits([new])
    backend.logits([list(range(201, 211))])
    assert len(backend.cache) <= 60
    before = backend.computed
    backend.logits([new])
    assert backend.computed == before
    backend.logits([old])
    assert backend.computed > before


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=12), st.integers(4, 40))
def test_any_requests_within_any_budget(tiny_backend: Any, requests: list[list[int]], capacity: int) -> None:
    """What the cache gives is what a fresh network gives, and it keeps within its budget."""
    backend = tiny_backend(capacity)
    for ids in requests:
        assert np.allclose(backend.logits([ids]), tiny_backend(1000).logits([ids]), atol=1e-4)
        assert len(backend.cache) <= backend.cache.capacity == capacity


@pytest.fixture(scope="module")
def tiny_backend(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import torch
    from transformers import GPT2Config as HFConfig
    from transformers import GPT2LMHeadModel

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("tiny")
    shape: dict[str, Any] = {"vocab_size": 11, "n_positions": 16, "n_embd": 8, "n_layer": 2, "n_head": 2}
    GPT2LMHeadModel(HFConfig(**shape, bos_token_id=1, eos_token_id=1)).save_pretrained(folder)

    def make(capacity: int) -> Any:
        backend = open_backend("tiny", folder)
        per_token = backend.cache.bytes_per_token
        return open_backend("tiny", folder, budget=capacity * per_token)

    return make
