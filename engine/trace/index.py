"""The index of a training text: a 16-bit fingerprint of the four tokens that start at each position, not the text.

A run of n tokens that stands in the text agrees in n - 3 fingerprints one after another; that a run of eight agrees by
chance somewhere in a million positions has a probability of about 1e6 / 2**80. The idea of tracing output to training
text is OLMoTrace's (Liu et al. 2025, arXiv 2504.07096), which looks it up in suffix arrays of the text itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import json_bytes, written_beside
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.tokens.corpus import Text, training_tokens

INDEX = "trace.safetensors"
"""The name of the index in a model's folder."""

WINDOW = 4
"""Tokens of a fingerprint."""

SURE = 6
"""Tokens of a run whose three fingerprints agree by chance once in 2**48 / size positions; those of four always do."""

FORMAT = "gpt2-remix trace 1"

_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)
_CHUNK = 2**20
_SPARSE = 2**25
"""Tokens from which on only every fourth position is listed: a run of seven tokens or more is found all the same."""

Ids = NDArray[np.unsignedinteger[Any]]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Document:
    """One text of an index.

    Attributes:
        name: of its file.
        title: what it is called on screen.
        start: where in the index its first token stands.
        tokens: how many there are.
    """

    name: str
    title: str
    start: int
    tokens: int


def mixed(a: Any, b: Any, c: Any, d: Any) -> NDArray[np.uint16]:
    """The fingerprints of four tokens each, of uint32 arrays (or numbers) of ids: their sum in odd factors, mixed.

    The mixing is the end of MurmurHash3's (Appleby, public domain).
    """
    with np.errstate(over="ignore"):
        parts = (np.asarray(ids, np.uint32) * np.uint32(by) for ids, by in zip((a, b, c, d), _FACTORS, strict=True))
        x = sum(parts, start=np.uint32(0))
        x = x ^ (x >> np.uint32(16))
        x = x * np.uint32(0x85EBCA6B)
        x = x ^ (x >> np.uint32(13))
        x = x * np.uint32(0xC2B2AE35)
    return np.asarray(x >> np.uint32(16)).astype(np.uint16)


def mixed_one(a: int, b: int, c: int, d: int) -> int:
    """`mixed` of one window, without an array."""
    x = (a * _FACTORS[0] + b * _FACTORS[1] + c * _FACTORS[2] + d * _FACTORS[3]) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x85EBCA6B & 0xFFFFFFFF
    x ^= x >> 13
    return (x * 0xC2B2AE35 & 0xFFFFFFFF) >> 16


def fingerprints_of(ids: Ids) -> NDArray[np.uint16]:
    """[tokens] ids -> [tokens - 3] fingerprints, the one of the four tokens that start at each position."""
    return mixed(*(ids[n : len(ids) - WINDOW + 1 + n] for n in range(WINDOW)))


@dataclass(slots=True)
class Index:
    """Text that spans are looked up in. There are fingerprints, or tokens, which tell more.

    Attributes:
        documents: in order, one after another without a gap.
        vocab_size: of the model whose tokens they are.
        fingerprints: [tokens] uint16; the last three of a document mean nothing. None where there are tokens.
        tokens: [tokens] the text itself, where it is at hand: matches are then certain.
        sources: what was read, where it is at hand.
    """

    documents: Sequence[Document]
    vocab_size: int
    fingerprints: NDArray[np.uint16] | None = None
    tokens: Ids | None = None
    sources: Sequence[Text] = ()
    stride: int = 1
    _starts: Places = field(init=False)
    _ends: Places = field(init=False)
    _listed: NDArray[np.uint32] = field(init=False)
    _first: Places = field(init=False)

    def __post_init__(self) -> None:
        self._starts = np.array([document.start for document in self.documents], np.int64)
        self._ends = self._starts + np.array([document.tokens for document in self.documents], np.int64)

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def listed(self) -> int:
        """The shortest run that is always found at all of its places, in tokens."""
        return WINDOW + self.stride - 1

    @property
    def shortest(self) -> int:
        """The shortest run that is always found, and hardly ever by chance, in tokens."""
        return self.listed if self.tokens is not None else max(SURE, self.listed)

    def document_at(self, place: int) -> Document:
        """The document in which a place lies."""
        return self.documents[int(np.searchsorted(self._starts, place, "right")) - 1]

    def ends(self, places: Places) -> Places:
        """Where the documents end in which places lie."""
        return self._ends[np.searchsorted(self._starts, places, "right") - 1]

    def starts(self, places: Places) -> Places:
        """Where the documents begin in which places lie."""
        return self._starts[np.searchsorted(self._starts, places, "right") - 1]

    def hashes(self, first: int, last: int) -> NDArray[np.uint16]:
        """The fingerprints of the windows that start at the places from `first` to before `last`."""
        if self.tokens is not None:
            return fingerprints_of(self.tokens[first : last + WINDOW - 1])
        assert self.fingerprints is not None
        return np.asarray(self.fingerprints[first:last])

    def prepare(self, progress: Progress | None = None) -> None:
        """List places by their fingerprints: a counting sort in pieces, four bytes for each place that is listed."""
        self.stride = 1 if self.size < _SPARSE else 4
        counts = np.zeros(2**16, np.int64)
        pieces = [
            (first, min(first + _CHUNK, document.start + document.tokens - WINDOW + 1))
            for document in self.documents
            for first in range(document.start, document.start + document.tokens - WINDOW + 1, _CHUNK)
        ]
        whole, done = 2 * sum(last - first for first, last in pieces), 0  # they are gone through twice

        def listed(first: int, last: int) -> tuple[Places, NDArray[np.uint16]]:
            skip = -first % self.stride
            return np.arange(first + skip, last, self.stride), self.hashes(first, last)[skip :: self.stride]

        def tell(count: int) -> None:
            nonlocal done
            done += count
            if progress:
                progress("indexing", done, whole)

        for first, last in pieces:
            counts += np.bincount(listed(first, last)[1], minlength=2**16)
            tell(last - first)
        self._first = np.concatenate([[0], np.cumsum(counts)])
        self._listed = np.zeros(int(self._first[-1]), np.uint32)
        free = self._first[:-1].copy()
        for first, last in pieces:
            places, found = listed(first, last)
            order = np.argsort(found, kind="stable")
            ordered = found[order]
            here = np.bincount(found, minlength=2**16)
            among = np.arange(len(ordered)) - np.repeat(np.cumsum(here) - here, here)
            self._listed[free[ordered] + among] = places[order]
            free += here
            tell(last - first)

    def places_of(self, fingerprint: int) -> Places:
        """The listed places whose window has a fingerprint."""
        return self._listed[self._first[fingerprint] : self._first[fingerprint + 1]].astype(np.int64)


