"""The protocol that every source of logits meets, and how long sequences are cut to what it can see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gpt2_remix.engine.errors import InputError

if TYPE_CHECKING:  # this module is on the path to the app's first frame
    import numpy as np
    from numpy.typing import NDArray

Logits: TypeAlias = "NDArray[np.float32]"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without running it.

    Attributes:
        name: as a person gave it.
        parameters: how many numbers the weights hold, a tied output head counted once.
        precision: how they are held: "fp32", "int8", or on accelerators "fp16" or "bf16".
        vocab_size: ids are 0 ... vocab_size - 1.
        context: how many tokens the network sees at once.
        device: where it runs: "cpu", "cuda" or "mps".
        form: by what its numbers are computed ("kernels 1", "numpy", "torch"); another form differs in the last bits.
        batch_invariant: whether a token's numbers are the same to the last bit whatever rows it is computed with:
            by prefill, beside other lanes, or alone.
        reason: why it runs there, so and in that form, in half a line; "" where nothing was chosen.
    """

    name: str
    parameters: int
    precision: str
    vocab_size: int
    context: int
    device: str = "cpu"
    form: str = ""
    batch_invariant: bool = False
    reason: str = ""


class Backend(Protocol):
    """Where next-token logits come from. Knows token ids only: nothing of text, trees or settings.

    Attributes:
        info: the model behind it.
        computed: how many tokens the network has been run on so far. What is cached is not counted.
    """

    info: ModelInfo
    computed: int

    def logits(self, sequences: Sequence[Sequence[int]], drafts: Sequence[Sequence[int]] = ()) -> Logits:
        """Next-token logits after each sequence, as one batch; what the cache holds is not computed again.

        Args:
            sequences: each of 1 ... context ids inside the vocabulary; their lengths may differ.
            drafts: for each sequence how it may go on. Where the network has to run for it, these tokens go through
                it in the same pass, and are in the cache when they come.

        Returns:
            [len(sequences), vocabulary] float32.

        Raises:
            InputError: an empty or too long sequence, an id outside the vocabulary.
        """
        ...

    def every_logits(self, sequence: Sequence[int], first: int = 0) -> Iterator[Logits]:
        """Logits after each position of one sequence from `first` on, in chunks of [n, vocabulary] float32."""
        ...


def check_ids(ids: Sequence[int], vocabulary: int) -> None:
    """Raise InputError for an id outside 0 ... vocabulary - 1."""
    for token in ids:
        if not 0 <= token < vocabulary:
            raise InputError(f"id {token} is outside the vocabulary; this model's ids are 0 to {vocabulary - 1}")


def window_start(length: int, context: int) -> int:
    """The first position that the network sees when it chooses the token at position `length`.

    0 while everything fits. Past that the window slides: its oldest half goes and the rest is computed again, so it
    holds between half a context and a whole one. A pure function of the length, so that any earlier position can be
    shown as it was.
    """
    if length <= context:
        return 0
    half = max(1, context // 2)
    return -(-(length - context) // half) * half


def visible_ids(ids: Sequence[int], position: int, context_length: int, end_of_text: int) -> list[int]:
    """What the network is given to choose the token at a position of a sequence.

    Nothing stands before the first token; as in GPT-2's training it is chosen as after `<|endoftext|>`.
    """
    if position == 0:
        return [end_of_text]
    return list(ids[window_start(position, context_length) : position])


def logits_at(
    backend: Backend, requests: Sequence[tuple[Sequence[int], int]], end_of_text: int
) -> Logits:
    """Logits for choosing the token at a position of a sequence, for several (ids, position) pairs as one batch.

    Returns [len(requests), vocabulary] float32.
    """
    length = backend.info.context
    return backend.logits([visible_ids(ids, position, length, end_of_text) for ids, position in requests])
