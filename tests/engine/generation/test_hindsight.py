"""Luck in hindsight against the definition written out in numpy, and against what luck is: Gumbel."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.hindsight import hindsight_luck, hindsight_script
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.step import Hindsight
from gpt2_remix.engine.generation.what_if import WhatIf, what_if
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import Settings, parse_settings
from gpt2_remix.engine.tokens.tokenizer import without_texts

EVERYTHING = [
    "", "temperature=0.7", "top_k=60", "repetition_penalty=1.5", "no_repeat_ngram_size=2", "frequency_penalty=0.7",
    "presence_penalty=1", "xtc_probability=0.5,xtc_threshold=0.02", "mirostat_tau=4", "dry_multiplier=1", "top_p=0.9",
    "mirostat_tau=3,xtc_probability=0.5,xtc_threshold=0.02", "temperature=0", "min_new_tokens=4",
]
END = 96


@pytest.fixture(scope="module")
def backend(tiny: Path) -> LocalBackend:
    return open_backend("tiny", tiny)


def run(backend: LocalBackend, question: Hindsight, **options: Any) -> WhatIf:
    *_, last = what_if(backend, question, without_texts(END), **options)
    assert last.done
    return last


def uniforms(seed: int, position: int, count: int) -> Any:
    """U(3, n) of the definition."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, position, 0, 3])).random(count)


def softmax(logits: Any) -> Any:
    p = np.exp(logits.astype(np.float64) - logits.max())
    return p / p.sum()


def by_definition(p: Any, token: int, seed: int, position: int, size: int) -> Any:
    v = uniforms(seed, position, size)
    padded = np.concatenate([p, np.zeros(size - len(p))])
    highest = -math.log(-math.log(v[token]))
    with np.errstate(divide="ignore"):
        g = -np.log(np.exp(np.log(padded) - highest) - np.log(v))
        g[token] = highest - math.log(padded[token])
    return g


def test_an_outside_program_can_recompute_every_token(classics: Model) -> None:
    """A sentence that no model wrote: what if token 5 were another word; by the formulas of the definition alone."""
    words, backend = classics.tokenizer, classics.backend
    ids = words.encode("The quick brown fox jumps over the lazy dog and runs away")
    (other,) = words.encode(" man")
    question = Hindsight(tuple(ids), 2, Settings(), 11)
    *_, found = what_if(backend, question, words, change={5: other})
    changed = ids[:2]
    for position in range(2, len(ids)):
        g = by_definition(softmax(backend.logits([ids[:position]])[0]), ids[position], 11, position, 8193)
        with np.errstate(divide="ignore"):
            token = int(np.argmax(np.log(softmax(backend.logits([changed])[0])) + g))
        changed.append(other if position == 5 else token)
        step = found.steps[position - 2]
        if position != 5:
            assert step.u == pytest.approx(math.exp(-math.exp(-g[token])))
            assert (step.origin, step.coin, step.seed, step.roll) == ("sampled", "gumbel", 11, 0)
            assert step.hindsight == question
        else:
            assert (step.origin, step.u) == ("picked", None)
        if token == words.end_of_text:
            break
    assert found.ids == changed
    assert found.divergence == 5
    assert found.same == sum(a == b for a, b in zip(ids[2:], changed[2:], strict=False))


@pytest.mark.parametrize("chosen", EVERYTHING)
def test_with_nothing_changed_nothing_changes(backend: LocalBackend, chosen: str) -> None:
    rng = np.random.default_rng(1)
    for seed in range(4):
        ids = tuple(int(token) for token in rng.integers(0, 96, 20))
        question = Hindsight(ids, 3, parse_settings(chosen), seed)
        found = run(backend, question)
        assert tuple(found.ids) == ids
        assert (found.same, found.divergence, found.again) == (17, None, None)
        for step in found.steps:
            assert (step.u is None) == (step.position in found.impossible) == (step.p_final == 0)
        assert tuple(run(backend, question, change={7: ids[7]}).ids) == ids
        assert tuple(run(backend, question, to=parse_settings(chosen)).ids) == ids


@examples(max_examples=100, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 1000), st.integers(0, 29), st.integers(0, 5))
def test_the_texts_own_token_wins(seed: int, position: int, token: int, more: int) -> None:
    p = np.random.default_rng(seed % 1000).dirichlet(np.full(30, 0.2))
    p[p < 1e-3] = 0
    p /= p.sum()
    luck = hindsight_luck(p, token, seed, position, 30 + more)
    if p[token] == 0:
        assert luck is None
        return
    assert luck is not None
    assert luck == pytest.approx(by_definition(p, token, seed, position, 30 + more))
    with np.errstate(divide="ignore"):
        assert int(np.argmax(np.log(p) + luck[:30])) == token
    v = uniforms(seed, position, 30 + more)
    assert luck[30:] == pytest.approx(-np.log(-np.log(v[30:])))  # tokens of the larger network alone: plain luck


