"""Whether a match can still come: a pattern as an automaton over bytes that accepts all of its matches, and some more.

What only a real search can decide (boundaries, lookaround, references to groups, which characters above ASCII) is let
through, so its no is certain and its yes is not. Positions of the pattern are its states (Glushkov 1961); sets of them
are bits of a number, found as tokens need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from re import _constants as ops  # type: ignore[attr-defined]
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.outlook.patterns import Pattern
from gpt2_remix.engine.outlook.words import AT_ONCE
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

HIGH = 128
"""Stands for every byte of a character above ASCII."""

MOST_POSITIONS = 600
MOST_COPIES = 40
"""Of a repeated part; more are taken for any number."""

MOST_STATES = 48
"""Sets of positions that tables are made for; of further ones anything is expected."""

CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_NOT_DIGIT: r"\D", ops.CATEGORY_SPACE: r"\s", ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w", ops.CATEGORY_NOT_WORD: r"\W",
}


class _TooLargeError(Exception):
    """There are more positions than are worth following."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a pattern: whether it matches nothing, and the bits of the positions it begins and ends with."""

    nullable: bool
    first: int
    last: int


_NOTHING = _Part(True, 0, 0)


class _Builder:
    """Positions of a pattern, and which of them may follow which."""

    def __init__(self) -> None:
        self.accepts: list[NDArray[np.bool_]] = []
        self.follow: list[int] = []

    def position(self, accepts: NDArray[np.bool_], *, again: bool = False) -> _Part:
        """One character; or any number of them."""
        if len(self.accepts) == MOST_POSITIONS:
            raise _TooLargeError
        bit = 1 << len(self.accepts)
        self.accepts.append(accepts)
        self.follow.append(bit if again else 0)
        return _Part(again, bit, bit)

    def after(self, one: _Part, other: _Part) -> _Part:
        """One part, then another."""
        self._link(one.last, other.first)
        return _Part(one.nullable and other.nullable, one.first | (other.first if one.nullable else 0),
                     other.last | (one.last if other.nullable else 0))

    def _link(self, lasts: int, firsts: int) -> None:
        for place in _bits(lasts):
            self.follow[place] |= firsts

    def sequence(self, items: Any, flags: int) -> _Part:
        """Parts one after the other."""
        whole = _NOTHING
        for op, value in items:
            whole = self.after(whole, self.part(op, value, flags))
        return whole

    def part(self, op: Any, value: Any, flags: int) -> _Part:
        """One part."""
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.ANY_ALL, ops.IN, ops.RANGE):
            return self.position(_accepted(op, value, flags))
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            least, most, items = value
            return self._repeated(least, most, items, flags)
        if op is ops.SUBPATTERN:
            return self.sequence(value[3], (flags | value[1]) & ~value[2])
        if op is ops.ATOMIC_GROUP:
            return self.sequence(value, flags)
        if op is ops.BRANCH:
            return self._either([self.sequence(branch, flags) for branch in value[1]])
        if op is ops.GROUPREF_EXISTS:
            return self._either([self.sequence(branch or (), flags) for branch in value[1:]])
        if op in (ops.GROUPREF, ops.GROUPREF_IGNORE):
            return self.position(np.ones(HIGH + 1, dtype=np.bool_), again=True)
        return _NOTHING  # boundaries and lookaround are let through

    def _either(self, parts: Sequence[_Part]) -> _Part:
        whole = parts[0]
        for part in parts[1:]:
            whole = _Part(whole.nullable or part.nullable, whole.first | part.first, whole.last | part.last)
        return whole

    def _repeated(self, least: int, most: int, items: Any, flags: int) -> _Part:
        whole = _NOTHING
        for _ in range(min(int(least), MOST_COPIES)):
            whole = self.after(whole, self.sequence(items, flags))
        left = int(most) - int(least)
        if most is ops.MAXREPEAT or int(least) > MOST_COPIES or left > MOST_COPIES:
            part = self.sequence(items, flags)
            self._link(part.last, part.first)
            return self.after(whole, _Part(True, part.first, part.last))
        for _ in range(left):
            part = self.sequence(items, flags)
            whole = self.after(whole, _Part(True, part.first, part.last))
        return whole


def _accepted(op: Any, value: Any, flags: int) -> NDArray[np.bool_]:
    """[129]: which ASCII characters a position accepts, and whether any other."""
    accepted = np.zeros(HIGH + 1, dtype=np.bool_)
    accepted[HIGH] = _holds_high(op, value, flags)
    for code in range(HIGH):
        forms = {chr(code)}
        if flags & re.IGNORECASE:
            forms |= {chr(code).lower(), chr(code).upper()}
        accepted[code] = any(_holds(op, value, form, flags) for form in forms)
    if flags & re.IGNORECASE and accepted[HIGH]:  # a letter above ASCII may be another case of one below: ſ of s
        accepted[[code for code in range(HIGH) if chr(code).isalpha()]] = True
    return accepted


def _holds(op: Any, value: Any, character: str, flags: int) -> bool:
    if op is ops.LITERAL:
        return bool(ord(character) == value)
    if op is ops.NOT_LITERAL:
        return bool(ord(character) != value)
    if op is ops.ANY:
        return character != "\n" or bool(flags & re.DOTALL)
    if op is ops.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if op is ops.CATEGORY:
        return value not in CATEGORIES or re.match(CATEGORIES[value], character) is not None
    if op is ops.IN:
        negated = bool(value) and value[0][0] is ops.NEGATE
        return negated != any(_holds(kind, what, character, flags) for kind, what in value[negated:])
    return True


