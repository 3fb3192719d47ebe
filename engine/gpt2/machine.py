"""What `bench` needs of torch: this machine's read bandwidth, and a random GPT-2 small in memory."""

from __future__ import annotations

import time

import torch

from engine.gpt2.backend import TorchBackend
from engine.gpt2.config import GPT2Config, expected_shapes
from engine.gpt2.linear import Linear, dense, packed, quantized
from engine.gpt2.weights import assemble

_READ = 512 * 2**20
"""Bytes that are read at a time, more than any processor's caches hold."""


def read_bandwidth(rounds: int = 5) -> float:
    """Bytes a second that torch's threads read from memory: the best of some sums over 512 MB."""
    numbers = torch.ones(_READ // 8, dtype=torch.int64)
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        numbers.sum()
        best = min(best, time.perf_counter() - begin)
    return _READ / best


def threads(wanted: int | None = None) -> int:
    """How many CPU threads torch uses, from now on as many as wanted."""
    if wanted is not None:
        torch.set_num_threads(wanted)
    return torch.get_num_threads()


def random_gpt2_small(precision: str) -> TorchBackend:
    """A network of GPT-2 small's shape (124M parameters) with random weights: as fast as the trained one."""
    config = GPT2Config()

    def linear(_: str, weight: torch.Tensor, bias: torch.Tensor | None) -> Linear:
        return packed(quantized(weight.t(), bias)) if precision == "int8" else dense(weight, bias)

    return TorchBackend("random 124M", assemble(random_tensors(config), config, linear), config)


def random_tensors(config: GPT2Config) -> dict[str, torch.Tensor]:
    """Weights as a network has them before it is trained, the same each time; the head is tied."""
    chance = torch.Generator().manual_seed(0)
    return {
        name: torch.ones(shape) if "ln_" in name and name.endswith("weight")
        else torch.empty(shape).normal_(0, 0.02, generator=chance)
        for name, shape in expected_shapes(config).items()
    }  # fmt: skip
