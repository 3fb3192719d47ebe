"""Each step of the chain against transformers, or against an example computed by hand from its source."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.chain.breakers import breakers_of
from gpt2_remix.engine.sampling.chain.rules import RULES
from gpt2_remix.engine.sampling.chain.truncation import next_mu
from gpt2_remix.engine.sampling.coin import rule_chance
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import CHAIN, Settings
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, gpt2_tokenizer, without_texts

END = 3
TOKENS = without_texts(END)

by_transformers_too = st.builds(
    Settings,
    repetition_penalty=st.sampled_from([1.0, 1.3, 0.7]),
    no_repeat_ngram_size=st.sampled_from([0, 0, 2, 3, 5]),
    logit_bias=st.sampled_from([(), ((1, 2.5),), ((0, -3.0), (4, 1.0))]),
    banned=st.sampled_from([(), (2,), (0, 4)]),
    min_new_tokens=st.integers(0, 12),
    temperature=st.sampled_from([0.3, 1.0, 1.0, 1.7]),
    top_k=st.sampled_from([0, 0, 1, 3, 50]),
    top_p=st.sampled_from([0.1, 0.5, 0.9, 1.0, 1.0]),
    min_p=st.sampled_from([0.0, 0.0, 0.05, 0.5]),
    typical_p=st.sampled_from([1.0, 1.0, 0.2, 0.6, 0.95]),
    epsilon_cutoff=st.sampled_from([0.0, 0.0, 0.001, 0.05]),
    eta_cutoff=st.sampled_from([0.0, 0.0, 0.001, 0.05]),
)


def by_transformers(logits: np.ndarray, chain: Settings, ids: list[int], prompt: int) -> np.ndarray:
    """The final probabilities as transformers' processors give them, in the chain's order, in float64."""
    import torch
    from transformers.generation import logits_process as lp

    steps = {
        "repetition_penalty": lambda: lp.RepetitionPenaltyLogitsProcessor(chain.repetition_penalty),
        "no_repeat_ngram_size": lambda: lp.NoRepeatNGramLogitsProcessor(chain.no_repeat_ngram_size),
        "logit_bias": lambda: lp.SequenceBiasLogitsProcessor([[[token], bias] for token, bias in chain.logit_bias]),
        "banned": lambda: lp.NoBadWordsLogitsProcessor([[token] for token in chain.banned], eos_token_id=None),
        "min_new_tokens": lambda: lp.MinNewTokensLengthLogitsProcessor(prompt, chain.min_new_tokens, END),
        "temperature": lambda: lp.TemperatureLogitsWarper(chain.temperature),
        "top_k": lambda: lp.TopKLogitsWarper(chain.top_k),
        "top_p": lambda: lp.TopPLogitsWarper(chain.top_p),
        "min_p": lambda: lp.MinPLogitsWarper(chain.min_p),
        "typical_p": lambda: lp.TypicalLogitsWarper(chain.typical_p),
        "epsilon_cutoff": lambda: lp.EpsilonLogitsWarper(chain.epsilon_cutoff),
        "eta_cutoff": lambda: lp.EtaLogitsWarper(chain.eta_cutoff),
    }
    scores = torch.tensor(logits, dtype=torch.float64)[None]
    before = torch.tensor([ids], dtype=torch.long)
    for name in chain.active():
        scores = steps[name]()(before, scores)
    return torch.softmax(scores, -1)[0].numpy()


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32 - 1), by_transformers_too, st.integers(6, 300), st.integers(1, 40), st.permutations(CHAIN))
@example(0, Settings(typical_p=0.2), 50, 5, CHAIN)
@example(1, Settings(eta_cutoff=0.05), 50, 5, CHAIN)
@example(2, Settings(no_repeat_ngram_size=2), 8, 30, CHAIN)
def test_agrees_with_transformers(seed: int, chain: Settings, size: int, length: int, order: tuple[str, ...]) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, rng.uniform(0.3, 4), size).astype(np.float32)
    ids = [int(token) for token in rng.integers(0, min(size, int(rng.integers(2, 60))), length)]
    prompt = int(rng.integers(0, length + 1))
    if rng.random() < 0.5:
        chain = replace(chain, chain=tuple(order))
    try:
        theirs = by_transformers(logits, chain, ids, prompt)
    except ValueError:  # eta's entropy of nothing
        assume(False)
    assume(np.all(np.isfinite(theirs)))  # transformers divides zero by zero where a step leaves no token
    ours = distribution(logits, chain, SamplingContext(length, ids, prompt, TOKENS)).final
    assert ours == pytest.approx(theirs, abs=1e-6)


def dist_of(probabilities: list[float], chain: Settings, moment: SamplingContext | None = None) -> Distribution:
    return distribution(np.log(np.array(probabilities)).astype(np.float32), chain, moment)


def kept(dist: Distribution) -> list[int]:
    return [int(token) for token in np.flatnonzero(dist.final)]


def test_repetition_penalty_counts_prefix_and_new_text_once() -> None:
    logits = np.array([2, -2, 1, 0], dtype=np.float32)
    dist = distribution(logits, Settings(repetition_penalty=1.25), SamplingContext(4, [0, 1, 1, 0], 2))
    weights = np.exp([1.6, -2.5, 1, 0])
    assert dist.final == pytest.approx(weights / weights.sum())


def test_presence_and_frequency_penalties_count_new_text_only() -> None:
    logits = np.array([2, 2, 2, 2], dtype=np.float32)
    moment = SamplingContext(6, [0, 3, 1, 2, 2, 2], 2)
    for name, lowered in (("presence_penalty", [2, 1.5, 1.5, 2]), ("frequency_penalty", [2, 1.5, 0.5, 2])):
        weights = np.exp(lowered)
        ours = distribution(logits, Settings().with_value(name, 0.5), moment).final
        assert ours == pytest.approx(weights / weights.sum())


def test_no_repeat_ngram_worked_example() -> None:
    dist = distribution(
        np.zeros(10, dtype=np.float32), Settings(no_repeat_ngram_size=3), SamplingContext(5, [7, 8, 9, 7, 8])
    )
    assert [token for token in range(10) if dist.removed_by(token)] == [9]
    once = distribution(np.zeros(10, dtype=np.float32), Settings(no_repeat_ngram_size=1), SamplingContext(2, [7, 8]))
    assert [token for token in range(10) if once.removed_by(token)] == [7, 8]


def dry_by_hand(ids: list[int], chain: Settings, size: int) -> np.ndarray:
    """The penalties as llama.cpp's comments define them, by comparing every pair of places."""
    penalty = np.zeros(size)
    limit = len(ids)
    for back, token in enumerate(reversed(ids)):
        if token in chain.dry_breakers:
            limit = back
            break
    for token in range(size):
        longest = 0
        for place in range(1, len(ids)):
            if ids[place] == token:
                length = 0
                while length < min(place, limit) and ids[place - 1 - length] == ids[len(ids) - 1 - length]:
                    length += 1
                longest = max(longest, length)
        if longest >= chain.dry_allowed_length and token not in chain.dry_breakers:
            penalty[token] = chain.dry_multiplier * chain.dry_base ** (longest - chain.dry_allowed_length)
    return penalty


