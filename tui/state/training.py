"""A training as the app knows it: what was asked for, and what its process has said of how it goes."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import path_of

POINTS = 400
"""Points of the training loss that are kept for the plot."""

MOST_MINUTES = 100_000


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a person wants trained.

    Attributes:
        files: FILE or TITLE=FILE; none to go on with what `out` holds.
        out: the folder to write.
        minutes: how long; None, where it goes on, for the rest of what was planned.
    """

    files: tuple[str, ...]
    out: Path
    minutes: float | None

    @property
    def arguments(self) -> list[str]:
        """Of the `train` command."""
        told = ["--out", str(self.out)]
        if self.minutes is not None:
            told += ["--minutes", str(self.minutes)]
        return [*told, "--", *self.files] if self.files else [*told, "--resume"]


@dataclass(slots=True)
class Training:
    """A training that goes on, or went on.

    Attributes:
        number: what tells it from others.
        doing: what it does before it trains.
        begun: what was said when it began: shape, tokens, texts.
        seconds, left: that it has trained, and has still to train.
        fraction: of it that is over, 0 to 1.
        loss, held_out: the newest, in nats a token; `best` the lowest of the latter.
        losses, looks: (seconds, loss) on training text and on held-out text, for the plot.
        rate: tokens a second.
        sample: the last text that it wrote.
        stopping: whether it was told to end.
        over: whether it has ended.
        whole: whether it went to the end of its plan.
        bits_per_byte: of the weights that were written in the end, on held-out text.
        problem: why it failed, in one line.
        opened: whether its model was opened.
    """

    options: TrainOptions
    number: int
    doing: str = "starting"
    begun: dict[str, Any] | None = None
    step: int = 0
    seconds: float = 0.0
    left: float = 0.0
    fraction: float = 0.0
    loss: float | None = None
    held_out: float | None = None
    best: float | None = None
    losses: list[tuple[float, float]] = field(default_factory=list)
    looks: list[tuple[float, float]] = field(default_factory=list)
    rate: float = 0.0
    sample: str = ""
    stopping: bool = False
    over: bool = False
    whole: bool = False
    bits_per_byte: float | None = None
    problem: str = ""
    opened: bool = False

    @property
    def name(self) -> str:
        """Of the model."""
        return self.options.out.name

    @property
    def has_model(self) -> bool:
        """Whether its folder holds a model that can be opened."""
        return bool(self.looks)

    def take(self, event: dict[str, Any]) -> None:
        """What the process said: a line of `train --events`."""
        kind = event.get("event")
        if kind == "reading":
            done, total = event["done"], event["total"]
            self.doing = event["what"] + (f" {done / total:.0%} of {total / 1e6:,.1f} MB" if total else "")
        elif kind == "begun":
            self.begun = event
            for seconds, _, loss, held_out in event["history"]:
                self.losses.append((seconds, loss))
                self._look(seconds, held_out)
        elif kind == "sample":
            self.sample = event["text"]
        elif kind == "report":
            self.step, self.seconds, self.left = event["step"], event["seconds"], event["left"]
            self.fraction, self.loss, self.rate = event["fraction"], event["loss"], event["rate"]
            last = self.losses[-1][0] if self.losses else -1.0
            if self.seconds - last >= (self.seconds + self.left) / POINTS:
                self.losses.append((self.seconds, event["loss"]))
            if event["held_out"] is not None:
                self._look(self.seconds, event["held_out"])
        elif kind == "ended":
            self.whole, self.held_out = event["whole"], event["held_out"]
            self.bits_per_byte = event["bits_per_byte"]
            if not self.looks:  # it was stopped before the first one
                self._look(self.seconds, event["held_out"])

    def _look(self, seconds: float, held_out: float) -> None:
        self.looks.append((seconds, held_out))
        self.held_out = held_out
        self.best = held_out if self.best is None else min(self.best, held_out)


def read_train_options(files: str, out: str, minutes: str) -> TrainOptions:
    """What was typed into three fields. Raises InputError for what can be refused before a process is started."""
    from gpt2_remix.engine.models.provenance import RECORD, check_out
    from gpt2_remix.engine.tokens.corpus import named_files

    try:
        words = shlex.split(files)
    except ValueError:
        raise InputError("a quotation mark is open; close it, or leave it out") from None
    found = expanded(words)
    try:
        length = float(minutes.strip().replace(",", "."))
    except ValueError:
        length = 0.0
    if not 0 < length <= MOST_MINUTES:
        raise InputError(f"{minutes.strip()!r} is no number of minutes; write 5, or 0.5")
    folder = path_of(out.strip()).absolute()
    if not found and not (out.strip() and (folder / RECORD).is_file()):
        raise InputError("name a text file (UTF-8); tab goes to the list of files, enter takes one")
    if not out.strip():
        raise InputError("name a folder for the model")
    if not found:
        check_out(folder, resume=True)
        return TrainOptions((), folder, length)
    check_out(folder, resume=False)
    named = named_files(found)
    words = [str(path) if title == path.stem else f"{title}={path}" for title, path in named]
    return TrainOptions(tuple(words), folder, length)


def expanded(words: Sequence[str]) -> list[str]:
    """Patterns as a shell expands them; what matches nothing stays, to be complained about by name."""
    found: list[str] = []
    for word in words:
        path = str(path_of(word))
        found += sorted(glob.glob(path)) or [word]
    return found


def folder_for(files: str, beside: Path) -> str:
    """A folder's name for a model of these files that is not there yet."""
    try:
        words = shlex.split(files)
    except ValueError:
        words = files.split()
    stem = Path(words[0].rpartition("=")[2]).stem if words else ""
    plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem).strip("-") or "my"
    name, number = f"{plain}-model", 2
    while (beside / name).exists():
        name, number = f"{plain}-model-{number}", number + 1
    return name
