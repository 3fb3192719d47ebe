"""Opening a session's file, whatever state it is in: whole, damaged, open in another window, an export, or none yet."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:  # sqlite3 is not on the path to the first frame
    from filelock import FileLock

    from gpt2_remix.engine.session.journal import Session


@dataclass(slots=True)
class OpenedSession:
    """A session and the file that it is kept in.

    Attributes:
        path: None where there is no place for a file.
        saved: whether the file holds the session as it is.
        lock: held as long as the session is open here.
        notes: lines for the person.
    """

    session: Session
    path: Path | None
    saved: bool
    lock: FileLock | None = None
    notes: list[str] = field(default_factory=list)

    def release(self) -> None:
        """Others may open it now."""
        if self.lock is not None:
            with suppress(OSError):
                self.lock.release()
            self.lock = None


def open_session(path: Path) -> OpenedSession:
    """Read a session; where there is none it begins there.

    A session that is open in another window is opened as a copy, a damaged one is recovered into a new file, an export
    (JSON) becomes a new session. The file itself is never changed by that.

    Raises:
        InputError: it is no session, or nothing in it can be read.
    """
    from gpt2_remix.engine.session import recovery, store
    from gpt2_remix.engine.session.folder import claimed, copy_session, folder, free_path, try_lock
    from gpt2_remix.engine.session.journal import Session
    from gpt2_remix.engine.session.tree import Tree

    if path.is_dir():
        raise InputError(f"{path} is a folder, not a session; name a file in it, such as {path / 'my.remix'}")
    if path.exists() and is_export(path):
        from gpt2_remix.engine.session.export.json import session_from_json

        try:
            session = session_from_json(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}") from None
        target, lock = claimed(folder() / f"{path.stem}{store.SUFFIX}")
        return OpenedSession(session, target, False, lock, [f"{path.name} was taken in as a new session"])
    held = try_lock(path)
    unwritten = not path.exists() or store.is_unwritten(path)
    if unwritten and held is not None:
        return OpenedSession(Session(Tree(seed=0)), path, False, held)
    if unwritten:
        target, lock = claimed(path.with_name(f"{path.stem} 2{path.suffix}"))
        note = f"{path.name} is open in another window; this is a new session, {target.name}"
        return OpenedSession(Session(Tree(seed=0)), target, False, lock, [note])
    if held is None:
        target = free_path(path.with_name(f"{path.stem} copy{path.suffix}"))
        try:
            copy_session(path, target)
        except EngineError:
            target = free_path(folder() / target.name)
            copy_session(path, target)
        opened = open_session(target)
        opened.notes.insert(0, f"{path.name} is open in another window; this is a copy, {target.name}")
        return opened
    try:
        return OpenedSession(store.read(path), path, True, held)
    except store.DamagedError as error:
        session, lost = recovery.recover(path)
        held.release()
        target, lock = claimed(path.with_name(f"{path.stem} recovered{path.suffix}"))
        parts = f"{counted(len(session.tree.nodes) - 1, 'token')} recovered into {target.name}"
        gone = f", {lost:,} records were not" if lost else ""
        note = f"{error}; {parts}{gone}; the old file is as it was"
        return OpenedSession(session, target, False, lock, [note])
    except EngineError:
        held.release()
        raise


def is_export(path: Path) -> bool:
    """Whether a file looks like JSON."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