@given(
    st.lists(st.integers(0, 4), max_size=40), st.sampled_from([0.5, 1.0, 3.0]), st.sampled_from([1.0, 1.75, 2.0]),
    st.integers(1, 4), st.sampled_from([(), (0,), (1, 3)]),
)
def test_dry_agrees_with_its_definition(
    ids: list[int], multiplier: float, base: float, allowed: int, breakers: Any
) -> None:
    chain = Settings(dry_multiplier=multiplier, dry_base=base, dry_allowed_length=allowed, dry_breakers=breakers)
    logits = np.linspace(1, 2, 5).astype(np.float32)
    weights = np.exp(logits.astype(np.float64) - dry_by_hand(ids, chain, 5))
    ours = distribution(logits, chain, SamplingContext(len(ids), ids)).final
    assert ours == pytest.approx(weights / weights.sum(), abs=1e-9)


def test_dry_worked_examples() -> None:
    chain = Settings(dry_multiplier=1.0, dry_base=2.0, dry_allowed_length=2, dry_breakers=())
    for ids, lost in (([7, 8, 9, 7, 8], 1.0), ([6, 7, 8, 9, 6, 7, 8], 2.0), ([7, 9, 7], 0.0)):
        weights = np.ones(10)
        weights[9] = math.exp(-lost)
        dist = distribution(np.zeros(10, dtype=np.float32), chain, SamplingContext(len(ids), ids))
        assert dist.final == pytest.approx(weights / weights.sum())
    # llama.cpp's own example: a b c c b c y a b c would go on with c (3), b (1) or y (2).
    a, b, c, y = range(4)
    ids = [a, b, c, c, b, c, y, a, b, c]
    weights = np.exp([0, -0.0, -2.0, -1.0])
    dist = distribution(np.zeros(4, dtype=np.float32), chain, SamplingContext(len(ids), ids))
    assert dist.final == pytest.approx(weights / weights.sum())
    broken = distribution(
        np.zeros(4, dtype=np.float32), replace(chain, dry_breakers=(b,)), SamplingContext(len(ids), ids)
    )
    assert broken.final == pytest.approx([0.25] * 4)  # only one token stands after the breaker


