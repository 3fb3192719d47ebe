"""GPT-2's byte-level BPE: text <-> token ids <-> bytes, and characters that are spread over several tokens.

The ranks are the committed ones (`assets/gpt2.tiktoken`), encoded by tiktoken; `engine.tokens.folder_tokenizer` reads
a folder's own. Nothing is ever downloaded here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from gpt2_remix.engine.errors import InputError

END_OF_TEXT = "<|endoftext|>"

GPT2_RANKS = 50256

# Splits text before the merges (Radford et al. 2019); written as in tiktoken, equivalent to the original
# '(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ but faster.
_PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """Text to ids and back, for one model's vocabulary.

    Attributes:
        pieces: the bytes of each id. Ids of the model past the end of the table (padding) have no bytes.
        end_of_text: the id of `<|endoftext|>`.
        split: the encoder behind `encode`.
        definition: gives all that `split` depends on, for whoever keeps what it made.
    """

    pieces: Sequence[bytes]
    end_of_text: int
    split: Callable[[str], list[int]]
    definition: Callable[[], bytes]

    def encode(self, text: str) -> list[int]:
        """The token ids of a text; `<|endoftext|>` written out is that one token, as in transformers.

        Raises:
            InputError: text that is not valid Unicode, or bytes that a tiny vocabulary lacks.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InputError("the text is not valid UTF-8; convert it, or give token ids") from None
        return self.split(text)

    def token_bytes(self, token: int) -> bytes:
        """The exact bytes of one token; empty for ids that the vocabulary has no text for."""
        return self.pieces[token] if 0 <= token < len(self.pieces) else b""

    def shown_bytes(self, token: int) -> bytes:
        """The bytes of one token, for a person; its id in brackets where the vocabulary has no text for it."""
        return self.token_bytes(token) or f"[{token}]".encode()

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """The exact bytes of a sequence."""
        return b"".join(map(self.token_bytes, ids))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a sequence, with U+FFFD for bytes that are not whole characters."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")


def split_characters(pieces: Sequence[bytes]) -> list[str]:
    """The text of each token of a sequence, characters spread over several tokens joined.

    Such a character stands with the token that holds its first byte; the others add nothing ("" if that is all they
    hold). Bytes that are no whole character come as lone surrogates U+DC80 ... U+DCFF (PEP 383), one for each byte.
    """
    texts: list[str] = []
    decoded = iter(b"".join(pieces).decode("utf-8", errors="surrogateescape"))
    start = end = 0
    for piece in pieces:
        end += len(piece)
        own = []
        while start < end:
            character = next(decoded)
            own.append(character)
            start += len(character.encode("utf-8", errors="surrogateescape"))
        texts.append("".join(own))
    return texts


def whole_characters(data: bytes) -> int:
    """How many bytes at the start of `data` are not the beginning of a character that more bytes could complete."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if needed > back else len(data)
        if byte < 0x80:
            break
    return len(data)


@lru_cache(maxsize=1)
def _ranks() -> list[bytes]:
    lines = (resources.files("gpt2_remix.engine") / "assets" / "gpt2.tiktoken").read_bytes().splitlines()
    return [base64.b64decode(line.split()[0]) for line in lines]


def gpt2_tokenizer(vocab_size: int = GPT2_RANKS + 1) -> Tokenizer:
    """The tokenizer of a model with `vocab_size` ids: the first ranks of GPT-2's table, then `<|endoftext|>`.

    A vocabulary larger than GPT-2's (padded, say to 50,304) keeps `<|endoftext|>` at 50256.
    """
    import tiktoken

    if vocab_size < 2:
        raise InputError(f"a vocabulary of {vocab_size} tokens holds no text; at least 2 are needed")
    table = _ranks()[: vocab_size - 1]
    end_of_text = len(table)
    encoding = tiktoken.Encoding(
        f"gpt2-{vocab_size}", pat_str=_PATTERN, special_tokens={END_OF_TEXT: end_of_text},
        mergeable_ranks={piece: rank for rank, piece in enumerate(table)},
    )
    single = {piece[0] for piece in table if len(piece) == 1}

    def split(text: str) -> list[int]:
        if len(single) < 256 and (missing := set(text.replace(END_OF_TEXT, "").encode()) - single):
            raise missing_byte(min(missing), vocab_size)
        return encoding.encode(text, allowed_special="all")

    pieces = [*table, END_OF_TEXT.encode()]
    return Tokenizer(pieces, end_of_text, split, lambda: _PATTERN.encode() + b"\0" + b"\0".join(pieces))


def without_texts(end_of_text: int) -> Tokenizer:
    """The vocabulary of a network whose tokens have no texts, as benchmarks use them."""

    def refuse(text: str) -> list[int]:
        raise InputError("this network's tokens have no texts; give token ids")

    return Tokenizer((), end_of_text, refuse, lambda: b"")


def missing_byte(byte: int, vocab_size: int) -> InputError:
    """What is said of a byte that a vocabulary has no token for."""
    return InputError(f"this model's vocabulary of {vocab_size:,} tokens has none for the byte {byte:#04x}; "
                      "give token ids instead of text")
