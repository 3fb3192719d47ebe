"""Measures a backend on this machine: prefill, one stream, lanes, going back. Times, never a verdict."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from engine.backend import Backend
from engine.generator import Lane, advance
from engine.settings import Settings

STEPS = 16
"""Tokens that a rate is measured over."""

LANES = 16


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure.

    Attributes:
        name: what was measured.
        value: tokens a second (of all lanes together), or milliseconds.
        unit: "tok/s" or "ms".
        of: what it is compared with in the same unit, None for nothing: the rate at which this machine could read the
            weights once for each pass.
        steps: how many single steps of the same precision and length it took, for what is told so.
    """

    name: str
    value: float
    unit: str
    of: float | None = None
    steps: float | None = None


def measure(backend: Backend, bandwidth: float) -> Iterator[Measured]:
    """All figures of a backend, one after the other.

    Args:
        backend: with an empty cache.
        bandwidth: bytes a second that this machine reads.
    """
    info = backend.info
    bytes_each = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}[info.precision]
    passes = bandwidth / (info.parameters * bytes_each) if info.device == "cpu" else None
    chance = random.Random(0)
    longest = min(512, info.context - STEPS - 2)

    def fresh(length: int) -> list[int]:
        return [chance.randrange(info.vocab_size) for _ in range(length)]

    def seconds(sequences: list[list[int]]) -> float:
        begin = time.perf_counter()
        backend.logits(sequences)
        return time.perf_counter() - begin

    def a_step(sequences: list[list[int]]) -> float:
        """Median seconds of a step of these lanes, each with a coin of its own."""
        lanes = [Lane(ids, Settings(top_k=50), n) for n, ids in enumerate(sequences)]
        backend.logits(sequences)
        times = []
        for _ in range(STEPS):
            begin = time.perf_counter()
            advance(backend, lanes, info.vocab_size - 1)
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    backend.logits([fresh(8)])  # the first pass is not like the others
    yield Measured(f"prefill of {longest} tokens", 1000 * seconds([fresh(longest)]), "ms")
    for length in sorted({min(64, longest), longest}):
        yield Measured(f"one stream after {length}", 1 / a_step([fresh(length)]), "tok/s", passes)
    together = a_step([fresh(min(64, longest)) for _ in range(LANES)])
    yield Measured(f"{LANES} lanes after {min(64, longest)}", LANES / together, "tok/s", passes and passes * LANES)
    stream = fresh(longest)
    half = longest // 2
    backend.logits([stream])
    one = a_step([stream[:half]])
    backend.logits([stream])
    picked = seconds([[*stream[:half], (stream[half] + 1) % info.vocab_size]])
    yield Measured(f"back {longest - half}, another token", 1000 * picked, "ms", steps=picked / one)
    backend.logits([stream])
    branches = [[*stream[:half], (stream[half] + n) % info.vocab_size] for n in range(2, 10)]
    yield Measured("8 branches from there", 1000 * (grown := seconds(branches)), "ms", steps=grown / one)
