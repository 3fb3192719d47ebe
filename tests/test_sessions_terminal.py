"""Sessions of the real program in a pseudo-terminal: killed, opened twice, its file taken away."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

import pytest

from gpt2_remix.engine.session.store import read
from tests.kills import is_saved, kept_in, killed, tokens_shown
from tests.kinds import Emulate

pytestmark = pytest.mark.slow


def test_killed_at_random_moments_nothing_that_was_said_to_be_saved_is_lost(emulate: Emulate, tmp_path: Path) -> None:
    """A few of the fifty times of `python -m tests.kills 50`."""
    killed(emulate, tmp_path, 6)


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
