"""What to train on: texts, the folder for the model, and how long."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DirectoryTree, Input, Label, Static

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.state.training import TrainOptions, folder_for, read_train_options
from gpt2_remix.tui.widgets.footer import Keys


class TextFiles(DirectoryTree):
    """Textual's tree of files, without hidden ones."""

    ICON_NODE_EXPANDED, ICON_NODE, ICON_FILE = "▼ ", "▶ ", ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "enter", "choose; again: begin"),
        Binding("space", "select_cursor", "choose or leave out"),
    ]

    class Entered(Message):
        """Enter was pressed on a file."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def action_enter(self) -> None:
        """Tell of a file; a folder is opened and closed."""
        node = self.cursor_node
        if node is not None and node.data is not None and not node.allow_expand:
            self.post_message(self.Entered(node.data.path))
        else:
            self.action_select_cursor()

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """See `DirectoryTree.filter_paths`."""
        return [path for path in paths if not path.name.startswith(".")]


class TrainScreen(Modal[TrainOptions | None]):
    """Dismissed with TrainOptions, or None."""

    HELP = """\
    M, or "train on a text" in the command palette, trains a small GPT-2 on text files of yours, in the background,
    while you go on exploring. The last part of each text is held out: where the loss on it falls, the network learns;
    where only that on training text falls, it remembers. M shows how it goes, and when it is done M switches to the
    new model, which knows its text: verbatim (h) shows what it repeats. esc leaves the training running, ctrl+x ends
    it and keeps the best weights; r goes on from there.
    """

    DEFAULT_CSS = """
    TrainScreen .dialog { height: 90%; }
    TrainScreen Horizontal { height: 1; margin-top: 1; }
    TrainScreen Label { width: auto; color: $text-muted; margin-right: 1; }
    TrainScreen Input { background: $panel; padding: 0 1; }
    TrainScreen #files, TrainScreen #out { width: 1fr; }
    TrainScreen #minutes { width: 9; }
    TrainScreen #length { margin: 0 1 0 2; }
    TrainScreen TextFiles { height: 1fr; margin-top: 1; background: $surface; padding: 0; }
    TrainScreen TextFiles:focus { background-tint: transparent; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "begin"),
        Binding("tab", "app.focus_next", "next field"),
        Binding("escape", "cancel", "cancel", priority=True),
    ]

    def __init__(self, options: TrainOptions | None = None, problem: str = "") -> None:
        super().__init__()
        self._options = options
        self._problem = problem
        self._proposed = ""

    def compose(self) -> ComposeResult:
        """The fields and the files."""
        options = self._options
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "train on a text"
            with Horizontal():
                yield Label("texts  ")
                known = shlex.join(options.files) if options else ""
                yield Input(known, placeholder="novel.txt, letters/*.txt, TITLE=file.txt", compact=True, id="files")
            with Horizontal():
                yield Label("folder ")
                yield Input(str(options.out) if options else "", compact=True, id="out")
                yield Label("minutes", id="length")
                yield Input(f"{options.minutes:g}" if options and options.minutes else "5", compact=True, id="minutes")
            yield TextFiles(Path.cwd())
            yield Static(Text(self._problem), id="problem", classes="problem")
            yield Static("enter on a file chooses it, and on a chosen one begins; shape and vocabulary "
                         "follow from the text and the time, and you go on "
                         "exploring meanwhile. With no text, the training in the folder goes on.", classes="hint")
        yield Keys()

    def opened(self) -> None:
        """Focus the field of the files: a person types at once."""
        self._propose()
        self.query_one("#files", Input).focus()

    def _propose(self) -> None:
        """A folder for these texts, as long as the person has named none."""
        files, out = self.query_one("#files", Input), self.query_one("#out", Input)
        if out.value == self._proposed:
            self._proposed = folder_for(files.value, Path.cwd()) if files.value.strip() else ""
            out.value = self._proposed

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if event.input.id == "files":
            self._propose()
        if event.input.has_focus:
            self.query_one("#problem", Static).update("")

    def _chosen(self, path: Path) -> tuple[str, list[str]]:
        """A file as the field names it, and what stands there."""
        path = path.absolute()
        name = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
        try:
            return name, shlex.split(self.query_one("#files", Input).value)
        except ValueError:
            return name, []

    @on(DirectoryTree.FileSelected)
    def _selected(self, event: DirectoryTree.FileSelected) -> None:
        name, words = self._chosen(event.path)
        words = [word for word in words if word != name] if name in words else [*words, name]
        self.query_one("#files", Input).value = shlex.join(words)

    @on(TextFiles.Entered)
    def _entered(self, event: TextFiles.Entered) -> None:
        """Choose a file; where it is chosen already, begin."""
        name, words = self._chosen(event.path)
        if name in words:
            self.action_begin()
        else:
            self.query_one("#files", Input).value = shlex.join([*words, name])

    @on(Input.Submitted)
    def action_begin(self) -> None:
        """Begin, where there is nothing to complain about."""
        files, out, minutes = (self.query_one(f"#{field}", Input).value for field in ("files", "out", "minutes"))
        try:
            options = read_train_options(files, out, minutes)
        except EngineError as error:
            self.query_one("#problem", Static).update(Text(str(error)))
            self.app.bell()
            return
        self.dismiss(options)

    def action_cancel(self) -> None:
        """Close without training."""
        self.dismiss(None)