def _holds_high(op: Any, value: Any, flags: int) -> bool:
    """Whether some character above ASCII may be accepted (ignoring case, K is also a sign for kelvins)."""
    if op in (ops.LITERAL, ops.RANGE):
        first, last = (value, value) if op is ops.LITERAL else value
        folds = bool(flags & re.IGNORECASE) and any(chr(code).lower() in "ksi" for code in range(first, last + 1)
                                                    if code < HIGH)
        return folds or int(last) >= HIGH
    if op is ops.IN:
        return value[0][0] is ops.NEGATE or any(_holds_high(kind, what, flags) for kind, what in value)
    return True


def _bits(number: int) -> list[int]:
    return [place for place in range(number.bit_length()) if number >> place & 1]


@dataclass(frozen=True, slots=True)
class TokenTable:
    """What each token makes of one state.

    Attributes:
        state: [vocabulary] int32, the state after it.
        match: [vocabulary] bool, whether a match may have ended within it.
    """

    state: NDArray[np.int32]
    match: NDArray[np.bool_]


class Automaton:
    """The states of a pattern's search, as tokens lead from one to another. State 0 is where a search begins."""

    def __init__(self, pattern: Pattern, tokenizer: Tokenizer, vocabulary: int) -> None:
        builder = _Builder()
        try:
            whole: _Part | None = builder.sequence(pattern.tree, pattern.tree.state.flags)
        except (_TooLargeError, RecursionError):
            whole = None
        self.nullable = whole is None or whole.nullable
        self._builder, self._whole = builder, whole
        self._pieces = _in_order(tokenizer, vocabulary)
        self._vocabulary = vocabulary
        self._masks: list[int] = [0]
        self._numbers: dict[int, int] = {0: 0}
        self._tables: dict[int, TokenTable] = {}
        self._steps: dict[tuple[int, int], int] = {}
        self._reach: dict[tuple[int, int], bool] = {}
        self._lost: dict[tuple[int, int], NDArray[np.bool_]] = {}

    def table(self, state: int) -> TokenTable | None:
        """What each token makes of a state; None where anything may come."""
        if self.nullable or (state not in self._tables and len(self._tables) >= MOST_STATES):
            return None
        for _ in self._make(state):
            pass
        return self._tables[state]

    def prepare(self, state: int, tokens: int) -> Iterator[None]:
        """Make, in parts, the tables that `lost` needs; it can be stopped in between."""
        seen, here = {state}, [state]
        while here and not self.nullable:
            after: list[int] = []
            for one in here:
                if one not in self._tables and len(self._tables) >= MOST_STATES:
                    continue
                yield from self._make(one)
                table = self._tables[one]
                if tokens > 0 and (one == state or not table.match.any()):
                    after += [int(n) for n in np.unique(table.state) if int(n) not in seen]
                    seen.update(after)
            here, tokens = after, tokens - 1

    def can_match(self, state: int, tokens: int) -> bool:
        """Whether a match may end within so many more tokens."""
        if tokens <= 0:
            return False
        known = self._reach.get((state, tokens))
        if known is None:
            table = self.table(state)
            known = table is None or bool(table.match.any()) or (tokens > 1 and any(
                self.can_match(int(after), tokens - 1) for after in np.unique(table.state)))
            self._reach[state, tokens] = known
        return known

    def lost(self, state: int, tokens: int) -> NDArray[np.bool_]:
        """[vocabulary] bool: the tokens after a state in which, and in so many more tokens, no match can end."""
        if (state, tokens) not in self._lost:
            table = self.table(state)
            if table is None:
                return np.zeros(self._vocabulary, np.bool_)
            dead = [after for after in np.unique(table.state) if not self.can_match(int(after), tokens)]
            self._lost[state, tokens] = ~table.match & np.isin(table.state, dead)
        return self._lost[state, tokens]

    def _make(self, state: int) -> Iterator[None]:
        if state in self._tables:
            return
        assert self._whole is not None
        mask = self._masks[state]
        states, match = np.empty(self._vocabulary, np.int32), np.zeros(self._vocabulary, np.bool_)
        stack: list[tuple[int, bool]] = [(mask, False)]  # after each byte of the piece before
        last = self._whole.last
        for n, (token, piece, common) in enumerate(self._pieces, start=1):
            if n % AT_ONCE == 0:
                yield
            del stack[common + 1 :]
            now, ended = stack[-1]
            for byte in piece[common:]:
                now = self._step(now, min(byte, HIGH))
                ended = ended or bool(now & last)
                stack.append((now, ended))
            states[token] = self._number(now)
            match[token] = ended
        self._tables[state] = TokenTable(states, match)

    def _number(self, mask: int) -> int:
        if mask not in self._numbers:
            self._numbers[mask] = len(self._masks)
            self._masks.append(mask)
        return self._numbers[mask]

    def _step(self, mask: int, byte: int) -> int:
        found = self._steps.get((mask, byte))
        if found is None:
            assert self._whole is not None
            accepts = self._builder.accepts
            possible = self._whole.first
            for place in _bits(mask):
                possible |= self._builder.follow[place]
                if byte == HIGH:  # the same character may go on
                    possible |= 1 << place
            found = sum(1 << place for place in _bits(possible) if accepts[place][byte])
            self._steps[mask, byte] = found
        return found


@lru_cache(8)
def _in_order(tokenizer: Tokenizer, vocabulary: int) -> list[tuple[int, bytes, int]]:
    """Each token, its bytes, and how many of these it begins with in common with the one before, in their order."""
    pieces = sorted((tokenizer.token_bytes(token) if token != tokenizer.end_of_text else b"", token)
                    for token in range(vocabulary))
    found, before = [], b""
    for piece, token in pieces:
        common = next((n for n, (a, b) in enumerate(zip(piece, before, strict=False)) if a != b),
                      min(len(piece), len(before)))
        found.append((token, piece, common))
        before = piece
    return found
