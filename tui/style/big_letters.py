"""Letters of several lines, for what is to be read from the back of a room (pyfiglet's font smblock)."""

from __future__ import annotations

from functools import lru_cache

LINES = 4
"""Of a letter."""


@lru_cache(maxsize=256)
def big_letters(text: str) -> tuple[str, ...] | None:
    """A text in large letters, `LINES` lines of the same width; None where the font lacks one of its characters.

    The sign of a space before a word is left out: at this size it says nothing.
    """
    figlet = _figlet()
    text = text.replace("·", "")
    if not any(letter.isalnum() for letter in text):
        return None  # a comma is no larger in large letters
    if any(ord(letter) not in figlet.Font.chars or not letter.isascii() for letter in text):
        return None
    lines = str(figlet.renderText(text)).split("\n")[:LINES]
    width = max(len(line.rstrip()) for line in lines)
    return tuple(line[:width].ljust(width) for line in lines)


@lru_cache(maxsize=1)
def _figlet():  # type: ignore[no-untyped-def]  # pyfiglet has no types, and is loaded when it is wanted
    from pyfiglet import Figlet

    return Figlet(font="smblock", width=1000)
