"""How long from the command to the first frame, and to the candidates of the embedded model.

    python -m benchmarks.start [RUNS]
"""

from __future__ import annotations

import statistics
import sys

from benchmarks.terminal import Terminal


def main() -> None:
    """Prints the median and the slowest of several runs."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    frames, candidates = [], []
    for _ in range(runs + 1):
        terminal = Terminal(["It is a truth universally acknowledged"], size=(80, 24))
        frames.append(terminal.until("sampling"))
        candidates.append(terminal.until(" %"))
        terminal.close()
    for name, times in (("first frame", frames[1:]), ("candidates", candidates[1:])):  # the first run warms the disk up
        print(f"{name:<12} median {statistics.median(times):.2f} s, slowest {max(times):.2f} s of {runs}")


if __name__ == "__main__":
    main()
