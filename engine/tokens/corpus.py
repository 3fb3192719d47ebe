"""A person's text files as token ids: read piece by piece, checked, tokenized into files that are mapped, not loaded.

What comes out does not depend on how the text was cut into pieces, and memory does not grow with it. Tokenized files
are kept in the cache folder: the second time costs nothing. Knows nothing of models or of what the tokens are for.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import path_of, read_file, written_beside
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.tokens.display import show_names
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

PIECE = 4 * 2**20
"""Bytes that are read at a time."""

LONGEST_WORD = 16 * 2**20
"""Characters without any space from which on a file is not taken for text; memory would grow without bounds."""

KEPT = 4 * 2**30
"""Bytes of tokenized files that are kept in the cache folder; the ones not used for longest go first."""


@dataclass(frozen=True, slots=True)
class Text:
    """One tokenized text file.

    Attributes:
        path: where the text is, absolute.
        title: what it is called on screen.
        size: of the text file, in bytes.
        changed: when it was written last, in nanoseconds since 1970.
        ids: [tokens] uint16 or uint32, mapped from a file.
    """

    path: Path
    title: str
    size: int
    changed: int
    ids: NDArray[np.unsignedinteger[Any]]

    @property
    def name(self) -> str:
        """The file's name, as records have it."""
        return self.path.name


