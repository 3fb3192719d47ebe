"""The next word of a text, read token by token.

A *word* is a run of letters, digits, underscores and combining marks. An apostrophe (' or ’) or a hyphen (-, ‐, ‑)
belongs to it where letters or digits stand on both sides, a point or comma where digits do: "don't", "well-known",
"3.14", "1,000" are one word each. What stands before it (spaces, punctuation, quotes) is skipped. In scripts that are
written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) each character with its marks counts as a word. A prefix
that ends within a word is continued: what is read then is that whole word, "universal" and "ly" give "universally".
A word has ended when a character has come that does not belong to it, or the text has ended.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import regex
from numpy.typing import NDArray

from gpt2_remix.engine.tokens.tokenizer import Tokenizer, whole_characters

APOSTROPHES = "'’"
HYPHENS = "-‐‑"
POINTS = ".,"

_SINGLE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]")

Mode = Literal["before", "letter", "digit", "single", "joined", "point"]


@dataclass(frozen=True, slots=True)
class WordState:
    """How far the next word has been read, but for its letters.

    Attributes:
        mode: before it, after a letter or a digit of it, after a character that is a word, or after a sign that joins
            ("joined") or a point or comma ("point"), which belong to it if it goes on.
        sign: that sign.
        pending: bytes of a character that is not whole yet.
        carried: whether all of the word so far stands in the prefix.
    """

    mode: Mode = "before"
    sign: str = ""
    pending: bytes = b""
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a token makes of a state.

    Attributes:
        letters: what it adds to the word.
        ended: whether the word is whole.
        state: after it.
        fresh: whether what stood in the prefix was no part of it after all.
        over: whether the text has ended, and with it what is read.
    """

    letters: str
    ended: bool
    state: WordState
    fresh: bool = False
    over: bool = False


def is_word_character(character: str) -> bool:
    """Whether a character is a letter, a digit or an underscore."""
    return character.isalnum() or character == "_"


def read(state: WordState, piece: bytes, *, last: bool = False) -> Reading:
    """Read the bytes of a token; with `last` the text ends after them."""
    data = state.pending + piece
    whole = len(data) if last else whole_characters(data)
    mode, sign, carried, fresh, letters = state.mode, state.sign, state.carried, False, ""
    characters = data[:whole].decode("utf-8", errors="replace")
    for character in [*characters, *([" "] if last else [])]:
        after, added = _after(mode, sign, character)
        if after is not None:
            letters += added
            carried = carried and not added
            mode, sign = after, character if after in ("joined", "point") else ""
        elif not carried:
            return Reading(letters, True, WordState(), fresh, last)
        else:  # the prefix's word ends there: the next one begins
            fresh, carried, letters = True, False, ""
            after, added = _after("before", "", character)
            assert after is not None
            mode, sign, letters = after, "", added
    return Reading(letters, False, WordState(mode, sign, data[whole:], carried), fresh, last)


def _after(mode: Mode, sign: str, character: str) -> tuple[Mode | None, str]:
    """The mode after a character (None where the word ends before it), and what that adds to the word."""
    mark = unicodedata.category(character).startswith("M")
    single = _SINGLE.match(character) is not None
    word = is_word_character(character)
    if mode == "before":
        if single and not mark:
            return "single", character
        return (_kind(character), character) if word and not mark else ("before", "")
    if mode == "single":
        return ("single", character) if mark else (None, "")
    if mode in ("joined", "point"):
        goes_on = word and not single and not mark and (mode == "joined" or character.isdigit())
        return (_kind(character), sign + character) if goes_on else (None, "")
    if mark:
        return mode, character
    if word and not single:
        return _kind(character), character
    if character in APOSTROPHES or character in HYPHENS:
        return "joined", ""
    return ("point", "") if mode == "digit" and character in POINTS else (None, "")


def _kind(character: str) -> Mode:
    return "digit" if character.isdigit() else "letter"


LOOKED_BACK = 64
"""Tokens of a prefix in which its last word is looked for."""


def state_after(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[str, WordState]:
    """The word that a prefix ends in, as far as it goes, and the state after the prefix."""
    recent = list(ids[-LOOKED_BACK:])
    while tokenizer.end_of_text in recent:
        recent = recent[recent.index(tokenizer.end_of_text) + 1 :]
    word, state = "", WordState()
    data = tokenizer.decode_bytes(recent)
    for n in range(len(data)):
        reading = read(state, data[n : n + 1])
        if reading.ended:  # a byte that ends a word may begin the next one
            word, reading = "", read(WordState(), state.pending + data[n : n + 1])
        word, state = word + reading.letters, reading.state
    if state.mode == "before" or (state.mode == "single" and not state.pending):
        return "", WordState(pending=state.pending)
    return word, replace(state, carried=True)


@dataclass(frozen=True, slots=True)
class WordTable:
    """What each token makes of one state.

    Attributes:
        readings: the different ones.
        group: [vocabulary] int32, the place of a token's among them.
        ended: [readings] bool, whether the word is whole.
    """

    readings: Sequence[Reading]
    group: NDArray[np.int32]
    ended: NDArray[np.bool_]


_tables: OrderedDict[tuple[Tokenizer, int, WordState], WordTable] = OrderedDict()

MOST_TABLES = 256

AT_ONCE = 2048
"""Tokens that are read between two moments at which whoever waits may stop."""


def word_table(tokenizer: Tokenizer, vocabulary: int, state: WordState) -> WordTable:
    """What each token of a vocabulary makes of a state; `<|endoftext|>` ends the text."""
    for _ in prepare_table(tokenizer, vocabulary, state):
        pass
    return _tables[tokenizer, vocabulary, state]


def prepare_table(tokenizer: Tokenizer, vocabulary: int, state: WordState) -> Iterator[None]:
    """Make a table in parts, so that it can be stopped in between."""
    key = tokenizer, vocabulary, state
    if key in _tables:
        _tables.move_to_end(key)
        return
    places: dict[Reading, int] = {}
    group = np.empty(vocabulary, np.int32)
    for token in range(vocabulary):
        end = token == tokenizer.end_of_text
        reading = read(state, b"" if end else tokenizer.token_bytes(token), last=end)
        group[token] = places.setdefault(reading, len(places))
        if token % AT_ONCE == AT_ONCE - 1:
            yield
    _tables[key] = WordTable(list(places), group, np.array([reading.ended for reading in places]))
    while len(_tables) > MOST_TABLES:
        _tables.popitem(last=False)
