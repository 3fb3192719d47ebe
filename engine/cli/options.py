"""What all commands share: options, reading, writing, running. Results go to standard output, all else to stderr.

`docs/command-line.md` is the contract. What is slow to import is imported by the command that needs it, so that
`--help` is there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gpt2_remix.engine import __version__
from gpt2_remix.engine.cli.arguments import Command, Dice, FilePath
from gpt2_remix.engine.cli.lazy import LazyGroup
from gpt2_remix.engine.cli.output import PROGRAM, note, progress_bars
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import read_file
from gpt2_remix.engine.models.names import PRECISIONS
from gpt2_remix.engine.sampling.fields import LISTS, NUMBERS
from gpt2_remix.engine.sampling.presets import SHIPPED, find_preset
from gpt2_remix.engine.sampling.settings import CHAIN, COINS, Settings, parse_settings
from gpt2_remix.engine.tokens.ids import parse_ids

if TYPE_CHECKING:
    from gpt2_remix.engine.models.opening import LoadOptions, Located, Model
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

LANES = 16
"""How many samples run as one batch."""


F = TypeVar("F", bound=Callable[..., Any])

SETTINGS_HELP = "\n".join(
    ["\b", "Settings for --set:"]
    + [f"  {field.name:<21} {field.help}" for field in NUMBERS]
    + [f"  {name:<21} {text}" for name, text in LISTS.items()]
    + ["  top-k, topk and k are taken for top_k, and so on"]
    + ["", "\b", "Presets for --preset, and your own (saved in the app):"]
    + [f"  {preset.name:<21} {preset.text}" for preset in SHIPPED]
    + ["", "The chain's rules in their default order: " + ", ".join(CHAIN)]
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
class FrontEnd:
    """What a program with a screen does for commands: the engine has none.

    Attributes:
        draw_screen: gives the screen on a session (or on one branch of it, by its leaf) as SVG. Raises EngineError.
    """

    draw_screen: Callable[[Path, int | None], str]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What the command line says of the model: its name, whether that was given, and how it is to be held."""

    name: str
    given: bool
    options: LoadOptions

    def find(self, name: str | None = None, precision: str | None = None) -> FoundModel:
        """Find it (or another one in its place, in that precision where none was given), with download progress.

        Raises what `engine.models.opening.locate` and `read_tokenizer` raise.
        """
        from gpt2_remix.engine.models.opening import locate, read_tokenizer

        options = self.options
        if options.precision is None and precision in PRECISIONS:
            options = replace(options, precision=precision)
        located = locate(name or self.name, progress_bars())
        return FoundModel(located, read_tokenizer(located), options)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model whose files and tokenizer are there: enough to refuse what it cannot do before its weights are read."""

    located: Located
    tokenizer: Tokenizer
    options: LoadOptions

    @property
    def name(self) -> str:
        """As it was asked for."""
        return self.located.source.name

    @property
    def vocab_size(self) -> int:
        """How many ids it has."""
        return self.located.config.vocab_size

    def start(self) -> Model:
        """Bring its weights into memory. Raises what `engine.models.opening.start_model` raises."""
        from gpt2_remix.engine.models.opening import start_model

        return start_model(self.located, self.tokenizer, self.options, wait=compile_now)


def find_model(choice: ModelChoice, session: Path | None) -> FoundModel:
    """Find the model that was named, or else the one that a session was made with: ids mean nothing in another's words.

    Raises:
        InputError: also for what cannot be a session.
        EngineError: a download failed.
    """
    record = None
    if session is not None:
        from gpt2_remix.engine.session.opening import check_session

        record = check_session(session)
    return choice.find() if choice.given or record is None else choice.find(record.name, record.precision)


def compile_now(needed: bool) -> None:
    """Compile the kernels for this processor: now, with a line about it, where they are needed; else for next time."""
    from gpt2_remix.engine.gpt2.kernels import compiled

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
    """Add the options that choose a model; the function gets a ModelChoice as `model`."""

    @wraps(function)
    def choosing(*args: Any, model: str, precision: str | None, device: str, threads: int | None, **rest: Any) -> Any:
        from gpt2_remix.engine.models.opening import LoadOptions

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
)
ids_option = click.option("--ids", metavar='"91,860,287"', help="The prefix as token ids, in place of text.")
settings_options = stack(
    click.option("--set", "changes", multiple=True, metavar='"temperature=0.8,top_p=0.95"',
                 help="Sampling settings; several --set add up, and the last one holds where two name the same."),
    click.option("--preset", "preset_name", metavar="NAME", help="A named group of settings, before --set."),
)
coin_options = stack(
    click.option("--seed", type=int, metavar="N", help="The coin's seed; drawn and shown where left out."),
    click.option("--coin", type=click.Choice(COINS), default="interval", show_default=True, help="The kind of coin."),
    click.option("--dice", type=Dice(), metavar="U1,U2,…", default=(),
                 help="The u of the first flips (0 <= u < 1), rolled or typed by a person, in place of the coin's."),
)
session_option = click.option(
    "--session", type=FilePath(), metavar="FILE",
    help="The session file to use; it is made where there is none.",
)
source_option = click.option(
    "--source", "sources", multiple=True, metavar="FILE...",
    help="Trace in these text files (FILE or TITLE=FILE) or one index, in place of what the model was trained on.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class ManySources(Command):
    """A command whose --source takes the files that follow it, so that a shell may expand a pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put --source before each file that comes after another one."""
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


MODULES = {
    name: f"gpt2_remix.engine.cli.{module}" for name, module in {
        "bench": "bench", "compare": "compare", "export": "export", "forks": "forks",
        "futures": "futures", "generate": "generate", "import": "sessions",
        "index": "trace", "models": "models", "next": "next_token", "replay": "sessions", "score": "score",
        "sessions": "sessions", "trace": "trace", "train": "train", "what-if": "what_if",
    }.items()
}
"""The module of each command."""


@click.group(
    PROGRAM, cls=LazyGroup, modules=MODULES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "gpt2-remix", 'gpt2-remix "It is a truth universally acknowledged"', 'gpt2-remix --ids 91',
        "gpt2-remix --session talk.remix", 'gpt2-remix generate "In the beginning" -n 40 --seed 7',
        'gpt2-remix next "To be, or not to" -k 5', 'gpt2-remix compare "It is" --lane nucleus --lane temperature=1.2',
        "gpt2-remix export talk.remix --format html -o talk.html",
    ),
)
@click.version_option(__version__, prog_name=PROGRAM)
def commands() -> None:
    """Watch GPT-2 choose, and choose yourself, at any position.

    Without a command, `gpt2-remix [PREFIX]` opens the app (`gpt2-remix app --help` lists its options). A prefix that is
    also the name of a command goes after `--`.
    """


# Reading what was given


def read_settings(changes: Sequence[str], preset_name: str | None) -> Settings:
    """The settings of --preset, then each --set. Raises InputError."""
    settings = find_preset(preset_name).settings if preset_name else Settings()
    for text in changes:
        settings = parse_settings(text, settings)
    return settings


def read_prefix(model: FoundModel, text: str | None, ids: str | None, *, empty_is_end: bool = True) -> list[int]:
    """The prefix as ids of the model's vocabulary; an empty one starts from `<|endoftext|>`. Raises InputError."""
    from gpt2_remix.engine.generation.backend import check_ids

    if text is not None and ids is not None:
        raise InputError("a text and --ids were both given; give one of them")
    tokens = parse_ids(ids) if ids is not None else model.tokenizer.encode(text or "")
    check_ids(tokens, model.vocab_size)
    return tokens or ([model.tokenizer.end_of_text] if empty_is_end else [])


def read_text(path: Path) -> str:
    """A UTF-8 text file. Raises InputError."""
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); convert it first") from None
