"""Where a model runs and how its weights are held; accelerators where this machine has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.gpt2 import measure, opening
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.config import read_config
from gpt2_remix.engine.gpt2.eager import devices
from gpt2_remix.engine.gpt2.eager.network import EagerNetwork
from gpt2_remix.engine.gpt2.kernels.library import Library
from gpt2_remix.engine.gpt2.opening import LARGE, choose, open_backend
from gpt2_remix.engine.gpt2.weights import read_tensors
from tests.engine.gpt2.networks import open_network
from tests.kinds import Checkpoint

BIG, SMALL = LARGE + 1, LARGE


@pytest.mark.parametrize(("there", "asked", "precision", "size", "chosen"), [
    ([], "auto", None, BIG, ("cpu", "int8", "kernels")), ([], "auto", None, SMALL, ("cpu", "fp32", "kernels")),
    ([], "cpu", "int8", SMALL, ("cpu", "int8", "kernels")), ([], "auto", "fp32", BIG, ("cpu", "fp32", "kernels")),
    (["mps"], "auto", None, SMALL, ("cpu", "fp32", "kernels")), (["mps"], "auto", None, BIG, ("mps", "fp16", "eager")),
    (["mps"], "auto", "int8", BIG, ("cpu", "int8", "kernels")), (["mps"], "cpu", None, BIG, ("cpu", "int8", "kernels")),
    (["mps"], "mps", "fp32", SMALL, ("mps", "fp32", "eager")),
])
def test_what_is_chosen(
    monkeypatch: pytest.MonkeyPatch, kernels: Library, there: Any, asked: str, precision: str, size: int, chosen: Any
) -> None:
    monkeypatch.setattr(devices, "accelerators", lambda: there)
    monkeypatch.setattr(opening, "may_accelerate", lambda: True)
    monkeypatch.setattr(measure, "faster_precision", lambda _: ("int8", 3.0))
    found = choose(asked, precision, size, kernels=kernels)
    assert (found.device, found.precision, found.network) == chosen
    assert found.reason


def test_the_faster_precision_is_measured(monkeypatch: pytest.MonkeyPatch, kernels: Library) -> None:
    for faster in ("fp32", "int8"):
        monkeypatch.setattr(measure, "faster_precision", lambda _, faster=faster: (faster, 2.0))
        assert choose("cpu", None, BIG, kernels=kernels).precision == faster


def test_what_was_measured_is_kept(monkeypatch: pytest.MonkeyPatch, kernels: Library, own_home: Path) -> None:
    precision, times = measure.faster_precision(kernels)
    assert precision == ("int8" if times > 1 else "fp32")
    monkeypatch.setattr(measure, "_times_as_fast", lambda _: 0.0)
    assert measure.faster_precision(kernels) == (precision, times)
    (file,) = (own_home / "cache").rglob("measured.json")
    for damage in ("", "[]", "{", '{"a": null}', "null", '{"a": -1}'):
        file.write_text(damage)
        monkeypatch.setattr(measure, "_times_as_fast", lambda _: 0.5)
        assert measure.faster_precision(kernels) == ("fp32", 0.5)


def test_without_kernels_a_cpu_runs_fp32_in_numpy() -> None:
    assert (choose("auto", None, SMALL, kernels=None).network, choose("cpu", None, BIG, kernels=None).precision) == (
        "plain", "fp32"
    )
    with pytest.raises(InputError, match="int8 needs compiled kernels"):
        choose("cpu", "int8", BIG, kernels=None)


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch, kernels: Library) -> None:
    monkeypatch.setattr(devices, "accelerators", lambda: ["cuda"])
    with pytest.raises(InputError, match="no mps device"):
        choose("mps", None, BIG, kernels=kernels)
    with pytest.raises(InputError, match="int8 runs on the CPU only"):
        choose("cuda", "int8", BIG, kernels=kernels)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_fp32(checkpoint: Checkpoint, precision: str) -> None:
    """The path that accelerators take, on the CPU."""
    folder = checkpoint()
    half, full = open_network("eager", folder, precision=precision), open_backend("x", folder)
    assert half.info.precision == precision
    ids = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 11]]
    assert half.logits(ids).dtype == np.float32
    exact = full.logits(ids)
    assert np.abs(half.logits(ids) - exact).max() < {"bf16": 0.05, "fp16": 0.005}[precision] * np.abs(exact).max()
    assert np.concatenate(list(half.every_logits(ids[0]))).shape == (4, 97)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_on_an_accelerator(checkpoint: Checkpoint, device: str) -> None:
    if device not in devices.accelerators():
        pytest.skip(f"this machine has no {device}")
    folder = checkpoint()
    there, here = open_backend("x", folder, device=device), open_backend("x", folder)
    assert there.info.device == device
    ids = [[5, 6, 7, 8], [9, 10], [5, 6, 7, 11]]
    assert np.abs(there.logits(ids) - here.logits(ids)).max() < 1e-2
    found = devices.accelerated(device, None)
    assert found is not None
    config = read_config(folder)
    half = LocalBackend("x", EagerNetwork(config, read_tensors(folder, config), found[1], device))
    assert half.network.hidden_rows(1).dtype in (torch.float16, torch.bfloat16)
    exact = here.logits(ids)
    assert np.abs(half.logits(ids) - exact).max() < 0.05 * np.abs(exact).max()
    assert device != "cuda" or not torch.backends.cuda.cudnn_sdp_enabled()  # it plans anew for each length
