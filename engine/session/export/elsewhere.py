"""Where a session goes whose own file cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.session.export.json import session_to_json
from gpt2_remix.engine.session.export.render import write_text
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.locks import free_path


def kept_elsewhere(session: Session, path: Path) -> str:
    """Write a session as JSON to the first place where that can be done; where it is, in a line."""
    for folder in (Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        try:
            target = free_path(folder / f"{path.stem}.json")
            write_text(target, session_to_json(session))
        except (EngineError, OSError, ValueError):
            continue
        return f"all of it is in {target}, and `gpt2-remix import` takes it in again"
    return "nor can it be exported anywhere else: it is lost"
