"""What a terminal is left as, whichever way the real program ends, and what it may send meanwhile."""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from gpt2_remix.engine.program import command
from tests.emulator import Emulator
from tests.kinds import Emulate

pytestmark = pytest.mark.slow

SHOWN = {25, 7}
"""The modes that are on in a terminal as a shell has it: the cursor, and the wrapping of lines."""


def modes(raw: bytes) -> tuple[set[int], int]:
    """The private modes that are on after some output, and how many keyboard protocols are left on the stack."""
    on: dict[int, bool] = {}
    for found in re.finditer(rb"\x1b\[\?([\d;]+)([hl])", raw):
        on |= dict.fromkeys(map(int, found[1].split(b";")), found[2] == b"h")
    return {mode for mode, is_on in on.items() if is_on}, len(re.findall(rb"\x1b\[>\d+u", raw)) - raw.count(b"\x1b[<u")


def begun(emulate: Emulate, *arguments: str) -> Emulator:
    app = emulate("It is a truth", "--seed", "7", *arguments)
    app.until_all(" %", "next token at 4")
    assert modes(app.raw)[0] > {1049, 1000, 1006, 2004}
    app.process.write(b" ")
    app.until(lambda text: "5 tokens" in text)
    return app


@pytest.mark.parametrize("keys", [b"q", b"\x11", b"?\x11"], ids=["q", "ctrl+q", "in the help"])
def test_keys_leave_the_terminal_as_it_was(emulate: Emulate, keys: bytes) -> None:
    app = begun(emulate)
    app.process.write(keys)
    assert app.finish() == 0
    assert modes(app.raw) == (SHOWN, 0)


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
def test_signals_end_it_as_q_does(emulate: Emulate, tmp_path: Path, ending: str) -> None:
    """They left the alternate screen, mouse reports and a hidden cursor behind."""
    from gpt2_remix.engine.session.store import read

    session = tmp_path / "a.remix"
    app = begun(emulate, "--session", str(session))
    os.kill(app.process.pid, getattr(signal, ending))
    assert app.finish() == 0
    assert modes(app.raw) == (SHOWN, 0)
    assert b"Traceback" not in app.raw
    assert len(read(session).tree) == 5


def test_it_can_be_suspended_and_comes_back(emulate: Emulate) -> None:
    app = begun(emulate)
    app.process.write(b"\x1a")
    status = 0
    while not (status and os.WIFSTOPPED(status)):
        if app.pending():
            app.read()
        status = os.waitpid(app.process.pid, os.WNOHANG | os.WUNTRACED)[1]
    while app.pending():
        app.read()
    assert modes(app.raw) == (SHOWN, 0)
    app.screen.reset()
    os.kill(app.process.pid, signal.SIGCONT)
    app.until_all("gpt2-remix", "5 tokens", " %")
    app.process.write(b" ")
    app.until(lambda text: "6 tokens" in text)
    app.process.write(b"q")
    assert app.finish() == 0
    assert modes(app.raw) == (SHOWN, 0)


@pytest.mark.parametrize("ignored", [False, True])
def test_it_ends_when_the_terminal_is_gone(tmp_path: Path, ignored: bool) -> None:
    """With SIGHUP ignored, as under nohup, it went on reading at 99 % of a core."""
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, command("tui", "It is a truth", "--session", str(tmp_path / "a.remix")))
    drawn = b""
    while b"%" not in drawn:
        drawn += os.read(terminal, 65536)
    os.close(terminal)
    end = time.monotonic() + 30
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "it goes on"


def test_bytes_that_are_no_utf_8(emulate: Emulate) -> None:
    """Each of them ended the app: a Latin-1 é, a mouse report past column 95, a click after a report of the size."""
    app = emulate("It is a truth", "--seed", "7", size=(120, 36))
    app.until_all(" %", "next token at 4")
    app.process.write(b"/")
    app.until(lambda text: "esc close" in text)
    app.process.write(b"caf\xe9")
    app.until(lambda text: "café" in text)
    app.process.write(b"\x1b")
    app.until(lambda text: "café" not in text)
    for button in (0, 3):
        app.process.write(b"\x1b[M" + bytes([32 + button, 32 + 110, 32 + 3]))
    app.process.write(b"\x1b[48;36;120;0;0t\x1b[?2048;1$y\x1b[?1016;2$y")
    app.process.write(b" ")
    app.until(lambda text: "token at 4" in text and "next" not in text)  # not what the network ran on
    row = next(n for n, line in enumerate(app.screen.display, start=1) if "It is a truth" in line)
    column = app.screen.display[row - 1].index("truth") + 1
    app.process.write(b"\x1b[<0;%d;%dM\x1b[<0;%d;%dm" % (column, row, column, row))
    app.until(lambda text: "token at 3" in text)
    app.process.write(b"q")
    assert app.finish() == 0
    assert modes(app.raw) == (SHOWN, 0)
