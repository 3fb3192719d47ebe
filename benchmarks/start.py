"""How long a start takes, and what `import torch` and a bare Textual app take on the same machine, taking turns.

    python -m benchmarks.start [RUNS]

Times are from the start of the process, in a pseudo-terminal of 80x24. "first start": no compiled kernels are there; a
compiler begins beside it, as it does for a person.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.terminal import Terminal
from gpt2_remix.engine.gpt2.kernels.compiled import compile_kernels

PREFIX = "It is a truth universally acknowledged"

BARE = """
from textual.app import App, ComposeResult
from textual.widgets import Static

class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("sampling")

Bare().run()
"""


@contextmanager
def empty_folder() -> Iterator[None]:
    """No compiled kernels are found while this lasts; what compiles meanwhile is ended."""
    before = os.environ.get("GPT2_REMIX_KERNELS")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GPT2_REMIX_KERNELS"] = folder
        try:
            yield
        finally:
            subprocess.run(["pkill", "-f", f"engine.gpt2.kernels.build {folder}"], check=False)
            if before is None:
                del os.environ["GPT2_REMIX_KERNELS"]
            else:
                os.environ["GPT2_REMIX_KERNELS"] = before


def command(*words: str) -> float:
    """Seconds that a command takes."""
    begin = time.monotonic()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.monotonic() - begin


def app() -> tuple[float, float]:
    """Seconds to the first frame and to the candidates of the embedded model."""
    terminal = Terminal([PREFIX], size=(80, 24))
    times = terminal.until("sampling"), terminal.until(" %")
    terminal.close()
    return times


def bare() -> float:
    """Seconds to the first frame of a Textual app that shows a word."""
    terminal = Terminal(["-c", BARE], size=(80, 24), module=None)
    seconds = terminal.until("sampling")
    terminal.close()
    return seconds


def once() -> dict[str, float]:
    """Every figure once."""
    found = {"bare Textual app, first frame": bare()}
    found["first frame"], found["first candidates"] = app()
    found["`next`"] = command("-m", "gpt2_remix.tui", "next", PREFIX)
    found["`import torch` alone"] = command("-c", "import torch")
    with empty_folder():
        found["first start: first frame"], found["first start: first candidates"] = app()
    with empty_folder():
        found["first start: `next`"] = command("-m", "gpt2_remix.tui", "next", PREFIX)
    parts: dict[str, Callable[[], float]] = {
        "python": lambda: command("-c", "pass"),
        "numpy": lambda: command("-c", "import numpy"),
        "textual": lambda: command("-c", "import textual.app"),
        "llvmlite": lambda: command("-c", "import llvmlite.binding"),
        "numba (compiling only)": lambda: command("-c", "import numba"),
    }
    return found | {f"  import {name}": take() for name, take in parts.items()}


def main() -> None:
    """Print the median and the slowest of several runs."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    compile_kernels()
    figures: dict[str, list[float]] = {}
    for number in range(runs + 1):
        for name, seconds in once().items():
            if number:  # the first run warms the disk up
                figures.setdefault(name, []).append(seconds)
    for name, times in figures.items():
        print(f"{name:<34} median {statistics.median(times):.2f} s, slowest {max(times):.2f} s of {runs}")


if __name__ == "__main__":
    main()
