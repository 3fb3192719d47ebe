"""The sessions screen: what is kept, the newest first; open, search, rename, copy, delete to the bin."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Input, Static

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.session.folder import (
    Listed,
    bin_folder,
    copy_session,
    count_binned,
    empty_bin,
    folder,
    from_bin,
    list_sessions,
    rename_session,
    to_bin,
)
from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.tui import messages
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.style.numbers import age
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.workspace import Workspace, check_session_name

MOST_WORDS = 40

WRITING = 2.0
"""Seconds that a session that is open here has to be written before the list is made anew."""


class SessionsScreen(Modal[Path | None]):
    """Dismissed with the session to open, or None."""

    DEFAULT_CSS = """
    SessionsScreen .dialog { height: 90%; max-width: 120; width: 94%; }
    SessionsScreen DataTable { height: 1fr; background: $surface; scrollbar-size-vertical: 1; }
    SessionsScreen Input { background: $panel; padding: 0 1; margin-bottom: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "none", "open"),
        Binding("slash", "search", "search", key_display="/"),
        Binding("r", "rename", "rename"),
        Binding("c", "copy", "copy"),
        Binding("d,delete", "delete", "delete", key_display="d"),
        Binding("b", "bin", "bin"),
        Binding("u", "restore", "restore"),
        Binding("B", "empty", "empty the bin"),
        Binding("escape", "close", "close"),
    ]

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._binned = 0
        self._in_bin = False  # whether the bin is listed in place of the sessions
        self._known = False  # whether the sessions were listed
        self._listed: list[Listed] = []
        self._shown: list[Listed] = []
        self._room = MOST_WORDS

    def compose(self) -> ComposeResult:
        """A field over the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "sessions"
            dialog.border_subtitle = str(folder())
            yield Input(placeholder="search: names and first words (/)", compact=True)
            yield DataTable(cursor_type="row", zebra_stripes=False)
            yield Static(id="problem", classes="problem")
        yield Keys()

    def opened(self) -> None:
        """What there is now."""
        table = self.query_one(DataTable)
        self._room = max(18, min(MOST_WORDS, self.size.width * 94 // 100 - 44))
        table.add_column("session", width=self._room)
        for name in ("model", "tokens", "size", "age"):
            table.add_column(name)
        self._reload()
        table.focus()

    def _reload(self) -> None:
        """List what there is, off the screen's thread."""
        self._workspace.tick()
        in_bin = self._in_bin

        def work() -> messages.SessionsListed:
            return messages.SessionsListed(list_sessions(bin_folder() if in_bin else None), count_binned())

        self._workspace.errands.submit(work, self.post_message, "list")

    def on_sessions_listed(self, message: messages.SessionsListed) -> None:
        """Show the sessions."""
        message.stop()
        self._listed, self._binned, self._known = message.sessions, message.binned, True
        self._fill()

    def on_sessions_changed(self, message: messages.SessionsChanged) -> None:
        """List the sessions anew."""
        message.stop()
        self._reload()

    def on_errand_failed(self, message: messages.ErrandFailed) -> None:
        """Say what could not be done."""
        message.stop()
        self._say(message.reason)

    def _fill(self) -> None:
        wanted = self.query_one(Input).value.lower().strip()
        table = self.query_one(DataTable)
        row, selected = table.cursor_row, self._selected
        table.clear()
        self._shown = [listed for listed in self._listed
                       if wanted in f"{listed.name} {listed.words} {listed.path.name}".lower()]
        now = time.time()
        for listed in self._shown:
            here = self._workspace.autosave.exploration_in(listed.path) is not None
            title = show_text(listed.name or listed.words or listed.path.stem, keep="")
            style = "bold" if listed.name else ""
            tokens = listed.problem or f"{listed.nodes:,}"
            table.add_row(
                Text(f"{'● ' if here else ''}{title}"[: self._room], style),
                Text(show_text(listed.model, keep="")[-20:]), Text(tokens[:24], justify="right"),
                Text(f"{listed.size / 1000:,.0f} KB", justify="right"), Text(age(listed.changed, now), justify="right"),
            )
        if self._shown:  # the same session stays selected where the list has another order now
            places = [listed.path for listed in self._shown]
            if selected is not None and selected.path in places:
                row = places.index(selected.path)
            table.move_cursor(row=min(row, len(self._shown) - 1))
        nothing = ("the bin is empty" if self._in_bin else "no sessions yet: one is kept as soon as a token was chosen")
        words = "" if self._listed or not self._known else nothing
        if self._listed and not self._shown:
            words = "no session has these words"
        in_bin = f"{self._binned} in the bin (b shows it, B empties it)" if self._binned and not self._in_bin else ""
        self._say(" · ".join(filter(None, [words, in_bin])))

    def _say(self, words: str) -> None:
        self.query_one("#problem", Static).update(Text(words))

    @property
    def shown(self) -> Sequence[Listed]:
        """The sessions in the list."""
        return self._shown

    @property
    def _selected(self) -> Listed | None:
        row = self.query_one(DataTable).cursor_row
        return self._shown[row] if 0 <= row < len(self._shown) else None

    @on(DataTable.RowSelected)
    def _chosen(self) -> None:
        if (listed := self._selected) is None:
            return
        if self._in_bin:
            self.action_restore()
        else:
            self.dismiss(listed.path)

    @on(Input.Changed)
    def _search_changed(self) -> None:
        self._fill()

    @on(Input.Submitted)
    def _search_done(self) -> None:
        self.query_one(DataTable).focus()

    def action_search(self) -> None:
        """Go to the field."""
        self.query_one(Input).focus()

    def action_none(self) -> None:
        """The table takes enter itself."""

    def action_rename(self) -> None:
        """Ask for another name."""
        listed = self._selected
        if listed is None:
            return

        def named(name: str | None) -> None:
            if name is None:
                return
            plain = " ".join(name.split())
            exploration = self._workspace.autosave.exploration_in(listed.path)
            opened = self._workspace.autosave.session_of(exploration) if exploration is not None else None
            if opened is not None:
                opened.session.name = plain
                self._workspace.tick()
                self._do(lambda: self._workspace.writer.wait_until_written(listed.path, WRITING))
            else:
                self._do(lambda: rename_session(listed.path, plain))

        hint = f"{listed.path.name}\nempty: its first words are shown instead"
        self.app.push_screen(AskScreen("rename", hint, value=listed.name, check=check_session_name), named)

    def action_copy(self) -> None:
        """A copy beside it."""
        listed = self._selected
        if listed is not None:
            self._do(lambda: copy_session(listed.path, listed.path)[1].release())

    def action_delete(self) -> None:
        """Into the bin; the one that is open stays."""
        listed = self._selected
        if listed is None:
            return
        if self._workspace.autosave.exploration_in(listed.path) is not None:
            self._say("this session is open here; open another one first")
            return
        self._do(lambda: to_bin(listed.path))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with what is listed."""
        if action in ("rename", "copy", "delete", "bin", "none") and self._in_bin:
            return False
        return action != "restore" or self._in_bin

    def action_bin(self) -> None:
        """List the bin in place of the sessions."""
        self._list(in_bin=True)

    def _list(self, *, in_bin: bool) -> None:
        self._in_bin = in_bin
        dialog = self.query_one(".dialog")
        dialog.border_title = "the bin: deleted sessions, until it is emptied" if in_bin else "sessions"
        dialog.border_subtitle = str(bin_folder() if in_bin else folder())
        self.refresh_bindings()
        self._reload()

    def action_restore(self) -> None:
        """Back among the sessions."""
        listed = self._selected
        if listed is not None:
            self._do(lambda: from_bin(listed.path))

    def action_empty(self) -> None:
        """Ask before what is in the bin is gone for good."""
        def check(answer: str) -> None:
            if answer.strip().lower() != "yes":
                raise InputError("type yes to delete what is in the bin for good, or esc to keep it")

        hint = f"what is in {bin_folder()} is deleted for good; type yes"
        self.app.push_screen(AskScreen("empty the bin", hint, check=check),
                             lambda answer: self._do(empty_bin) if answer else None)

    def _do(self, act: Callable[[], object]) -> None:
        """Do something with files off the screen's thread, then list the sessions anew."""

        def work() -> messages.SessionsChanged:
            act()
            return messages.SessionsChanged()

        self._workspace.errands.submit(work, self.post_message, "change")

    def action_close(self) -> None:
        """From the search to the list, from the list to the playground."""
        field = self.query_one(Input)
        if field.has_focus:
            field.value = ""
            self.query_one(DataTable).focus()
        elif self._in_bin:
            self._list(in_bin=False)
        else:
            self.dismiss(None)