def named_files(given: Sequence[str]) -> list[tuple[str, Path]]:
    """What a person wrote as FILE or TITLE=FILE -> (title, path). Raises InputError for what is no readable file."""
    found: list[tuple[str, Path]] = []
    for word in given:
        title, equals, rest = word.partition("=")
        plain = path_of(word)
        path = plain if plain.exists() or not (equals and title) else path_of(rest)
        named = title if path is not plain else path.stem
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the text files in it ({path}/*.txt)")
        if not path.exists():
            raise InputError(f"{path} does not exist; give text files (UTF-8)")
        if not path.is_file():
            raise InputError(f"{path} is not a file that can be read twice; save its text first")
        path = path.absolute()
        if path in (other for _, other in found):
            raise InputError(f"{path} was given twice; give each file once")
        found.append((named, path))
    return found


def read_pieces(path: Path, size: int = PIECE) -> Iterator[tuple[str, int]]:
    """A text file in pieces that can be tokenized one by one, each with the bytes read so far.

    Pieces end before whitespace that follows something else, where GPT-2's tokens never reach across, so that the
    tokens are those of the whole. Line ends are made one kind, `\n` (see `plain_line_ends`).

    Raises:
        InputError: it cannot be read, or is not UTF-8 text.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    done = 0
    waiting = ""
    try:
        with path.open("rb") as file:
            while data := file.read(size):
                if not done:
                    check_kind(path, data)
                if b"\0" in data:
                    raise InputError(f"{path} holds zero bytes (the first at {done + data.index(0)}): it is not a text")
                try:
                    waiting += decoder.decode(data, final=False)
                except UnicodeDecodeError as error:
                    # The decoder's own count starts at what it had kept of the piece before.
                    kept = len(error.object) - len(data)
                    raise InputError(_not_utf8(path, done - kept + error.start)) from None
                done += len(data)
                cut = last_cut(waiting)
                if cut:
                    yield waiting[:cut], done
                    waiting = waiting[cut:]
                elif len(waiting) > LONGEST_WORD:
                    raise InputError(f"{path} holds {LONGEST_WORD:,} characters without a space: it is not a text")
        try:
            waiting += decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise InputError(_not_utf8(path, done - len(error.object) + error.start)) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    yield waiting, done


def plain_line_ends(text: str) -> str:
    """A text with `\n` in place of the line ends of Windows (`\r\n`) and of old Macs: GPT-2 knows a text by its tokens,
    and those of other line ends are others."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def about_line_ends(files: Sequence[tuple[str, Path]]) -> str:
    """What to say of files whose first lines have other line ends, "" where none has. Raises InputError."""
    names = [path.name for _, path in files if b"\r" in read_file(path, PIECE)]
    if not names:
        return ""
    has = "has" if len(names) == 1 else "have"
    return f"{show_names(names, 3)} {has} line ends of another kind (CR LF or CR); they are read as plain ones (LF)"


def check_kind(path: Path, start: bytes) -> None:
    """Refuse by its first bytes what is another kind of file. Raises InputError."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8 {path.name}")
    for magic, kind in ((b"%PDF", "a PDF"), (b"PK\x03\x04", "a zip archive (or an office document)"),
                        (b"\x1f\x8b", "compressed by gzip")):
        if start.startswith(magic):
            raise InputError(f"{path} is {kind}, not plain text; save its text as a UTF-8 file first")


def _not_utf8(path: Path, place: int) -> str:
    return (f"{path} is not UTF-8 text (byte {place}); convert it first, "
            f"say with iconv -f ISO-8859-1 -t UTF-8 {path.name}")


def last_cut(text: str) -> int:
    """The last place where a space, tab or line break follows something that is not whitespace; 0 if there is none."""
    place = len(text)
    while (place := max(text.rfind(space, 0, place) for space in " \t\r\n")) > 0:
        if not text[place - 1].isspace():
            return place
    return 0


def tokenize(
    files: Sequence[tuple[str, Path]], tokenizer: Tokenizer, progress: Progress | None = None
) -> list[Text]:
    """Tokenize text files, or find them in the cache folder.

    Raises:
        InputError: a file that cannot be read, is empty, or is not UTF-8 text.
        EngineError: the cache folder cannot be written.
    """
    total = sum(path.stat().st_size for _, path in files)
    before = 0
    texts = []
    for title, path in files:
        state = path.stat()

        def report(done: int, before: int = before) -> None:
            if progress:
                progress("reading text", before + done, total)

        kept = _cache_path(path, state, tokenizer)
        if not kept.is_file():
            _tokenize_one(path, tokenizer, kept, report)
            _tidy(kept)
        with suppress(OSError):
            os.utime(kept)
        ids = np.memmap(kept, dtype=id_type(len(tokenizer.pieces)), mode="r")
        before += state.st_size
        report(state.st_size)
        texts.append(Text(path, title, state.st_size, state.st_mtime_ns, ids))
    return texts


def id_type(vocab_size: int) -> np.dtype[Any]:
    """The smallest of uint16 and uint32 that holds all ids."""
    return np.dtype("<u2" if vocab_size <= 2**16 else "<u4")


def _cache_path(path: Path, state: os.stat_result, tokenizer: Tokenizer) -> Path:
    by = hashlib.sha256(tokenizer.definition()).hexdigest()
    key = f"3|{path}|{state.st_size}|{state.st_mtime_ns}|{len(tokenizer.pieces)}|{by}"
    return user_cache_path("gpt2-remix") / "texts" / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:40]}.ids"


def _tokenize_one(path: Path, tokenizer: Tokenizer, kept: Path, report: Callable[[int], None]) -> None:
    kind = id_type(len(tokenizer.pieces))
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(kept) as part, part.open("wb") as file:
            for piece, done in read_pieces(path):
                file.write(np.array(tokenizer.encode(piece), dtype=kind).tobytes())
                report(done)
            if not file.tell():
                raise InputError(f"{path} is empty; give a file with text")
    except OSError as error:
        raise EngineError(f"tokens cannot be kept in {kept.parent}: {error.strerror}; make room there") from None


def _tidy(newest: Path) -> None:
    """Delete what was not used for longest, until KEPT holds what is left."""
    with suppress(OSError):
        found = sorted(newest.parent.glob("*.ids"), key=lambda file: file.stat().st_mtime, reverse=True)
        room = KEPT
        for file in found:
            room -= file.stat().st_size
            if room < 0 and file != newest:
                file.unlink()


@dataclass(frozen=True, slots=True)
class Split:
    """Tokens of several texts, cut into what is trained on and what is held out.

    Attributes:
        training: [tokens] ids of the training parts, each after `<|endoftext|>`.
        held_out: [tokens] ids of the held-out parts, likewise.
    """

    training: NDArray[np.unsignedinteger[Any]]
    held_out: NDArray[np.unsignedinteger[Any]]


def training_tokens(text: Text, held_out: float) -> int:
    """How many of a text's tokens are training text: the first ones, rounded down."""
    # 98 % of n is meant exactly; 1 - 0.02 is not 0.98 in floating point.
    return len(text.ids) - -(-len(text.ids) * round(held_out * 10_000) // 10_000)


def split(texts: Sequence[Text], end_of_text: int, held_out: float) -> Split:
    """The training and the held-out part of each text, each after `<|endoftext|>`, in the order given.

    They are copied once; a gigabyte of text takes some 600 MB.
    """
    kind = texts[0].ids.dtype
    end = np.array([end_of_text], dtype=kind)
    cuts = [training_tokens(text, held_out) for text in texts]
    training = np.concatenate([part for text, cut in zip(texts, cuts, strict=True) for part in (end, text.ids[:cut])])
    rests = [text.ids[cut:] for text, cut in zip(texts, cuts, strict=True) if cut < len(text.ids)]
    held = [part for rest in rests for part in (end, rest)]
    return Split(training, np.concatenate(held) if held else np.zeros(0, dtype=kind))