def room_by_llama(ids: list[int], breakers: tuple[str, ...], tokens: Tokenizer) -> int:
    """llama.cpp's rep_limit, ported line by line (llama-sampler.cpp, get_overlapping_token_sequences and step 1)."""
    sequences: list[tuple[int, list[int]]] = []
    for text in breakers:
        data = text.encode()
        for token, word in enumerate(tokens.pieces):
            if data in word:
                sequences.append((token, []))
                continue
            for pos in range(len(word)):
                if word[pos] != data[0]:
                    continue
                i, match = 1, True
                while i < len(data) and i + pos < len(word):
                    if word[pos + i] != data[i]:
                        match = False
                        break
                    i += 1
                if match:
                    sequences.append((token, tokens.encode(data[i:].decode())))
    for i in range(len(ids)):
        longest = -1
        for head, tail in sequences:
            if head == ids[-1 - i] and longest < len(tail) <= i and all(
                tail[offset] == ids[-1 - (i - offset - 1)] for offset in range(len(tail))
            ):
                longest = len(tail)
        if longest >= 0:
            return i - longest
    return len(ids)


SMALL = gpt2_tokenizer(2000)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from(['he said: "go"', "\n", "\n\n", " and", "a* b", "::", " the end", ". The"]), max_size=8),
    st.sampled_from([("\n", ":", '"', "*"), ("\n\n",), (" the end", ":"), ("dt", "he s"), (": ", ":"), ("aab",)]),
)
def test_breakers_are_those_of_llama(parts: list[str], breakers: tuple[str, ...]) -> None:
    ids = SMALL.encode("".join(parts))
    found = breakers_of(breakers, SMALL)
    assert found.room(np.array(ids, dtype=np.intp)) == room_by_llama(ids, breakers, SMALL)


def test_texts_break_in_every_token_that_contains_one_whatever_the_vocabulary() -> None:
    """They were GPT-2's ids in every vocabulary."""
    for tokens in (SMALL, gpt2_tokenizer()):
        alone = set(breakers_of(Settings().dry_breakers, tokens).alone.tolist())
        assert alone == {token for token, piece in enumerate(tokens.pieces) if set(b'\n:"*') & set(piece)}
    other = replace(SMALL, pieces=SMALL.pieces[::-1])
    assert breakers_of((":",), other).alone.tolist() == [
        token for token, piece in enumerate(other.pieces) if b":" in piece]
    said = SMALL.encode('the cat "')
    ids = [*said, *SMALL.encode(" sat on"), *said]
    chain = Settings(dry_multiplier=1.0)
    free = distribution(np.zeros(2000, np.float32), chain, SamplingContext(len(ids), ids, 0, SMALL)).final
    assert free == pytest.approx(1 / 2000)  # the quotation mark has just ended the repetition
    held = distribution(np.zeros(2000, np.float32), replace(chain, dry_breakers=()),
                        SamplingContext(len(ids), ids, 0, SMALL)).final
    assert held.min() < 0.5 / 2000


def test_a_long_loop_does_not_overflow_dry() -> None:
    dist = distribution(np.zeros(3, dtype=np.float32), Settings(dry_multiplier=5.0), SamplingContext(900, [2] * 900))
    assert dist.final == pytest.approx([0.5, 0.5, 0])


def test_min_new_tokens_keeps_the_end_away() -> None:
    chain = Settings(min_new_tokens=5)
    logits = np.zeros(6, dtype=np.float32)
    assert distribution(logits, chain, SamplingContext(6, [0] * 6, 2, TOKENS)).removed_by(END) == "min_new_tokens"
    assert distribution(logits, chain, SamplingContext(7, [0] * 7, 2, TOKENS)).removed_by(END) is None


@pytest.mark.parametrize(("probabilities", "temperature"), [
    ([0.25] * 4, 1.5),
    ([0.5, 0.5, 1e-30, 1e-30], 1.0),  # one bit of two
    ([1.0, 1e-30, 1e-30, 1e-30], 0.5),
])
def test_dynamic_temperature_worked_example(probabilities: Any, temperature: float) -> None:
    dynamic = dist_of(probabilities, Settings(temperature=1.0, dynatemp_range=0.5))
    assert dynamic.final == pytest.approx(dist_of(probabilities, Settings(temperature=temperature)).final, abs=1e-9)


