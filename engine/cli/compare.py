"""`gpt2-remix compare`: several settings side by side on the same coins, once or over many seeds."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt2_remix.engine import interrupts
from gpt2_remix.engine.cli.arguments import check_dice
from gpt2_remix.engine.cli.options import (
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
from gpt2_remix.engine.compare.markdown import words
from gpt2_remix.engine.compare.statistics import STATISTICS
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.settings import CoinKind, Settings, check_seed, draw_seed

if TYPE_CHECKING:
    from gpt2_remix.engine.compare.lanes import LaneSpec
    from gpt2_remix.engine.compare.repeats import Repeated
    from gpt2_remix.engine.generation.lane import Lane
    from gpt2_remix.engine.models.opening import Model


@commands.command(
    epilog=examples(
        'gpt2-remix compare "It is a truth" --lane temperature=0.7 --lane temperature=1.2 -n 40 --seed 3',
        'gpt2-remix compare "Call me" --lane greedy --lane nucleus --lane "nucleus,temperature=1.3" --json',
        """gpt2-remix compare --lane '"It is a truth" top_k=40' --lane '"It was a truth" top_k=40'""",
        'gpt2-remix compare "ROMEO:" --lane min_p=0.05 --lane top_p=0.95 --repeat 20 --format md',
    ) + "\n".join(["\n", "\b", "Statistics:", *(f"  {words(name):<23} {text}" for name, text in STATISTICS.items())])
)
@click.argument("prefix", required=False)
@click.option("--lane", "lane_texts", multiple=True, metavar="SETTINGS",
              help="A lane: settings, a preset's name, or both; before them a prefix of its own as a JSON string. "
                   "2 to 16 of them.")
@click.option("-n", "count", type=click.IntRange(0), default=60, show_default=True, help="How many tokens.")
@click.option("--own-coins", is_flag=True, help="Lane i flips the coins of seed + i instead of those of lane 1.")
@click.option("--repeat", "repeats", type=click.IntRange(1), metavar="M",
              help="Once for each of M seeds; shows mean and spread of each statistic.")
@click.option("--format", "form", type=click.Choice(["text", "json", "csv", "md"]), help="How to print it.")
@ids_option
@settings_options
@coin_options
@model_options
@session_option
@json_option
def compare(
    prefix: str | None, lane_texts: tuple[str, ...], count: int, own_coins: bool, repeats: int | None,
    form: str | None, ids: str | None, changes: tuple[str, ...], preset_name: str | None, seed: int | None,
    coin: CoinKind, dice: tuple[float, ...], model: ModelChoice, session: Path | None, as_json: bool,
) -> int:
    """Several settings side by side, run as one batch on the same coins.

    Lanes share the coins: at the same position each gets the same u, so what differs is due to the settings alone.
    --preset and --set hold for every lane, before its own settings. With --session the lanes are kept as branches of
    that session (each begins with the prefix given, or at <|endoftext|>); without --model they come from the model that
    made it.
    """
    if as_json and form not in (None, "json"):
        raise InputError(f"--json and --format {form} were both given; give one of them")
    if session is not None and repeats is not None:
        raise InputError("--session keeps lanes as branches, --repeat keeps their statistics only; give one of them")
    check_dice(dice, coin)
    form = "json" if as_json else form or "text"
    from gpt2_remix.engine.compare.lanes import lane_starts, prefix_ids, run_together, start_lanes
    from gpt2_remix.engine.compare.repeats import repeat

    specs = _read_lanes(lane_texts, read_settings(changes, preset_name))
    drawn = seed is None
    seed = draw_seed() if seed is None else check_seed(seed)
    found = find_model(model, session)
    prompt = read_prefix(found, prefix, ids)
    prefixes = [prefix_ids(spec, found.tokenizer, prompt) for spec in specs]
    for spec in specs:
        spec.settings.check_vocabulary(found.vocab_size)
    opened = found.start()
    if drawn:
        note(f"seed {seed}")
    starts = lane_starts(specs, prefixes)
    if repeats is None:
        from gpt2_remix.engine.session.recording import keeping, kept_in

        lanes = start_lanes(starts, seed=seed, own_coins=own_coins, coin=coin, limit=count,
                            end_of_text=opened.tokenizer.end_of_text, dice=dice)
        with (
            kept_in(session, opened, seed, note) as kept, keeping(kept, lanes, goes_on=False),
            _bar("comparing", count * len(lanes)) as bar,
        ):
            for made in run_together(opened.backend, lanes, opened.tokenizer):
                bar.update(made)
        _print_once(opened, specs, lanes, prefixes[0], seed, coin, form)
        return 0
    with _bar("repeating", count * len(specs) * repeats) as bar:
        result, whole = _finished(repeat(opened.backend, starts, seed=seed, repeats=repeats, limit=count,
                                  tokenizer=opened.tokenizer, own_coins=own_coins, coin=coin, dice=dice), bar)
    _print_repeated(opened, specs, result, prefixes[0], seed, coin, form)
    return 0 if whole else interrupts.exit_status()


def _read_lanes(texts: Sequence[str], base: Settings) -> list[LaneSpec]:
    """The lanes of --lane, each on top of `base`. Raises InputError."""
    from gpt2_remix.engine.compare.lanes import MOST_LANES, parse_lane

    if not 2 <= len(texts) <= MOST_LANES:
        given = f"{len(texts)} {'was' if len(texts) == 1 else 'were'} given"
        raise InputError(f"compare takes 2 to {MOST_LANES} lanes, each as --lane SETTINGS; {given}")
    return [parse_lane(text, base) for text in texts]


def _finished(going: Iterator[tuple[Repeated, int, int]], bar: Any) -> tuple[Repeated, bool]:
    """The repetition at its end, or where ctrl+c ended it; whether that is the end."""
    result: Repeated | None = None
    try:
        for so_far, done, _ in going:
            result = so_far
            bar.update(done - bar.pos)
    except KeyboardInterrupt:
        if result is None or not result.seeds:
            raise
        note(f"stopped: what follows is over the {len(result.seeds)} seeds that were finished")
        return result, False
    assert result is not None
    return result, True


def _bar(label: str, length: int) -> Any:
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty())


def _name(place: int, spec: LaneSpec) -> str:
    """A lane in a table: its number and what it was asked for."""
    return f"{place} {spec.text or 'pure sampling'}"


def _print_once(
    model: Model, specs: list[LaneSpec], lanes: list[Lane], prompt: list[int], seed: int, coin: CoinKind, form: str
) -> None:
    from gpt2_remix.engine.compare.lanes import divergences, stats_of
    from gpt2_remix.engine.compare.markdown import lanes_to_markdown

    apart = divergences(lanes)
    rows = [stats_of(lane) for lane in lanes]
    texts = [model.tokenizer.decode(lane.new_ids) for lane in lanes]
    if form == "json":
        records = [
            {
                "settings": lane.settings.to_dict(),
                "prompt_ids": lane.ids(len(lane) - len(lane.steps)),
                "offset": lane.offset,
                **lane_record(model.tokenizer, lane),
                "stats": dict(row),
            }
            for lane, row in zip(lanes, rows, strict=True)
        ]
        print_json({"model": model_record(model), "prompt_ids": prompt, "seed": seed, "coin": coin, "lanes": records,
                    "divergence": apart})
        return
    names = [_name(n, spec) for n, spec in enumerate(specs, start=1)]
    if form == "csv":
        header = ["lane", "settings", "seed", "stop", *STATISTICS, "leaves_lane_1_at", "text"]
        _print_csv(header, [
            [n, lane.settings.changed(), lane.seed, lane.stop, *row.values(), apart[0][n - 1], text]
            for n, (lane, row, text) in enumerate(zip(lanes, rows, texts, strict=True), start=1)
        ])
        return
    if form == "md":
        echo(lanes_to_markdown(names, apart[0], rows, texts), nl=False)
        return
    for n, (name, text) in enumerate(zip(names, texts, strict=True)):
        left = apart[0][n]
        where = "" if n == 0 else " · never leaves lane 1" if left is None else f" · leaves lane 1 at {left}"
        echo(f"── lane {name}{where} ──")
        echo(text)
    _print_table(names, [list(row.values()) for row in rows], [words(name) for name in STATISTICS])


def _print_repeated(
    model: Model, specs: list[LaneSpec], result: Repeated, prompt: list[int], seed: int, coin: CoinKind, form: str
) -> None:
    from gpt2_remix.engine.compare.markdown import table
    from gpt2_remix.engine.compare.statistics import mean_and_spread

    means, divergences = result.table(), result.divergences()
    if form == "json":
        print_json({
            "model": model_record(model), "prompt_ids": prompt, "seed": seed, "coin": coin, "seeds": result.seeds,
            "lanes": [
                {"settings": spec.settings.to_dict(),
                 "stats": {name: None if value is None else {"mean": value[0], "spread": value[1]}
                           for name, value in row.items()},
                 "left_lane_1_after": parted}
                for spec, row, parted in zip(specs, means, divergences, strict=True)
            ],
        })
        return
    names = [_name(n, spec) for n, spec in enumerate(specs, start=1)]
    if form == "csv":
        header = ["lane", "settings", "seeds"]
        header += [f"{name}_{part}" for name in STATISTICS for part in ("mean", "spread")]
        _print_csv(header, [
            [n, spec.settings.changed(), len(result.seeds),
             *(part for value in row.values() for part in (value or (None, None)))]
            for n, (spec, row) in enumerate(zip(specs, means, strict=True), start=1)
        ])
        return
    cells = [["–" if cell is None else f"{cell[0]:.3f} ± {cell[1]:.3f}" for cell in row.values()] for row in means]
    left = []
    for parted in divergences:
        known = [value for value in parted if value is not None]
        left.append(f"{mean_and_spread([float(v) for v in known])[0]:.1f} ({len(known)})" if known else "never")
    titles = ["leaves lane 1 after (seeds)", *map(words, STATISTICS)]
    rows = [[parted, *row] for parted, row in zip(left, cells, strict=True)]
    if form == "md":
        lines = [[name, *row] for name, row in zip(names, rows, strict=True)]
        echo(table(["lane", *titles], lines), nl=False)
    else:
        _print_table(names, rows, titles)
    echo(f"\nmean ± standard deviation over {len(result.seeds)} seeds from {seed}")


def _print_table(names: list[str], rows: list[list[Any]], columns: list[str]) -> None:
    """One line a lane under short columns; names on a line of their own where they are long."""
    from gpt2_remix.engine.compare.markdown import cell

    cells = [[cell(value) for value in row] for row in rows]
    widths = [max(len(word) for word in [column, *(row[n] for row in cells)]) for n, column in enumerate(columns)]
    label = max(len(name) for name in names)
    echo(" " * label + "  " + "  ".join(word.rjust(width) for word, width in zip(columns, widths, strict=True)))
    for name, row in zip(names, cells, strict=True):
        echo(name.ljust(label) + "  " + "  ".join(text.rjust(w) for text, w in zip(row, widths, strict=True)))


def _print_csv(header: list[str], rows: list[list[Any]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    echo(out.getvalue(), nl=False)
