"""Linear layers, in floating point or in int8.

Int8 here: weights in 8 bits with a scale for each output channel; each input row in 16 bits with a scale of its own, as
two bytes that go through one integer product. Integer sums are exact and everything around them is rounded
element by element, so that a row's result is the same to the last bit whatever goes through beside it. Were the inputs
cut to 8 bits, the network would lose several times what rounding its weights loses; with 16 nothing is added to that.

Sources: row-wise dynamic quantization as in LLM.int8() (Dettmers et al. 2022, arXiv 2208.07339); an operand split into
integer parts as in the Ozaki scheme (arXiv 2306.11975). The products are oneDNN's, over weights in its blocked layout,
or `torch._int_mm`'s where torch comes without it; neither uses torch's quantized dtypes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Dense:
    """Weights in floating point.

    Attributes:
        weight: [in, out]; the output head's is the transposed view of the embeddings.
        bias: [out], or None.
        packed: the weights in the layout of oneDNN's products; None where `weight` itself is used.
    """

    weight: Tensor
    bias: Tensor | None = None
    packed: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Int8:
    """Weights in int8.

    Attributes:
        weight: [out, in] int8.
        scale: [out] float32; weight * scale is what they stand for.
        bias: [out] float32, or None.
        packed: the weights in the layout of oneDNN's products; None where `weight` itself is used.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None = None
    packed: Tensor | None = None


Linear: TypeAlias = Dense | Int8

_TINY = torch.tensor(torch.finfo(torch.float32).tiny)
_TOP = 32_600
"""The greatest input, in steps of its row's scale; with 128 and 128 times 256 for the bytes' zeros below 2**16."""
_MIDDLE = torch.tensor(128 * 256 + 128 + 0.5)


def project(x: Tensor, layer: Linear) -> Tensor:
    """[rows, in] -> [rows, out]."""
    if isinstance(layer, Int8):
        return _project_int8(x, layer)
    if layer.packed is not None:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, layer.packed, layer.bias, "none", [], "")
        return out
    if layer.bias is None:
        return torch.mm(x, layer.weight)
    return torch.addmm(layer.bias, x, layer.weight)


def _project_int8(x: Tensor, layer: Int8) -> Tensor:
    rows, width = x.shape
    scale = torch.add(_TINY, x.abs().amax(-1, keepdim=True), alpha=1 / _TOP)
    # x / scale is within 16 bits; from the middle of the two bytes' range up, cutting off what follows the point.
    whole = torch.addcdiv(_MIDDLE, x, scale).to(torch.int32)
    # Products of four rows take less time than products of two: what stands in the other two does not matter.
    halves = torch.empty(max(4, 2 * rows), width, dtype=torch.uint8)
    low_and_high = whole.view(torch.uint8).view(rows, width, 4).permute(2, 0, 1)[:2]
    halves[: 2 * rows].view(2, rows, width).copy_(low_and_high)
    sums = product(halves, layer)
    # Whatever vector and scalar code do alike: 256 times a number is exact, so that only the sum is rounded, and so on.
    out = torch.add(sums[:rows], sums[rows : 2 * rows], alpha=256)
    return out.mul_(scale) if layer.bias is None else torch.addcmul(layer.bias, out, scale)


def product(x: Tensor, layer: Int8) -> Tensor:
    """[rows, in] uint8, where 128 stands for zero, times the weights and their scale, float32; the sums are exact."""
    if layer.packed is None:
        sums = torch._int_mm(x.bitwise_xor(128).view(torch.int8), layer.weight.t())
        return sums.to(torch.float32).mul_(layer.scale)
    out: Tensor = torch.ops.onednn.qlinear_pointwise(
        x, 1.0, 128, layer.packed, layer.scale, _no_zero_points(len(layer.scale)), None, 1.0, 0, torch.float32,
        "none", [], "",
    )  # fmt: skip
    return out


@cache
def _no_zero_points(channels: int) -> Tensor:
    return torch.zeros(channels, dtype=torch.int64)


def quantized(weight: Tensor, bias: Tensor | None) -> Int8:
    """The int8 form of [out, in] float32 weights, not packed."""
    scale = weight.abs().amax(1).div_(weight_levels()).clamp_min_(_TINY.item())
    return Int8((weight / scale[:, None]).round_().to(torch.int8).contiguous(), scale, bias)


def dense(weight: Tensor, bias: Tensor | None) -> Dense:
    """A layer of [in, out] weights; in oneDNN's layout where that is there: one row takes half the time."""
    if not packs(weight.dtype, weight.device):
        return Dense(weight, bias)
    return Dense(torch.empty(0), bias, torch.ops.mkldnn._reorder_linear_weight(weight.t().contiguous(), 64))


@cache
def packs(dtype: torch.dtype, device: torch.device | None) -> bool:
    """Whether oneDNN's layout for weights in floating point is there for this form and place."""
    if dtype != torch.float32 or (device is not None and device.type != "cpu"):
        return False
    try:
        weight = torch.ops.mkldnn._reorder_linear_weight(torch.ones(4, 8), 64)
        torch.ops.mkldnn._linear_pointwise(torch.ones(1, 8), weight, None, "none", [], "")
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return True


def packed(layer: Int8) -> Int8:
    """The layer with its weights in oneDNN's layout, where that is there and gives exact sums; else the layer."""
    if not _packs():
        return layer
    return replace(layer, weight=torch.empty(0), packed=torch.ops.onednn.qlinear_prepack(layer.weight, None))


@cache
def _packs() -> bool:
    weight = torch.randint(-weight_levels(), weight_levels() + 1, (48, 80), dtype=torch.int8)
    plain = Int8(weight, torch.rand(48))
    x = torch.randint(0, 256, (6, 80), dtype=torch.uint8)
    try:
        blocked = replace(plain, packed=torch.ops.onednn.qlinear_prepack(weight, None))
        return torch.equal(product(x, blocked), product(x, plain))
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


@cache
def weight_levels() -> int:
    """The greatest weight in int8: 127, or 63 where this processor does not add larger products exactly.

    Without VNNI instructions pairs of products are added in 16 bits, which two times 255 * 127 leaves and two times
    255 * 63 does not (inputs are moved to 0 ... 255 for it).
    """
    ones = torch.full((1, 64), 127, dtype=torch.int8)
    inputs = torch.cat([ones, -ones])
    found = torch._int_mm(inputs, inputs.t())
    exact = torch.tensor([[1, -1], [-1, 1]]) * 64 * 127 * 127
    return 127 if bool((found == exact).all()) else 63
