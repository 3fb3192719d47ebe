"""The session's file: its name, other sessions, exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import Runs
from gpt2_remix.tui.workspace import check_session_name

if TYPE_CHECKING:
    from gpt2_remix.tui.sessions.export import ExportOptions

WORDS = 12
"""Tokens of which a session's first words are made."""


class Files:
    """What ctrl+s, ctrl+o and ctrl+e do."""

    def __init__(self, host: Host, runs: Runs) -> None:
        self._host = host
        self._runs = runs

    def name(self) -> None:
        """Ask for a name; saving needs none."""
        from gpt2_remix.tui.dialogs.ask import AskScreen

        host = self._host
        opened = host.workspace.autosave.session_of(host.exploration)
        if opened is None:
            host.workspace.say("there is no session yet; one moment")
            return

        def named(name: str | None) -> None:
            if name is not None:
                opened.session.name = " ".join(name.split())
                host.workspace.tick()
                host.changed(keep_selection=True)

        where = show_text(str(opened.path), keep="")
        hint = f"everything is saved as it comes, in\n{where}\na name makes it easier to find (ctrl+o)"
        ask = AskScreen("name this session", hint, value=opened.session.name, check=check_session_name)
        host.app.push_screen(ask, named)

    def sessions(self) -> None:
        """Show the sessions, and open one."""
        from gpt2_remix.tui.sessions.screen import SessionsScreen

        host, autosave = self._host, self._host.workspace.autosave

        def chosen(path: Path | None) -> None:
            if path is None:
                return
            if autosave.exploration_in(path) is host.exploration:
                host.workspace.say("this session is the one on screen")
            else:
                host.post_message(messages.OpenSession(path))

        self._runs.stop()
        host.changed(keep_selection=True)
        host.app.push_screen(SessionsScreen(host.workspace), chosen)

    def export(self) -> None:
        """Ask in which form and where to, and write it."""
        from gpt2_remix.tui.sessions.export import ExportScreen

        host, exploration = self._host, self._host.exploration
        self._runs.stop()
        host.changed(keep_selection=True)
        opened = host.workspace.autosave.session_of(exploration)
        if opened is None or exploration.tokenizer is None:
            host.workspace.say("there is nothing to export yet; one moment")
            return
        plain = "".join(c if c.isalnum() else "-" for c in (opened.session.name or "session").lower()).strip("-")
        screen = ExportScreen(plain or "session", max(1, exploration.tree.leaf_count))
        host.app.push_screen(screen, self._export)

    def _export(self, options: ExportOptions | None) -> None:
        host, exploration = self._host, self._host.exploration
        opened, tokenizer = host.workspace.autosave.session_of(exploration), exploration.tokenizer
        if options is None or opened is None or tokenizer is None:
            return
        from gpt2_remix.engine.session.journal import Session
        from gpt2_remix.tui.sessions import exporting

        tree, path = exploration.tree, options.path
        leaf = tree.view.head if options.branch else None
        if path is None:
            from gpt2_remix.engine.session.export.text import text_of

            host.app.copy_to_clipboard(text_of(tree, tokenizer, tree.path))
            host.workspace.say(f"the text is on the clipboard ({counted(len(tree), 'token')})")
            return
        words = opened.session.words or exploration.words(tree.ids(WORDS))
        copy_tree, name, created = tree.copier(), opened.session.name, opened.session.created

        def copy() -> Session:
            return Session(copy_tree(), name, created, words)

        host.activity.waiting_for = f"exporting {path.name}…"
        host.changed(keep_selection=True)
        if options.form == "html" and exploration.ready:
            host.workspace.engine.submit(exporting.page_request(
                exploration.network, host.post_message, copy, leaf, path, host.workspace.theme
            ))
            return

        def write(screenshot: str = "") -> None:
            def work() -> Message:
                return exporting.write(path, exporting.text_in(options.form, copy(), tokenizer, leaf, screenshot))

            host.workspace.errands.submit(work, host.post_message, "export")

        if options.form == "svg":
            exporting.picture(host.app, write)
        else:
            write()

    def exported(self, message: messages.Exported) -> None:
        """An export went on, or is there."""
        host = self._host
        if message.finished:
            host.activity.waiting_for = ""
            host.workspace.say(message.problem or f"wrote {message.path}", error=bool(message.problem))
        else:
            host.activity.waiting_for = f"exporting {message.done / max(1, message.total):4.0%}"
        host.changed(keep_selection=True)
