"""The app's promises while it looks ahead: keys during futures and forks, and how soon both can stop.

    python -m benchmarks.ahead [PRESSES] [--model FOLDER]

On the embedded model and on a random GPT-2 small (or the folder given). ← and → move the cursor, which asks for the
futures of another position each time; forks go on meanwhile. A search stops between two of its parts: how long those
take is how long stopping takes.
"""

from __future__ import annotations

import sys
import time
from itertools import islice

from benchmarks.checkpoint import random_gpt2_small
from benchmarks.latency import press, summary
from benchmarks.terminal import Terminal
from gpt2_remix.engine.generation.stream import given_text
from gpt2_remix.engine.models.opening import Model, open_model
from gpt2_remix.engine.outlook.forks import ForkQuestion
from gpt2_remix.engine.outlook.outcomes import parse_outcome
from gpt2_remix.engine.outlook.paths import Question
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.workers import jobs
from gpt2_remix.tui.workers.requests import ForksRequest, FuturesRequest

LEFT, RIGHT = "\x1b[D", "\x1b[C"
IDS = list(range(100, 160))
PARTS = 300


def keys(terminal: Terminal, presses: int) -> list[float]:
    """Milliseconds of keys that move the cursor back and forth, from the end on."""
    times = []
    for n in range(presses):
        back = n % 20 < 10
        place = 59 - n % 20 if back else 41 + n % 20
        times.append(press(terminal, LEFT if back else RIGHT, f"token at {place}"))
        time.sleep(0.05 + 0.013 * (n % 7))
    return times


def parts(model: Model, request: FuturesRequest | ForksRequest) -> list[float]:
    """Milliseconds of the parts of a search, after the text was read."""
    going = jobs.start(model, request)
    times: list[float] = []
    next(going)
    while len(times) < PARTS:
        begin = time.monotonic()
        if not list(islice(going, 1)):
            break
        times.append(1000 * (time.monotonic() - begin))
    return times


def main() -> None:
    """Print the figures."""
    presses = next((int(argument) for argument in sys.argv[1:] if argument.isdigit()), 60)
    folder = sys.argv[sys.argv.index("--model") + 1] if "--model" in sys.argv else str(random_gpt2_small())
    for name, given in (("classics", "classics"), ("124M", folder)):
        model, stream = open_model(given), given_text(IDS, 1)
        model.backend.logits([IDS])
        question = ForkQuestion((parse_outcome("a"),), Settings(), 7, rolls=16, length=20)
        for what, request in (
            ("futures", FuturesRequest(1, lambda _: None, 1, stream, Settings(), Question(6, words=True), 10_000)),
            ("forks", ForksRequest(1, lambda _: None, 1, stream, question, 1)),
        ):
            print(summary(f"{name}: parts of {what}", parts(model, request)))
        terminal = Terminal(["--ids", ",".join(map(str, IDS)), "--model", given, "--seed", "7"])
        terminal.until("paused")
        terminal.until(" %")
        terminal.watch(8)
        terminal.send("ll")
        terminal.until("decided")
        print(summary(f"{name}: keys, futures", keys(terminal, presses)))
        terminal.send(LEFT)
        terminal.watch(1)
        terminal.send("F")
        terminal.until("how the sentence ends")
        terminal.send("\x1b[B\x1b[A")  # ↓ to the proposals, ↑ to the last of them
        terminal.watch(0.3)
        terminal.send("\r")
        terminal.watch(0.5)
        terminal.send("\r")
        terminal.until("rolls · ")
        terminal.send(RIGHT)
        terminal.watch(0.5)
        print(summary(f"{name}: keys, forks", keys(terminal, presses)))
        terminal.close()


if __name__ == "__main__":
    main()
