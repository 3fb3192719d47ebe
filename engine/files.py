"""Files: one way to read a path, no waiting for what is no file, and writing one whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_path

from gpt2_remix.engine.errors import EngineError, InputError

CONNECTED = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""Pipes below it were opened by whoever started us (`<(command)` in a shell): somebody writes into them."""


def path_of(text: str) -> Path:
    """The path that a person wrote, in an option, a field or a file of settings: `~` is a home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~name where there is no such person
        return Path(text)


def real_path(path: Path) -> Path:
    """Where a file lies, all links and `..` followed: the one path of all those that lead to it."""
    return Path(os.path.realpath(path))


def read_bytes(path: Path, count: int = -1) -> bytes:
    """The first `count` bytes of a file; all of them where it is negative.

    Raises:
        OSError: it cannot be read, or is no file: a named pipe would be waited for without end.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and not str(path).startswith(CONNECTED):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file; save what comes out of it in a file first")
    with path.open("rb") as file:
        return file.read(count)


def read_file(path: Path, count: int = -1) -> bytes:
    """The same for what a person named. Raises InputError."""
    try:
        return read_bytes(path, count)
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name a file in it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from None


def check_file(path: Path) -> None:
    """Refuse what cannot be read as a file. Raises InputError."""
    read_file(path, 0)


def json_bytes(text: str) -> bytes:
    """A JSON document as UTF-8; bytes of file names that are none (PEP 383) as JSON's own escapes."""
    return text.encode("utf-8", "backslashreplace")


def is_text(name: str) -> bool:
    """Whether a path is UTF-8: not every library opens one that is not."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def reason(error: Exception) -> str:
    """What the system says of a file that cannot be used, in its own words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder; at the end of the block it takes the place of `path`.

    Where the block fails, or the process is killed, what was at `path` is still there. A link stays one: the file
    that it leads to is written.

    Raises:
        OSError: it cannot be moved there.
    """
    target = real_path(path)
    part = target.with_name(f".{target.name[:60]}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def check_can_write(path: Path) -> None:
    """Refuse a place where no file can be made, before the work whose result is to go there. Raises InputError."""
    where = real_path(path).parent
    if not where.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {where}; make it first")
    if not os.access(where, os.W_OK):
        raise InputError(f"{path} cannot be written: nothing can be made in {where}; name another place")


def has_many_names(path: Path) -> bool:
    """Whether a file has more than one name on its disk (hard links)."""
    with suppress(OSError):
        return path.stat().st_nlink > 1
    return False


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; into a device or a pipe as it is. Raises EngineError."""
    try:
        if path.exists() and not path.is_file():
            _write_through(path, content)
            return
        with written_beside(path) as part:
            part.write_bytes(content)
            # A full disk may say so only now.
            with part.open("rb") as written:
                os.fsync(written.fileno())
    except OSError as error:
        kept = "; what was there before is still there" if path.is_file() else ""
        raise EngineError(f"{path} cannot be written: {reason(error)}{kept}") from None


def _write_through(path: Path, content: bytes) -> None:
    # A named pipe that nobody reads is refused at once where it would be waited for.
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    if hasattr(os, "set_blocking"):
        os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as file:
        file.write(content)


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    return user_cache_path("gpt2-remix")
