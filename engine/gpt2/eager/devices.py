"""Where a model runs and how its weights are held, where a person did not say."""

from __future__ import annotations

import torch

from engine.errors import InputError

LARGE = 50_000_000
"""Parameters from which a model is worth an accelerator, and int8 where speed is wanted on a CPU."""


def choose(device: str, precision: str | None, parameters: int, *, quick: bool = False) -> tuple[str, str]:
    """The device and the precision for a model.

    Args:
        device: "cpu", "cuda", "mps", or "auto" for an accelerator where there is one and the model is large.
        precision: "fp32" or "int8"; None for what suits: half precision on accelerators, else fp32.
        parameters: how many the model has.
        quick: with no precision given, take int8 on a CPU for a large model.

    Raises:
        InputError: a device that this machine lacks; int8 elsewhere than on the CPU.
    """
    there = accelerators()
    if device == "auto":
        device = there[0] if there and parameters > LARGE and precision != "int8" else "cpu"
    if device != "cpu" and device not in there:
        raise InputError(f"there is no {device} device that torch can use on this machine; leave --device out")
    if precision == "int8" and device != "cpu":
        raise InputError(f"int8 runs on the CPU only; leave --precision out, or choose fp32, for {device}")
    if precision is not None:
        return device, precision
    if device == "cpu":
        return device, "int8" if quick and parameters > LARGE else "fp32"
    return device, "bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "fp16"


def accelerators() -> list[str]:
    """The accelerators that torch can use here."""
    return [name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
            if there]  # fmt: skip
