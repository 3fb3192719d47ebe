"""Opening sessions that others have open too."""

from __future__ import annotations

from pathlib import Path

from gpt2_remix.engine.session.locks import claimed
from gpt2_remix.engine.session.opening import open_session


def test_two_windows_never_share_a_file(tmp_path: Path) -> None:
    """Begun within one second they did, and one lost its tokens; on a new file that was named both said "saved"."""
    first = open_session(tmp_path / "new.remix")
    second = open_session(tmp_path / "new.remix")
    third = open_session(tmp_path / "new.remix")
    assert [opened.path.name for opened in (first, second, third) if opened.path] == [
        "new.remix", "new 2.remix", "new 2 2.remix"]
    assert second.notes == ["new.remix is open in another window; this is a new session, new 2.remix"]
    names = [claimed(tmp_path / "2026-11-26 220000.remix") for _ in range(3)]
    assert len({path for path, _ in names}) == 3
    for _, lock in names:
        lock.release()
    first.release()
    again = open_session(tmp_path / "new.remix")
    assert (again.path, again.notes) == (tmp_path / "new.remix", [])
    for opened in (second, third, again):
        opened.release()
