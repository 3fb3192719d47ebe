"""Dice: the u of a flip as a person gives it, typed as a number or rolled digit by digit with ten-sided dice.

This module imports no numpy: it is on the path to the app's first frame.
"""

from __future__ import annotations

from gpt2_remix.engine.errors import InputError

MOST_DIGITS = 15
"""More digits than these a float does not hold."""


def parse_dice(text: str) -> tuple[float, ...]:
    """Read "0.6,0.13" (commas or spaces). Raises InputError where one is no number from 0 up to 1."""
    found = []
    for part in text.replace(",", " ").split():
        try:
            u = float(part)
        except ValueError:
            u = -1.0
        if not 0 <= u < 1:
            raise InputError(f"{part[:40]!r} is no roll of the dice: each is a number from 0 up to 1, but not 1, "
                             "such as 0.6")
        found.append(u)
    if not found:
        raise InputError("no roll of the dice was given; write them as 0.6,0.13")
    return tuple(found)


def u_of(digits: str) -> float:
    """The u that rolled digits write: "60" is 0.60. Without a digit 0."""
    return float(f"0.{digits or '0'}")


def span_of(digits: str) -> tuple[float, float]:
    """Where u lies once these digits were rolled: from the first number up to the second.

    With each digit the span is a tenth of the one before: "6" leaves [0.6, 0.7), "60" leaves [0.60, 0.61).
    """
    if not digits:
        return 0.0, 1.0
    return u_of(digits), (int(digits) + 1) / 10 ** len(digits)
