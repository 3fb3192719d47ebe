"""A real program in a pseudo-terminal, and when what appeared on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|P[^\x1b]*\x1b\\|.)")


class Terminal:
    """Runs the program (or another module, or none) and reads what it draws, escape sequences left out."""

    def __init__(
        self, arguments: list[str], size: tuple[int, int] = (120, 36), module: str | None = "gpt2_remix.tui"
    ) -> None:
        self.started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execv(sys.executable, [sys.executable, *(["-m", module] if module else []), *arguments])
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._rest = b""
        self.text = b""

    def _read(self, seconds: float) -> None:
        """Take what has been drawn, and keep it without escape sequences."""
        if select.select([self._fd], [], [], seconds)[0]:
            data = self._rest + os.read(self._fd, 65536)
            begun = data.rfind(b"\x1b", -40)  # a sequence that may not be whole yet
            self._rest = data[begun:] if begun >= 0 else b""
            self.text += ESCAPES.sub(b"", data[: len(data) - len(self._rest)])

    def until(self, wanted: str, seconds: float = 60) -> float:
        """Wait until a text has been drawn since the last `send`; seconds since the program started."""
        end = time.monotonic() + seconds
        seen = wanted.encode()
        while time.monotonic() < end:
            if seen in self.text or seen in ESCAPES.sub(b"", self._rest):
                return time.monotonic() - self.started
            self._read(0.05)
        raise TimeoutError(f"{wanted!r} was not drawn within {seconds} s")

    def watch(self, seconds: float) -> None:
        """Read what is drawn for a while, as a terminal does."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)
            self.text = b""

    def send(self, keys: str) -> None:
        """Press keys and forget what was drawn before."""
        while select.select([self._fd], [], [], 0)[0]:
            os.read(self._fd, 65536)
        self._rest = self.text = b""
        os.write(self._fd, keys.encode())

    def memory(self, field: str = "VmHWM") -> float:
        """A figure of /proc/PID/status, in MB (VmHWM: the most that was resident at once)."""
        with open(f"/proc/{self.pid}/status") as status:
            line = next(line for line in status if line.startswith(field))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self, *, screen: bool = False) -> float:
        """Processor time that the program has used, or only the thread that draws the screen."""
        with open(f"/proc/{self.pid}/task/{self.pid}/stat" if screen else f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
