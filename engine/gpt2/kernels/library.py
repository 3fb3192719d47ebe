"""Compiled kernels in this process: loaded by LLVM's linker, without numba, and the threads they run on."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Any

import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from gpt2_remix.engine.gpt2.kernels import layout as at
from gpt2_remix.engine.gpt2.kernels.target import host


class Library:
    """The compiled function, and the threads that run it. One call at a time.

    Helpers wait in the kernels themselves, on a pipe: waking one takes some microseconds and no lock of Python's, and
    between two calls none of them holds a processor.
    """

    def __init__(self, name: str, code: bytes) -> None:
        self._linker = binding.create_lljit_compiler(host().machine())
        builder = binding.JITLibraryBuilder().add_object_img(code).export_symbol(name).add_current_process()
        self._loaded = builder.link(self._linker, "kernels")  # as long as this lives, so does the code
        # numba's way of calling: where a result and an error would go, then the arguments.
        self._enter: Any = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 2)(
            self._loaded[name]
        )
        self._nothing = (ctypes.c_int64 * 8)()
        self._lock = threading.Lock()
        self._helpers = 0
        self._buffers = np.zeros(64 * 1024, np.uint8)
        self._team = np.zeros(at.TEAM_SLOTS + 8, np.int64)
        self._team = self._team[-self._team.ctypes.data % 64 // 8 :]
        team = self._team
        team[at.WAKE_FROM], team[at.WAKE_TO] = os.pipe()
        team[at.READ], team[at.WRITE], team[at.PAUSE] = *_transfer_addresses(), yield_address()
        team[at.BUFFERS] = self._buffers.ctypes.data
        self._address = self._team.ctypes.data

    def __call__(self, state: NDArray[np.int64], threads: int) -> None:
        """Do what a state asks for, on that many threads."""
        with self._lock:
            while self._helpers < threads - 1:
                self._helpers += 1
                threading.Thread(target=self._call, args=(self._helpers,), name="kernels", daemon=True).start()
            self._team[at.STATE], self._team[at.WAKE] = state.ctypes.data, threads - 1
            self._call(0)

    def _call(self, number: int) -> None:
        place = ctypes.addressof(self._nothing)
        self._enter(place, place, self._address, number)


def yield_address() -> int:
    """The address of the system's function by which a thread gives its processor away."""
    if sys.platform == "win32":
        return _address(ctypes.windll.kernel32.SwitchToThread)
    return _address(ctypes.CDLL(None).sched_yield)


def _transfer_addresses() -> tuple[int, int]:
    """The addresses of read and write for file descriptors, of the C library that Python itself uses."""
    if sys.platform == "win32":
        system = ctypes.CDLL("ucrtbase")
        return _address(system._read), _address(system._write)  # noqa: SLF001 - the C library's names
    system = ctypes.CDLL(None)
    return _address(system.read), _address(system.write)


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
