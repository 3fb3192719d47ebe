"""What a network is to the backend: tokens in, keys, values and hidden states into a lane's buffers, logits out.

Three kinds meet it: compiled kernels (`kernels`), plain numpy (`plain`) where those are not there yet or cannot be had,
and torch (`eager`) on accelerators. Arrays are numpy's or torch's; the backend and the cache only index them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from gpt2_remix.engine.generation.backend import Logits
from gpt2_remix.engine.gpt2.config import GPT2Config

Array: TypeAlias = Any
"""A numpy array or a torch tensor."""


@dataclass(slots=True, eq=False)
class KVBuffers:
    """A lane's preallocated buffers.

    Attributes:
        kv: [layers, 2, heads, context, size] keys and values; positions past len(ids) hold nothing. `size` is
            width / heads, or more where a network fills it up.
        hidden: [context, width], what the output head is multiplied with at each position.
        ids: the tokens whose keys and values are there.
        own_kv: [layers, 2, heads, 1, size] the keys and values of the one new token of a lane that is run on another
            lane's buffers (see `Network.share_buffers`); None where the buffers are its own.
    """

    kv: Array
    hidden: Array
    ids: list[int] = field(default_factory=list)
    own_kv: Array | None = None

    def copy_prefix(self, other: KVBuffers, count: int) -> None:
        """Copy the first `count` tokens of another lane in place of all that is here."""
        self.kv[:, :, :, :count] = other.kv[:, :, :, :count]
        self.hidden[:count] = other.hidden[:count]
        self.ids[:] = other.ids[:count]


Batch: TypeAlias = Sequence[tuple[KVBuffers, Sequence[int]]]
"""Lanes and the new ids of each."""


class Network(Protocol):
    """A GPT-2 with its weights in memory. Not thread-safe.

    Attributes:
        config: its shape.
        parameters: how many numbers it has, a tied head counted once.
        precision: how they are held: "fp32", "int8", "fp16", "bf16".
        form: by what the numbers are computed: the same form gives the same numbers.
        device: where it runs.
        batch_invariant: whether a token's numbers are the same to the last bit whatever rows it is computed with:
            by prefill, beside other lanes, or alone.
    """

    config: GPT2Config
    parameters: int
    precision: str
    form: str
    device: str
    batch_invariant: bool

    def buffers(self) -> KVBuffers:
        """Buffers for one whole context. The system gives the memory as positions are filled."""
        ...

    def share_buffers(self, lane: KVBuffers) -> KVBuffers:
        """A lane for one token that comes after the same ones: it uses these buffers in the pass of this lane's next.

        In a batch it must stand before that lane, whose token has the place in the buffers for good.
        """
        ...

    def kv_slots(self, count: int) -> Array:
        """[count, layers, 2, heads, size]: memory for the keys and values of tokens at rest."""
        ...

    def hidden_rows(self, count: int) -> Array:
        """[count, width]: memory for hidden states."""
        ...

    def forward(self, batch: Batch, asked: Sequence[int]) -> Logits:
        """Run on each lane's new ids, which fit its context, and write what comes of it into its buffers.

        Returns [lanes, vocabulary] float32: the logits after one position of each lane, `asked`, among its new ones.
        """
        ...

    def head_logits(self, hidden: Array) -> Logits:
        """[n, width] hidden states -> [n, vocabulary] logits, float32."""
        ...
