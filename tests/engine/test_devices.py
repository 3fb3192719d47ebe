"""Where a model runs and how its weights are held; accelerators where this machine has one."""

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.gpt2 import devices
from engine.gpt2.backend import open_backend
from engine.gpt2.devices import LARGE, accelerators, choose

BIG, SMALL = LARGE + 1, LARGE


@pytest.mark.parametrize(("there", "asked", "precision", "size", "quick", "chosen"), [
    ([], "auto", None, BIG, False, ("cpu", "fp32")), ([], "auto", None, BIG, True, ("cpu", "int8")),
    ([], "auto", None, SMALL, True, ("cpu", "fp32")), ([], "cpu", "int8", SMALL, False, ("cpu", "int8")),
    ([], "auto", "fp32", BIG, True, ("cpu", "fp32")), (["mps"], "auto", None, SMALL, True, ("cpu", "fp32")),
    (["mps"], "auto", None, BIG, True, ("mps", "fp16")), (["mps"], "auto", "int8", BIG, True, ("cpu", "int8")),
    (["mps"], "cpu", None, BIG, True, ("cpu", "int8")), (["mps"], "mps", "fp32", SMALL, False, ("mps", "fp32")),
])  # fmt: skip
def test_what_is_chosen(monkeypatch, there, asked, precision, size, quick, chosen) -> None:
    monkeypatch.setattr(devices, "accelerators", lambda: there)
    assert choose(asked, precision, size, quick=quick) == chosen


def test_what_cannot_be_had_is_said(monkeypatch) -> None:
    monkeypatch.setattr(devices, "accelerators", lambda: ["cuda"])
    with pytest.raises(InputError, match="no mps device"):
        choose("mps", None, BIG)
    with pytest.raises(InputError, match="int8 runs on the CPU only"):
        choose("cuda", "int8", BIG)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_fp32(checkpoint, precision) -> None:
    """The path that accelerators take, on the CPU."""
    folder = checkpoint()
    half, full = open_backend("x", folder, precision=precision), open_backend("x", folder)
    assert half.info.precision == precision
    ids = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 11]]
    assert half.logits(ids).dtype == np.float32
    exact = full.logits(ids)
    assert np.abs(half.logits(ids) - exact).max() < {"bf16": 0.05, "fp16": 0.005}[precision] * np.abs(exact).max()
    assert np.concatenate(list(half.every_logits(ids[0]))).shape == (4, 97)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_on_an_accelerator(checkpoint, device) -> None:
    if device not in accelerators():
        pytest.skip(f"this machine has no {device}")
    folder = checkpoint()
    there, here = open_backend("x", folder, device=device), open_backend("x", folder)
    assert there.info.device == device
    ids = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 11]]
    assert np.abs(there.logits(ids) - here.logits(ids)).max() < 1e-2
    _, precision = choose(device, None, BIG)
    half = open_backend("x", folder, device=device, precision=precision)
    assert half._weights.wpe.dtype in (torch.float16, torch.bfloat16)
    assert np.abs(half.logits(ids) - here.logits(ids)).max() < 0.05
