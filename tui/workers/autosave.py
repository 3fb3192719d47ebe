"""Autosave: explorations are saved as they grow; which file each has, and how saving goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt2_remix.engine.files import real_path
from gpt2_remix.tui.messages import NotSaved, Saved
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workers.session_writer import SessionWriter

if TYPE_CHECKING:  # sqlite3 is not on the path to the first frame
    from gpt2_remix.engine.session.opening import OpenedSession

TICK = 0.25
"""Seconds between two looks at what is new: what was seen is on the disk well within a second."""

WORDS = 12
"""Tokens of which a session's first words are made."""


@dataclass(slots=True)
class SavedExploration:
    """An exploration's session, what of it was given to the writer, how that went, and why it could not be saved."""

    opened: OpenedSession
    state: str = ""
    given: bool = False
    reason: str = ""


class Autosave:
    """Belongs to the app's thread."""

    def __init__(self, writer: SessionWriter, say: Callable[[str], object]) -> None:
        self._writer = writer
        self._say = say
        self._kept: dict[Exploration, SavedExploration] = {}

    def save_in(self, exploration: Exploration, opened: OpenedSession) -> None:
        """From now on this exploration is kept in a session's file."""
        opened.session.tree = exploration.tree
        self._kept[exploration] = SavedExploration(opened, "saved" if opened.saved else "", given=opened.saved)

    def save_new(self, exploration: Exploration) -> None:
        """This exploration gets a file of its own as soon as there is something to keep."""
        from gpt2_remix.engine.session.folder import fresh_path
        from gpt2_remix.engine.session.journal import Session
        from gpt2_remix.engine.session.locks import claimed
        from gpt2_remix.engine.session.opening import OpenedSession

        path, lock = claimed(fresh_path())
        self.save_in(exploration, OpenedSession(Session(exploration.tree), path, saved=False, lock=lock))

    def knows(self, exploration: Exploration) -> bool:
        """Whether an exploration has a file."""
        return exploration in self._kept

    def session_of(self, exploration: Exploration) -> OpenedSession | None:
        """An exploration's session and file."""
        kept = self._kept.get(exploration)
        return kept.opened if kept else None

    def exploration_in(self, path: Path) -> Exploration | None:
        """The exploration that is kept in a file."""
        real = real_path(path)
        for exploration, kept in self._kept.items():
            if kept.opened.path == real:
                return exploration
        return None

    def state(self, exploration: Exploration) -> str:
        """How saving goes, in a word or two; "" while there is nothing to save."""
        kept = self._kept.get(exploration)
        if kept is None:
            return ""
        behind = kept.state == "saved" and len(exploration.tree.nodes) > kept.opened.journal.saved
        return "saving" if behind else kept.state

    @property
    def busy(self) -> bool:
        """Whether something is to be saved that is not on the disk yet."""
        return any(
            self._worth(exploration, kept) and (kept.state != "saved" or kept.opened.journal.pending)
            for exploration, kept in self._kept.items()
        )

    def leave(self, exploration: Exploration) -> None:
        """Save its last changes and let go of its file."""
        self.tick()
        kept = self._kept.pop(exploration, None)
        if kept is not None and kept.opened.path is not None:
            self._writer.leave(kept.opened.path)
            kept.opened.release()

    def tick(self) -> None:
        """Give the writer what is new."""
        for exploration, kept in self._kept.items():
            path = kept.opened.path
            if path is None or not self._worth(exploration, kept):
                continue
            kept.opened.session.words = kept.opened.session.words or self._words(exploration)
            changes = kept.opened.journal.changes(whole=not kept.given)
            if changes is not None:
                kept.given = True
                if kept.state in ("", "saved"):
                    kept.state = "saving"
                self._writer.put(path, changes)

    def _worth(self, exploration: Exploration, kept: SavedExploration) -> bool:
        """A prefix that nobody did anything with is no session yet."""
        tree = exploration.tree
        if kept.given or kept.opened.session.name:
            return bool(tree.models)
        return bool(tree.models) and any(node.step and node.step.origin != "prompt" for node in tree.nodes[1:])

    def _words(self, exploration: Exploration) -> str:
        return exploration.words(exploration.tree.ids(WORDS)) if exploration.tokenizer else ""

    def take(self, message: Saved | NotSaved) -> bool:
        """Take what the writer says; whether that is news for the screen."""
        if isinstance(message, NotSaved):
            self._not_saved(message)
            return True
        for kept in self._kept.values():
            if kept.opened.path == message.path:
                news, kept.state = kept.state != "saved", "saved"
                return news
        return False

    def _not_saved(self, message: NotSaved) -> None:
        """A file could not be written: say so once, and give everything again where it is gone."""
        for kept in self._kept.values():
            if kept.opened.path == message.path:
                if message.taken:
                    self._go_on_elsewhere(kept, message.path)
                    return
                if kept.state != "not saved":
                    self._say(f"not saved: {message.reason}; everything stays in memory, and saving is tried again")
                kept.state, kept.reason = "not saved", message.reason
                if message.lost:
                    kept.given = False

    def _go_on_elsewhere(self, kept: SavedExploration, path: Path) -> None:
        """Save in a file of one's own what another program's tokens stand in the way of."""
        from gpt2_remix.engine.session.locks import claimed

        kept.opened.release()
        target, kept.opened.lock = claimed(path.with_name(f"{path.stem} 2{path.suffix}"))
        kept.opened.path, kept.given, kept.state = target, False, "saving"
        self._say(f"{path.name} was written to by another program; this stream goes on in {target.name}")

    def close(self, seconds: float) -> list[str]:
        """Save what is new, and end. Returns what is to be said of sessions that could not be saved."""
        self.tick()
        self._writer.close(seconds)
        said = [exported_elsewhere(kept) for exploration, kept in self._kept.items()
                if kept.opened.path is not None and self._worth(exploration, kept)
                and (self._writer.holds(kept.opened.path) or (kept.reason and kept.state == "not saved"))]
        for kept in self._kept.values():
            kept.opened.release()
        return said


def exported_elsewhere(kept: SavedExploration) -> str:
    """Write a session that could not be saved as JSON to where that can be done; where it is, in a line."""
    from gpt2_remix.engine.session.export.elsewhere import kept_elsewhere

    path = kept.opened.path
    assert path is not None
    why = f" ({kept.reason.removeprefix(f'{path} cannot be written: ')})" if kept.reason else ""
    return f"{path} could not be saved{why}; {kept_elsewhere(kept.opened.session, path)}"
