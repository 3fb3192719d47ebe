"""From a key to its effect on screen while a random GPT-2 small (124M) streams as fast as it goes; and its memory.

    python -m benchmarks.latency [PRESSES] [--model FOLDER]

Keys: → (the cursor and the title of the candidates), h (heat colouring of the whole text). Memory is the most that
was resident at once, after the context has been filled and has slid.
"""

from __future__ import annotations

import statistics
import sys
import time

from benchmarks.checkpoint import random_gpt2_small
from benchmarks.terminal import Terminal

RIGHT = "\x1b[C"
HOME = "\x1b[H"
MODES = ("entropy 0", "probability 0", "spans of", "no forks yet", "heat off", "surprisal 0")


def press(terminal: Terminal, key: str, effect: str) -> float:
    """Milliseconds from a key to its effect."""
    begin = time.monotonic()
    terminal.send(key)
    terminal.until(effect)
    return 1000 * (time.monotonic() - begin)


def summary(name: str, times: list[float]) -> str:
    """Median, 95th percentile, slowest."""
    p95 = statistics.quantiles(times, n=20)[-1]
    return f"{name:<22} median {statistics.median(times):5.1f} ms, p95 {p95:5.1f} ms, slowest {max(times):5.1f} ms"


def main() -> None:
    """Print the figures."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    model = sys.argv[sys.argv.index("--model") + 1] if "--model" in sys.argv else str(random_gpt2_small())
    presses = int(arguments[0]) if arguments and arguments[0].isdigit() else 100
    ids = ",".join(str(n) for n in range(100, 300))
    terminal = Terminal(["--ids", ids, "--model", model, "--speed", "10000", "--seed", "7"])
    loaded = terminal.until("network: ")
    terminal.until("paused")
    terminal.until(" %")
    print(f"{'loaded':<22} {loaded:.1f} s, {terminal.memory('VmRSS'):,.0f} MB resident")
    terminal.send("g")
    terminal.until("tok/s")
    terminal.send(HOME)
    terminal.until("token at 0")
    moves, heats = [], []
    for n in range(1, presses + 1):
        moves.append(press(terminal, RIGHT, f"token at {n} "))
        time.sleep(0.05 + 0.013 * (n % 7))  # as a fast typist would, and anywhere between two tokens
        heats.append(press(terminal, "h", MODES[(n - 1) % len(MODES)]))
        time.sleep(0.05 + 0.013 * (n % 5))
    print(summary(f"→ while streaming, {presses}", moves))
    print(summary(f"h while streaming, {presses}", heats))
    terminal.send("\x1b[F")
    terminal.until("seen from token 512", seconds=300)
    terminal.until("seen from token 1024", seconds=300)
    print(f"{'after two slides':<22} {terminal.memory():,.0f} MB resident at most")
    terminal.close()


if __name__ == "__main__":
    main()
