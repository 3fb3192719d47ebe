"""How the kernels are compiled: without Python's lock, bounds, exceptions or reference counts."""

from __future__ import annotations

from typing import Any

from numba import njit

FLAGS: dict[str, Any] = {
    "nogil": True, "boundscheck": False, "error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

kernel: Any = njit(**FLAGS)
"""Marks a function that is compiled. Its arguments are int64: numbers, and addresses in bytes."""
