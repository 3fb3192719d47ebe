"""The record that a training leaves in its folder: what was trained, on what, and how it went. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import write_whole
from gpt2_remix.engine.tokens.corpus import Text

RECORD = "training.json"


@dataclass(frozen=True, slots=True)
class Source:
    """A text that was trained on: its title, where it was, and what tells whether it is still the same.

    `tokens` counts all of them, those that were held out too.
    """

    title: str
    path: Path
    size: int
    tokens: int


def source_of(text: Text) -> Source:
    """What is kept of a text."""
    return Source(text.title, text.path, text.size, len(text.ids))


def write_json(path: Path, record: Any) -> None:
    """Write a JSON document, whole or not at all. Raises EngineError."""
    write_whole(path, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())


def sources_record(sources: list[Source]) -> list[dict[str, Any]]:
    """Sources in JSON."""
    return [{"title": source.title, "path": str(source.path), "size": source.size, "tokens": source.tokens}
            for source in sources]


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a training. Raises InputError where there is none, or it is damaged."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
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
        return [Source(str(one["title"]), Path(one["path"]), int(one["size"]), int(one["tokens"]))
                for one in record["sources"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"the texts named in {RECORD} are damaged; train into a new folder") from None


def check_out(out: Path, *, resume: bool) -> None:
    """Refuse a place that holds something else, before any work is done. Raises InputError."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder that does not exist yet")
    if resume:
        read_record(out)
    elif out.is_dir() and any(out.iterdir()):
        ours = (out / RECORD).is_file()
        raise InputError(f"{out} holds a training already; go on with it by --resume, or name another folder" if ours
                         else f"{out} is not empty; name a folder that does not exist yet")
    near = next(parent for parent in (out, *out.absolute().parents) if parent.exists())
    try:
        probe = near / ".gpt2-remix.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}; name another folder") from None