def index_of_texts(texts: Sequence[Text], vocab_size: int, progress: Progress | None = None) -> Index:
    """An index that has the tokens themselves. Those of one text stay in its file; several are copied to memory."""
    parts = [text.ids for text in texts]
    tokens = parts[0] if len(parts) == 1 else np.concatenate(parts)
    index = Index(_documents(texts, [len(part) for part in parts]), vocab_size, tokens=tokens, sources=texts)
    index.prepare(progress)
    return index


def _documents(texts: Sequence[Text], lengths: Sequence[int]) -> list[Document]:
    documents, start = [], 0
    for text, length in zip(texts, lengths, strict=True):
        documents.append(Document(text.name, text.title, start, length))
        start += length
    return documents


def write_index(
    path: Path, texts: Sequence[Text], vocab_size: int, held_out: float, progress: Progress | None = None
) -> None:
    """Write the fingerprints of the training parts of texts: a safetensors file, two bytes for each token.

    Written piece by piece, so that memory does not grow with the text.

    Raises:
        EngineError: the file cannot be written.
    """
    lengths = [training_tokens(text, held_out) for text in texts]
    documents = _documents(texts, lengths)
    total = sum(lengths)
    named = [[document.name, document.title, document.tokens] for document in documents]
    about = {"format": FORMAT, "vocab_size": str(vocab_size),
             "documents": json_bytes(json.dumps(named, ensure_ascii=False)).decode()}
    header = json.dumps({"__metadata__": about, "fingerprints": {
        "dtype": "U16", "shape": [total], "data_offsets": [0, 2 * total]}}, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    done = 0
    try:
        with written_beside(path) as part, part.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for text, length in zip(texts, lengths, strict=True):
                for first in range(0, length, _CHUNK):
                    last = min(first + _CHUNK, length)
                    found = fingerprints_of(text.ids[first : min(last + WINDOW - 1, length)])
                    file.write(found.astype("<u2").tobytes() + bytes(2 * (last - first - len(found))))
                    done += last - first
                    if progress:
                        progress("indexing", 2 * done, 2 * total)  # bytes
    except OSError as error:
        raise EngineError(f"{path} cannot be written: {error.strerror}") from None


def read_index(path: Path, vocab_size: int, progress: Progress | None = None) -> Index:
    """Read an index, its fingerprints mapped, and list its places.

    Raises:
        InputError: a file that is missing, damaged, no index, or of another vocabulary.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > 2**24:
                raise ValueError("no header")
            header = json.loads(file.read(length))
        about = header["__metadata__"]
        if about["format"] != FORMAT:
            raise ValueError("another format")
        listed = json.loads(about["documents"])
        documents, start = [], 0
        for name, title, tokens in listed:
            documents.append(Document(str(name), str(title), start, int(tokens)))
            start += int(tokens)
        own = int(about["vocab_size"])
        # numpy.memmap refuses what is longer than the file.
        fingerprints = np.memmap(path, "<u2", "r", 8 + length, (start,)) if start else np.zeros(0, np.uint16)
        if header["fingerprints"]["shape"] != [start] or path.stat().st_size != 8 + length + 2 * start:
            raise ValueError("truncated")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `gpt2-remix index` makes one from text") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, OverflowError, KeyError, TypeError, RecursionError, AttributeError):
        raise InputError(f"{path} is not an index of training text, or it is damaged; make it again") from None
    if own != vocab_size:
        raise InputError(
            f"{path} was made for a vocabulary of {own:,} tokens, the model's has {vocab_size:,}; "
            "make one with this model (`gpt2-remix index --model …`)"
        )
    index = Index(documents, vocab_size, fingerprints=fingerprints)
    index.prepare(progress)
    return index
