"""Random keys, mouse and pastes into the real program: `python -m tests.fuzz 200` says which runs ended in a failure.

Each run is one of numbered seeds: the keys are the same for the same number, what meets what in time is not.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.emulator import Emulator

KEYS = [
    *"abcdefghijklmnoprstuvwxyz0123456789/?[]{}<>+-=,. !'", "\r", "\r", "\r", " ", " ", "\t", "\x1b[Z", "\x7f",
    "\x1b", "\x1b", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[A", "\x1b[B", "\x1b[H", "\x1b[F", "\x1b[5~",
    "\x1b[6~",
    "\x1b[1;2A", "\x1b[1;2B", "\x1b[1;5C", "\x1b[1;5D", "\x10", "\x13", "\x0f", "\x05", "\x12", "\x14", "\x06", "\x15",
    "\x1b[200~pasted \x1b[31m text\n\x1b[201~", "\x1b[3~", "T", "R", "B", "G", "F", "F", "O", "J", "N", "P", "(", ")",
]
"""What is pressed: keys that do something somewhere, and none that ends the app (q, ctrl+q, ctrl+c, ctrl+z)."""

SIZES = ((80, 24), (80, 24), (120, 36), (200, 60))
COUNT = 300


def fuzzed(seed: int, folder: Path, count: int = COUNT) -> str:
    """What went wrong in one run; "" for nothing."""
    chance = random.Random(seed)
    size = chance.choice(SIZES)
    (folder / "text.txt").write_text("It is a truth universally acknowledged. " * 9)
    home = {"HOME": str(folder), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(folder / "hf")}
    home |= {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "CACHE")}
    app = Emulator("It is a truth", "--seed", "7", "--session", str(folder / "a.remix"), size=size, folder=folder,
                   **home)
    app.until(lambda text: " %" in text)
    for _ in range(count):
        if chance.random() < 0.15:
            column, row = chance.randint(1, size[0]), chance.randint(1, size[1])
            button = chance.choice((0, 0, 0, 2, 64, 65))
            times = chance.choice((1, 1, 2, 3))
            data = f"\x1b[<{button};{column};{row}M\x1b[<{button};{column};{row}m" * times
        else:
            data = chance.choice(KEYS) * chance.choice((1, 1, 1, 1, 2, 3))
        if not app.process.isalive():
            break
        app.process.write(data.encode())
        wait = chance.choice((0.0, 0.0, chance.uniform(0, 0.03)))
        while select.select([app.process.fd], [], [], wait)[0]:
            wait = 0.0
            if not app.read():
                break
    end = time.monotonic() + 60
    while app.process.isalive() and time.monotonic() < end:
        app.process.write(b"\x11")
        if app.pending() and not app.read():
            break
    if app.process.isalive():
        app.process.close(force=True)
        return "it did not end"
    while app.pending() and app.read():
        pass
    if b"Traceback" in app.raw or b"unexpected " in app.raw or app.process.exitstatus:
        lines = [line for line in app.raw.decode(errors="replace").splitlines() if line.strip()]
        return f"exit {app.process.exitstatus}: " + "\n".join(lines[-30:])
    return ""


def main() -> None:
    """Run seeds and tell what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--log", type=Path, help="where failures are written in full")
    given = parser.parse_args()
    found: Counter[str] = Counter()
    for seed in range(given.first, given.first + given.runs):
        with tempfile.TemporaryDirectory() as folder:
            problem = fuzzed(seed, Path(folder))
        if problem:
            found[problem.splitlines()[-1][-100:]] += 1
            print(f"seed {seed}: {problem.splitlines()[-1][-160:]}", flush=True)
            if given.log:
                with given.log.open("a") as log:
                    log.write(f"==== seed {seed}\n{problem}\n")
    print(f"{given.runs} runs of {COUNT} keys, {sum(found.values())} ended in a failure")
    sys.exit(bool(found))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "80")
    main()
