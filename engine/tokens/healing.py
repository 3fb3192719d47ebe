"""Token healing: a prefix that ends where the network never saw text cut, and the tokens that it may be completed to.

GPT-2's tokens begin with the space before a word. A prefix that ends in a space, or within what is one token in a whole
text, stands for the network where no text of its training ever stood, and what comes next is worse than it could be.
Healing takes the end back and lets the next token be one that begins with it. Source: the idea is Lundberg's (2023,
"The art of prompt design: prompt boundaries and token healing").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

LONGEST = 16
"""Bytes of a cut token that are looked at."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a prefix was cut.

    Attributes:
        ids: the prefix without its end.
        end: the bytes that are taken back.
        tokens: the ids that begin with them, ascending.
    """

    ids: list[int]
    end: bytes
    tokens: list[int]

    @property
    def in_a_space(self) -> bool:
        """Whether it ends in a space, not within a word."""
        return self.end == b" "

    @property
    def where(self) -> str:
        """Where it was cut, in words."""
        return "ends in a space" if self.in_a_space else "ends within a token"


def longer_than(tokenizer: Tokenizer, ids: Sequence[int]) -> Cut | None:
    """The last token of a prefix taken back, where it ends in a word and there are tokens that begin with it.

    Of a prefix that ends with a whole token nobody can tell by the tokens whether its word is whole: "the" and "happ"
    both are tokens with longer ones beside them.
    """
    whole = list(ids)
    end = tokenizer.token_bytes(whole[-1]) if whole and whole[-1] != tokenizer.end_of_text else b""
    if not end[-1:].isalnum():
        return None
    tokens = [token for token, piece in enumerate(tokenizer.pieces)
              if piece.startswith(end) and token != tokenizer.end_of_text]
    return Cut(whole[:-1] or [tokenizer.end_of_text], end, tokens) if len(tokens) > 1 else None


def cut_of(tokenizer: Tokenizer, ids: Sequence[int]) -> Cut | None:
    """How a prefix was cut; None where it ends as whole texts do."""
    whole = list(ids)
    if not whole or whole[-1] == tokenizer.end_of_text:
        return None
    if tokenizer.token_bytes(whole[-1]).endswith(b" "):
        kept = _without_space(tokenizer, whole)
        return None if kept is None else _cut(tokenizer, kept, b" ")
    end = b""
    found = None
    for place in range(len(whole) - 1, -1, -1):
        piece = tokenizer.token_bytes(whole[place])
        end = piece + end
        if len(end) > LONGEST or not piece or piece.isspace() or whole[place] == tokenizer.end_of_text:
            break
        if place < len(whole) - 1 and (cut := _cut(tokenizer, whole[:place], end)) is not None:
            found = cut
        if piece.startswith(b" "):
            break  # a word begins there
    return found


def _cut(tokenizer: Tokenizer, ids: list[int], end: bytes) -> Cut | None:
    longer = [token for token, piece in enumerate(tokenizer.pieces)
              if len(piece) > len(end) and piece.startswith(end) and token != tokenizer.end_of_text]
    if not longer:
        return None
    same = [token for token, piece in enumerate(tokenizer.pieces) if piece == end] if end == b" " else []
    return Cut(ids, end, sorted([*longer, *same]))


def _without_space(tokenizer: Tokenizer, ids: list[int]) -> list[int] | None:
    """The prefix without the space at its end; None where its text does not give just these ids again."""
    last = tokenizer.token_bytes(ids[-1])
    if last == b" ":
        return ids[:-1] or [tokenizer.end_of_text]
    try:
        return [*ids[:-1], *tokenizer.encode(last[:-1].decode())]
    except (UnicodeDecodeError, InputError):
        return None
