"""The export dialog: in which form, all of it or one branch, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from gpt2_remix.engine.files import path_of
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.footer import Keys

FORMS = {
    "html": "a page with heat colours and the candidates on hover",
    "json": "complete: importing it gives this session again",
    "md": "Markdown",
    "txt": "plain text",
    "svg": "a picture of the screen as it is now",
    "copy": "the text of this branch to the clipboard",
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """A form of FORMS, whether only the branch in view, and the file (None for the clipboard)."""

    form: str
    branch: bool
    path: Path | None


class ExportScreen(Modal[ExportOptions | None]):
    """Dismissed with ExportOptions, or None."""

    DEFAULT_CSS = """
    ExportScreen Choices, ExportScreen Choices:focus {
        height: auto; border: none; padding: 0; background: $surface;
    }
    ExportScreen Input { background: $panel; padding: 0 1; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "none", "export"),
        Binding("ctrl+t", "switch", "branch or all", priority=True),
        Binding("tab", "app.focus_next", "form or file"),
        Binding("escape", "cancel", "cancel", priority=True),
    ]

    def __init__(self, stem: str, branches: int, forms: Mapping[str, str] | None = None, scope: str = "") -> None:
        """`forms`: those to choose from, where not all; `scope`: what is exported, where it is not branches."""
        super().__init__()
        self._forms = FORMS if forms is None else forms
        self._scope = scope
        self._stem = stem
        self._branches = branches
        self._branch = False
        self._form = next(iter(self._forms))

    def compose(self) -> ComposeResult:
        """The forms over the file's name."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "export"
            yield Choices(*(
                Option(Text(f"{form:<6}{what}", no_wrap=True), id=form) for form, what in self._forms.items()
            ))
            yield Input(str(self._path(self._form)), compact=True)
            yield Static(id="problem", classes="problem")
            yield Static(id="scope", classes="hint")
        yield Keys()

    def opened(self) -> None:
        """Focus the list: arrows choose at once."""
        self.query_one(Choices).focus()
        self._show()

    def _path(self, form: str) -> Path:
        return Path.cwd() / f"{self._stem}.{form}"

    def _show(self) -> None:
        all_of_it = "the only branch" if self._branches == 1 else f"all {self._branches} branches"
        words = self._scope or ("the branch in view" if self._branch or self._form == "copy" else all_of_it)
        self.query_one("#scope", Static).update(Text("the screen" if self._form == "svg" else words))
        self.query_one(Input).display = self._form != "copy"

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        field = self.query_one(Input)
        if event.option.id and field.value == str(self._path(self._form)) and event.option.id != "copy":
            field.value = str(self._path(event.option.id))
        if event.option.id == "copy" or self._form == "copy":
            field.value = str(self._path(event.option.id or ""))
        self._form = event.option.id or self._form
        self._show()

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    def _chosen(self) -> None:
        if self._form == "copy":
            self.dismiss(ExportOptions("copy", True, None))
            return
        path = path_of(self.query_one(Input).value)
        problem = ""
        if path.is_dir():
            problem = f"{path} is a folder; name a file in it"
        elif not path.parent.is_dir():
            problem = f"there is no folder {path.parent}"
        if problem:
            self.query_one("#problem", Static).update(Text(problem))
            self.app.bell()
            return
        self.dismiss(ExportOptions(self._form, self._branch, path))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A matter of branches where there are some."""
        return super().check_action(action, parameters) and (action != "switch" or not self._scope)

    def action_switch(self) -> None:
        """All of it, or the branch in view."""
        self._branch = not self._branch
        self._show()

    def action_none(self) -> None:
        """The list and the field take enter themselves."""

    def action_cancel(self) -> None:
        """Close without exporting."""
        self.dismiss(None)
