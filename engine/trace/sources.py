"""Which text a stream is traced in: the files that a person named, or what the model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import path_of, read_bytes
from gpt2_remix.engine.models.provenance import RECORD, read_record, read_sources
from gpt2_remix.engine.progress import Progress
from gpt2_remix.engine.tokens.corpus import Text, named_files, tokenize, training_tokens
from gpt2_remix.engine.tokens.tokenizer import Tokenizer
from gpt2_remix.engine.trace.index import FORMAT, INDEX, Index, fingerprints_of, index_of_texts, read_index


def find_index(
    folder: Path, tokenizer: Tokenizer, vocab_size: int, given: Sequence[str] = (), progress: Progress | None = None
) -> Index | None:
    """The index to trace in; None where nothing is known of a model's training text.

    Args:
        folder: of the model.
        tokenizer: of the model.
        vocab_size: of the model.
        given: text files (FILE or TITLE=FILE), or one index; in place of the model's own.
        progress: is told how reading goes.

    Raises:
        InputError: a file that is no text, an index that is damaged or of another vocabulary.
    """
    if given:
        if len(given) == 1 and is_index(path_of(given[0])):
            return read_index(path_of(given[0]), vocab_size, progress)
        return index_of_texts(tokenize(named_files(given), tokenizer, progress), vocab_size, progress)
    if not (folder / INDEX).is_file():
        return None
    index = read_index(folder / INDEX, vocab_size, progress)
    texts = texts_at_hand(folder, tokenizer, index, progress)
    return index if texts is None else index_of_texts(texts, vocab_size, progress)


def is_index(path: Path) -> bool:
    """Whether a file is an index rather than a text."""
    try:
        return path.suffix == ".safetensors" and FORMAT.encode() in read_bytes(path, 4096)
    except OSError:
        return False


def texts_at_hand(
    folder: Path, tokenizer: Tokenizer, index: Index, progress: Progress | None = None
) -> list[Text] | None:
    """The training parts of the texts that a model trained here remembers, if they still are what it was trained on.

    That is so where their fingerprints are those of the index; a text that was moved or changed is simply not at hand.
    """
    if not (folder / RECORD).is_file():
        return None
    try:
        record = read_record(folder)
        sources = read_sources(record)
        held_out = float(record["plan"]["held_out"])
        if any(not source.path.is_file() or source.path.stat().st_size != source.size for source in sources):
            return None
        texts = tokenize([(source.title, source.path) for source in sources], tokenizer, progress)
        texts = [replace(text, ids=text.ids[: training_tokens(text, held_out)]) for text in texts]
    except (InputError, OSError, KeyError, TypeError, ValueError, OverflowError):
        return None
    if [document.tokens for document in index.documents] != [len(text.ids) for text in texts]:
        return None
    assert index.fingerprints is not None
    step = 2**20
    for document, text in zip(index.documents, texts, strict=True):
        for first in range(0, len(text.ids) - 3, step):
            found = fingerprints_of(text.ids[first : first + step + 3])
            start = document.start + first
            if not np.array_equal(index.fingerprints[start : start + len(found)], found):
                return None
    return texts
