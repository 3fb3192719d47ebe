"""Reading what can be read of a damaged session."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import real_path
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.records import UNREADABLE, Records
from gpt2_remix.engine.session.store import APPLICATION_ID, connect, is_sqlite, log_of


def recover(path: Path) -> tuple[Session, int]:
    """Read what can be read of a damaged session, and how many records were lost or hurt as far as is known.

    What followed a lost node begins at the root. A node whose settings are lost is kept with the plain ones.

    Raises InputError where nothing can be read, or it is no session.
    """
    nothing = f"{path} is damaged and nothing in it can be read; a copy of it may be whole"
    if not is_sqlite(path):
        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = _as_long_as_it_says(path, Path(folder))
            with closing(connect(copy, read_only=True)) as db:
                with suppress(*UNREADABLE):
                    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
                    if "nodes" not in tables and db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                        raise InputError(f"{path} is not a session of gpt2-remix; choose another file")
                records = Records(db, strict=False)
                session = records.session()
    except (*UNREADABLE, OSError):
        raise InputError(nothing) from None
    if len(session.tree.nodes) == 1:
        raise InputError(nothing)
    return session, records.lost


def _as_long_as_it_says(path: Path, folder: Path) -> Path:
    """A copy of a session and its log, filled up to the length in its header: SQLite reads no file that was cut off."""
    copy = folder / "copy"
    path = real_path(path)
    shutil.copyfile(path, copy)
    if log_of(path).exists():
        shutil.copyfile(log_of(path), log_of(copy))
    with copy.open("r+b") as file:
        header = file.read(100)
        pages = int.from_bytes(header[28:32], "big")
        page = int.from_bytes(header[16:18], "big")
        wanted = pages * (65536 if page == 1 else page)
        if copy.stat().st_size < wanted < 2**36:
            file.truncate(wanted)
    return copy
