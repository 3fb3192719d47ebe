"""Patterns against Python's `re`, and the automaton against the matches that there are."""

from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.outlook.automaton import Automaton
from gpt2_remix.engine.outlook.patterns import compile_pattern
from tests.engine.outlook.small import END, PIECES, tokenizer

PATTERNS = [
    "ab", "a+b", "[ab]{2,3}", "(a|1)\\.", "\\bab\\b", "ab$", "^a", "(?i)AB", "é", "[^a]b", "(?<=a)b", "a(?!b)",
    "(a)\\1", ".*b", "a{2}", "a{x}", "[[a]b", "(?m)b$", "(?s)a.b", "\\d+(\\.\\d+)?", "(?>a|ab)b", "a*+b", "", "a*",
    "\\Bb", "(?i)é", "[^\\W\\d]1", "a{0,50}1", "(ab?){3,}", "�", "(a)?(?(1)b|1)", "\\s", "[\\n.]a",
    "(?i)ſ", "(?i)[ſ]", "(?i)ı", "(?i)İ", "\\N{DIGIT ONE}", "\\B", "\\w", "a\\b", "(?i)k", "(?=a)", "(?<=a)b+.*1*",
]
TEXTS = st.text(alphabet="aAb1. é\n'�sSIi½ſ\u0301K", max_size=9)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATTERNS), TEXTS)
def test_what_is_found_is_what_re_finds(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = re.search(pattern, text)
    assert compile_pattern(pattern).search(text) == (found.span() if found else None)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATTERNS), TEXTS, TEXTS)
def test_a_certain_match_stays_one(pattern: str, text: str, more: str) -> None:
    if compile_pattern(pattern).certain(text):
        assert re.search(pattern, text + more)


@pytest.mark.parametrize(("pattern", "text", "certain"), [
    ("ab", "ab", True), ("\\bab\\b", " ab", False), ("\\bab\\b", " ab.", True), ("ab$", "ab", False),
    ("(?m)ab$", "ab\n", True), ("(?m)ab$", "ab", False), ("a(?!b)", "a ", False), ("(?<=a)b", "ab", True),
])
def test_what_can_still_be_undone(pattern: str, text: str, certain: bool) -> None:
    assert compile_pattern(pattern).certain(text) is certain


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PATTERNS), st.lists(st.integers(0, 9), max_size=6))
def test_where_the_automaton_says_no_there_is_no_match(pattern: str, ids: list[int]) -> None:
    compiled, pieces = compile_pattern(pattern), tokenizer()
    automaton = Automaton(compiled, pieces, 11)
    if automaton.nullable:
        return
    state, match = 0, False
    for n, token in enumerate(ids):
        table = automaton.table(state)
        if table is None:
            return
        if not automaton.can_match(state, len(ids) - n):
            assert re.search(pattern, pieces.decode(ids[:n])) or not re.search(pattern, pieces.decode(ids)) or match
        match = match or bool(table.match[token])
        state = int(table.state[token])
    assert match or not re.search(pattern, pieces.decode(ids))


def test_a_name_that_takes_more_tokens_cannot_come() -> None:
    automaton = Automaton(compile_pattern("aba"), tokenizer(), 11)
    assert not automaton.can_match(0, 1)
    assert automaton.can_match(0, 2)  # " ab", "a"
    assert automaton.lost(0, 1)[:END].tolist() == [piece != b" ab" for piece in PIECES[:END]]


@pytest.mark.parametrize(("pattern", "says"), [
    ("(", "missing )"), ("a**", "multiple repeat"), ("[a", "unterminated"), ("(?<x>a)", "unknown extension"),
    ("\\q", "bad escape"), ("(?<=a*)b", "look-behind"),
])
def test_what_is_no_pattern_is_one_line(pattern: str, says: str) -> None:
    with pytest.raises(InputError, match=r"(?s)is not a regular expression: .*" + re.escape(says)):
        compile_pattern(pattern)


def test_which_patterns_can_keep_a_matcher_busy() -> None:
    """Those are matched by what can be stopped; the others by Python's own, with its meaning to the last character."""
    quick = {text: compile_pattern(text)._stoppable is None for text in (  # noqa: SLF001
        "Juliet|Romeo", "a.*b", "(ab){3}c?", "\\bking\\b", "(a+)+$", "a*b*", "(a|b)*", "(a{2,9})+", "(a?){25}a{25}")}
    assert quick == {"Juliet|Romeo": True, "a.*b": True, "(ab){3}c?": True, "\\bking\\b": True, "(a+)+$": False,
                     "a*b*": False, "(a|b)*": False, "(a{2,9})+": False, "(a?){25}a{25}": False}


def test_one_that_backtracks_without_end_is_stopped() -> None:
    began = time.perf_counter()
    try:
        compile_pattern("(a|a|b|ab)*c$").search("ab" * 60 + "!")
    except TimeoutError:
        assert time.perf_counter() - began < 30
