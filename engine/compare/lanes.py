"""Lanes side by side: what a person may ask for, and the lanes that come of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gpt2_remix.engine.compare.statistics import divergence, stream_stats
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.lane import Lane, lane_at
from gpt2_remix.engine.generation.stream import Prefix, Stream
from gpt2_remix.engine.sampling.presets import find_preset
from gpt2_remix.engine.sampling.settings import CoinKind, Settings, check_seed, parse_settings
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

MOST_LANES = 16
"""More lanes than this nobody can read side by side; they also are what runs as one batch."""


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """A lane as a person asks for it.

    Attributes:
        settings: of its chain.
        prefix: a prefix of its own as text; None for the common one.
        text: the settings as they were given, for titles.
    """

    settings: Settings = field(default_factory=Settings)
    prefix: str | None = None
    text: str = ""


def parse_lane(text: str, base: Settings | None = None) -> LaneSpec:
    """Read a lane: settings, or a preset's name, or both ("nucleus,temperature=0.7"), after a prefix in JSON form.

    `"Call me Ishmael" temperature=1` begins with a prefix of its own.

    Raises:
        InputError: what `parse_settings` and `find_preset` raise, or a prefix that is not a JSON string.
    """
    rest, prefix = text.strip(), None
    if rest.startswith('"'):
        try:
            prefix, end = json.JSONDecoder().raw_decode(rest)
        except ValueError:
            raise InputError(f'the prefix of lane {text!r} is not closed; write "Call me" temperature=1') from None
        rest = rest[end:].strip(" ,")
    name, _, others = rest.partition(",")
    start = base
    if name.strip() and "=" not in name:
        try:
            start, settings = find_preset(name).settings, others
        except InputError as error:
            raise InputError(f"lane {text!r}: {error}; settings are written as temperature=0.7,top_p=0.9") from None
    else:
        settings = rest
    try:
        return LaneSpec(parse_settings(settings, start), prefix, rest)
    except InputError as error:
        raise InputError(f"lane {text!r}: {error}") from None


def prefix_ids(spec: LaneSpec, tokenizer: Tokenizer, common: Sequence[int]) -> list[int]:
    """The prefix of a lane as ids: its own, or the common one. Raises InputError where it cannot be encoded."""
    if spec.prefix is None:
        return list(common)
    return tokenizer.encode(spec.prefix) or [tokenizer.end_of_text]


@dataclass(frozen=True, slots=True)
class LaneStart:
    """Where a lane of a comparison goes on from, and with what.

    Attributes:
        stream: it begins at its end.
        settings: of its chain.
        seed: its own; None for the common one.
    """

    stream: Stream
    settings: Settings
    seed: int | None = None


def lane_starts(specs: Sequence[LaneSpec], prefixes: Sequence[Sequence[int]]) -> list[LaneStart]:
    """The lanes as asked for, each at the end of its prefix; there their coins line up, counted as lane 1 counts."""
    first = len(prefixes[0])
    return [LaneStart(Prefix(ids, first - len(ids)), spec.settings)
            for spec, ids in zip(specs, prefixes, strict=True)]


def start_lanes(
    starts: Sequence[LaneStart], *, seed: int, own_coins: bool = False, coin: CoinKind = "interval",
    limit: int | None = None, end_of_text: int | None = None, dice: Sequence[float] = (),
) -> list[Lane]:
    """The lanes of a comparison. They share the coins: at the same distance from the end of the prefix, the same coin.

    Args:
        starts: where each begins.
        seed: lane i has it too, or seed + i with `own_coins`.
        own_coins, coin, limit, end_of_text, dice: of all lanes.

    Raises:
        InputError: seed + i is no seed.
    """
    return [
        lane_at(start.stream, len(start.stream), start.settings, seed=own, coin=coin, end_of_text=end_of_text,
                limit=limit, dice=dice)
        for start, own in zip(starts, lane_seeds(starts, seed, own_coins=own_coins), strict=True)
    ]


def lane_seeds(starts: Sequence[LaneStart], seed: int, *, own_coins: bool, repeats: int = 1) -> list[int]:
    """The seed of each lane: its own, or the common one, or with `own_coins` seed + i.

    Raises:
        InputError: one of them, or the last of so many in a row, is no seed.
    """
    seeds = [start.seed if start.seed is not None else seed + n if own_coins else seed
             for n, start in enumerate(starts)]
    for first in seeds:
        check_seed(first + repeats - 1)
    return seeds


def divergences(lanes: Sequence[Lane]) -> list[list[int | None]]:
    """For each pair of lanes the first position, as lane 1 counts, at which their new tokens differ; None for none."""
    new = [lane.new_ids for lane in lanes]
    start = len(lanes[0]) - len(lanes[0].steps)
    table: list[list[int | None]] = []
    for a in new:
        row = [divergence(a, b) for b in new]
        table.append([None if index is None else start + index for index in row])
    return table


def run_together(backend: Backend, lanes: Sequence[Lane], tokenizer: Tokenizer) -> Iterator[int]:
    """Run lanes to their end, MOST_LANES at a time as one batch; yield how many tokens each pass appended."""
    for start in range(0, len(lanes), MOST_LANES):
        while done := advance(backend, lanes[start : start + MOST_LANES], tokenizer):
            yield len(done)


def stats_of(lane: Lane) -> Mapping[str, float | None]:
    """The statistics of a lane's new tokens."""
    return stream_stats(lane.steps).to_dict()
