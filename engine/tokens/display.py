"""Tokens as text on a terminal: text is data, never interpreted.

Both front ends draw tokens with these functions, so that no escape sequence, tab or direction mark in a token can
reach a terminal as one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

NEWLINE = "↵"
"""How a line break is drawn, in a token on its own and at the end of a line of text."""

_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421", 0x0A: NEWLINE}


def show_character(character: str) -> str:
    """A character as it may be drawn: itself, or a symbol for what would act on the terminal or not be seen.

    Line breaks become ↵, other control characters Unicode control pictures; lone bytes (PEP 383 surrogates), invisible
    characters and skin tones become their hexadecimal code in angle quotes.
    """
    code = ord(character)
    if code in _PICTURES:
        return _PICTURES[code]
    if code < 0x7F:
        return character
    if 0xDC80 <= code <= 0xDCFF:
        return f"‹{code - 0xDC00:02x}›"
    category = unicodedata.category(character)
    if 0x1F3FB <= code <= 0x1F3FF:
        return f"‹{code:04x}›"  # a skin tone: terminals differ on how many cells it takes
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return f"‹{code:04x}›"
    return character


def show_text(text: str, keep: str = "\n\t") -> str:
    """A text for a terminal: every character by `show_character`, but those in `keep`.

    A combining mark at the start, which would join whatever stands before it, gets a dotted circle to sit on.
    """
    shown = "".join(character if character in keep else show_character(character) for character in text)
    return f"\u25cc{shown}" if shown and unicodedata.combining(shown[0]) else shown


def show_token(text: str) -> str:
    """A token on its own: as show_text, with line breaks, tabs and spaces visible too."""
    return show_text(text, keep="").replace(" ", "·").replace("\u00a0", "‹a0›")


def decode_token(piece: bytes, token: int) -> str:
    """The text of a token on its own, lone bytes as surrogates; `[id]` for ids without text."""
    return piece.decode("utf-8", errors="surrogateescape") if piece else f"[{token}]"


def show_clock(seconds: float) -> str:
    """Seconds as people write them: 45 s, 3:20, 1:02:03."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def show_names(names: Sequence[str], most: int) -> str:
    """The first of some names for a terminal, and how many more there are."""
    told = ", ".join(show_text(name) for name in names[:most])
    return f"{told} and {len(names) - most} more" if len(names) > most else told
