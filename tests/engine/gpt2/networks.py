"""The three networks that run a model folder, for tests that want each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.config import read_config
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.gpt2.weights import read_tensors

NETWORKS = ("kernels", "plain", "eager")


def open_network(network: str, folder: Path, **options: Any) -> LocalBackend:
    """A backend in fp32 (or with `precision`) on the CPU by kernels, numpy or torch."""
    if network == "eager":
        from gpt2_remix.engine.gpt2.eager.network import EagerNetwork

        config = read_config(folder)
        precision = options.pop("precision", "fp32")
        return LocalBackend("x", EagerNetwork(config, read_tensors(folder, config), precision, "cpu"), **options)
    return open_backend("x", folder, kernels=network == "kernels", **options)
