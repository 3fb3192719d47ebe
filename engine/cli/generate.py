"""`gpt2-remix generate`: streams the text that follows a prefix."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt2_remix.engine.cli.arguments import check_dice
from gpt2_remix.engine.cli.options import (
    LANES,
    SETTINGS_HELP,
    ModelChoice,
    coin_options,
    commands,
    examples,
    find_model,
    ids_option,
    json_option,
    model_options,
    read_prefix,
    read_settings,
    session_option,
    settings_options,
)
from gpt2_remix.engine.cli.output import echo, lane_record, model_record, note, print_json
from gpt2_remix.engine.sampling.settings import CoinKind, check_seed, draw_seed
from gpt2_remix.engine.tokens.display import show_text

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.lane import Lane
    from gpt2_remix.engine.models.opening import Model


@commands.command(
    epilog=examples(
        'gpt2-remix generate "In the beginning" -n 40 --seed 7',
        'gpt2-remix generate "ROMEO:" --preset nucleus --samples 4',
        'gpt2-remix generate "Once upon" --session talk.remix --samples 3',
        "gpt2-remix generate --ids 91 -n 3 --dice 0.6,0.02,0.75",
        "gpt2-remix generate --ids 91 -n 20 --set temperature=0.8,top_k=40 --json",
    )
    + "\n\n" + SETTINGS_HELP
)
@click.argument("prefix", required=False)
@click.option("-n", "count", type=click.IntRange(0), default=100, show_default=True, help="How many tokens.")
@click.option("--samples", type=click.IntRange(1), default=1, show_default=True, help="How many streams.")
@click.option("--no-slide", is_flag=True, help="Stop where the context is full.")
@ids_option
@settings_options
@coin_options
@model_options
@session_option
@json_option
def generate(
    prefix: str | None, count: int, samples: int, no_slide: bool, ids: str | None, changes: tuple[str, ...],
    preset_name: str | None, seed: int | None, coin: CoinKind, dice: tuple[float, ...], model: ModelChoice,
    session: Path | None, as_json: bool,
) -> None:
    """Stream the text that follows a prefix; sample i uses seed + i.

    With --session the samples are kept as branches of that session; without a prefix they go on from its stream, and
    without --model they come from the model that made it.
    """
    check_dice(dice, coin)
    settings = read_settings(changes, preset_name)
    drawn = seed is None
    seed = draw_seed() if seed is None else check_seed(seed)
    check_seed(seed + samples - 1)
    found = find_model(model, session)
    settings.check_vocabulary(found.vocab_size)
    prefix_ids = read_prefix(found, prefix, ids)
    opened = found.start()
    from gpt2_remix.engine.generation.lane import lane_at
    from gpt2_remix.engine.generation.stream import Prefix
    from gpt2_remix.engine.session.recording import keeping, kept_in, stream_of

    with kept_in(session, opened, seed, note) as kept:
        stream = stream_of(kept) if prefix is None and ids is None else None
        start = Prefix(prefix_ids) if stream is None else stream
        prompt = start.ids()
        if drawn:
            note(f"seed {seed}")
        lanes = [
            lane_at(start, len(start), settings, seed=seed + i, coin=coin, end_of_text=opened.tokenizer.end_of_text,
                    limit=count, slide=not no_slide, dice=dice)
            for i in range(samples)
        ]
        with keeping(kept, lanes, goes_on=stream is not None):
            if as_json:
                for first in range(0, samples, LANES):
                    run_lanes(opened, lanes[first : first + LANES])
                print_json({
                    "model": model_record(opened), "seed": seed, "settings": settings.to_dict(), "prompt_ids": prompt,
                    "coin": coin, "samples": [lane_record(opened.tokenizer, lane) for lane in lanes],
                })
            else:
                stream_all(opened, prompt, lanes)


def stream_all(model: Model, prompt: list[int], lanes: list[Lane]) -> None:
    """Print the prefix where a person reads, and then each lane as it comes."""
    if sys.stdout.isatty():
        click.secho(show_text(model.tokenizer.decode(prompt)), dim=True, nl=False)
    for lane in lanes:
        if len(lanes) > 1:
            echo(f"{'' if lane is lanes[0] else chr(10)}── seed {lane.seed} ──")
        stream_lane(model, lane)


def stream_lane(model: Model, lane: Lane) -> None:
    """Run one lane to its end and print its text as characters become whole."""
    from gpt2_remix.engine.generation.decode import advance
    from gpt2_remix.engine.tokens.tokenizer import whole_characters

    end = model.tokenizer.end_of_text
    pending = b""
    try:
        while done := advance(model.backend, [lane], model.tokenizer):
            token = done[0][1].token
            pending += b"" if token == end else model.tokenizer.token_bytes(token)
            whole = whole_characters(pending)
            shown, pending = pending[:whole], pending[whole:]  # first: ctrl+c would print it twice
            echo(shown.decode("utf-8", errors="replace"), nl=False)
            sys.stdout.flush()
    finally:
        echo(pending.decode("utf-8", errors="replace"))
    if lane.stop == "end_of_text":
        note("the text ended with <|endoftext|>")
    elif lane.stop == "context":
        note(f"the context of {model.info.context} tokens is full")


def run_lanes(model: Model, lanes: Sequence[Lane]) -> None:
    """Run lanes to their end as one batch."""
    from gpt2_remix.engine.generation.decode import advance

    with click.progressbar(length=lanes[0].limit or 0, label="generating", file=sys.stderr,
                           hidden=not sys.stderr.isatty()) as bar:
        while advance(model.backend, lanes, model.tokenizer):
            bar.update(1)
