"""The commands that need no terminal UI. Results go to standard output, everything else to standard error.

`../shared/CLI.md` is the contract. What is slow to import is imported by the command that needs it, so that `--help` is
there at once.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine import __version__
from engine.errors import EngineError, InputError
from engine.presets import SHIPPED, find_preset
from engine.settings import CHAIN, COINS, LISTS, NUMBERS, CoinKind, Settings, check_seed, parse_settings

if TYPE_CHECKING:
    from engine.generator import Lane
    from engine.models import Model, Progress
    from engine.sampling import Distribution
    from engine.tokenizer import Tokenizer
    from engine.tree import Step

PROGRAM = "gpt2-remix"
LANES = 16
"""How many samples run as one batch."""

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


model_options = stack(
    click.option("--model", default="classics", show_default=True, metavar="NAME_OR_PATH",
                 help="A name (see `models`), owner/name on the hub, or a folder with config.json and safetensors."),
    click.option("--precision", type=click.Choice(["fp32"]), default="fp32", help="How weights are held."),
    click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="CPU threads."),
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
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(
    PROGRAM,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "gpt2-remix", 'gpt2-remix "It is a truth universally acknowledged"', 'gpt2-remix --ids 91',
        'gpt2-remix generate "In the beginning" -n 40 --seed 7', 'gpt2-remix next "To be, or not to" -k 5',
    ),
)  # fmt: skip
@click.version_option(__version__, prog_name=PROGRAM)
def commands() -> None:
    """Watch GPT-2 choose, and choose yourself, at any position.

    Without a command, `gpt2-remix [PREFIX]` opens the app (`gpt2-remix app --help` lists its options). A prefix that is
    also the name of a command goes after `--`.
    """


@commands.command(
    epilog=examples(
        'gpt2-remix generate "In the beginning" -n 40 --seed 7',
        'gpt2-remix generate "ROMEO:" --preset nucleus --samples 4',
        "gpt2-remix generate --ids 91 -n 20 --set temperature=0.8,top_k=40 --json",
    )
    + "\n\n" + SETTINGS_HELP
)  # fmt: skip
@click.argument("prefix", required=False)
@click.option("-n", "count", type=click.IntRange(0), default=100, show_default=True, help="How many tokens.")
@click.option("--samples", type=click.IntRange(1), default=1, show_default=True, help="How many streams.")
@click.option("--no-slide", is_flag=True, help="Stop where the context is full.")
@ids_option
@settings_options
@coin_options
@model_options
@json_option
def generate(
    prefix: str | None, count: int, samples: int, no_slide: bool, ids: str | None, changes: str | None,
    preset_name: str | None, seed: int | None, coin: CoinKind, model: str, precision: str, threads: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Stream the text that follows a prefix; sample i uses seed + i."""
    del precision
    settings = read_settings(changes, preset_name)
    drawn = seed is None
    seed = draw_seed() if seed is None else check_seed(seed)
    check_seed(seed + samples - 1)
    opened = open_named(model, threads)
    prompt = read_prefix(opened, prefix, ids)
    settings.check_vocabulary(opened.info.vocab_size)
    if drawn:
        note(f"seed {seed}")
    from engine.generator import Lane

    end = opened.tokenizer.end_of_text
    lanes = [
        Lane(list(prompt), settings, seed + i, coin, end_of_text=end, limit=count, slide=not no_slide)
        for i in range(samples)
    ]
    if as_json:
        for start in range(0, samples, LANES):
            run_lanes(opened, lanes[start : start + LANES])
        print_json({
            "model": model_record(opened), "seed": seed, "settings": settings.to_dict(), "prompt_ids": prompt,
            "coin": coin, "samples": [lane_record(opened.tokenizer, lane, len(prompt)) for lane in lanes],
        })  # fmt: skip
        return
    if sys.stdout.isatty():
        click.secho(for_terminal(opened.tokenizer.decode(prompt)), dim=True, nl=False)
    for lane in lanes:
        if samples > 1:
            click.echo(f"{'' if lane is lanes[0] else chr(10)}── seed {lane.seed} ──")
        stream_lane(opened, lane)