def test_luck_is_gumbel(backend: LocalBackend) -> None:
    """Of a fixed id, over 10,000 positions of sampled text (Kolmogorov and Smirnov, at 1 %)."""
    found: dict[int, list[float]] = {5: [], 40: [], 77: []}
    words, count = without_texts(END), 0
    for batch in range(25):
        lanes = [Lane([token], Settings(), 1000 * batch + token, limit=27) for token in range(16)]
        while advance(backend, lanes, words):
            pass
        for lane in lanes:
            question = Hindsight(tuple(lane.tokens), 1, Settings(), 7 * batch + lane.seed)
            for step, (position, logits) in zip(
                hindsight_script(backend, question, words), _logits(backend, lane.tokens), strict=True
            ):
                luck = hindsight_luck(softmax(logits), step.token, question.seed, position, 97)
                assert luck is not None
                for token, values in found.items():
                    values.append(float(luck[token]))
                count += 1
    assert count >= 10_000
    for values in found.values():
        ordered = np.exp(-np.exp(-np.sort(values)))  # uniform if they are Gumbel
        n = len(ordered)
        apart = max((np.arange(1, n + 1) / n - ordered).max(), (ordered - np.arange(n) / n).max())
        assert apart * math.sqrt(n) < 1.63


def _logits(backend: LocalBackend, ids: list[int]) -> list[tuple[int, Any]]:
    every = [row for chunk in backend.every_logits(ids[:-1]) for row in chunk]
    return list(enumerate(every, start=1))


def test_what_the_settings_rule_out_is_impossible_and_stays(backend: LocalBackend) -> None:
    ids = tuple(range(20))
    found = run(backend, Hindsight(ids, 2, Settings(top_k=5), 3), change={4: 50})
    assert found.impossible
    for position in found.impossible:
        if position != 4:
            assert found.ids[position] == ids[position]
            assert found.steps[position - 2].u is None
    greedy = run(backend, Hindsight(ids, 2, Settings(temperature=0), 3), to=Settings())
    assert [position for position in range(2, 20) if position not in greedy.impossible] == [
        position for position in range(2, 20)
        if int(np.argmax(backend.logits([list(ids[:position])])[0])) == ids[position]]


def test_a_change_in_the_prompt_is_none_of_luck(backend: LocalBackend) -> None:
    ids = tuple(range(12))
    found = run(backend, Hindsight(ids, 4, Settings(), 3), change={1: 90, 6: 91})
    assert found.ids[:4] == [0, 90, 2, 3]
    assert found.ids[6] == 91
    assert found.divergence == 1
    assert [step.position for step in found.steps] == list(range(4, len(found.ids)))


def test_another_network_with_fewer_ids_or_more(backend: LocalBackend, tiny_of_60: Path) -> None:
    small, words = open_backend("small", tiny_of_60), without_texts(59)
    ids = tuple(range(3, 19))
    for asked, other in ((backend, small), (small, backend)):
        size = other.info.vocab_size
        found = run(asked, Hindsight(ids, 2, Settings(), 5), other=(other, words))
        changed = list(ids[:2])
        while len(changed) < len(found.ids):
            position = len(changed)
            p = softmax(asked.logits([list(ids[:position])])[0])
            g = by_definition(p, ids[position], 5, position, 97)
            changed.append(int(np.argmax(np.log(softmax(other.logits([changed])[0])) + g[:size])))
        assert found.ids == changed
        assert len(changed) == len(ids) or changed[-1] == 59
    with pytest.raises(InputError, match="ids are 0 to 59"):
        run(backend, Hindsight((1, 2, 80), 1, Settings(), 5), other=(small, words))


def test_the_text_ends_where_it_would_have(backend: LocalBackend) -> None:
    """A text that holds `<|endoftext|>` goes on past it; a changed one that comes to it ends there."""
    ids = (1, 2, END, 4, 5, END, 7)
    assert tuple(run(backend, Hindsight(ids, 1, Settings(), 3)).ids) == ids
    ended = 0
    for seed in range(60):
        found = run(backend, Hindsight(tuple(range(24)), 1, Settings(), seed), to=Settings(temperature=2.5))
        assert len(found.ids) == 24 or found.ids[-1] == END
        ended += len(found.ids) < 24
        if len(found.ids) < 24:
            assert (found.again, found.divergence is not None) == (None, True)
    assert ended


def test_again_is_where_both_agree_to_the_end() -> None:
    found = WhatIf(Hindsight((1, 2, 3, 4, 5), 1, Settings(), 0))
    for ids, divergence, again, same in [
        ([1, 2, 3, 4, 5], None, None, 4), ([1, 9, 3, 9, 5], 1, 4, 2), ([1, 9, 3, 4, 9], 1, None, 2),
        ([1, 2], 2, None, 1), ([9, 2, 3, 4, 5], 0, 1, 4),
    ]:
        found.ids = ids
        assert (found.divergence, found.again, found.same) == (divergence, again, same)


def test_a_text_longer_than_the_context(backend: LocalBackend) -> None:
    ids = tuple(int(token) for token in np.random.default_rng(2).integers(0, 96, 80))
    assert tuple(run(backend, Hindsight(ids, 5, Settings(), 3)).ids) == ids
    assert run(backend, Hindsight(ids, 5, Settings(), 3), change={40: 3}).divergence == 40


@pytest.mark.parametrize(("options", "says"), [
    ({"change": {20: 1}}, "positions are 0 to 19"), ({"change": {3: 97}}, "ids are 0 to 96"),
    ({"to": Settings(banned=(97,))}, "ids are 0 to 96"),
])
def test_what_is_outside_is_refused(backend: LocalBackend, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        next(islice(what_if(backend, Hindsight(tuple(range(20)), 2, Settings(), 1), without_texts(END), **options), 1))
