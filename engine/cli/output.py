"""What commands print: results go to standard output, all else to standard error."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine.tokens.display import decode_token, show_character, show_text, show_token

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.lane import Lane
    from gpt2_remix.engine.generation.step import Step
    from gpt2_remix.engine.models.opening import Model
    from gpt2_remix.engine.progress import Progress
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

PROGRAM = "gpt2-remix"


def progress_bars() -> Progress:
    """Progress as bars on standard error where that is a terminal, as one line for each file where it is not."""
    from tqdm import tqdm

    current: list[Any] = ["", None]

    def report(what: str, done: int, total: int | None) -> None:
        if what != current[0]:
            if current[1] is not None:
                current[1].close()
            current[:] = [what, None]
            if what.startswith("downloading") and not sys.stderr.isatty():
                note(what)
        if total and sys.stderr.isatty() and (current[1] is not None or done < total):
            current[1] = current[1] or tqdm(
                desc=show_text(what, keep=""), total=total, unit="B", unit_scale=True, file=sys.stderr
            )
            current[1].n = done
            current[1].refresh()
            if done >= total:
                current[1].close()
                current[1] = None

    return report


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text; where it goes to a terminal, with what would act on that made visible.

    All that is printed goes through here or `print_json`: a text, a file's name or a message may hold anything.
    """
    stream = sys.stderr if err else sys.stdout
    click.echo(show_text(text) if stream.isatty() else text, err=err, nl=nl)


def note(line: str) -> None:
    """A line beside the results. Where nobody can read it, nothing stops for that."""
    with suppress(OSError):
        echo(f"{PROGRAM}: {' '.join(line.splitlines())}", err=True)


def print_json(document: Any) -> None:
    """One JSON document, UTF-8, floats with full precision; what would act on a terminal is escaped for one."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    if sys.stdout.isatty():
        text = "".join(c if show_character(c) == c else json.dumps(c)[1:-1] for c in text)
    click.echo(text)


def model_record(model: Model) -> dict[str, Any]:
    """A model in JSON."""
    info = model.info
    return {"name": info.name, "parameters": info.parameters, "precision": info.precision,
            "vocab_size": info.vocab_size, "context": info.context}


def token_record(tokenizer: Tokenizer, token: int) -> dict[str, Any]:
    """A token in JSON: id, text with U+FFFD, exact bytes in hex."""
    return {"id": token, "text": tokenizer.decode([token]), "bytes": tokenizer.token_bytes(token).hex()}


def step_record(tokenizer: Tokenizer, step: Step) -> dict[str, Any]:
    """A step in JSON."""
    return {"position": step.position, **token_record(tokenizer, step.token), "u": step.u, "roll": step.roll,
            "p_raw": step.p_raw, "p_final": step.p_final, "rank": step.rank, "surprisal": step.surprisal,
            "entropy": step.entropy}


def lane_record(tokenizer: Tokenizer, lane: Lane) -> dict[str, Any]:
    """A finished stream in JSON."""
    new = lane.new_ids
    return {"seed": lane.seed, "ids": new, "text": tokenizer.decode(new), "stop": lane.stop,
            "steps": [step_record(tokenizer, step) for step in lane.steps]}


def shown_token(tokenizer: Tokenizer, token: int) -> str:
    """A token for a table."""
    return show_token(decode_token(tokenizer.token_bytes(token), token))
