"""What all commands share: options, reading, writing, running. Results go to standard output, all else to stderr.

`../shared/CLI.md` is the contract. What is slow to import is imported by the command that needs it, so that `--help` is
there at once.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine import __version__
from engine.errors import EngineError, InputError
from engine.sampling.presets import SHIPPED, find_preset
from engine.sampling.settings import CHAIN, COINS, LISTS, NUMBERS, Settings, parse_settings

if TYPE_CHECKING:
    from engine.generation.lane import Lane
    from engine.generation.step import Step
    from engine.models.opening import LoadOptions, Model
    from engine.progress import Progress
    from engine.tokens.tokenizer import Tokenizer

PROGRAM = "gpt2-remix"
LANES = 16
"""How many samples run as one batch."""

PRECISIONS = ("fp32", "int8")

F = TypeVar("F", bound=Callable[..., Any])

SETTINGS_HELP = "\n".join(
    ["\b", "Settings for --set:"]
    + [f"  {field.name:<21} {field.help}" for field in NUMBERS]
    + [f"  {name:<21} {text}" for name, text in LISTS.items()]
    + ["", "\b", "Presets for --preset, and your own (saved in the app):"]
    + [f"  {preset.name:<21} {preset.text}" for preset in SHIPPED]
    + ["", "The chain's steps in their default order: " + ", ".join(CHAIN)]
)


def examples(*lines: str) -> str:
    """An epilog of --help that click leaves as it is."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def stack(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one, the first outermost."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What the command line says of the model: its name, whether that was given, and how it is to be held."""

    name: str
    given: bool
    options: LoadOptions

    def open(self, name: str | None = None, precision: str | None = None) -> Model:
        """Opens it (or another one in its place, in that precision where none was given), with download progress."""
        from engine.models.opening import open_model

        options = self.options
        if options.precision is None and precision in PRECISIONS:
            options = replace(options, precision=precision)
        return open_model(name or self.name, options, progress=progress_bars(), wait=compile_now)


def compile_now(needed: bool) -> None:
    """Compiles the kernels for this processor: now, with a line about it, where they are needed; else for next time."""
    from engine.gpt2.kernels import compiled

    if not needed:
        if compiled.begin_compiling():
            note("running in numpy while it is compiled for this processor; the next commands will be faster")
        elif not compiled.can_keep():
            note("running in numpy, slower: there is no folder in which compiled kernels could be kept")
        return
    how_often = "once" if compiled.can_keep() else "each time, as there is no folder to keep it in"
    note(f"int8 is compiled for this processor, {how_often}: ten seconds to a minute")
    compiled.compile_kernels()


def model_options(function: F) -> F:
    """Adds the options that choose a model; the function gets a ModelChoice as `model`."""

    @wraps(function)
    def choosing(*args: Any, model: str, precision: str | None, device: str, threads: int | None, **rest: Any) -> Any:
        from engine.models.opening import LoadOptions

        precision = None if precision == "auto" else precision
        source = click.get_current_context().get_parameter_source("model")
        given = source == click.core.ParameterSource.COMMANDLINE
        return function(*args, model=ModelChoice(model, given, LoadOptions(precision, device, threads)), **rest)

    return _model_options(choosing)  # type: ignore[return-value]


_model_options = stack(
    click.option("--model", default="classics", show_default=True, metavar="NAME_OR_PATH",
                 help="A name (see `models`), owner/name on the hub, or a folder with config.json and safetensors."),
    click.option("--precision", type=click.Choice(["auto", *PRECISIONS]),
                 help="How weights are held; auto: what measures faster here, fp32 for up to 50M parameters."),
    click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True,
                 help="Where it runs; auto takes an accelerator for models of over 50M parameters, in bf16 or fp16."),
    click.option("--threads", type=click.IntRange(1, 1024), metavar="N",
                 help="CPU threads; where left out, as many as measure faster."),
)  # fmt: skip
ids_option = click.option("--ids", metavar='"91,860,287"', help="The prefix as token ids, in place of text.")
settings_options = stack(
    click.option("--set", "changes", metavar='"temperature=0.8,top_p=0.95"', help="Sampling settings."),
    click.option("--preset", "preset_name", metavar="NAME", help="A named group of settings, before --set."),
)
coin_options = stack(
    click.option("--seed", type=int, metavar="N", help="The coin's seed; drawn and shown where left out."),
    click.option("--coin", type=click.Choice(COINS), default="interval", show_default=True, help="The kind of coin."),
)
session_option = click.option(
    "--session", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The session file to use; it is made where there is none.",
)  # fmt: skip
source_option = click.option(
    "--source", "sources", multiple=True, metavar="FILE...",
    help="Trace in these text files (FILE or TITLE=FILE) or one index, in place of what the model was trained on.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class ManySources(click.Command):
    """A command whose --source takes the files that follow it, so that a shell may expand a pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts --source before each file that comes after another one."""
        told: list[str] = []
        after = False  # whether what came before was a file of --source
        for n, word in enumerate(args):
            if word == "--":
                told += args[n:]
                break
            named = n > 0 and args[n - 1] == "--source"
            if after and not named and not word.startswith("-") and is_file(word):
                told.append("--source")
            elif not named:
                after = word.startswith("--source=")
            after = after or named
            told.append(word)
        return super().parse_args(ctx, told)


def is_file(word: str) -> bool:
    """Whether a word names a file, as FILE or TITLE=FILE."""
    try:
        return Path(word).is_file() or Path(word.partition("=")[2]).is_file()
    except (OSError, ValueError):  # a text can be too long for a name
        return False


@click.group(
    PROGRAM,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "gpt2-remix", 'gpt2-remix "It is a truth universally acknowledged"', 'gpt2-remix --ids 91',
        "gpt2-remix --session talk.remix", 'gpt2-remix generate "In the beginning" -n 40 --seed 7',
        'gpt2-remix next "To be, or not to" -k 5', 'gpt2-remix compare "It is" --lane nucleus --lane temperature=1.2',
        "gpt2-remix export talk.remix --format html -o talk.html",
    ),
)  # fmt: skip
@click.version_option(__version__, prog_name=PROGRAM)
def commands() -> None:
    """Watch GPT-2 choose, and choose yourself, at any position.

    Without a command, `gpt2-remix [PREFIX]` opens the app (`gpt2-remix app --help` lists its options). A prefix that is
    also the name of a command goes after `--`.
    """


# Reading what was given


def read_settings(changes: str | None, preset_name: str | None, base: Settings | None = None) -> Settings:
    """The settings of --preset, then --set. Raises InputError."""
    start = find_preset(preset_name).settings if preset_name else base or Settings()
    return parse_settings(changes or "", start)


def draw_seed() -> int:
    """A seed where none was given; short, because people read it out."""
    return secrets.randbelow(1_000_000)


def parse_ids(text: str) -> list[int]:
    """Reads "91,860,287" (commas or spaces). Raises InputError."""
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"{text!r} is not a list of token ids; write them as 91,860,287") from None


def read_prefix(model: Model, text: str | None, ids: str | None, *, empty_is_end: bool = True) -> list[int]:
    """The prefix as ids of the model's vocabulary; an empty one starts from `<|endoftext|>`. Raises InputError."""
    from engine.generation.backend import check_ids

    if text is not None and ids is not None:
        raise InputError("a text and --ids were both given; give one of them")
    tokens = parse_ids(ids) if ids is not None else model.tokenizer.encode(text or "")
    check_ids(tokens, model.info.vocab_size)
    return tokens or ([model.tokenizer.end_of_text] if empty_is_end else [])


