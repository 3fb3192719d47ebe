"""The rolls of an alternative: how the text would have gone on, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.footer import Keys


@dataclass(frozen=True, slots=True)
class Roll:
    """One of them: its seed, the name of its outcome, and its text."""

    seed: int
    outcome: str
    text: str


class RollsScreen(Modal[int | None]):
    """Dismissed with the place of the roll that is to be kept as a branch, or None."""

    DEFAULT_CSS = """
    RollsScreen VerticalScroll { height: 8; background: $surface; }
    RollsScreen .dialog { max-width: 76; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,down,space,enter", "turn(1)", "the next roll", key_display="→"),
        Binding("left,up", "turn(-1)", "before", key_display="←"),
        Binding("k", "keep", "keep as a branch"),
        Binding("escape", "cancel", "back"),
    ]

    def __init__(self, title: str, before: str, rolls: Sequence[Roll]) -> None:
        super().__init__()
        self._title, self._before, self._rolls = title, before, rolls
        self._place = 0

    def compose(self) -> ComposeResult:
        """The text."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            with VerticalScroll():
                yield Static(id="roll")
            yield Static(id="which", classes="hint")
        yield Keys()

    def opened(self) -> None:
        """The first."""
        self._show()

    def _show(self) -> None:
        roll = self._rolls[self._place]
        text = Text(self._before, style="dim")
        text.append(roll.text, style="bold not dim")
        self.query_one("#roll", Static).update(text)
        self.query_one("#which", Static).update(
            Text(f"roll {self._place + 1} of {len(self._rolls)} · seed {roll.seed} · {roll.outcome}"))

    def action_turn(self, rolls: int) -> None:
        """Another roll."""
        self._place = (self._place + rolls) % len(self._rolls)
        self._show()

    def action_keep(self) -> None:
        """Keep it as a branch."""
        self.dismiss(self._place)

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)
