"""Linear layers in the order in which the kernels read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.gpt2.kernels.layout import PANEL, filled

Array: TypeAlias = "NDArray[Any]"

_AT_ONCE = 256  # output channels that are quantized together
_TINY = np.float32(np.finfo(np.float32).tiny)


def packed_shape(inner: int, outer: int) -> tuple[int, int, int, int]:
    """The shape of packed int8 weights: (panels, depth / 2, PANEL, 2)."""
    return filled(outer) // PANEL, filled(inner) // 2, PANEL, 2


@dataclass(frozen=True, slots=True)
class Product:
    """A linear layer as the kernels read it: every panel in the order in which a product goes through it.

    Attributes:
        channels: how many outputs it has; what memory holds is filled up with zeros.
        weight: int8 (panels, depth / 2, PANEL, 2), or float32 or float16 (panels, depth, PANEL).
        scale: [outputs filled up] float32: an int8 weight times its output's scale is what it stands for.
        bias: [outputs filled up] float32.
    """

    channels: int
    weight: Array
    scale: Array
    bias: Array

    @classmethod
    def filled(cls, weight: Array, scale: Array, bias: Array | None) -> Product:
        """A product of packed weights, and of a scale and a bias that are not yet filled up."""
        wide = np.zeros((2, filled(len(scale))), np.float32)
        wide[0, : len(scale)] = scale
        if bias is not None:
            wide[1, : len(scale)] = bias
        return cls(len(scale), aligned(weight), wide[0], wide[1])


def int8_product(weight: Array, bias: Array | None) -> Product:
    """[in, out] floats in int8: each output's weights from -127 to 127, rounded to the nearest."""
    inner, outer = weight.shape
    whole = np.zeros((filled(inner), filled(outer)), np.int8)
    scale = np.empty(outer, np.float32)
    for first in range(0, outer, _AT_ONCE):  # so that what is worked on stays in the cache
        part = np.asarray(weight[:, first : first + _AT_ONCE], np.float32)
        scale[first : first + _AT_ONCE] = by = np.maximum(np.maximum(part.max(0), -part.min(0)) / 127, _TINY)
        whole[:inner, first : first + part.shape[1]] = np.rint(part / by)
    packed = np.ascontiguousarray(whole.reshape(-1, 2, filled(outer) // PANEL, PANEL).transpose(2, 0, 3, 1))
    return Product.filled(packed, scale, bias)


def float_product(weight: Array, bias: Array | None) -> Product:
    """[in, out] float32 or float16 as it is, but for its order."""
    inner, outer = weight.shape
    packed = aligned(np.zeros((filled(outer) // PANEL, filled(inner), PANEL), weight.dtype))
    for panel in range(filled(outer) // PANEL):
        part = weight[:, panel * PANEL : (panel + 1) * PANEL]
        packed[panel, :inner, : part.shape[1]] = part
    return Product.filled(packed, np.zeros(outer, np.float32), bias)


def aligned(array: Array) -> Array:
    """The array in memory that begins at a multiple of 64 bytes."""
    if array.ctypes.data % 64 == 0 and array.flags.c_contiguous:
        return array
    copy = empty_aligned(array.shape, array.dtype)
    copy[...] = array
    return copy


def empty_aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Memory for an array that begins at a multiple of 64 bytes."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)
