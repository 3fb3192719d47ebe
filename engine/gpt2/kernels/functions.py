"""The exponential function and the activation functions, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels import scalars as v
from gpt2_remix.engine.gpt2.kernels.jit import kernel


@kernel
def exp(x: Any) -> Any:
    """e ** x for float32 to 2 units in the last place, by the polynomial of Cephes' expf; x is cut to -87 ... 88."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    n = v.nearest(x * np.float32(1.44269504088896341))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    return (p * r * r + r + np.float32(1)) * v.power_of_two(np.int32(n))


@kernel
def _sigmoid(x: Any) -> Any:
    return np.float32(1) / (np.float32(1) + exp(-x))


@kernel
def _gelu_new(x: Any) -> Any:
    """x / 2 * (1 + tanh(y)) is x * sigmoid(2 y)."""
    return x * _sigmoid(np.float32(1.5957691216057308) * (x + np.float32(0.044715) * x * x * x))


@kernel
def _gelu(x: Any) -> Any:
    """With the error function by Abramowitz and Stegun 7.1.26, 1.5e-7 off at most."""
    z = abs(x) * np.float32(0.7071067811865476)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    p = np.float32(1.061405429) * t - np.float32(1.453152027)
    p = p * t + np.float32(1.421413741)
    p = p * t - np.float32(0.284496736)
    p = (p * t + np.float32(0.254829592)) * t * exp(-z * z)
    tail = np.float32(0.5) * p  # of the normal distribution, beyond |x|
    return x * (np.float32(1) - tail) if x > np.float32(0) else x * tail


@kernel
def _quick_gelu(x: Any) -> Any:
    return x * _sigmoid(np.float32(1.702) * x)


@kernel
def _relu(x: Any) -> Any:
    return max(x, np.float32(0))


@kernel
def _relu2(x: Any) -> Any:
    return max(x, np.float32(0)) * max(x, np.float32(0))


@kernel
def _relu6(x: Any) -> Any:
    return min(max(x, np.float32(0)), np.float32(6))


@kernel
def _silu(x: Any) -> Any:
    return x * _sigmoid(x)


@kernel
def _tanh(x: Any) -> Any:
    return np.float32(2) * _sigmoid(np.float32(2) * x) - np.float32(1)


@kernel
def _linear(x: Any) -> Any:
    return x


@kernel
def _leaky_relu(x: Any) -> Any:
    return x if x > np.float32(0) else np.float32(0.01) * x


@kernel
def _mish(x: Any) -> Any:
    """x * tanh(log(1 + e)) with e = exp(x) is x * n / (n + 2) with n = e * (e + 2)."""
    e = exp(min(x, np.float32(20)))
    n = e * (e + np.float32(2))
    return x * (n / (n + np.float32(2)))


@kernel
def _hardswish(x: Any) -> Any:
    return x * min(max(x + np.float32(3), np.float32(0)), np.float32(6)) * np.float32(1 / 6)


_FUNCTIONS = {
    "gelu_new": _gelu_new, "gelu": _gelu, "quick_gelu": _quick_gelu, "relu": _relu, "relu2": _relu2, "relu6": _relu6,
    "silu": _silu, "tanh": _tanh, "sigmoid": _sigmoid, "linear": _linear, "leaky_relu": _leaky_relu, "mish": _mish,
    "hardswish": _hardswish,
}


def _applied(function: Any) -> Any:
    """A loop that LLVM makes vectors of."""

    @kernel
    def apply(address: Any, count: Any) -> None:
        x = v.floats(address)
        for i in range(count):
            x[i] = function(x[i])

    return apply


(_A0, _A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8, _A9, _A10, _A11, _A12) = (
    _applied(_FUNCTIONS[name]) for name in at.FUNCTIONS
)


@kernel
def activate(which: Any, address: Any, count: Any) -> None:
    """Put numbers at an address through the activation function of that number, in place."""
    if which == 0:
        _A0(address, count)
    elif which == 1:
        _A1(address, count)
    elif which == 2:
        _A2(address, count)
    elif which == 3:
        _A3(address, count)
    elif which == 4:
        _A4(address, count)
    elif which == 5:
        _A5(address, count)
    elif which == 6:
        _A6(address, count)
    elif which == 7:
        _A7(address, count)
    elif which == 8:
        _A8(address, count)
    elif which == 9:
        _A9(address, count)
    elif which == 10:
        _A10(address, count)
    elif which == 11:
        _A11(address, count)
    elif which == 12:
        _A12(address, count)
