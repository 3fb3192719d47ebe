"""The app at work: keys with eight lanes of a 124M model, processor time when idle and of the screen, memory.

    python -m benchmarks.app [PRESSES] [TOKENS]

Memory is watched while the embedded model streams TOKENS (50,000 where left out) as fast as it goes.
"""

from __future__ import annotations

import sys
import time

from benchmarks.checkpoint import random_gpt2_small
from benchmarks.latency import HOME, RIGHT, press, summary
from benchmarks.terminal import Terminal

PART = 10.0
"""Seconds over which processor time is taken."""


def opened(ids: str) -> Terminal:
    """The app on a random GPT-2 small, at rest."""
    terminal = Terminal(["--ids", ids, "--model", str(random_gpt2_small()), "--speed", "10000", "--seed", "7"])
    terminal.until("network: ")
    terminal.until("paused")
    terminal.until(" %")
    terminal.watch(8)  # what it says on opening is gone
    return terminal


def main() -> None:
    """Print the figures."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    presses, tokens = (*numbers, *(60, 50_000)[len(numbers) :])[:2]
    ids = ",".join(str(n) for n in range(100, 164))
    terminal = opened(ids)
    before = terminal.cpu_seconds()
    terminal.watch(PART)
    print(f"idle: {(terminal.cpu_seconds() - before) / PART:.2%} of one core")
    terminal.send("P")
    terminal.until("a step")
    terminal.watch(2)
    before = terminal.cpu_seconds()
    terminal.watch(PART)
    print(f"the stage at rest: {(terminal.cpu_seconds() - before) / PART:.2%} of one core")
    terminal.send("\x1b")
    terminal.until("paused")
    terminal.send("g")
    terminal.until("tok/s")
    before, screen = terminal.cpu_seconds(), terminal.cpu_seconds(screen=True)
    terminal.watch(PART)
    print(f"one stream of 124M: screen {(terminal.cpu_seconds(screen=True) - screen) / PART:.1%} of one core, "
          f"all threads {(terminal.cpu_seconds() - before) / PART:.1%}")
    terminal.close()

    terminal = opened(ids)
    terminal.send("c")
    terminal.until("2 lanes")
    for count in range(3, 9):
        terminal.send("d")
        terminal.until(f"{count} lanes")
    terminal.send("g")
    terminal.until("tok/s")
    terminal.watch(2)
    screen = terminal.cpu_seconds(screen=True)
    terminal.watch(PART)
    print(f"eight lanes of 124M: screen {(terminal.cpu_seconds(screen=True) - screen) / PART:.1%} of one core")
    terminal.send(HOME)
    terminal.until("token 64")  # the prefix ends there
    moves = []
    for n in range(1, presses + 1):
        moves.append(press(terminal, RIGHT, f"token {64 + n}"))
        time.sleep(0.05 + 0.013 * (n % 7))
    print(summary(f"→ with 8 lanes, {presses}", moves))
    terminal.close()

    terminal = Terminal(["It is a truth", "--speed", "10000", "--seed", "7"])
    terminal.until(" %")
    begin = time.monotonic()
    terminal.send("g")
    for part in range(1, 6):
        wanted = tokens * part // 5
        terminal.until(f"seen from token {wanted - wanted % 256 - 256}", seconds=600)
        resident = terminal.memory("VmRSS")
        print(f"after {wanted:>6,} tokens ({time.monotonic() - begin:4.0f} s): {resident:,.0f} MB resident")
    terminal.close()


if __name__ == "__main__":
    main()
