"""The record that a training leaves in its folder: what was trained, on what, and how it went. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import is_text, json_bytes, read_bytes, real_path, write_whole
from gpt2_remix.engine.tokens.corpus import Text
from gpt2_remix.engine.tokens.folder_tokenizer import WHOLE

RECORD = "training.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A text that was trained on: its title, where it was, and what tells whether it is still the same.

    `tokens` counts all of them, those that were held out too; `sha256` is that of their ids, "" in records of before.
    """

    title: str
    path: Path
    size: int
    tokens: int
    sha256: str = ""


def source_of(text: Text) -> Source:
    """What is kept of a text."""
    return Source(text.title, text.path, text.size, len(text.ids), sha256_of(text))


def sha256_of(text: Text) -> str:
    """The hash of a text's ids, in hexadecimal."""
    digest = hashlib.sha256()
    for first in range(0, len(text.ids), _PART):
        digest.update(text.ids[first : first + _PART].tobytes())
    return digest.hexdigest()


_PART = 2**22
"""Ids that are in memory at a time."""


def holds_gpt2_tokens(folder: Path) -> bool:
    """Whether the tokenizer in a folder is the one that a training wrote there: ranks of GPT-2's own table."""
    try:
        known = json.loads(read_bytes(folder / RECORD))["tokenizer"]
        return bool(known == hashlib.sha256(read_bytes(folder / WHOLE)).hexdigest())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def write_json(path: Path, record: Any) -> None:
    """Write a JSON document, whole or not at all. Raises EngineError."""
    write_whole(path, json_bytes(json.dumps(record, indent=2, ensure_ascii=False) + "\n"))


def sources_record(sources: list[Source]) -> list[dict[str, Any]]:
    """Sources in JSON."""
    return [{"title": source.title, "path": str(source.path), "size": source.size, "tokens": source.tokens,
             "sha256": source.sha256}
            for source in sources]


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a training. Raises InputError where there is none, or it is damaged."""
    try:
        record = json.loads(read_bytes(folder / RECORD))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no training that could go on (no {RECORD}); leave out --resume") from None
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise InputError(f"{folder / RECORD} is damaged; train into a new folder")
    return record


def read_sources(record: dict[str, Any]) -> list[Source]:
    """The texts in a record. Raises InputError."""
    try:
        return [Source(str(one["title"]), Path(one["path"]), int(one["size"]), int(one["tokens"]),
                       str(one.get("sha256", "")))
                for one in record["sources"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"the texts named in {RECORD} are damaged; train into a new folder") from None


def left_over(path: Path) -> bool:
    """Whether a file is what a process that was killed had not moved to its place."""
    return path.name.startswith(".") and path.name.endswith(".part")


def check_out(out: Path, *, resume: bool) -> None:
    """Refuse a place that holds something else, before any work is done. Raises InputError."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder that does not exist yet")
    if resume:
        read_record(out)
    elif out.is_dir() and any(path for path in out.iterdir() if not left_over(path)):
        ours = (out / RECORD).is_file()
        raise InputError(f"{out} holds a training already; go on with it by --resume, or name another folder" if ours
                         else f"{out} is not empty; name a folder that does not exist yet")
    if not is_text(str(real_path(out))):
        raise InputError(f"{out}: the name is not UTF-8, and weights cannot be written there; name another folder")
    near = next(parent for parent in (out, *out.absolute().parents) if parent.exists())
    try:
        probe = near / ".gpt2-remix.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}; name another folder") from None
