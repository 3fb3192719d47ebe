"""Textual's driver for terminals, made to outlive whatever a terminal sends, and to leave one as it was.

What Textual 8 lacks, and why each part is here:
- Bytes that are not UTF-8 end its input thread (Textualize/textual issue 6456), as do mouse reports in the old
  encoding, which terminals fall back to when they are attached anew (6668). Here they are Latin-1, and reports.
- A report of the terminal's size makes it divide the mouse's cells by the size of one in pixels, which may be 0. It
  asks for pixels where nobody said that the terminal knows them, and never switches them off. Here positions are cells.
- Escape sequences in pasted text become keys, before the text. Here a paste is one text, whatever is in it.
- Signals leave the terminal in the alternate screen with the mouse on, and a terminal that is gone is read in a loop.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import selectors
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.messages import InBandWindowResize

ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
"""Signals that end the app as q does."""

PASTE, PASTE_END = b"\x1b[200~", b"\x1b[201~"
PATIENCE = 3.0
"""Seconds of silence after which a paste whose end never came is over."""

_OLD_MOUSE = re.compile(rb"\x1b\[M([\x20-\xff])([\x21-\xff])([\x21-\xff])", re.DOTALL)
_BEGUN = re.compile(rb"\x1b(\[(M[\x20-\xff]{0,2}|2|20|200)?)?\Z", re.DOTALL)


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("gpt2-remix-latin-1", _as_latin_1)
_UTF_8 = codecs.getincrementaldecoder("utf-8")


class CellParser(XTermParser):
    """Textual's parser, for which the mouse is always reported in cells."""

    def parse_mouse_code(self, code: str) -> Message | None:
        """See `XTermParser.parse_mouse_code`."""
        self.mouse_pixels = False
        return super().parse_mouse_code(code)


class TerminalInput:
    """Turns the bytes that a terminal sends into messages; raises nothing, whatever they are."""

    def __init__(self) -> None:
        self._parser = CellParser()
        self._decoder = _UTF_8("gpt2-remix-latin-1")
        self._held = b""  # the beginning of what may be a mouse report or a paste
        self._paste: bytearray | None = None
        self._last = time.monotonic()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages in what has come."""
        self._last = time.monotonic()
        data, self._held = self._held + data, b""
        while data:
            if self._paste is None:
                keys, begins, data = data.partition(PASTE)
                if begins:
                    self._paste = bytearray()
                elif begun := _BEGUN.search(keys, max(0, len(keys) - 5)):
                    keys, self._held = keys[: begun.start()], keys[begun.start() :]
                yield from self._keys(keys)
                continue
            searched = max(0, len(self._paste) - len(PASTE_END) + 1)
            self._paste += data
            end = self._paste.find(PASTE_END, searched)
            if end < 0:
                return
            data = bytes(self._paste[end + len(PASTE_END) :])
            del self._paste[end:]
            yield self._pasted()

    def idle(self) -> Iterator[Message]:
        """What came last is all there is for the moment: an escape that nothing has followed is a key."""
        held, self._held = self._held, b""
        yield from self._keys(held, final=True) if held != b"\x1b" else [events.Key("escape", "\x1b")]
        if self._paste is not None and time.monotonic() - self._last > PATIENCE:
            yield self._pasted()

    def tick(self) -> Iterator[Message]:
        """What the parser has waited for in vain."""
        yield from self._parsed(lambda: list(self._parser.tick()))

    def _pasted(self) -> Message:
        assert self._paste is not None
        text = self._paste.decode("utf-8", "gpt2-remix-latin-1").replace("\0", "")
        self._paste = None
        return events.Paste(text)

    def _keys(self, data: bytes, *, final: bool = False) -> Iterator[Message]:
        text = self._decoder.decode(_OLD_MOUSE.sub(_new_report, data), final)
        if text:
            yield from self._parsed(lambda: list(self._parser.feed(text)))

    def _parsed(self, parse: Any) -> Iterator[Message]:
        try:
            yield from parse()
        except Exception:  # what the parser cannot take is no key
            self._parser = CellParser()


def _new_report(old: re.Match[bytes]) -> bytes:
    """A mouse report of the old encoding (button, column and row as bytes, 32 added) as one of today's."""
    button, column, row = (part[0] - 32 for part in old.groups())
    released = button & 3 == 3 and not button & 0x60  # it does not say which
    return b"\x1b[<%d;%d;%d%s" % (button & ~3 if released else button, column, row, b"m" if released else b"M")


class LastingFile:
    """The terminal as a file that can be written to after it is gone."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """See `typing.IO.write`."""
        with suppress(OSError, ValueError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """See `typing.IO.flush`."""
        with suppress(OSError, ValueError):
            self._file.flush()

    def fileno(self) -> int:
        """See `typing.IO.fileno`."""
        return self._file.fileno()


class TerminalDriver(LinuxDriver):
    """The driver of the app on a terminal."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file = cast(Any, LastingFile(cast("IO[str]", self._file)))

    def start_application_mode(self) -> None:
        """See `Driver.start_application_mode`."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        loop = asyncio.get_running_loop()
        for ending in ENDS:
            if signal.getsignal(ending) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(ending, self._end)

    def run_input_thread(self) -> None:
        """Read from the terminal until the app ends, or the terminal is gone."""
        reader = TerminalInput()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if not selector.select(0.1):
                    found = reader.idle()
                elif data := self._read():
                    found = reader.feed(data)
                else:
                    self._loop.call_soon_threadsafe(self._end)
                    return
                for message in found:
                    self.process_message(message)
                for message in reader.tick():
                    self.process_message(message)

    def _read(self) -> bytes:
        """What has come; nothing where the terminal is gone."""
        try:
            return os.read(self.fileno, 2**16)
        except OSError:
            return b""

    def _end(self) -> None:
        self._app.exit()

    def process_message(self, message: Message) -> None:
        """See `Driver.process_message`; that a terminal can report its size changes nothing, sizes come by signal."""
        if not isinstance(message, InBandWindowResize):
            super().process_message(message)

    def _query_in_band_window_resize(self) -> None:
        """It is not asked for."""
