"""Outcomes that a person names by patterns, read from texts that still grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.outlook.patterns import Pattern, compile_pattern
from gpt2_remix.engine.tokens.tokenizer import whole_characters

OTHER = "other"
"""Where none of them came."""

MOST = 8

SIGNS = "()[]\\|?*+^$"
"""No name holds them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A name and the pattern that it stands for."""

    name: str
    pattern: Pattern


def parse_outcome(text: str) -> Outcome:
    """Read NAME=REGEX; a pattern alone is its own name. Raises InputError."""
    name, equals, pattern = text.partition("=")
    alone = not equals or any(sign in name for sign in SIGNS)  # (?=x) is a pattern
    name, pattern = (text.strip(), text) if alone else (name.strip(), pattern)
    if not name or not pattern:
        raise InputError(f"{text!r} is no outcome; write NAME=REGEX, as happy=\"happy|merry\"")
    if name == OTHER:
        raise InputError(f"{OTHER!r} is what is left where no outcome came; choose another name")
    return Outcome(name, compile_pattern(pattern))


def check_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Raise InputError for none, too many, or two of one name."""
    names = [outcome.name for outcome in outcomes]
    if not 1 <= len(names) <= MOST:
        raise InputError(f"name 1 to {MOST} outcomes, each as NAME=REGEX; {len(names)} were given")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two outcomes are called {name!r}; give each a name of its own")


class OutcomeReader:
    """Which outcome came first in a text: the earliest match, ties in the order of naming.

    Attributes:
        outcomes: in that order; their number stands for none of them.
        timeouts: how many searches took too long; they count as no match.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = tuple(outcomes)
        self.timeouts = 0
        patterns = [outcome.pattern for outcome in outcomes]
        longest = [pattern.longest for pattern in patterns if pattern.longest is not None]
        # A match that began earlier may still be going on, for as long as the longest one can be.
        self._longest = max(longest, default=0) if len(longest) == len(patterns) else None
        self._one_more = any(pattern.looks_ahead == "one" for pattern in patterns)

    @property
    def other(self) -> int:
        """What stands for none of them."""
        return len(self.outcomes)

    def read(self, data: bytes) -> int:
        """The outcome of a text that has come to its end; U+FFFD for bytes of a character that is not whole."""
        return self._first(data.decode("utf-8", errors="replace"))[0]

    def settled(self, data: bytes) -> int | None:
        """The outcome, where nothing that may follow makes another one of it; None where that is not known yet."""
        if self._longest is None:
            return None
        text = data[: whole_characters(data)].decode("utf-8", errors="replace")
        outcome, start = self._first(text)
        sure = outcome < self.other and len(text) >= start + self._longest + self._one_more
        return outcome if sure else None

    def _first(self, text: str) -> tuple[int, int]:
        best, where = self.other, len(text) + 1
        for place, outcome in enumerate(self.outcomes):
            try:
                found = outcome.pattern.search(text)
            except TimeoutError:
                self.timeouts += 1
                continue
            if found is not None and found[0] < where:
                best, where = place, found[0]
        return best, where
