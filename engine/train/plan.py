"""What is to be trained, and how: the shape of the network and the training's schedule. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.gpt2.config import GPT2Config, parameters_of
from gpt2_remix.engine.tokens.tokenizer import GPT2_RANKS

SHAPES = ((2, 64), (2, 128), (2, 256), (4, 256), (6, 384), (8, 512), (12, 768))
"""(layers, width) from small to large, from which a default is taken."""

HEAD_WIDTH = 64
MOST_BATCH = 2**20
LIMITS = {"layers": (1, 48), "width": (16, 2048), "context": (16, 4096), "vocab": (256, GPT2_RANKS)}
SHORTEST = 512
"""Training tokens below which nothing can be learned that would be worth showing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A training run.

    Attributes:
        layers: of the network.
        width: of its hidden states.
        heads: of attention in each layer.
        context: the longest sequence it sees, in tokens.
        vocab: how many of GPT-2's ranks it knows; `<|endoftext|>` comes on top.
        seconds: how long it trains; None where `steps` says it.
        steps: how many steps it trains; None where `seconds` says it.
        batch: tokens of a step.
        held_out: the share at the end of each text that is not trained on.
        dropout: the share of each sum's terms that is left out while training.
        matrix_rate: the learning rate of Muon, for the matrices of the blocks.
        other_rate: the learning rate of AdamW, for everything else (for all where there is no Muon).
        decay: weight decay.
        muon: whether the matrices of the blocks are trained by Muon.
        half: whether products are computed in bf16.
        seed: of the first weights, the order of the windows and dropout.
    """

    layers: int
    width: int
    heads: int
    context: int
    vocab: int
    seconds: float | None
    steps: int | None
    batch: int = 4096
    held_out: float = 0.02
    dropout: float = 0.0
    matrix_rate: float = 0.02
    other_rate: float = 8e-3
    decay: float = 0.1
    muon: bool = True
    half: bool = False
    seed: int = 0

    @property
    def config(self) -> GPT2Config:
        """The network's configuration."""
        return GPT2Config(vocab_size=self.vocab + 1, n_positions=self.context, n_embd=self.width, n_layer=self.layers,
                          n_head=self.heads)

    @property
    def parameters(self) -> int:
        """How many numbers the network has."""
        return parameters_of(self.config)


def plan_from(record: dict[str, Any]) -> Plan:
    """A plan as it was written with `asdict`. Raises InputError for what is none."""
    try:
        plan = Plan(**{field.name: record[field.name] for field in fields(Plan)})
        if not _plausible(plan):
            raise ValueError("it is no plan of this program's")
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise InputError("the record of the training is damaged; train into a new folder") from None
    return plan


def _plausible(plan: Plan) -> bool:
    """Whether a plan that was read can be one of this program's; asked before anything is built by it."""
    whole = [plan.layers, plan.width, plan.heads, plan.context, plan.vocab, plan.batch, plan.seed]
    rates = [plan.held_out, plan.dropout, plan.matrix_rate, plan.other_rate, plan.decay]
    if not all(type(number) is int for number in whole) or not all(type(rate) in (int, float) for rate in rates):
        return False
    if not all(low <= getattr(plan, name) <= high for name, (low, high) in LIMITS.items()):
        return False
    if plan.heads < 1 or plan.width % plan.heads or not 1 <= plan.batch <= MOST_BATCH or not 0 <= plan.seed < 2**63:
        return False
    if not (all(0 <= rate < 1 for rate in rates) and type(plan.muon) is type(plan.half) is bool):
        return False
    return all(limit is None or (type(limit) in (int, float) and 0 <= limit < math.inf)
               for limit in (plan.seconds, plan.steps))


def rate_at(fraction: float, step: int) -> float:
    """The share of the learning rate after a fraction of the training (0 to 1) and `step` steps.

    A warm-up of 20 steps, full for 40 % of the time, then a straight line to 2 % (Hägele et al. 2024, arXiv 2405.18392:
    a constant rate with a linear end does what a cosine does, without knowing the end before).
    """
    falling = 1.0 if fraction < 0.4 else max(0.02, 1 - 0.98 * (fraction - 0.4) / 0.6)
    return min(1.0, (step + 1) / 20) * falling


def default_vocab(size: int) -> int:
    """How many ranks suit a text of `size` bytes: rare tokens of a large vocabulary would never be learned."""
    for most, vocab in ((200_000, 1024), (1_500_000, 2048), (8_000_000, 4096), (200_000_000, 8192)):
        if size <= most:
            return vocab
    return 16384


def default_shape(size: int, vocab: int, budget: float) -> tuple[int, int]:
    """(layers, width) for a text of `size` bytes and a budget of floating-point operations.

    The largest network that can see some multiple of its own parameters in tokens, and that the text can feed.
    """
    tokens = size / 3.5
    best = SHAPES[0]
    for layers, width in SHAPES[1:]:
        matrices = 12 * layers * width**2
        work = 6 * (matrices + vocab * width)
        seen = budget / work
        if seen < TOKENS_FOR_EACH * matrices or matrices > 4 * tokens:
            break
        best = (layers, width)
    return best


TOKENS_FOR_EACH = 1.75
"""Tokens that a network is to see for each number in its blocks (measured, see benchmarks/README.md)."""


def default_held_out(tokens: int) -> float:
    """The share that is held out: 2 %, more of short texts, so that the loss on it means something."""
    return round(min(0.1, max(0.02, 4000 / tokens)), 4)


def default_context(layers: int, tokens: int) -> int:
    """The context for a depth and a number of training tokens: what is trained for minutes learns more from more steps
    of short windows (measured, see benchmarks/README.md)."""
    wanted = 128 if layers <= 2 else 256 if layers <= 4 else 512
    while wanted > 32 and wanted * 8 > tokens:
        wanted //= 2
    return wanted


def default_dropout(epochs: float) -> float:
    """Dropout for a text that is seen so many times over: none for one that is seen once or twice."""
    return round(min(0.2, max(0.0, 0.0175 * (epochs - 2))), 2)


def heads_of(width: int) -> int:
    """How many heads suit a width: of 64 numbers each where that divides it."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)


def check_shape(**given: int | None) -> None:
    """Check layers, width, context and vocab as far as they were given. Raises InputError."""
    for name, value in given.items():
        lowest, highest = LIMITS[name]
        if value is not None and not lowest <= value <= highest:
            raise InputError(f"--{name} {value} is out of range; it goes from {lowest:,} to {highest:,}")


def check_length(training: int, context: int, names: Sequence[str]) -> None:
    """Refuse a text that is too short to learn from. Raises InputError."""
    least = max(SHORTEST, 2 * context)
    if training < least:
        raise InputError(
            f"{', '.join(names)}: {training:,} training tokens are too few (at least {least:,}); "
            "give more text" + ("" if least == SHORTEST else " or a smaller --context")
        )