def test_dynamic_temperature_bends_with_its_exponent() -> None:
    probabilities = [0.5, 0.5, 1e-30, 1e-30]
    bent = dist_of(probabilities, Settings(temperature=1.0, dynatemp_range=0.5, dynatemp_exponent=2.0))
    assert bent.final == pytest.approx(dist_of(probabilities, Settings(temperature=0.5 + 0.25)).final, abs=1e-9)
    # A range beyond the temperature ends at 0, which is greedy where the network is certain.
    assert kept(dist_of([1.0, 0.0 + 1e-300], Settings(temperature=0.5, dynatemp_range=2.0))) == [0]


def test_typical_worked_example() -> None:
    probabilities = [0.6, 0.3, 0.1]
    assert kept(dist_of(probabilities, Settings(typical_p=0.2))) == [1]
    assert kept(dist_of(probabilities, Settings(typical_p=0.5))) == [0, 1]
    assert dist_of(probabilities, Settings(typical_p=0.2)).removed_by(0) == "typical_p"


def test_epsilon_and_eta_worked_examples() -> None:
    assert kept(dist_of([0.9, 0.0995, 0.0005], Settings(epsilon_cutoff=0.001))) == [0, 1]
    even = [0.005] * 200
    assert len(kept(dist_of(even, Settings(eta_cutoff=0.01)))) == 200
    assert len(kept(dist_of([*even[:100], 0.5], Settings(epsilon_cutoff=0.01)))) == 1
    assert kept(dist_of([0.3, 0.7], Settings(epsilon_cutoff=1.0))) == [1]


def test_top_n_sigma_worked_example() -> None:
    logits = np.array([4, 2, 0, -2], dtype=np.float32)
    assert kept(distribution(logits, Settings(top_n_sigma=1.0))) == [0, 1]
    for temperature in (0.3, 3.0):
        assert kept(distribution(logits, Settings(top_n_sigma=1.0, temperature=temperature))) == [0, 1]
    weights = np.exp([4, 2])
    assert distribution(logits, Settings(top_n_sigma=1.0)).final[:2] == pytest.approx(weights / weights.sum())


def test_xtc_worked_example() -> None:
    probabilities = [0.15, 0.5, 0.3, 0.05]
    always = Settings(xtc_probability=1.0, xtc_threshold=0.1)
    assert kept(dist_of(probabilities, always)) == [0, 3]
    assert dist_of(probabilities, always).final == pytest.approx([0.75, 0, 0, 0.25])
    assert kept(dist_of(probabilities, replace(always, xtc_threshold=0.4))) == [0, 1, 2, 3]  # only one reaches it
    assert kept(dist_of(probabilities, replace(always, xtc_threshold=0.6))) == [0, 1, 2, 3]


@given(st.integers(0, 2**63 - 1), st.integers(0, 10_000), st.integers(0, 5), st.integers(-3, 9))
def test_xtc_flips_its_own_coin(seed: int, position: int, roll: int, offset: int) -> None:
    assume(position + offset >= 0)
    bits = np.random.Philox(key=seed, counter=np.array([0, position + offset, roll, 1], dtype=np.uint64))
    u = np.random.Generator(bits).random(1)[0]
    assert rule_chance(seed, position + offset, roll) == u
    moment = SamplingContext(position, seed=seed, roll=roll, offset=offset)
    chain = Settings(xtc_probability=0.5)
    assert (kept(dist_of([0.5, 0.45, 0.05], chain, moment)) == [1, 2]) == (u < 0.5)


def test_mirostat_worked_example() -> None:
    chain = Settings(mirostat_tau=3.0, mirostat_eta=0.1)
    probabilities = [0.5, 0.25, 0.125, 0.1125, 0.0125]  # 1, 2, 3, 3.15, 6.32 bits
    first = dist_of(probabilities, chain)
    assert kept(first) == [0, 1, 2, 3]  # mu begins at 6
    assert first.final[0] == pytest.approx(0.5 / 0.9875)
    assert next_mu(None, chain, 0.25) == pytest.approx(6.1)
    assert next_mu(6.1, chain, 2.0**-5) == pytest.approx(5.9)
    assert kept(dist_of(probabilities, chain, SamplingContext(mu=2.5))) == [0, 1]
    assert kept(dist_of(probabilities, chain, SamplingContext(mu=0.2))) == [0]
    assert kept(dist_of(probabilities, chain, SamplingContext(mu=-40.0))) == [0]


