"""Opening a session's file, whatever state it is in: whole, damaged, open in another window, an export, or none yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import has_many_names, read_file, real_path
from gpt2_remix.engine.words import counted

if TYPE_CHECKING:  # sqlite3 is not on the path to the first frame
    from gpt2_remix.engine.locks import Lock
    from gpt2_remix.engine.models.record import ModelRecord
    from gpt2_remix.engine.progress import Progress
    from gpt2_remix.engine.session.journal import Journal, Session


@dataclass(slots=True)
class OpenedSession:
    """A session and the file that it is kept in.

    Attributes:
        path: None where there is no place for a file.
        saved: whether the file holds the session as it was opened.
        lock: held as long as the session is open here.
        notes: lines for the person.
        journal: says what is new in it since then.
    """

    session: Session
    path: Path | None
    saved: bool
    lock: Lock | None = None
    notes: list[str] = field(default_factory=list)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        from gpt2_remix.engine.session.journal import Journal

        self.journal = Journal.of_saved(self.session) if self.saved else Journal(self.session)

    def release(self) -> None:
        """Others may open it now."""
        if self.lock is not None:
            self.lock.release()
            self.lock = None


def open_session(path: Path, progress: Progress | None = None) -> OpenedSession:
    """Read a session; where there is none it begins there.

    A session that is open in another window is opened as a copy, a damaged one is recovered into a new file, an export
    (JSON) becomes a new session. The file itself is never changed by that. A link is followed first: what it leads to
    is the session. `progress` is called with the nodes read so far; where it raises, nothing is opened.

    Raises:
        InputError: it is no session, or nothing in it can be read.
    """
    from gpt2_remix.engine.locks import try_lock
    from gpt2_remix.engine.session import store
    from gpt2_remix.engine.session.folder import folder
    from gpt2_remix.engine.session.journal import Session
    from gpt2_remix.engine.session.locks import claimed
    from gpt2_remix.engine.session.tree import Tree

    path = real_path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a session; name a file in it, such as {path / 'my.remix'}")
    if path.exists() and is_export(path):
        from gpt2_remix.engine.session.export.json import read_export

        session = read_export(path)
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
        return _copy(path, "is open in another window", progress)
    try:
        if has_many_names(path):
            # SQLite keeps the log by the name that was opened: written under two names, a session would be torn.
            held.release()
            return _copy(path, "has more than one name on this disk (hard links)", progress)
        return OpenedSession(store.read(path, progress), path, True, held)
    except store.DamagedError as error:
        held.release()
        return _recovered(path, error)
    except BaseException:
        held.release()
        raise


def check_session(path: Path) -> ModelRecord | None:
    """Refuse what can be no session to go on with; the model that it was made with last, None where there is none yet.

    Raises InputError.
    """
    from gpt2_remix.engine.session.folder import made_with
    from gpt2_remix.engine.session.locks import holding
    from gpt2_remix.engine.session.store import is_sqlite

    path = real_path(path)
    if not path.exists():
        return None
    if not is_sqlite(path):
        export = "; `gpt2-remix import` makes a session of an export" if is_export(path) else "; choose another file"
        raise InputError(f"{path} is not a session of gpt2-remix{export}")
    with holding(path):
        return made_with(path)


def _copy(path: Path, why: str, progress: Progress | None) -> OpenedSession:
    """A copy of a session, beside it or in the sessions folder. Raises EngineError."""
    from gpt2_remix.engine.session import store
    from gpt2_remix.engine.session.folder import copy_session, folder

    wanted = path.with_name(f"{path.stem} copy{path.suffix}")
    try:
        target, lock = copy_session(path, wanted)
    except EngineError:
        target, lock = copy_session(path, folder() / wanted.name)
    note = f"{path.name} {why}; this is a copy, {target.name}"
    if has_many_names(path):
        note += ": tokens written under its other name may be missing"
    try:
        return OpenedSession(store.read(target, progress), target, True, lock, [note])
    except store.DamagedError as error:
        lock.release()
        opened = _recovered(target, error)
        opened.notes.insert(0, note)
        return opened
    except BaseException:
        lock.release()
        raise


def _recovered(path: Path, error: EngineError) -> OpenedSession:
    """What can be read of a damaged session, for a file of its own. Raises InputError where that is nothing."""
    from gpt2_remix.engine.session import recovery
    from gpt2_remix.engine.session.locks import claimed

    session, lost = recovery.recover(path)
    target, lock = claimed(path.with_name(f"{path.stem} recovered{path.suffix}"))
    parts = f"{counted(len(session.tree.nodes) - 1, 'token')} recovered into {target.name}"
    gone = f", {counted(lost, 'record')} could not be read" if lost else ""
    return OpenedSession(session, target, False, lock, [f"{error}; {parts}{gone}; the old file is as it was"])


def is_export(path: Path) -> bool:
    """Whether a file looks like JSON. Raises InputError where it cannot be read."""
    return read_file(path, 64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")
