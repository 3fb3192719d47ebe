"""Measures a backend on this machine: prefill, one stream, lanes, going back. Times, never a verdict."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.config import GPT2Config, expected_shapes
from gpt2_remix.engine.gpt2.int8 import quantized_layers
from gpt2_remix.engine.gpt2.opening import float_layers
from gpt2_remix.engine.gpt2.plain import PlainNetwork
from gpt2_remix.engine.gpt2.weights import Array
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import without_texts

if TYPE_CHECKING:  # kernels may not be installed
    from gpt2_remix.engine.gpt2.kernels.library import Library

READ = 512 * 2**20
"""Bytes that are read at a time to measure bandwidth, more than any processor's caches hold."""

STEPS = 16
"""Tokens that a rate is measured over."""

LANES = 16


@dataclass(frozen=True, slots=True)
class BenchRow:
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


def measure(backend: Backend, bandwidth: float) -> Iterator[BenchRow]:
    """All figures of a backend, one after the other.

    Args:
        backend: with an empty cache.
        bandwidth: bytes a second that this machine reads.
    """
    info = backend.info
    bytes_each = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}[info.precision]
    passes = bandwidth / (info.parameters * bytes_each) if info.device == "cpu" else None
    rng = random.Random(0)
    longest = min(512, info.context - STEPS - 2)

    def fresh(length: int) -> list[int]:
        return [rng.randrange(info.vocab_size) for _ in range(length)]

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
            advance(backend, lanes, vocabulary)
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    vocabulary = without_texts(info.vocab_size - 1)
    backend.logits([fresh(8)])  # the first pass is not like the others
    yield BenchRow(f"prefill of {longest} tokens", 1000 * seconds([fresh(longest)]), "ms")
    for length in sorted({min(64, longest), longest}):
        yield BenchRow(f"one stream after {length}", 1 / a_step([fresh(length)]), "tok/s", passes)
    together = a_step([fresh(min(64, longest)) for _ in range(LANES)])
    yield BenchRow(f"{LANES} lanes after {min(64, longest)}", LANES / together, "tok/s", passes and passes * LANES)
    stream = fresh(longest)
    half = longest // 2
    backend.logits([stream])
    one = a_step([stream[:half]])
    backend.logits([stream])
    picked = seconds([[*stream[:half], (stream[half] + 1) % info.vocab_size]])
    yield BenchRow(f"back {longest - half}, another token", 1000 * picked, "ms", steps=picked / one)
    backend.logits([stream])
    branches = [[*stream[:half], (stream[half] + n) % info.vocab_size] for n in range(2, 10)]
    yield BenchRow("8 branches from there", 1000 * (grown := seconds(branches)), "ms", steps=grown / one)


def read_bandwidth(threads: int, rounds: int = 5) -> float:
    """Bytes a second that some threads read from memory: the best of some sums over 512 MB."""
    parts = np.array_split(np.ones(READ // 8, np.int64), threads)
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            begin = time.perf_counter()
            list(pool.map(np.sum, parts))
            best = min(best, time.perf_counter() - begin)
    return READ / best


def random_gpt2_small(precision: str, library: Library | None, threads: int | None = None) -> LocalBackend:
    """A network of GPT-2 small's shape (124M parameters) with random weights: as fast as the trained one."""
    config = GPT2Config()
    tensors = random_tensors(config)
    if library is None:
        return LocalBackend("random 124M", PlainNetwork(config, tensors))
    from gpt2_remix.engine.gpt2.kernels.network import KernelNetwork

    products = quantized_layers(tensors, config) if precision == "int8" else float_layers(tensors, config)
    return LocalBackend("random 124M", KernelNetwork(library, config, tensors, products, threads=threads))


def random_tensors(config: GPT2Config) -> dict[str, Array]:
    """Weights as a network has them before it is trained, the same each time, float32; the head is tied."""
    rng = np.random.default_rng(0)
    return {
        name: np.ones(shape, np.float32) if "ln_" in name and name.endswith("weight")
        else rng.standard_normal(shape, np.float32) * np.float32(0.02)
        for name, shape in expected_shapes(config).items()
    }
