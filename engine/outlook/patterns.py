"""Patterns that are searched for in texts that still grow: Python's `re` syntax, matched within a time limit.

Python's own matcher cannot be stopped, and a pattern like `(a+)+$` keeps it for years. So `re` matches the patterns
that cannot backtrack for long, and the `regex` library, which can be stopped, the others: those in which a group is
repeated, or more than one character. The two differ in rare characters (`\\w` on ½ and ², `\\s` on control characters).
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Literal

import regex

from gpt2_remix.engine.errors import InputError

SECONDS = 0.02
"""How long one search may take."""

FEW_CHOICES = 6
"""Alternatives and optional characters of a pattern that cannot keep a matcher busy."""

FEW_TIMES = 4
"""A part that is repeated no more often than this costs little."""

LooksAhead = Literal["no", "one", "far"]


@dataclass(frozen=True, eq=False)
class Pattern:
    """A regular expression, and what is known of its matches without a text.

    Attributes:
        text: as a person wrote it.
        tree: what `re` parsed it to.
        looks_ahead: whether a match can be undone by what follows it: "no", by the one character after it ("one": word
            boundaries, line ends), or by anything ("far": `$`, lookahead, groups that do not backtrack).
        longest: how many characters a match has at most; None where there is no limit.
    """

    text: str
    tree: Any
    looks_ahead: LooksAhead
    longest: int | None
    _plain: re.Pattern[str]
    _stoppable: regex.Pattern[str] | None

    def search(self, text: str) -> tuple[int, int] | None:
        """Where the first match begins and ends; None for none. Raises TimeoutError after SECONDS."""
        if self._stoppable is None:
            plain = self._plain.search(text)
            return None if plain is None else plain.span()
        found = self._stoppable.search(text, timeout=SECONDS, concurrent=True)
        return None if found is None else found.span()

    def certain(self, text: str) -> bool:
        """Whether there is a match that nothing which comes after the text can undo. Raises TimeoutError."""
        if self.looks_ahead == "far":
            return False
        found = self.search(text)
        return found is not None and (self.looks_ahead == "no" or found[1] < len(text))


def compile_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        InputError: it is none; what is wrong with it, and where.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain = re.compile(text)
            tree = _parser.parse(text)
            stoppable = None if _is_quick(tree) else regex.compile(_as_regex(text))
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise InputError(f"{text!r} is not a regular expression: {error.msg}{where}; a backslash before a sign takes "
                         "it literally") from None
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise InputError(f"{text!r} cannot be searched for: {error}; simplify the pattern") from None
    _, longest = tree.getwidth()
    seen = set(_looks_ahead(tree, tree.state.flags))
    ahead: LooksAhead = "far" if "far" in seen else "one" if "one" in seen else "no"
    return Pattern(text, tree, ahead, int(longest) if longest < _parser.MAXREPEAT and ahead != "far" else None, plain,
                   stoppable)


def _is_quick(tree: Any) -> bool:
    """Whether no text of a few thousand characters can keep a matcher busy: few ways, one repetition of a character."""
    kinds = Counter(_choices(tree))
    return not kinds["slow"] and kinds["many"] <= 1 and kinds["few"] <= FEW_CHOICES


def _choices(items: Any) -> Iterator[Literal["slow", "many", "few"]]:
    """What a matcher has to try one after the other: repetitions of a group, of a character, alternatives."""
    for op, value in items:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            least, most, part = value
            single = len(part) == 1 and part[0][0] in (ops.LITERAL, ops.NOT_LITERAL, ops.IN, ops.ANY)
            if not single and not (least == most and int(most) <= FEW_TIMES):
                yield "slow"
            elif least != most:
                yield "many" if most is ops.MAXREPEAT or int(most) > FEW_TIMES else "few"
            for _ in range(min(int(most), FEW_TIMES) if least == most else 1):
                yield from _choices(part)
        elif op is ops.SUBPATTERN:
            yield from _choices(value[3])
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            yield from _choices(value[1])
        elif op is ops.ATOMIC_GROUP:
            yield from _choices(value)
        elif op in (ops.BRANCH, ops.GROUPREF_EXISTS):
            yield "few"
            for branch in value[1] if op is ops.BRANCH else value[1:]:
                yield from _choices(branch or ())


def _as_regex(text: str) -> str:
    """The pattern as `regex` reads the same: braces that are no repetition are literal there too, brackets in sets."""
    out, place, in_set, set_start = [], 0, False, -1
    while place < len(text):
        character = text[place]
        if character == "\\":
            out.append(text[place : place + 2])
            place += 2
            continue
        if in_set:
            in_set = not (character == "]" and place > set_start)
            out.append(rf"\{character}" if character == "[" else character)
        elif character == "[":
            in_set, set_start = True, place + 1 + (text[place + 1 : place + 2] == "^")
            out.append(character)
        elif character == "{" and out[-1:] != [r"\N"] and not re.match(r"\{(\d+,?\d*|,\d*)\}", text[place:]):
            out.append(r"\{")
        else:
            out.append(character)
        place += 1
    return "".join(out)


def _looks_ahead(items: Any, flags: int) -> Iterator[LooksAhead]:
    """What of a parsed pattern depends on what follows a match."""
    for op, value in items:
        if op is ops.AT:
            if value in (ops.AT_BOUNDARY, ops.AT_NON_BOUNDARY) or (value is ops.AT_END and flags & re.MULTILINE):
                yield "one"
            elif value in (ops.AT_END, ops.AT_END_STRING):
                yield "far"
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            if value[0] > 0:
                yield "far"
            yield from _looks_ahead(value[1], flags)
        elif op in (ops.ATOMIC_GROUP, ops.POSSESSIVE_REPEAT):
            yield "far"
        elif op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            yield from _looks_ahead(value[2], flags)
        elif op is ops.SUBPATTERN:
            yield from _looks_ahead(value[3], (flags | value[1]) & ~value[2])
        elif op is ops.BRANCH:
            for branch in value[1]:
                yield from _looks_ahead(branch, flags)
        elif op is ops.GROUPREF_EXISTS:
            for branch in value[1:]:
                yield from _looks_ahead(branch or (), flags)
        elif op is ops.FAILURE:
            yield "far"
