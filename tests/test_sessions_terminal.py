"""Sessions of the real program in a pseudo-terminal: killed, opened twice, its file taken away."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpt2_remix.engine.session.store import read
from tests.kinds import Emulate

pytestmark = pytest.mark.slow


def tokens_shown(text: str) -> int:
    """How many tokens the status line says."""
    found = re.search(r"([\d,]+) tokens?\b", text.splitlines()[0])
    return int(found[1].replace(",", "")) if found else 0


KEYS = [b" ", b"r", b"\x1b[D", b"\x1b[B", b"\r", b"2b", b"u", b"p", b"g", b"h", b"\x1b[C", b"c", b" ", b"k", b"e",
        b"\x1b"]


@pytest.mark.timeout(600)
def test_killed_at_fifty_random_moments_nothing_that_was_said_to_be_saved_is_lost(
    emulate: Emulate, tmp_path: Path
) -> None:
    """25 times while it streams and, beside it, 25 while someone edits; each time it goes on where it was killed."""
    with ThreadPoolExecutor(2) as pool:
        kinds = [pool.submit(kill_again_and_again, emulate, tmp_path / name, streams=streams)
                 for name, streams in (("streams.remix", True), ("edits.remix", False))]
    nodes = [kind.result() for kind in kinds]
    assert nodes[0] > 25  # at least one more token each time
    assert nodes[1] > 5
    path = tmp_path / "streams.remix"
    terminal = emulate("--session", str(path), size=(120, 36))
    terminal.until(lambda text: is_saved(text) and re.search(r"\d %|raw %", text))
    assert tokens_shown(terminal.text) == len(read(path).tree)


def kill_again_and_again(emulate: Emulate, path: Path, *, streams: bool) -> int:
    """Kill the program 25 times and check what its session holds; how many nodes that is in the end."""
    rng = random.Random(7)
    nodes = 0
    for n in range(25):
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


def test_a_second_window_opens_a_copy_and_says_so(emulate: Emulate, tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    first = emulate("It is a truth", "--session", str(path), "--seed", "5")
    first.until(lambda text: re.search(r"\d %|raw %", text))
    first.process.write(b"   ")
    first.until(lambda text: is_saved(text) and tokens_shown(text) == 7)
    second = emulate("--session", str(path))
    second.until(lambda text: "open in another window" in text)
    second.until(lambda text: tokens_shown(text) == 7 and re.search(r"\d %|raw %", text))
    second.process.write(b"    ")
    second.until(lambda text: tokens_shown(text) == 11 and is_saved(text))
    assert len(read(tmp_path / "a copy.remix").tree) == len(read(path).tree) + 4
    second.process.write(b"q")
    assert second.finish() == 0
    first.process.write(b"q")
    assert first.finish() == 0
    assert sorted(os.listdir(tmp_path)) == ["a copy.remix", "a.remix", "home"]


def test_a_session_whose_file_is_taken_away_is_written_anew(emulate: Emulate, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.remix"
    terminal = emulate("It is a truth", "--session", str(path), "--seed", "5")
    terminal.until(lambda text: re.search(r"\d %|raw %", text))
    terminal.process.write(b"  ")
    terminal.until(lambda text: is_saved(text) and tokens_shown(text) == 6)
    path.parent.rename(tmp_path / "elsewhere")
    terminal.process.write(b" ")
    terminal.until(lambda text: "no longer there" in text.replace("\n", " ") or path.exists())
    terminal.until(lambda _: path.exists() and holds(path, tokens_shown(terminal.text)))
    terminal.process.write(b"q")
    assert terminal.finish() == 0
    assert len(read(path).tree) == len(read(tmp_path / "elsewhere" / "a.remix").tree) + 1


def is_saved(text: str) -> bool:
    """Whether the status line says so."""
    return re.search(r"(?<!not) saved$", text.splitlines()[0].rstrip()) is not None


def kept_in(path: Path) -> int:
    """How many tokens the stream in a session's file has."""
    try:
        return len(read(path).tree)
    except Exception:  # it is being written
        return -1


def holds(path: Path, tokens: int) -> bool:
    return kept_in(path) == tokens


def test_a_folder_that_cannot_be_written_is_said_and_one_goes_on(emulate: Emulate, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    terminal = emulate("It is a truth", "--session", str(blocked / "a.remix"), "--seed", "5")
    terminal.until(lambda text: re.search(r"\d %|raw %", text))
    terminal.process.write(b"  ")
    before = 6
    terminal.until(lambda text: "not saved" in text.splitlines()[0] and tokens_shown(text) == before)
    terminal.process.write(b"  ")
    terminal.until(lambda text: tokens_shown(text) == before + 2)
    blocked.unlink()
    terminal.until(lambda text: is_saved(text))
    assert len(read(blocked / "a.remix").tree) == before + 2


def test_a_damaged_session_is_recovered_into_a_new_file(emulate: Emulate, tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    terminal = emulate("It is a truth", "--session", str(path), "--seed", "5", "--speed", "10000")
    terminal.until(lambda text: re.search(r"\d %|raw %", text))
    terminal.process.write(b"g")
    terminal.until(lambda text: tokens_shown(text) > 120)
    terminal.process.write(b"g")
    terminal.until(lambda text: "paused" in text and is_saved(text))
    terminal.process.write(b"q")
    assert terminal.finish() == 0
    content = path.read_bytes()
    path.write_bytes(content[:-6000])
    terminal = emulate("--session", str(path), size=(120, 36))
    terminal.until(lambda text: "recovered" in text)
    terminal.until(lambda text: tokens_shown(text) > 10 and re.search(r"\d %|raw %", text))
    terminal.until(lambda _: (tmp_path / "a recovered.remix").exists())
    assert path.read_bytes() == content[:-6000]


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04", b"\x7fELF"])
def test_a_foreign_file_is_refused_in_one_line(emulate: Emulate, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.remix"
    path.write_bytes(content)
    terminal = emulate("--session", str(path))
    assert terminal.finish() == 2
    assert "not a session" in terminal.text
    assert "Traceback" not in terminal.text
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_the_app_goes_on(emulate: Emulate, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (a)")
    db.commit()
    db.close()
    before = path.read_bytes()
    terminal = emulate("--session", str(path), size=(120, 36))
    terminal.until(lambda text: "not a session" in text)
    terminal.until(lambda text: re.search(r"\d %|raw %", text))
    assert path.read_bytes() == before
