"""The next word against a regular expression on the whole text."""

from __future__ import annotations

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.outlook.words import WordState, read, state_after
from gpt2_remix.engine.tokens.tokenizer import Tokenizer
from tests.engine.outlook.small import END

SINGLE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}ー]"
LETTER = rf"(?:(?!{SINGLE})[\p{{L}}\p{{Nd}}_]\p{{M}}*)"
JOINED = rf"['’\-‐‑](?={LETTER})|(?<=\p{{Nd}}\p{{M}}*)[.,](?=\p{{Nd}})"
WORD = regex.compile(rf"{SINGLE}(?<!\p{{M}})\p{{M}}*|{LETTER}(?:{LETTER}|{JOINED})*")
BYTES = Tokenizer([bytes([n]) for n in range(256)], 256, lambda text: list(text.encode()), lambda: b"bytes")


def first_word(prefix: str, text: str) -> str | None:
    """The next word of a text after a prefix, by the definition: on both together."""
    for found in WORD.finditer(prefix + text):
        carried = found.start() < len(prefix)
        if found.end() > len(prefix) and not (carried and regex.match(SINGLE, found.group())):
            return found.group()
    return None


def expected(prefix: str, text: str) -> str | None:
    """The word, where nothing that may follow makes another one of it."""
    words = {first_word(prefix, text + more) for more in ("", "a", "1", "́", "'a", ".1", " ", "好")}
    return words.pop() if len(words) == 1 else None


def told(prefix: str, text: str) -> str | None:
    """The word as it is read byte by byte."""
    word, state = state_after(BYTES, BYTES.encode(prefix))
    for byte in text.encode():
        reading = read(state, bytes([byte]))
        word = ("" if reading.fresh else word) + reading.letters
        if reading.ended:
            return word
        state = reading.state
    return None


TEXTS = st.text(alphabet="aé1_'’-.,  \n好かー̀ก", max_size=8)


@settings(max_examples=1000, deadline=None)
@given(TEXTS, TEXTS)
@example("don", "'t ")
@example("well-", "known ")
@example("3.", "14 ")
@example("a", " b ")
@example("好", "́a ")
def test_the_next_word_is_that_of_the_definition(prefix: str, text: str) -> None:
    assert told(prefix, text) == expected(prefix, text)


@pytest.mark.parametrize(("prefix", "text", "word"), [
    ("It is", " a truth", "a"), ("univer", "sally ", "universally"), ("univer", " sally ", "sally"),
    ("", "don't,", "don't"), ("", "‘tis the", "tis"), ("", "well-known.", "well-known"), ("", "dogs' tails", "dogs"),
    ("", "3.14 is", "3.14"), ("", "1,000 ", "1,000"), ("", "end. Then", "end"),
    ("", "好的", "好"), ("", " — “Yes”", "Yes"),
    ("", "snake_case ", "snake_case"), ("", "B2B ", "B2B"), ("caf", "é.", "café"), ("", "naïve ", "naïve"),
])
def test_words_that_people_write(prefix: str, text: str, word: str) -> None:
    assert told(prefix, text) == word


def test_the_end_of_the_text_ends_a_word() -> None:
    assert read(WordState("letter"), b"", last=True).ended
    assert not read(WordState(), b"", last=True).ended
    assert not read(WordState("letter", carried=True), b"", last=True).ended
    assert END == 10


def test_what_stands_before_an_end_of_text_is_not_continued() -> None:
    assert state_after(BYTES, [*b"univer", 256]) == ("", WordState())
    assert state_after(BYTES, [*b"univer"]) == ("univer", WordState("letter", carried=True))
