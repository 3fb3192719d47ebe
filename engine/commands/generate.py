"""`gpt2-remix generate`: streams the text that follows a prefix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from engine.cli import (
    LANES,
    SETTINGS_HELP,
    coin_options,
    commands,
    draw_seed,
    examples,
    for_terminal,
    ids_option,
    json_option,
    lane_record,
    model_options,
    model_record,
    note,
    open_named,
    print_json,
    read_prefix,
    read_settings,
    run_lanes,
    settings_options,
)
from engine.settings import CoinKind, check_seed

if TYPE_CHECKING:
    from engine.generator import Lane
    from engine.models import Model


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
