"""The real program killed at random moments: `python -m tests.kills 50` says whether anything was lost.

Half of the times while it streams and, beside it, half while someone edits; each time it goes on where it was killed.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gpt2_remix.engine.session.store import read
from tests.emulator import emulators
from tests.kinds import Emulate

KEYS = [b" ", b"r", b"\x1b[D", b"\x1b[B", b"\r", b"2b", b"u", b"p", b"g", b"h", b"\x1b[C", b"c", b" ", b"k", b"e",
        b"\x1b"]


def killed(emulate: Emulate, folder: Path, times: int) -> None:
    """Kill it so many times in each of two ways, and look at what is left."""
    with ThreadPoolExecutor(2) as pool:
        kinds = [pool.submit(kill_again_and_again, emulate, folder / name, times, streams=streams)
                 for name, streams in (("streams.remix", True), ("edits.remix", False))]
    nodes = [kind.result() for kind in kinds]
    assert nodes[0] > times  # at least one more token each time
    assert nodes[1] > 5
    path = folder / "streams.remix"
    terminal = emulate("--session", str(path), size=(120, 36))
    terminal.until(lambda text: is_saved(text) and re.search(r"\d %|raw %", text))
    assert tokens_shown(terminal.text) == len(read(path).tree)


def kill_again_and_again(emulate: Emulate, path: Path, times: int, *, streams: bool) -> int:
    """Kill the program and check what its session holds; how many nodes that is in the end."""
    rng = random.Random(7)
    nodes = 0
    for n in range(times):
        prefix = [] if path.exists() else ["It is a truth"]
        terminal = emulate(*prefix, "--session", str(path), "--seed", "5", "--speed", "200", size=(120, 36))
        terminal.until(lambda text: re.search(r"\d %|raw %", text))
        terminal.until(lambda text: "paused" in text.splitlines()[0])
        begun = tokens_shown(terminal.text)
        seen = begun if path.exists() else 0  # what it opened with, and then what it says is saved
        end = time.monotonic() + 0.4 + rng.random() * 1.4
        if streams:
            terminal.process.write(b"\x1b[Fg")
        next_key = 0.0
        while time.monotonic() < end or (streams and kept_in(path) <= begun):
            if not streams and time.monotonic() > next_key:
                terminal.process.write(rng.choice(KEYS))
                next_key = time.monotonic() + rng.random() * 0.1
            if terminal.pending():
                terminal.read()
            if "gpt2-remix  classics" in terminal.text.splitlines()[0] and is_saved(terminal.text):
                seen = tokens_shown(terminal.text)
        terminal.process.kill(signal.SIGKILL)
        terminal.process.wait()
        if not path.exists():
            continue
        saved = read(path)
        longest = max(node.depth for node in saved.tree.nodes)
        assert longest >= seen, f"kill {n}: {seen} tokens were said to be saved"
        assert not streams or len(saved.tree) >= seen
        assert len(saved.tree.nodes) >= nodes
        nodes = len(saved.tree.nodes)
    return nodes


def tokens_shown(text: str) -> int:
    """How many tokens the status line says."""
    found = re.search(r"([\d,]+) tokens?\b", text.splitlines()[0])
    return int(found[1].replace(",", "")) if found else 0


def is_saved(text: str) -> bool:
    """Whether the status line says so."""
    return re.search(r"(?<!not) saved$", text.splitlines()[0].rstrip()) is not None


def kept_in(path: Path) -> int:
    """How many tokens the stream in a session's file has."""
    try:
        return len(read(path).tree)
    except Exception:  # it is being written
        return -1


def main() -> None:
    """Kill it, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int)
    times = parser.parse_args().times
    half = (times + 1) // 2
    with tempfile.TemporaryDirectory() as folder, emulators() as emulate:
        killed(emulate, Path(folder), half)
    print(f"{2 * half} kills: nothing was lost")


if __name__ == "__main__":
    main()
