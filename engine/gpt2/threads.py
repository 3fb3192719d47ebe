"""How many threads a call of the kernels, or a step of a training, gets: measured, not assumed."""

from __future__ import annotations

import os

_FIRST_TRIES = 3

_TRY_AGAIN = 64
"""Calls after which the slower number of threads is tried again: the machine may have become idle, or busy."""


class ThreadCount:
    """How many threads a call of a kind gets: one or all (`wanted`, or `most`), whichever was faster lately.

    Several threads are slower than one where the products are small, or where others want the processors too. The
    numbers do not depend on it.
    """

    def __init__(self, wanted: int | None, most: int | None = None) -> None:
        self.most = wanted or most or usable_processors()
        self._fixed = wanted is not None or self.most == 1
        self._seconds: dict[tuple[int, int], list[float]] = {}  # with one, with all; then the calls

    def choose(self, kind: tuple[int, int]) -> int:
        """How many threads the next call of a kind gets."""
        if self._fixed:
            return self.most
        one, several, calls = self._seconds.get(kind, (0.0, 0.0, 0.0))
        if calls < 2 * _FIRST_TRIES:
            return self.most if calls < _FIRST_TRIES else 1
        ratio = max(one, several) / max(1e-9, min(one, several))
        try_other = calls % (_TRY_AGAIN * (8 if ratio > 1.5 else 1)) == 0
        return 1 if (one < several) != try_other else self.most

    def took(self, kind: tuple[int, int], threads: int, seconds: float) -> None:
        """Note how long a call took."""
        if self._fixed:
            return
        known = self._seconds.setdefault(kind, [0.0, 0.0, 0.0])
        place = 0 if threads == 1 else 1
        known[2] += 1
        first = known[2] <= 2 * _FIRST_TRIES
        if not known[place]:
            known[place] = seconds
        else:  # at first the best of some, since the first calls also fill caches; then an average of the last ones
            known[place] = min(known[place], seconds) if first else 0.75 * known[place] + 0.25 * seconds


def wait_asleep() -> None:
    """Let torch's threads sleep where they wait for one another for long; to be called before it is imported.

    They would spin, and where other programs want the processors as well, keep each other from being done: a training
    of a small network took 3 to 10 times as long (measured, see benchmarks/README.md). Looking some 10,000 times first
    costs little there, and is a fifth faster on an idle machine. What a person has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # GNU's OpenMP, as in torch for Linux
        os.environ.setdefault("KMP_BLOCKTIME", "1")  # ms; Intel's and LLVM's


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
