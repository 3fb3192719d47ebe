"""Exact futures against every continuation of a small network, one by one."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import islice, pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.stream import Prefix
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.outlook.explore import BATCH, explore
from gpt2_remix.engine.outlook.futures import Futures
from gpt2_remix.engine.outlook.paths import Question
from gpt2_remix.engine.outlook.patterns import compile_pattern
from gpt2_remix.engine.sampling.settings import Settings, parse_settings
from gpt2_remix.engine.tokens.tokenizer import whole_characters
from tests.engine.outlook.small import END, paths, tokenizer
from tests.engine.outlook.test_words import expected, first_word

SETTINGS = [
    "", "temperature=0.7", "top_k=4", "top_p=0.8", "repetition_penalty=1.5", "no_repeat_ngram_size=2",
    "frequency_penalty=0.7", "xtc_probability=0.4,xtc_threshold=0.1", "mirostat_tau=2",
    "mirostat_tau=2,xtc_probability=0.5,xtc_threshold=0.1", "dry_multiplier=1", "min_new_tokens=2", "temperature=0",
    "min_p=0.2,presence_penalty=1",
]
PATTERNS = ["ab", "a.b", "\\bab\\b", "b$", "^a", "é", "a(?!b)", "1.*1", "aba|bab", "[^ab]{3}", "", "�", "zz", "b\\b"]
DEPTH = 3


def run(small: LocalBackend, prompt: list[int], settings: Settings, question: Question, budget: int) -> Futures:
    *_, last = explore(small, Prefix(prompt), settings, question, tokenizer=tokenizer(), budget=budget)
    return last


def next_word(prompt: list[int], ids: tuple[int, ...]) -> tuple[str, bool]:
    """The next word of a continuation as far as it goes, and whether it is whole; half a character tells nothing."""
    words, over = tokenizer(), ids[-1] == END
    before = words.decode_bytes(prompt)
    data = before + words.decode_bytes([token for token in ids if token != END])
    prefix = before[: whole_characters(before)].decode("utf-8", errors="replace")
    text = (data if over else data[: whole_characters(data)]).decode("utf-8", errors="replace")[len(prefix) :]
    word = first_word(prefix, text) if over else expected(prefix, text)
    return (word, True) if word is not None else ("" if over else first_word(prefix, text) or "", False)


def text_of(ids: tuple[int, ...]) -> str:
    return tokenizer().decode(ids[:-1] if ids[-1] == END else ids)


@pytest.mark.parametrize("chosen", SETTINGS)
@pytest.mark.parametrize("pattern", [None, *PATTERNS])
def test_bounds_contain_the_truth_and_close(small: LocalBackend, chosen: str, pattern: str | None) -> None:
    """The truth: all continuations of three tokens."""
    settings, prompt = parse_settings(chosen), [0, 3]
    every = list(paths(small, prompt, settings, DEPTH, tokenizer()))
    assert sum(p for _, p in every) == pytest.approx(1)
    truth = sum(p for ids, p in every if pattern is not None and re.search(pattern, text_of(ids)))
    question = Question(DEPTH, compile_pattern(pattern) if pattern is not None else None, keep=5000)
    bounds, opened = [(0.0, 1.0)], [1.0]
    for futures in explore(small, Prefix(prompt), settings, question, tokenizer=tokenizer(), budget=10**6):
        assert futures.decided + futures.open == 1
        opened.append(futures.open)
        if futures.find is not None:
            assert futures.find[0] - 1e-9 <= truth <= futures.find[1] + 1e-9
            bounds.append(futures.find)
    assert futures.decided == 1
    assert all(before >= after for before, after in pairwise(opened))
    assert all(before[0] <= after[0] and before[1] >= after[1] for before, after in pairwise(bounds))
    if pattern is not None:
        assert futures.find is not None
        assert futures.find == pytest.approx((truth, truth))
        assert futures.find[1] - futures.find[0] < 1e-9
        return
    sums: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for ids, p in every:
        sums[ids] += p
    found = {one.ids: one.p for one in futures.continuations(5000)}
    assert found == pytest.approx(dict(sums))


@pytest.mark.parametrize("chosen", SETTINGS)
def test_words_contain_the_truth(small: LocalBackend, chosen: str) -> None:
    """Of words that have ended within three tokens the least, of those that may still become one the most."""
    settings, words = parse_settings(chosen), tokenizer()
    for prompt in ([0, 3], [9], [3, 4], [7], [5, 6]):
        least: defaultdict[str, float] = defaultdict(float)
        most: defaultdict[str, float] = defaultdict(float)
        for ids, p in paths(small, prompt, settings, DEPTH, words):
            word, whole = next_word(prompt, ids)
            (least if whole else most)[word] += p
        for budget in (1, 5, 20, 10**6):
            found = run(small, prompt, settings, Question(DEPTH, words=True), budget).words(1000)
            for word, lower, upper in found:
                more = sum(p for so_far, p in most.items() if word.startswith(so_far))
                assert lower <= least[word] + 1e-9
                assert upper >= least[word] - 1e-9
                if budget == 10**6:
                    assert lower == pytest.approx(least[word])
                    assert upper <= least[word] + more + 1e-9
            assert found == sorted(found, key=lambda item: (-item[1], -item[2], item[0]))
        assert {word for word, *_ in found} == {word for word, p in least.items() if p > 0}


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SETTINGS), st.sampled_from(PATTERNS), st.integers(1, 4), st.lists(st.integers(0, 9), min_size=1,
                                                                                         max_size=5))
def test_bounds_at_every_moment(
    small: LocalBackend, chosen: str, pattern: str, depth: int, prompt: list[int]
) -> None:
    settings, find = parse_settings(chosen), compile_pattern(pattern)
    if depth == 4 and chosen in SETTINGS[7:10]:
        return  # as many as 22 ** 4 of them
    truth = sum(p for ids, p in paths(small, prompt, settings, depth, tokenizer()) if re.search(pattern, text_of(ids)))
    question, lowers, uppers = Question(depth, find, words=True), [0.0], [1.0]
    for futures in explore(small, Prefix(prompt), settings, question, tokenizer=tokenizer(), budget=10**6):
        assert futures.find is not None
        lower, upper = futures.find
        assert lower - 1e-9 <= truth <= upper + 1e-9
        lowers.append(lower)
        uppers.append(upper)
    assert lowers == sorted(lowers)
    assert uppers == sorted(uppers, reverse=True)
    assert upper - lower < 1e-9


def test_four_tokens_of_eleven_close_too(small: LocalBackend) -> None:
    every = dict(paths(small, [0], Settings(), 4, tokenizer()))
    futures = run(small, [0], Settings(), Question(4, keep=10), 10**6)
    best = sorted(every.items(), key=lambda item: (-item[1], item[0]))[:10]
    assert [one.ids for one in futures.continuations(10)] == [ids for ids, _ in best]
    assert futures.computed == 1 + 10 + 10**2 + 10**3  # no path is expanded twice, and none past its end
    assert futures.decided == 1


def test_in_the_middle_of_a_batch_nothing_is_claimed(small: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """While tables of the vocabulary were made it said that everything was decided."""
    monkeypatch.setattr("gpt2_remix.engine.outlook.words.AT_ONCE", 2)
    monkeypatch.setattr("gpt2_remix.engine.outlook.automaton.AT_ONCE", 2)
    prompt, find = [0, 2, 3, 1], compile_pattern("a.b")
    truth = sum(p for ids, p in paths(small, prompt, Settings(), 3, tokenizer()) if find.search(text_of(ids)))
    decided, moments = [0.0], 0
    words = tokenizer()  # another one has no tables yet
    for futures in explore(small, Prefix(prompt), Settings(), Question(3, find, words=True), tokenizer=words,
                           budget=10**6):
        moments += 1
        assert futures.find is not None
        assert futures.find[0] - 1e-9 <= truth <= futures.find[1] + 1e-9
        decided.append(futures.decided)
    assert decided == sorted(decided)
    assert decided[moments // 2] < 1
    assert moments > futures.computed // BATCH + 5


def test_the_budget_is_passed_by_less_than_a_batch(small: LocalBackend) -> None:
    for budget in (1, 2, 7, 50):
        assert budget <= run(small, [0], Settings(), Question(4), budget).computed < budget + BATCH
    assert run(small, [0], Settings(top_k=1), Question(4), 50).computed <= 4


def test_what_beam_search_looks_for_is_proved(small: LocalBackend) -> None:
    """Once the heaviest decided path outweighs all that is open, nothing can be heavier."""
    every = dict(paths(small, [0], Settings(temperature=0.3), 4, tokenizer()))
    for futures in explore(small, Prefix([0]), Settings(temperature=0.3), Question(4), tokenizer=tokenizer(),
                           budget=10**6):
        best = futures.continuations(1)
        if best and best[0].p > futures.open:
            break
    assert best[0].ids == max(every, key=lambda ids: every[ids])
    assert futures.computed < len(every)


def test_a_pattern_that_cannot_come_needs_no_network(small: LocalBackend) -> None:
    futures = run(small, [0], Settings(), Question(3, compile_pattern("zz")), 100)
    assert (futures.find, futures.computed, futures.decided) == ((0.0, 0.0), 0, 1.0)


def test_a_search_without_end_leaves_its_path_open(small: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(*_: object, **__: object) -> None:
        raise TimeoutError

    find = compile_pattern("a$")
    monkeypatch.setattr(type(find), "search", forever)
    futures = run(small, [0], Settings(), Question(2, find), 10**6)
    assert futures.timeouts == 20
    assert futures.find is not None
    assert futures.find[0] == 0
    assert futures.find[1] > 0
    assert 0 < futures.open < 1


def test_a_rule_that_leaves_no_token_leaves_its_path_open(small: LocalBackend) -> None:
    settings = Settings(no_repeat_ngram_size=1, banned=(3, 4, 5, 6, 7, 8, 9, 10))
    futures = run(small, [0], settings, Question(4), 10**6)  # 1 and 2 once each, then nothing
    assert futures.decided == 0
    assert futures.open == 1
    assert futures.closed


def test_the_prefix_may_be_longer_than_the_context(small: LocalBackend) -> None:
    prompt = [0, 1, 2, 3] * 6
    every = dict(paths(small, prompt, Settings(), 2, tokenizer()))
    futures = run(small, prompt, Settings(), Question(2, keep=500), 10**6)
    assert {one.ids: one.p for one in futures.continuations(500)} == pytest.approx(every)


def test_it_can_be_stopped_and_computes_nothing_twice(small: LocalBackend) -> None:
    question, before = Question(3), small.computed
    going = explore(small, Prefix([5, 6, 7]), Settings(), question, tokenizer=tokenizer(), budget=10**6)
    *_, last = islice(going, 3)
    going.close()
    assert last.computed <= 2 * BATCH
    run(small, [5, 6, 7], Settings(), question, last.computed)
    assert small.computed - before <= 2 + last.computed


def test_an_id_outside_the_vocabulary_is_refused(small: LocalBackend) -> None:
    with pytest.raises(InputError, match="ids are 0 to 10"):
        run(small, [0], Settings(banned=(11,)), Question(2), 10)
