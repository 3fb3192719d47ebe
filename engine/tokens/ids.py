"""Token ids as a person types them."""

from __future__ import annotations

from gpt2_remix.engine.errors import InputError


def parse_ids(text: str) -> list[int]:
    """Read "91,860,287" (commas or spaces). Raises InputError."""
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"{text!r} is not a list of token ids; write them as 91,860,287") from None