def test_the_default_order_is_that_in_which_transformers_generates() -> None:
    """A bias comes first there, so that a penalty takes part of it away again; ours came after the penalties."""
    import torch
    from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

    chain = Settings(logit_bias=((1, 2.5), (4, -1.0)), repetition_penalty=1.6, no_repeat_ngram_size=3, banned=(2,),
                     min_new_tokens=9, temperature=0.8, top_k=30, top_p=0.95, min_p=0.001, typical_p=0.97,
                     epsilon_cutoff=0.0005, eta_cutoff=0.0005)
    asked = GenerationConfig(
        do_sample=True, sequence_bias=[[[token], bias] for token, bias in chain.logit_bias], repetition_penalty=1.6,
        no_repeat_ngram_size=3, bad_words_ids=[[2]], min_new_tokens=9, temperature=0.8, top_k=30, top_p=0.95,
        min_p=0.001, typical_p=0.97, epsilon_cutoff=0.0005, eta_cutoff=0.0005, eos_token_id=END, pad_token_id=END,
    )
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=64, n_embd=8, n_layer=1, n_head=1,
                                       initializer_range=2.0)).double()
    prompt = [5, 6, 7, 1, 5, 6]
    made = model.generate(torch.tensor([prompt]), asked, max_new_tokens=20, output_logits=True, output_scores=True,
                          return_dict_in_generate=True)
    ids = made.sequences[0].tolist()
    assert len(made.scores) == 20
    for position, (logits, scores) in enumerate(zip(made.logits, made.scores, strict=True), start=len(prompt)):
        context = SamplingContext(position, ids[:position], len(prompt), TOKENS)
        ours = distribution(logits[0].float().numpy(), chain, context).final
        assert ours == pytest.approx(torch.softmax(scores[0].double(), -1).numpy(), abs=1e-5)


def test_the_order_of_the_chain_matters_and_can_be_set() -> None:
    probabilities = [0.5, 0.3, 0.15, 0.05]
    chain = Settings(temperature=3.0, top_p=0.7)
    swapped = replace(chain, chain=("top_p", "temperature"))
    assert kept(dist_of(probabilities, swapped)) == [0, 1]
    assert kept(dist_of(probabilities, chain)) == [0, 1, 2]
    assert swapped.active() == ("top_p", "temperature")


def test_a_step_that_is_off_does_nothing() -> None:
    chain = Settings(temperature=0.0, top_k=1, off=("temperature", "top_k"))
    assert dist_of([0.5, 0.3, 0.2], chain).final == pytest.approx([0.5, 0.3, 0.2])
    assert chain.active() == ()
    assert not chain.greedy


def test_a_step_that_leaves_nothing_says_which_and_where() -> None:
    with pytest.raises(InputError, match="no_repeat_ngram_size leaves no token to choose from at position 3"):
        distribution(np.zeros(2, dtype=np.float32), Settings(no_repeat_ngram_size=1), SamplingContext(3, [0, 1, 0]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(CHAIN))
def test_everything_at_once_is_a_distribution(seed: int, order: tuple[str, ...]) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, 500).astype(np.float32)
    ids = [int(token) for token in rng.integers(0, 30, 50)]
    chain = Settings(
        temperature=0.8, top_k=200, top_p=0.97, min_p=0.001, logit_bias=((5, 1.0),), banned=(6,), typical_p=0.97,
        epsilon_cutoff=1e-5, eta_cutoff=1e-5, top_n_sigma=3.0, xtc_probability=0.5, dynatemp_range=0.2,
        mirostat_tau=5.0, repetition_penalty=1.1, presence_penalty=0.2, frequency_penalty=0.1, no_repeat_ngram_size=4,
        dry_multiplier=0.8, min_new_tokens=3, chain=tuple(order),
    )
    dist = distribution(logits, chain, SamplingContext(50, ids, 10, TOKENS, seed), account=True)
    assert dist.final.sum() == pytest.approx(1)
    assert np.array_equal(dist.final > 0, dist.removed == 0)
    assert [stage.rule for stage in dist.stages or ()] == [name for name in chain.order if name != "temperature"]


def test_every_step_says_what_it_does_and_where_it_is_from() -> None:
    assert set(RULES) == set(CHAIN)
    for step in RULES.values():
        assert step.__doc__
        assert any(source in step.__doc__ for source in ("transformers", "arXiv", "OpenAI", "llama.cpp"))