@commands.command(
    "next",
    epilog=examples('gpt2-remix next "To be, or not to" -k 5', "gpt2-remix next --ids 91 --all --json",
                    'gpt2-remix next "Call me" --set temperature=0.7,top_p=0.9') + "\n\n" + SETTINGS_HELP,
)  # fmt: skip
@click.argument("prefix", required=False)
@click.option("-k", "count", type=click.IntRange(1), default=10, show_default=True, help="How many candidates.")
@click.option("--all", "every", is_flag=True, help="The whole vocabulary.")
@click.option("--seed", type=int, metavar="N", help="For settings that flip a coin of their own (xtc).")
@ids_option
@settings_options
@model_options
@json_option
def next_token(
    prefix: str | None, count: int, every: bool, seed: int | None, ids: str | None, changes: str | None,
    preset_name: str | None, model: str, precision: str, threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    """The distribution of the next token: raw, after the chain, and what removed each removed token."""
    del precision
    settings = read_settings(changes, preset_name)
    if seed is None and settings.flips:
        seed = draw_seed()
        note(f"seed {seed}")
    check_seed(seed or 0)
    opened = open_named(model, threads)
    prompt = read_prefix(opened, prefix, ids)
    settings.check_vocabulary(opened.info.vocab_size)
    from engine.chain import Moment
    from engine.generator import look
    from engine.sampling import distribution

    end = opened.tokenizer.end_of_text
    moment = Moment(len(prompt), prompt, len(prompt), end, seed or 0)
    dist = distribution(look(opened.backend, [(prompt, len(prompt))], end)[0], settings, moment, account=True)
    chosen = [int(token) for token in dist.order(None if every else count)]
    rows = [candidate_record(opened.tokenizer, dist, token) for token in chosen]
    if as_json:
        print_json({
            "prompt_ids": prompt, "settings": settings.to_dict(), "entropy_raw": dist.entropy_raw,
            "entropy_final": dist.entropy_final, "kept": dist.kept, "candidates": rows,
            "chain": [{"step": stage.step, "kept": stage.kept, "mass_removed": stage.mass_removed}
                      for stage in dist.stages or ()],
        })  # fmt: skip
        return
    click.echo(f"{'rank':>6}  {'final':>8}  {'raw':>8}  {'id':>6}  token")
    for row in rows:
        shown = shown_token(opened.tokenizer, row["id"])
        cut = f"  (cut by {row['removed_by']})" if row["removed_by"] else ""
        click.echo(
            f"{row['rank']:>6}  {row['p_final']:>8.3%}  {row['p_raw']:>8.3%}  {row['id']:>6}  {shown}{cut}"
        )
    left = max(0.0, 1.0 - sum(row["p_final"] for row in rows))
    click.echo(f"{'':>6}  {left:>8.3%}  all others, {dist.kept:,} of {dist.size:,} tokens kept, "
               f"entropy {dist.entropy_raw:.2f} bits raw, {dist.entropy_final:.2f} final")  # fmt: skip
    for stage in dist.stages or ():
        click.echo(f"{'':>6}  {stage.step} left {stage.kept:,} tokens, took {stage.mass_removed:.3%} of the mass")


@commands.command(
    epilog=examples('gpt2-remix score "In the beginning God created the heaven and the earth."',
                    "gpt2-remix score --file chapter.txt --json", "gpt2-remix score --ids 91,860,287 --from-start")
)  # fmt: skip
@click.argument("text", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), metavar="F", help="Read the text from a file (UTF-8).")
@click.option("--from-start", is_flag=True, help="Put <|endoftext|> before it, so that the first token counts.")
@ids_option
@model_options
@json_option
def score(
    text: str | None, path: Path | None, from_start: bool, ids: str | None, model: str, precision: str,
    threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    """How likely a text is: log-probability and rank of each token, perplexity, bits per byte."""
    del precision
    if sum(given is not None for given in (text, path, ids)) != 1:
        raise InputError("score takes one of TEXT, --file and --ids; give exactly one")
    if path is not None:
        text = read_text(path)
    opened = open_named(model, threads)
    tokens = read_prefix(opened, text, ids, empty_is_end=False)
    if not tokens:
        raise InputError("there is nothing to score: the text is empty")
    import math

    from engine import generator

    end = opened.tokenizer.end_of_text
    logprobs: list[float | None] = [None] * len(tokens)
    ranks: list[int | None] = [None] * len(tokens)
    with click.progressbar(length=len(tokens), label="scoring", file=sys.stderr,
                           hidden=not sys.stderr.isatty() or len(tokens) < 200) as bar:  # fmt: skip
        for position, dist in generator.score(opened.backend, tokens, end, from_start=from_start):
            logprobs[position] = -dist.surprisal(tokens[position]) * math.log(2)
            ranks[position] = dist.rank(tokens[position])
            bar.update(1)
    scored = [value for value in logprobs if value is not None]
    size = sum(
        len(opened.tokenizer.token_bytes(token)) for token, value in zip(tokens, logprobs, strict=True)
        if value is not None
    )  # fmt: skip
    total = -sum(scored)
    perplexity = perplexity_of(total, len(scored))
    bits_per_byte = total / math.log(2) / size if size else None
    if as_json:
        print_json({"ids": tokens, "logprobs": logprobs, "ranks": ranks, "perplexity": perplexity,
                    "bits_per_byte": bits_per_byte})  # fmt: skip
        return
    click.echo(f"{'position':>8}  {'id':>6}  {'log p':>9}  {'rank':>6}  token")
    for position, token in enumerate(tokens):
        value, rank = logprobs[position], ranks[position]
        numbers = f"{'-':>9}  {'-':>6}" if value is None else f"{value:>9.4f}  {rank:>6}"
        click.echo(f"{position:>8}  {token:>6}  {numbers}  {shown_token(opened.tokenizer, token)}")
    if perplexity is None:
        click.echo("nothing before the only token: no perplexity (--from-start puts <|endoftext|> there)")
    else:
        per_byte = "" if bits_per_byte is None else f", {bits_per_byte:.4f} bits per byte"
        click.echo(f"perplexity {perplexity:.4f}{per_byte}, over {len(scored)} tokens")


@commands.command()
@json_option
def models(as_json: bool) -> None:
    """The models with a name, and which of them are on this machine."""
    from engine.models import list_models

    listed = list_models()
    if as_json:
        print_json({"models": [
            {"name": m.name, "source": m.source, "parameters": m.parameters, "available": m.folder is not None,
             "folder": None if m.folder is None else str(m.folder)}
            for m in listed
        ]})  # fmt: skip
        return
    for m in listed:
        size = f"{m.parameters / 1e6:,.1f}M" if m.parameters else "?"
        where = "embedded" if m.source == "embedded" else "downloaded" if m.folder else "downloaded at first use"
        click.echo(f"{m.name:<16} {size:>10}  {where}")
    click.echo("also: owner/name on the hub, or a folder, where it is a GPT-2 in safetensors")


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
    from engine.backend import check_ids

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


def open_named(name: str, threads: int | None) -> Model:
    """Opens a model, with download progress on standard error."""
    from engine.models import open_model

    return open_model(name, threads=threads, progress=progress_bars())


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
        if total and sys.stderr.isatty():
            current[1] = current[1] or tqdm(desc=what, total=total, unit="B", unit_scale=True, file=sys.stderr)
            current[1].n = done
            current[1].refresh()

    return report


# Writing results


def note(line: str) -> None:
    """A line beside the results."""
    click.echo(f"{PROGRAM}: {line}", err=True)


def print_json(document: Any) -> None:
    """One JSON document, UTF-8, floats with full precision."""
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def perplexity_of(total: float, count: int) -> float | None:
    """exp of the mean negative log-probability (nats); None where nothing was scored."""
    import math

    return math.exp(total / count) if count else None


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


def lane_record(tokenizer: Tokenizer, lane: Lane, prompt: int) -> dict[str, Any]:
    """A finished stream in JSON."""
    new = lane.ids[prompt:]
    return {"seed": lane.seed, "ids": new, "text": tokenizer.decode(new), "stop": lane.stop,
            "steps": [step_record(tokenizer, step) for step in lane.steps]}  # fmt: skip


def candidate_record(tokenizer: Tokenizer, dist: Distribution, token: int) -> dict[str, Any]:
    """A token's place in a distribution in JSON."""
    return token_record(tokenizer, token) | {
        "p_raw": float(dist.raw[token]), "p_final": float(dist.final[token]), "rank": dist.rank(token),
        "removed_by": dist.removed_by(token),
    }  # fmt: skip


def shown_token(tokenizer: Tokenizer, token: int) -> str:
    """A token for a table."""
    from engine.text import decode_token, show_token

    return show_token(decode_token(tokenizer.token_bytes(token), token))


def for_terminal(text: str) -> str:
    """The text, with what would act on a terminal made visible where standard output is one."""
    from engine.text import show_text

    return show_text(text) if sys.stdout.isatty() else text


def run_lanes(model: Model, lanes: Sequence[Lane]) -> None:
    """Runs lanes to their end as one batch."""
    from engine.generator import advance

    with click.progressbar(length=lanes[0].limit or 0, label="generating", file=sys.stderr,
                           hidden=not sys.stderr.isatty()) as bar:  # fmt: skip
        while advance(model.backend, lanes, model.tokenizer.end_of_text):
            bar.update(1)


def stream_lane(model: Model, lane: Lane) -> None:
    """Runs one lane to its end and prints its text as characters become whole."""
    from engine.generator import advance
    from engine.tokenizer import whole_characters

    end = model.tokenizer.end_of_text
    pending = b""
    try:
        while done := advance(model.backend, [lane], end):
            token = done[0][1].token
            pending += b"" if token == end else model.tokenizer.token_bytes(token)
            whole = whole_characters(pending)
            click.echo(for_terminal(pending[:whole].decode("utf-8", errors="replace")), nl=False)
            sys.stdout.flush()
            pending = pending[whole:]
    finally:
        click.echo(pending.decode("utf-8", errors="replace"))
    if lane.stop == "end_of_text":
        note("the text ended with <|endoftext|>")
    elif lane.stop == "context":
        note(f"the context of {model.info.context} tokens is full")


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
