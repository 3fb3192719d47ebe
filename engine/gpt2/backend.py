"""The torch backend: next-token logits of a local GPT-2, nothing computed twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from operator import eq, itemgetter
from pathlib import Path

import torch

from engine.backend import Logits, ModelInfo, check_ids
from engine.errors import InputError
from engine.gpt2.cache import Entry, PrefixCache
from engine.gpt2.config import GPT2Config, read_config
from engine.gpt2.int8 import int8_weights
from engine.gpt2.linear import Int8
from engine.gpt2.model import KeyValues, forward, head_logits
from engine.gpt2.weights import Weights, load_weights

MAX_LANES = 16
"""How many working buffers are kept; each grows to one context."""

PRECISIONS = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}

_WORTH_A_COPY = 32
"""Tokens from which copying a lane's buffers takes longer than what it saves."""

_CHUNK = 64
"""Positions whose whole-vocabulary logits are made at once when a text is scored."""


class TorchBackend:
    """A `Backend` over weights in memory. Not thread-safe: one worker owns it.

    Attributes:
        info: the model.
        computed: tokens that the network has been run on.
        passes: how often the network ran.
    """

    def __init__(self, name: str, weights: Weights, config: GPT2Config, *, budget: int | None = None) -> None:
        dtype, device = weights.wpe.dtype, weights.wpe.device
        precision = "int8" if isinstance(weights.head, Int8) else PRECISIONS[dtype]
        self.info = ModelInfo(name, weights.parameters, precision, config.vocab_size, config.n_positions, device.type)
        self.computed = 0
        self.passes = 0
        self._weights = weights
        self._config = config
        self._cache = PrefixCache(config, budget, dtype=dtype, device=device)
        self._lanes: list[KeyValues] = []  # the most recently used last

    def logits(self, sequences: Sequence[Sequence[int]], guesses: Sequence[Sequence[int]] = ()) -> Logits:
        """See `engine.backend.Backend.logits`."""
        ids = [self._checked(sequence) for sequence in sequences]
        ahead = ids
        if guesses:
            ahead = [[*own, *guess][: self.info.context] for own, guess in zip(ids, guesses, strict=True)]
        rows: dict[int, torch.Tensor] = {}
        waiting = list(range(len(ids)))
        while waiting:
            batch: list[tuple[int, KeyValues]] = []
            started: set[tuple[int, int]] = set()  # the uncached tokens of this round, by what stands before them
            later: list[int] = []
            for place in waiting:
                found = self._cache.find(ids[place])
                if len(found) == len(ids[place]):
                    rows[place] = self._cache.hidden(found[-1]).clone()
                    continue
                first = (id(found[-1]) if found else 0, ids[place][len(found)])
                # Two sequences that go on alike: the second waits for what the first computes.
                if first in started or len(batch) == MAX_LANES:
                    later.append(place)
                    continue
                started.add(first)
                before = ids[place][:-1]
                if len(ahead[place]) == len(ids[place]) and len(found) == len(before) and len(before) > _WORTH_A_COPY:
                    # Branches from one position: the first has the buffers, the others need not copy them yet.
                    owner = next((lane for _, lane in batch if lane.own is None and lane.ids == before), None)
                    if owner is not None:
                        batch.append((place, owner.beside()))
                        continue
                lane = self._lane_for(ids[place], {id(lane) for _, lane in batch})
                self._fill(lane, found)
                if len(lane.ids) == len(ids[place]):
                    rows[place] = lane.hidden[len(lane.ids) - 1].clone()
                    continue
                batch.append((place, lane))
            batch.sort(key=lambda job: job[1].own is None)  # who runs on another's buffers goes first
            jobs = [(lane, ahead[place][len(lane.ids) :]) for place, lane in batch]
            if jobs:
                forward(self._weights, self._config, jobs)
                self.passes += 1
                self.computed += sum(len(new) for _, new in jobs)
            for place, lane in batch:
                rows[place] = lane.hidden[len(ids[place]) - 1].clone()
                self._cache.store(lane, self._cache.find(ahead[place]))
            waiting = later
        hidden = torch.stack([rows[place] for place in range(len(ids))])
        return head_logits(self._weights, hidden).numpy()

    def every_logits(self, sequence: Sequence[int], first: int = 0) -> Iterator[Logits]:
        """See `engine.backend.Backend.every_logits`."""
        ids = self._checked(sequence)
        self.logits([ids])
        lane = self._lane_for(ids, set())
        self._fill(lane, self._cache.find(ids))
        hidden = lane.hidden[first : len(ids)].clone()  # the lane may be used for something else between chunks
        for start in range(0, len(hidden), _CHUNK):
            yield head_logits(self._weights, hidden[start : start + _CHUNK]).numpy()

    def _fill(self, lane: KeyValues, found: Sequence[Entry]) -> None:
        """Puts what is cached into a lane's buffers: from another lane's where that has it, else from the cache."""
        if len(found) > len(lane.ids) + _WORTH_A_COPY:
            ids = [entry.token for entry in found]
            shared = [(_shared(other.ids, ids), other) for other in self._lanes if other is not lane]
            count, donor = max(shared, key=itemgetter(0), default=(0, lane))
            if count > len(lane.ids) + _WORTH_A_COPY:
                lane.take(donor, count)
        if len(found) > len(lane.ids):
            self._cache.load(found[len(lane.ids) :], lane)

    def _checked(self, sequence: Sequence[int]) -> list[int]:
        ids = [int(token) for token in sequence]
        if not 1 <= len(ids) <= self.info.context:
            raise InputError(f"a sequence of {len(ids)} tokens does not fit; this model takes 1 to {self.info.context}")
        check_ids(ids, self.info.vocab_size)
        return ids

    def _lane_for(self, ids: list[int], taken: set[int]) -> KeyValues:
        """The free working buffers that share the most with a sequence, cut back to what they share."""
        free = [lane for lane in self._lanes if id(lane) not in taken]
        best = max(free, key=lambda lane: _shared(lane.ids, ids), default=None)
        shared = _shared(best.ids, ids) if best else 0
        loses = best is not None and shared < len(best.ids)
        if best is None or (loses and len(self._lanes) < min(MAX_LANES, len(taken) + 1)):
            # There are fewer buffers than lanes in this batch: leave what stands in those that there are.
            best = KeyValues.empty(self._config, self._weights)
            shared = 0
        elif shared == 0:
            best = free[0]  # the least recently used
        del best.ids[shared:]
        self._lanes = [lane for lane in self._lanes if lane is not best] + [best]
        return best


def _shared(a: list[int], b: list[int]) -> int:
    """How many ids two sequences have in common at their start."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    return sum(1 for _ in takewhile(bool, map(eq, a, b)))


def open_backend(
    name: str, folder: Path, *, precision: str = "fp32", device: str = "cpu", threads: int | None = None,
    budget: int | None = None, kept: Path | None = None,
) -> TorchBackend:  # fmt: skip
    """Reads a model folder into a backend.

    Args:
        name: what the model is called on screen and in records.
        precision: "fp32", "int8" (on the CPU only), "fp16" or "bf16".
        device: "cpu", "cuda" or "mps".
        threads: CPU threads for torch; its own choice where None.
        budget: bytes for the cache.
        kept: the folder where int8 forms are kept between starts; nowhere where None.

    Raises:
        InputError: what `read_config` and `read_tensors` raise.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    config = read_config(folder)
    if precision == "int8":
        weights = int8_weights(folder, config, kept)
    else:
        dtype = next(dtype for dtype, named in PRECISIONS.items() if named == precision)
        weights = load_weights(folder, config, dtype=dtype, device=torch.device(device))
    return TorchBackend(name, weights, config, budget=budget)
