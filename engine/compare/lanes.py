"""Lanes side by side: what a person may ask for, the lanes that come of it, and repeating them over seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.compare.statistics import divergence, over_seeds, stream_stats
from engine.errors import InputError
from engine.generation.backend import Backend
from engine.generation.decode import Lane, advance
from engine.sampling.presets import find_preset
from engine.sampling.settings import CoinKind, Settings, check_seed, parse_settings
from engine.session.tree import Step
from engine.tokens.tokenizer import Tokenizer

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
    """Reads a lane: settings, or a preset's name, or both ("nucleus,temperature=0.7"), after a prefix in JSON form.

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


def build_lanes(
    specs: Sequence[LaneSpec], prefixes: Sequence[Sequence[int]], *, seed: int, own_coins: bool = False,
    coin: CoinKind = "interval", limit: int | None = None, end_of_text: int | None = None,
) -> list[Lane]:  # fmt: skip
    """The lanes of a comparison. They share the coins: at the same distance from the end of the prefix, the same coin.

    Args:
        specs, prefixes: what each lane is, and the ids it starts from.
        seed: lane i has it too, or seed + i with `own_coins`.

    Raises:
        InputError: seed + i is no seed.
    """
    check_seed(seed + len(specs) - 1 if own_coins else seed)
    first = len(prefixes[0])
    return [
        Lane(list(ids), spec.settings, seed + n if own_coins else seed, coin, end_of_text=end_of_text, limit=limit,
             offset=first - len(ids))
        for n, (spec, ids) in enumerate(zip(specs, prefixes, strict=True))
    ]  # fmt: skip


def again(steps: Sequence[Step], settings: Settings | None = None) -> dict[int, Step]:
    """The luck of a stream, to be taken again: its flips and picks, by the position that the coin was told.

    With `settings`, these in place of the recorded ones. The script of a counterfactual's `Lane`.
    """
    return {
        step.position + step.offset: step if settings is None else replace(step, settings=settings)
        for step in steps if step.origin != "prompt"
    }  # fmt: skip


def divergences(lanes: Sequence[Lane]) -> list[list[int | None]]:
    """For each pair of lanes the first position, as lane 1 counts, at which their new tokens differ; None for none."""
    new = [lane.ids[lane.prompt :] for lane in lanes]
    start = lanes[0].prompt or 0
    table: list[list[int | None]] = []
    for a in new:
        row = [divergence(a, b) for b in new]
        table.append([None if index is None else start + index for index in row])
    return table


def run_together(backend: Backend, lanes: Sequence[Lane], end_of_text: int) -> Iterator[int]:
    """Runs lanes to their end, MOST_LANES at a time as one batch; yields how many tokens each pass appended."""
    for start in range(0, len(lanes), MOST_LANES):
        while done := advance(backend, lanes[start : start + MOST_LANES], end_of_text):
            yield len(done)


@dataclass(slots=True)
class Repeated:
    """A comparison over several seeds.

    Attributes:
        lanes: for each lane, its streams: one a seed, in the order of the seeds.
        seeds: those that are finished.
    """

    lanes: list[list[Lane]]
    seeds: list[int]

    def table(self) -> list[dict[str, tuple[float, float] | None]]:
        """For each lane mean and spread of each statistic."""
        return [over_seeds([stream_stats(lane.steps).to_dict() for lane in streams]) for streams in self.lanes]

    def partings(self) -> list[list[int | None]]:
        """For each lane and seed, after how many new tokens it left lane 1; None where it never did."""
        new = [[lane.ids[lane.prompt :] for lane in streams] for streams in self.lanes]
        return [[divergence(a, b) for a, b in zip(new[0], streams, strict=True)] for streams in new]


def repeat(
    backend: Backend, specs: Sequence[LaneSpec], prefixes: Sequence[Sequence[int]], *, seed: int, repeats: int,
    limit: int, end_of_text: int, own_coins: bool = False, coin: CoinKind = "interval", stop_at_end: bool = True,
) -> Iterator[tuple[Repeated, int, int]]:  # fmt: skip
    """Runs a comparison with the seeds seed ... seed + repeats - 1.

    Yields (what is finished so far, tokens done, tokens in all) after every pass: closing the generator stops it, and
    what was yielded last holds the seeds that are finished. With `own_coins` the lanes of a seed have seeds of their
    own, as far apart as there are repeats.

    Raises:
        InputError: the last seed is no seed.
    """
    spread = repeats if own_coins else 0
    check_seed(seed + repeats - 1 + spread * (len(specs) - 1))
    first = len(prefixes[0])
    groups = [
        [
            Lane(list(ids), spec.settings, seed + n + spread * place, coin,
                 end_of_text=end_of_text if stop_at_end else None, limit=limit, offset=first - len(ids))
            for place, (spec, ids) in enumerate(zip(specs, prefixes, strict=True))
        ]
        for n in range(repeats)
    ]  # fmt: skip
    total, done = limit * repeats * len(specs), 0
    finished = Repeated([[] for _ in specs], [])
    yield finished, 0, total
    at_once = max(1, MOST_LANES // len(specs))
    for start in range(0, repeats, at_once):
        batch = groups[start : start + at_once]
        for made in run_together(backend, [lane for group in batch for lane in group], end_of_text):
            done += made
            yield finished, done, total
        for n, group in enumerate(batch, start=start):
            finished.seeds.append(seed + n)
            for streams, lane in zip(finished.lanes, group, strict=True):
                streams.append(lane)
        done = limit * len(specs) * min(repeats, start + at_once)  # streams that ended early are done all the same
        yield finished, done, total


def stats_of(lane: Lane) -> Mapping[str, float | None]:
    """The statistics of a lane's new tokens."""
    return stream_stats(lane.steps).to_dict()
