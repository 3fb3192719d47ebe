"""What was computed, kept by prefix: a tree of tokens whose nodes hold keys, values and hidden states.

`PrefixCache` is memory at rest: one slot a token, shared by all sequences that begin alike, so that branches cost only
what they do not share. A lane's working buffers (`network.KVBuffers`) are copied from it when a branch is taken up
again. It has a budget in bytes; the least recently used branch ends go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gpt2_remix.engine.gpt2.network import Array, KVBuffers, Network

BUDGET = 128 * 2**20
"""Bytes for tokens at rest, where two whole contexts do not need more."""


@dataclass(slots=True, eq=False)
class Entry:
    """One cached token: its place in the tree, its slot, and when it was last used (a count of requests)."""

    token: int
    parent: Entry | None
    slot: int
    used: int
    children: dict[int, Entry] = field(default_factory=dict)


class PrefixCache:
    """Keys, values and hidden states of token sequences, found by longest common prefix."""

    def __init__(self, network: Network, budget: int | None = None) -> None:
        self.bytes_per_token = int(network.kv_slots(1).nbytes + network.hidden_rows(1).nbytes)
        if budget is None:
            budget = max(BUDGET, 2 * network.config.n_positions * self.bytes_per_token)
        self.capacity = max(1, budget // self.bytes_per_token)
        # Untouched pages cost nothing until a slot is written: memory grows with use, up to the budget.
        self._memory, self._hidden = network.kv_slots(self.capacity), network.hidden_rows(self.capacity)
        self._free = list(range(self.capacity - 1, -1, -1))
        self._root = Entry(-1, None, -1, 0)
        self._clock = 0
        self._count = 0
        self._found: list[Entry] = []  # what `find` gave last, as long as nothing was dropped
        self._found_ids: list[int] = []

    def __len__(self) -> int:
        """How many tokens are cached."""
        return self._count

    def find(self, ids: Sequence[int]) -> list[Entry]:
        """The entries of the longest cached prefix, in order; its end becomes the most recently used."""
        self._clock += 1
        ids = list(ids)
        # A stream that grows is asked for token by token: what was found last is looked at as a whole first.
        last = len(self._found)
        found = self._found[:] if self._found_ids == ids[:last] else []
        entry = found[-1] if found else self._root
        for token in ids[len(found) :]:
            child = entry.children.get(token)
            if child is None:
                break
            found.append(child)
            entry = child
        entry.used = self._clock
        self._found, self._found_ids = found, ids[: len(found)]
        return found[:]

    def hidden(self, entry: Entry) -> Array:
        """[width]: what the output head is multiplied with after that token."""
        return self._hidden[entry.slot]

    def load(self, entries: Sequence[Entry], lane: KVBuffers) -> None:
        """Copy entries behind what a lane's buffers already hold."""
        start, end = len(lane.ids), len(lane.ids) + len(entries)
        slots = [entry.slot for entry in entries]
        _by_token(lane.kv)[start:end] = self._memory[slots]
        lane.hidden[start:end] = self._hidden[slots]
        lane.ids.extend(entry.token for entry in entries)

    def store(self, lane: KVBuffers, found: Sequence[Entry]) -> None:
        """Keep what a lane's buffers hold behind the entries that `find` gave, as far as the budget allows."""
        start = len(found)
        if lane.own_kv is not None and start != len(lane.ids) - 1:
            return
        parent = found[-1] if found else self._root
        parent.used = self._clock
        slots = self._take(len(lane.ids) - start)
        for position, slot in enumerate(slots, start=start):
            entry = Entry(lane.ids[position], parent, slot, self._clock)
            parent.children[entry.token] = entry
            parent = entry
        self._count += len(slots)
        if slots:
            end = start + len(slots)
            if end == start + 1:  # as in every step; several times faster than a list of one
                kv = lane.kv[:, :, :, start] if lane.own_kv is None else lane.own_kv[:, :, :, 0]
                self._memory[slots[0]], self._hidden[slots[0]] = kv, lane.hidden[start]
            else:
                self._memory[slots] = _by_token(lane.kv)[start:end]
                self._hidden[slots] = lane.hidden[start:end]

    def _take(self, wanted: int) -> list[int]:
        if len(self._free) < wanted:
            # A sweep frees more than is needed, so that a full cache does not sweep at every token.
            self._evict(max(wanted, self.capacity // 16) - len(self._free))
        return [self._free.pop() for _ in range(min(wanted, len(self._free)))]

    def _evict(self, wanted: int) -> None:
        """Drop up to `wanted` tokens from the least recently used branch ends; never what this request uses."""
        self._found, self._found_ids = [], []
        ends: list[Entry] = []
        stack = [self._root]
        while stack:
            entry = stack.pop()
            stack.extend(entry.children.values())
            if not entry.children and entry is not self._root:
                ends.append(entry)
        ends.sort(key=lambda entry: entry.used)
        for end in ends:
            entry = end
            while wanted > 0 and not entry.children and entry.parent is not None and entry.used < self._clock:
                del entry.parent.children[entry.token]
                self._free.append(entry.slot)
                self._count -= 1
                wanted -= 1
                entry = entry.parent
            if wanted <= 0:
                return


def _by_token(kv: Array) -> Array:
    """[layers, 2, heads, n, size] keys and values as [n, layers, 2, heads, size], without a copy."""
    return kv.swapaxes(2, 3).swapaxes(1, 2).swapaxes(0, 1)
