"""From a model folder to a backend that runs: which network, how its weights are held, and why."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.config import GPT2Config, parameters_of, read_config
from gpt2_remix.engine.gpt2.kernels.packing import Product, float_product
from gpt2_remix.engine.gpt2.weights import HEAD, Array, layer_names, read_tensors

if TYPE_CHECKING:
    from gpt2_remix.engine.gpt2.kernels.library import Library
    from gpt2_remix.engine.gpt2.kernels.network import KernelNetwork

LARGE = 50_000_000
"""Parameters from which a model is worth an accelerator, and int8 where that is faster."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What runs a model.

    Attributes:
        device: "cpu", "cuda" or "mps".
        precision: "fp32", "int8", "fp16" or "bf16".
        network: "kernels", "plain" (numpy) or "eager" (torch).
        reason: why, in half a line.
    """

    device: str
    precision: str
    network: str
    reason: str


def choose(device: str, precision: str | None, parameters: int, *, kernels: Library | None) -> Choice:
    """Choose the device, the precision and the network for a model.

    Args:
        device: "cpu", "cuda", "mps", or "auto" for an accelerator where there is one and the model is large.
        precision: "fp32", "int8", or None for what is faster here: half precision on accelerators; on a CPU fp32 for
            models of up to 50M parameters, else what measures faster.
        parameters: how many the model has.
        kernels: the compiled kernels; None where they are not there.

    Raises:
        InputError: a device that this machine lacks; int8 elsewhere than on the CPU, or without kernels.
    """
    worth_it = device == "auto" and parameters > LARGE and precision != "int8" and may_accelerate()
    if worth_it or device not in ("auto", "cpu"):
        from gpt2_remix.engine.gpt2.eager.devices import accelerated

        found = accelerated(device, precision)
        if found is not None:
            return Choice(*found, "eager", "an accelerator runs it")
    if kernels is None:
        if precision == "int8":
            raise InputError("int8 needs compiled kernels, which are not there; choose fp32, or `pip install numba`")
        return Choice("cpu", "fp32", "plain", "no compiled kernels here")
    if precision is not None:
        return Choice("cpu", precision, "kernels", "as asked for")
    if parameters <= LARGE:
        return Choice("cpu", "fp32", "kernels", "up to 50M parameters")
    from gpt2_remix.engine.gpt2.measure import faster_precision

    precision, times = faster_precision(kernels)
    return Choice("cpu", precision, "kernels", f"int8 measured {times:.1f} times as fast as fp32 here")


def may_accelerate() -> bool:
    """Whether it is worth importing torch, which takes seconds, to ask for accelerators."""
    try:
        if version("torch").endswith("+cpu") or importlib.util.find_spec("torch") is None:
            return False
    except PackageNotFoundError:
        return False
    if sys.platform == "darwin":
        return True
    return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")) or sys.platform == "win32"


def open_backend(
    name: str, folder: Path, *, precision: str | None = "fp32", device: str = "cpu", threads: int | None = None,
    budget: int | None = None, kept: Path | None = None, kernels: bool = True,
) -> LocalBackend:
    """Read a model folder into a backend.

    Args:
        name: what the model is called on screen and in records.
        precision: "fp32", "int8" (on the CPU only), or None for what suits; on an accelerator also "fp16", "bf16".
        device: "cpu", "cuda", "mps" or "auto".
        threads: CPU threads; as many as measure faster where None.
        budget: bytes for the cache.
        kept: the folder where int8 forms are kept between starts; nowhere where None.
        kernels: whether compiled kernels are used where they are there.

    Raises:
        InputError: what `choose`, `read_config` and `read_tensors` raise.
    """
    config = read_config(folder)
    library = None
    if kernels:
        from gpt2_remix.engine.gpt2.kernels import compiled

        library = compiled.load()
    choice = choose(device, precision, parameters_of(config), kernels=library)
    if choice.network == "eager":
        from gpt2_remix.engine.gpt2.eager.network import EagerNetwork

        eager = EagerNetwork(config, read_tensors(folder, config), choice.precision, choice.device)
        return LocalBackend(name, eager, budget=budget, reason=choice.reason)
    if library is None or choice.network == "plain":
        from gpt2_remix.engine.gpt2.plain import PlainNetwork

        plain = PlainNetwork(config, read_tensors(folder, config))
        return LocalBackend(name, plain, budget=budget, reason=choice.reason)
    network = kernel_network(library, folder, config, choice.precision, threads=threads, kept=kept)
    return LocalBackend(name, network, budget=budget, reason=choice.reason)


def kernel_network(
    library: Library, folder: Path, config: GPT2Config, precision: str, *, threads: int | None = None,
    kept: Path | None = None,
) -> KernelNetwork:
    """A folder's network on compiled kernels. Raises InputError: what `read_tensors` raises."""
    from gpt2_remix.engine.gpt2.int8 import int8_layers
    from gpt2_remix.engine.gpt2.kernels.network import KernelNetwork

    if precision == "int8":
        tensors, products = int8_layers(folder, config, kept)
    else:
        tensors = read_tensors(folder, config)
        products = float_layers(tensors, config)
    return KernelNetwork(library, config, tensors, products, threads=threads)


def float_layers(tensors: Mapping[str, Array], config: GPT2Config) -> dict[str, Product]:
    """Linear layers as they are stored: in float16, which takes half the memory and is exact, where all of them are."""
    weights = {name: tensors[f"{name}.weight"] for name in layer_names(config)}
    weights["lm_head"] = tensors.get(HEAD, tensors["wte.weight"]).T
    half = all(weight.dtype == np.float16 for weight in weights.values())
    return {
        name: float_product(np.asarray(weight, np.float16 if half else np.float32), tensors.get(f"{name}.bias"))
        for name, weight in weights.items()
    }
