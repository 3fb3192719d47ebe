"""How long a large session takes to open, and how much memory; and that its tree scrolls.

    python -m benchmarks.sessions [NODES]

Random tokens, 40 a segment, thousands of branches. "read" is the file alone, "on screen" the app from the command to
the end of its text, and to the session as one left it (a model has to load for that too), "keys" the time from page
down to its effect in the tree screen.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.terminal import Terminal
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.outline import segments
from gpt2_remix.engine.session.store import read, save_whole
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.tui.workers.session_reader import LARGE


def large(nodes: int) -> Session:
    """A session of random tokens: segments of 40, each after a random node."""
    rng = np.random.default_rng(0)
    tree = Tree(seed=7)
    tree.use_model(ModelRecord("classics", 5388032, "fp32", 8193, 512, (4, 256, 4)))
    tree.set_prompt([1026, 318, 257, 3872], record=False)
    settings = Settings()
    while len(tree.nodes) <= nodes:
        parent = int(rng.integers(4, len(tree.nodes)))
        for _ in range(40):
            depth = tree.nodes[parent].depth
            parent = tree.add(parent, Step(
                depth, int(rng.integers(8192)), "sampled", u=float(rng.random()), seed=7, coin="interval",
                settings=settings, p_raw=0.01, p_final=0.01, rank=5, surprisal=6.6, entropy=5.0,
            ))
    tree.change(head=tree.leaf_below(parent), cursor=2)
    return Session(tree, "large", words="It is a truth")


def main() -> None:
    """Print the figures."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.remix"
        save_whole(large(nodes), path)
        print(f"{nodes:,} nodes, {path.stat().st_size / 1e6:.1f} MB on disk")
        times = []
        for _ in range(5):
            start = time.perf_counter()
            session = read(path)
            times.append(time.perf_counter() - start)
        print(f"read          median {statistics.median(times):.2f} s, slowest {max(times):.2f} s")
        start = time.perf_counter()
        rows = segments(session.tree)
        print(f"segments      {len(rows):,} in {time.perf_counter() - start:.2f} s")
        small = Terminal(["It is a truth"], size=(120, 36))
        plain = small.until(" %")
        base = small.memory("VmRSS")
        small.close()
        terminal = Terminal(["--session", str(path)], size=(120, 36))
        seen = terminal.until(" read") if nodes >= LARGE else 0.0
        opened = terminal.until("saved")
        terminal.until(" %")
        print(f"on screen     its text {seen:.2f} s, all of it {opened:.2f} s (a new session {plain:.2f} s), "
              f"{terminal.memory('VmRSS') - base:,.0f} MB more than a new one")
        start = time.monotonic()
        terminal.send("T")
        terminal.until("bits a token")
        print(f"tree screen   {time.monotonic() - start:.2f} s")
        presses = []
        for _ in range(40):
            start = time.monotonic()
            terminal.send("\x1b[6~")
            terminal.until(" bits")
            presses.append(1000 * (time.monotonic() - start))
            time.sleep(0.05)
        p95 = statistics.quantiles(presses, n=20)[-1]
        middle, slowest = statistics.median(presses), max(presses)
        print(f"page down     median {middle:.0f} ms, p95 {p95:.0f} ms, slowest {slowest:.0f} ms")
        terminal.close()


if __name__ == "__main__":
    main()
