"""What a room plays against the network: hands counted for letters, bits that each side needed, the score."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import InputError

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

LETTERS = "ABCDEFGH"
MOST_HANDS = 99_999
"""Hands for an answer."""

ELSE = "else"
"""All other tokens, as one answer."""


def parse_tally(text: str, letters: str) -> list[int]:
    """Hands for each letter: "12 5 3" in their order, or "A12 C5". Raises InputError."""
    told = [0] * len(letters)
    parts = re.findall(r"[A-Za-z]?\s*\d+|\S", text.replace(",", " "))
    named = [part for part in parts if part[0].isalpha()]
    if not parts or any(not part[-1].isdigit() for part in parts) or (named and len(named) != len(parts)):
        raise InputError(f"type the hands in order, as 12 5 3, or by letter, as {letters[0]}12 {letters[-1]}5")
    if len(parts) > len(letters):
        raise InputError(f"{len(parts)} numbers for {len(letters)} letters; type one for each, in order")
    for place, part in enumerate(parts):
        letter = part[0].upper()
        if part in named and letter not in letters:
            raise InputError(f"there is no {letter}; the letters are {letters[0]} to {letters[-1]}")
        count = int(re.sub(r"\D", "", part)[:9])
        if count > MOST_HANDS:
            raise InputError(f"{count:,} hands fit into no room; type {MOST_HANDS:,} at most")
        told[letters.index(letter) if part in named else place] += count
    if not sum(told):
        raise InputError("nobody raised a hand; type a number for at least one letter")
    return told


@dataclass(frozen=True, slots=True)
class Guess:
    """What a token took to guess.

    Attributes:
        room: bits that the room needed, by its hands: -log2 of their share, one hand added to each answer so that an
            answer without hands is not impossible.
        network: bits that the network needed for the same answers, by its final probabilities.
    """

    room: float
    network: float


def bits_of(dist: Distribution, answers: Sequence[int], hands: Sequence[int], token: int) -> Guess:
    """What a token took to guess, among some answers and "else" for all others.

    Args:
        dist: the network's.
        answers: token ids.
        hands: for each answer, and for "else" where it has one more.
        token: that came.
    """
    counted = [*hands, *([0] * (len(answers) + 1 - len(hands)))]
    chances = [float(dist.final[answer]) for answer in answers]
    chances.append(max(0.0, 1.0 - sum(chances)))
    place = list(answers).index(token) if token in answers else len(answers)
    share = (counted[place] + 1) / (sum(counted) + len(counted))
    chance = chances[place]
    return Guess(-math.log2(share), abs(math.log2(chance)) if chance > 0 else math.inf)  # what is certain: 0, not -0


@dataclass(slots=True)
class Score:
    """The guesses of a session: by the place of the token, so that one that is guessed again counts once."""

    guesses: dict[object, Guess] = field(default_factory=dict)

    def words(self) -> str:
        """The sums of the room and of the network in a line, "" before the first guess."""
        if not self.guesses:
            return ""
        room, network = (sum(getattr(guess, side) for guess in self.guesses.values()) for side in ("room", "network"))
        count = len(self.guesses)
        return f"{count} so far: {room:.1f}, {network:.1f}"


def shuffled(tokens: Sequence[int], position: int) -> list[int]:
    """Tokens in an order that tells nothing of their probabilities; the same one each time."""
    return sorted(tokens, key=lambda token: (token * 2654435761 + position * 40503) % 2**32)


def winner(hands: Sequence[int]) -> int:
    """The answer with most hands; of several the first, which is the likeliest."""
    return max(range(len(hands)), key=lambda place: (hands[place], -place))
