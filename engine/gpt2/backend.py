"""The local backend: next-token logits of a GPT-2 in this process, nothing computed twice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Logits, ModelInfo, check_ids
from gpt2_remix.engine.gpt2.cache import Entry, PrefixCache
from gpt2_remix.engine.gpt2.network import KVBuffers, Network

MAX_LANES = 16
"""How many working buffers are kept; each grows to one context."""

_WORTH_A_COPY = 32
"""Tokens from which copying a lane's buffers takes longer than what it saves."""

_CHUNK = 64
"""Positions whose whole-vocabulary logits are made at once when a text is scored."""


class LocalBackend:
    """A `Backend` over a network in memory. Not thread-safe: one worker owns it.

    Attributes:
        info: the model.
        network: what runs.
        cache: what was computed, by prefix.
        computed: tokens that the network has been run on.
        passes: how often the network ran.
    """

    def __init__(self, name: str, network: Network, *, budget: int | None = None, reason: str = "") -> None:
        config = network.config
        self.info = ModelInfo(name, network.parameters, network.precision, config.vocab_size, config.n_positions,
                              network.device, network.form, network.batch_invariant, reason)
        self.network = network
        self.computed = 0
        self.passes = 0
        self.cache = PrefixCache(network, budget)
        self._lanes: list[KVBuffers] = []  # the most recently used last
        self._ids: list[int] = []  # the sequence that was asked for last

    def logits(self, sequences: Sequence[Sequence[int]], drafts: Sequence[Sequence[int]] = ()) -> Logits:
        """See `engine.generation.backend.Backend.logits`."""
        ids = [self._checked(sequence) for sequence in sequences]
        ahead = ids
        if drafts:
            ahead = [[*own, *draft][: self.info.context] for own, draft in zip(ids, drafts, strict=True)]
        answers: list[tuple[list[int], Logits]] = []  # places, and their logits
        known: list[int] = []  # places whose hidden states are known
        rows = self.network.hidden_rows(len(ids))
        waiting = list(range(len(ids)))
        while waiting:
            batch: list[tuple[int, KVBuffers]] = []
            started: set[tuple[int, int]] = set()  # the uncached tokens of this round, by what stands before them
            later: list[int] = []
            for place in waiting:
                found = self.cache.find(ids[place])
                if len(found) == len(ids[place]):
                    rows[len(known)] = self.cache.hidden(found[-1])
                    known.append(place)
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
                    owner = next((lane for _, lane in batch if lane.own_kv is None and lane.ids == before), None)
                    if owner is not None:
                        batch.append((place, self.network.share_buffers(owner)))
                        continue
                lane = self._lane_for(ids[place], {id(lane) for _, lane in batch})
                self._fill(lane, found)
                if len(lane.ids) == len(ids[place]):
                    rows[len(known)] = lane.hidden[len(lane.ids) - 1]
                    known.append(place)
                    continue
                batch.append((place, lane))
            batch.sort(key=lambda job: job[1].own_kv is None)  # who runs on another's buffers goes first
            jobs = [(lane, ahead[place][len(lane.ids) :]) for place, lane in batch]
            if jobs:
                logits = self.network.forward(jobs, [len(ids[place]) - 1 for place, _ in batch])
                answers.append(([place for place, _ in batch], logits))
                self.passes += 1
                self.computed += sum(len(new) for _, new in jobs)
            for place, lane in batch:
                self.cache.store(lane, self.cache.find(ahead[place]))
            waiting = later
        if known:
            answers.append((known, self.network.head_logits(rows[: len(known)])))
        if len(answers) == 1 and answers[0][0] == list(range(len(ids))):
            return answers[0][1]
        out = np.empty((len(ids), self.info.vocab_size), np.float32)
        for places, logits in answers:
            out[places] = logits
        return out

    def every_logits(self, sequence: Sequence[int], first: int = 0) -> Iterator[Logits]:
        """See `engine.generation.backend.Backend.every_logits`."""
        ids = self._checked(sequence)
        self.logits([ids])
        lane = self._lane_for(ids, set())
        self._fill(lane, self.cache.find(ids))
        hidden = self.network.hidden_rows(len(ids) - first)  # the lane may be used for something else between chunks
        hidden[:] = lane.hidden[first : len(ids)]
        for start in range(0, len(hidden), _CHUNK):
            yield self.network.head_logits(hidden[start : start + _CHUNK])

    def _fill(self, lane: KVBuffers, found: Sequence[Entry]) -> None:
        """Put what is cached into a lane's buffers: from another lane's where that has it, else from the cache."""
        if len(found) > len(lane.ids) + _WORTH_A_COPY:
            ids = [entry.token for entry in found]
            shared = [(_shared(other.ids, ids), other) for other in self._lanes if other is not lane]
            count, donor = max(shared, key=itemgetter(0), default=(0, lane))
            if count > len(lane.ids) + _WORTH_A_COPY:
                lane.copy_prefix(donor, count)
        if len(found) > len(lane.ids):
            self.cache.load(found[len(lane.ids) :], lane)

    def _checked(self, sequence: Sequence[int]) -> list[int]:
        ids = list(sequence)
        if not 1 <= len(ids) <= self.info.context:
            raise InputError(f"a sequence of {len(ids)} tokens does not fit; this model takes 1 to {self.info.context}")
        known = len(self._ids)
        # A stream that grows comes again and again: what was looked at need not be looked at again.
        check_ids(ids[known:] if known and ids[:known] == self._ids else ids, self.info.vocab_size)
        self._ids = ids
        return ids

    def _lane_for(self, ids: list[int], taken: set[int]) -> KVBuffers:
        """The free working buffers that share the most with a sequence, cut back to what they share."""
        free = [lane for lane in self._lanes if id(lane) not in taken]
        best = max(free, key=lambda lane: _shared(lane.ids, ids), default=None)
        shared = _shared(best.ids, ids) if best else 0
        loses = best is not None and shared < len(best.ids)
        if best is None or (loses and len(self._lanes) < min(MAX_LANES, len(taken) + 1)):
            # There are fewer buffers than lanes in this batch: leave what stands in those that there are.
            best = self.network.buffers()
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
    return bisect_left(range(n), True, key=lambda end: a[: end + 1] != b[: end + 1])