def read_text(path: Path) -> str:
    """A UTF-8 text file. Raises InputError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); convert it first") from None


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
            current[1] = current[1] or tqdm(desc=what, total=total, unit="B", unit_scale=True, file=sys.stderr)
            current[1].n = done
            current[1].refresh()
            if done >= total:
                current[1].close()
                current[1] = None

    return report


# Writing results


def note(line: str) -> None:
    """A line beside the results."""
    click.echo(f"{PROGRAM}: {line}", err=True)


def print_json(document: Any) -> None:
    """One JSON document, UTF-8, floats with full precision."""
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def model_record(model: Model) -> dict[str, Any]:
    """A model in JSON."""
    info = model.info
    return {"name": info.name, "parameters": info.parameters, "precision": info.precision,
            "vocab_size": info.vocab_size, "context": info.context}  # fmt: skip


def token_record(tokenizer: Tokenizer, token: int) -> dict[str, Any]:
    """A token in JSON: id, text with U+FFFD, exact bytes in hex."""
    return {"id": token, "text": tokenizer.decode([token]), "bytes": tokenizer.token_bytes(token).hex()}


def step_record(tokenizer: Tokenizer, step: Step) -> dict[str, Any]:
    """A step in JSON."""
    return {"position": step.position, **token_record(tokenizer, step.token), "u": step.u, "roll": step.roll,
            "p_raw": step.p_raw, "p_final": step.p_final, "rank": step.rank, "surprisal": step.surprisal,
            "entropy": step.entropy}  # fmt: skip


def lane_record(tokenizer: Tokenizer, lane: Lane) -> dict[str, Any]:
    """A finished stream in JSON."""
    new = lane.new_ids
    return {"seed": lane.seed, "ids": new, "text": tokenizer.decode(new), "stop": lane.stop,
            "steps": [step_record(tokenizer, step) for step in lane.steps]}  # fmt: skip


def shown_token(tokenizer: Tokenizer, token: int) -> str:
    """A token for a table."""
    from engine.tokens.display import decode_token, show_token

    return show_token(decode_token(tokenizer.token_bytes(token), token))


def for_terminal(text: str) -> str:
    """The text, with what would act on a terminal made visible where standard output is one."""
    from engine.tokens.display import show_text

    return show_text(text) if sys.stdout.isatty() else text


def run_lanes(model: Model, lanes: Sequence[Lane]) -> None:
    """Runs lanes to their end as one batch."""
    from engine.generation.decode import advance

    with click.progressbar(length=lanes[0].limit or 0, label="generating", file=sys.stderr,
                           hidden=not sys.stderr.isatty()) as bar:  # fmt: skip
        while advance(model.backend, lanes, model.tokenizer.end_of_text):
            bar.update(1)


# Running


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Runs a command line and turns every failure into one line on standard error.

    Returns:
        0 on success, 2 for wrong usage or bad input, 1 for a failure while running, 130 after ctrl+c.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        result = command.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        line = " ".join(error.format_message().split())
        where = error.ctx.command_path if error.ctx else PROGRAM
        click.echo(f"{PROGRAM}: {line} (try `{where} --help`)", err=True)
        return 2
    except InputError as error:
        note(str(error))
        return 2
    except EngineError as error:
        note(str(error))
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("GPT2_REMIX_DEBUG"):
            raise
        kind = type(error).__name__
        note(" ".join(f"unexpected {kind}: {error} (GPT2_REMIX_DEBUG=1 shows where)".split()))
        return 1
