"""A comparison repeated over many seeds: mean and spread of each statistic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gpt2_remix.engine.compare.lanes import MOST_LANES, LaneStart, lane_seeds, run_together
from gpt2_remix.engine.compare.statistics import divergence, over_seeds, stream_stats
from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.generation.lane import Lane, lane_at
from gpt2_remix.engine.sampling.settings import CoinKind
from gpt2_remix.engine.tokens.tokenizer import Tokenizer


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

    def divergences(self) -> list[list[int | None]]:
        """For each lane and seed, after how many new tokens it left lane 1; None where it never did."""
        new = [[lane.new_ids for lane in streams] for streams in self.lanes]
        return [[divergence(a, b) for a, b in zip(new[0], streams, strict=True)] for streams in new]


def repeat(
    backend: Backend, starts: Sequence[LaneStart], *, seed: int, repeats: int, limit: int, tokenizer: Tokenizer,
    own_coins: bool = False, coin: CoinKind = "interval", stop_at_end: bool = True, dice: Sequence[float] = (),
) -> Iterator[tuple[Repeated, int, int]]:
    """Run a comparison with the seeds seed ... seed + repeats - 1.

    Yields (what is finished so far, tokens done, tokens in all) after every pass: closing the generator stops it, and
    what was yielded last holds the seeds that are finished. For each seed the lanes are those that `start_lanes` makes:
    with `own_coins` lane i has that seed + i; a lane with a seed of its own counts from that one. `dice` are
    the first flips of them all.

    Raises:
        InputError: the last seed is no seed.
    """
    firsts = lane_seeds(starts, seed, own_coins=own_coins, repeats=repeats)
    groups = [
        [
            lane_at(start.stream, len(start.stream), start.settings, seed=first + n, coin=coin,
                    end_of_text=tokenizer.end_of_text if stop_at_end else None, limit=limit, dice=dice)
            for first, start in zip(firsts, starts, strict=True)
        ]
        for n in range(repeats)
    ]
    total, done = limit * repeats * len(starts), 0
    finished = Repeated([[] for _ in starts], [])
    yield finished, 0, total
    at_once = max(1, MOST_LANES // len(starts))
    for begin in range(0, repeats, at_once):
        batch = groups[begin : begin + at_once]
        for made in run_together(backend, [lane for group in batch for lane in group], tokenizer):
            done += made
            yield finished, min(done, total - 1), total  # it is done when the last seeds are among the finished ones
        for n, group in enumerate(batch, start=begin):
            finished.seeds.append(seed + n)
            for streams, lane in zip(finished.lanes, group, strict=True):
                streams.append(lane)
        done = limit * len(starts) * min(repeats, begin + at_once)  # streams that ended early are done all the same
        yield finished, done, total
