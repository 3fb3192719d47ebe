"""What was computed, kept by prefix: a tree of tokens whose nodes hold keys, values and hidden states.

`PrefixCache` is memory at rest: one slot a token, shared by all sequences that begin alike, so that branches cost only
what they do not share. A lane's working buffers (`model.KeyValues`) are copied from it when a branch is taken up
again. It has a budget in bytes; the least recently used branch ends go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.gpt2.config import GPT2Config
from engine.gpt2.model import KeyValues

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

    def __init__(
        self, config: GPT2Config, budget: int | None = None, *, dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:  # fmt: skip
        layers, width = config.n_layer, config.n_embd
        self.bytes_per_token = dtype.itemsize * (2 * layers * width + width)
        if budget is None:
            budget = max(BUDGET, 2 * config.n_positions * self.bytes_per_token)
        self.capacity = max(1, budget // self.bytes_per_token)
        # Untouched pages cost nothing until a slot is written: memory grows with use, up to the budget.
        shape = (self.capacity, layers, 2, config.n_head, width // config.n_head)
        self._memory = torch.empty(shape, dtype=dtype, device=device)
        self._hidden = torch.empty(self.capacity, width, dtype=dtype, device=device)
        self._free = list(range(self.capacity - 1, -1, -1))
        self._root = Entry(-1, None, -1, 0)
        self._clock = 0
        self._count = 0

    def __len__(self) -> int:
        """How many tokens are cached."""
        return self._count

    def find(self, ids: Sequence[int]) -> list[Entry]:
        """The entries of the longest cached prefix, in order; its end becomes the most recently used."""
        self._clock += 1
        found: list[Entry] = []
        entry = self._root
        for token in ids:
            child = entry.children.get(token)
            if child is None:
                break
            found.append(child)
            entry = child
        entry.used = self._clock
        return found

    def hidden(self, entry: Entry) -> Tensor:
        """[width]: what the output head is multiplied with after that token."""
        return self._hidden[entry.slot]

    def load(self, entries: Sequence[Entry], lane: KeyValues) -> None:
        """Copies entries behind what a lane's buffers already hold."""
        start, end = len(lane.ids), len(lane.ids) + len(entries)
        slots = torch.tensor([entry.slot for entry in entries], device=self._memory.device)
        lane.kv[:, :, :, start:end] = self._memory[slots].permute(1, 2, 3, 0, 4)
        lane.hidden[start:end] = self._hidden[slots]
        lane.ids.extend(entry.token for entry in entries)

    def store(self, lane: KeyValues, found: Sequence[Entry]) -> None:
        """Keeps what a lane's buffers hold behind the entries that `find` gave, as far as the budget allows."""
        start = len(found)
        if lane.own is not None and start != len(lane.ids) - 1:
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
            index = torch.tensor(slots, device=self._memory.device)
            new = lane.kv[:, :, :, start:end] if lane.own is None else lane.own
            self._memory[index] = new.permute(3, 0, 1, 2, 4)
            self._hidden[index] = lane.hidden[start:end]

    def _take(self, wanted: int) -> list[int]:
        if len(self._free) < wanted:
            # A sweep frees more than is needed, so that a full cache does not sweep at every token.
            self._evict(max(wanted, self.capacity // 16) - len(self._free))
        return [self._free.pop() for _ in range(min(wanted, len(self._free)))]

    def _evict(self, wanted: int) -> None:
        """Drops up to `wanted` tokens from the least recently used branch ends; never what this request uses."""
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
