"""The accelerators that torch can use here, and how weights are held on them."""

from __future__ import annotations

import torch

from gpt2_remix.engine.errors import InputError


def accelerated(device: str, precision: str | None) -> tuple[str, str] | None:
    """The accelerator to run on and the precision there; None for `auto` where there is none.

    Args:
        device: "cuda", "mps", or "auto" for whichever is there.
        precision: "fp32", or None for half precision, bf16 where the accelerator has it.

    Raises:
        InputError: a device that this machine lacks; int8, which runs on CPUs only.
    """
    there = accelerators()
    if device == "auto":
        if not there:
            return None
        device = there[0]
    if device not in there:
        raise InputError(f"there is no {device} device that torch can use on this machine; leave --device out")
    if precision == "int8":
        raise InputError(f"int8 runs on the CPU only; leave --precision out, or choose fp32, for {device}")
    if precision is not None:
        return device, precision
    return device, "bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "fp16"


def accelerators() -> list[str]:
    """The accelerators that torch can use here."""
    return [name for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
            if there]
