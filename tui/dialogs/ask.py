"""A one-line question: a field, and what is wrong with the answer while it is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.footer import Keys


class AskScreen(Modal[str | None]):
    """Dismissed with an answer that `check` accepts, or None."""

    DEFAULT_CSS = """
    AskScreen Input { background: $panel; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel", priority=True)]

    def __init__(self, title: str, hint: str, *, value: str = "", check: Callable[[str], object]) -> None:
        super().__init__()
        self._title = title
        self._hint = hint
        self._value = value
        self._check = check

    def compose(self) -> ComposeResult:
        """The field over the hint."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Input(self._value, compact=True)
            yield Static(id="problem", classes="problem")
            yield Static(Text(self._hint), classes="hint")
        yield Keys()

    def opened(self) -> None:
        """One types at once."""
        self.query_one(Input).focus()

    def _problem(self, answer: str) -> str:
        try:
            self._check(answer)
        except EngineError as error:
            return str(error)
        return ""

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        problem = self._problem(event.value) if event.value else ""
        self.query_one("#problem", Static).update(Text(problem))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        problem = self._problem(event.value)
        if problem:
            self.query_one("#problem", Static).update(Text(problem))
            self.app.bell()
        else:
            self.dismiss(event.value)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
