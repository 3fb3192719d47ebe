"""The form for forks: outcomes named by patterns, with proposals, and how many rolls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.state.forks import Proposal
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.footer import Keys

FIELDS = 4
"""Outcomes that there are fields for."""

LIMITS = {"rolls": (1, 256), "tokens": (1, 200)}


@dataclass(frozen=True, slots=True)
class ForksWish:
    """What a person asks for: outcomes as NAME=REGEX, rolls of each alternative, tokens of each roll."""

    outcomes: tuple[str, ...]
    rolls: int = 16
    tokens: int = 20


class ForksScreen(Modal[ForksWish | None]):
    """Dismissed with what is asked for, or None."""

    DEFAULT_CSS = """
    ForksScreen .dialog { max-width: 72; }
    ForksScreen Horizontal { height: 1; }
    ForksScreen Label { width: 10; color: $text-muted; }
    ForksScreen Input { width: 1fr; background: $panel; padding: 0 1; margin: 0 0 0 0; }
    ForksScreen #numbers Input { width: 8; }
    ForksScreen #numbers Label { width: 10; }
    ForksScreen Choices, ForksScreen Choices:focus { max-height: 5; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "none", "look for forks"), Binding("down", "propose", "proposals", key_display="↓"),
        Binding("tab", "app.focus_next", "next field"),
        Binding("escape", "cancel", "cancel", priority=True),
    ]

    def __init__(self, wish: ForksWish, proposals: Sequence[Proposal], cost: str) -> None:
        super().__init__()
        self._wish, self._proposals, self._cost = wish, proposals, cost

    def compose(self) -> ComposeResult:
        """Fields for outcomes, proposals, and the numbers."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "forks: where did this text become what it is?"
            yield Static(Text("What may come, each as NAME=REGEX; a proposal fills the fields"), classes="hint")
            for n in range(FIELDS):
                with Horizontal():
                    yield Label(f"outcome {n + 1}")
                    value = self._wish.outcomes[n] if n < len(self._wish.outcomes) else ""
                    yield Input(value, compact=True, id=f"outcome-{n}",
                                placeholder="as love=love|heart, or ↓ for a proposal" if n == 0 else "")
            yield Choices(*(Option(Text(proposal.title), id=str(n)) for n, proposal in enumerate(self._proposals)))
            with Horizontal(id="numbers"):
                yield Label("rolls")
                yield Input(str(self._wish.rolls), compact=True, id="rolls", type="integer")
                yield Label("  tokens")
                yield Input(str(self._wish.tokens), compact=True, id="tokens", type="integer")
            yield Static(id="problem", classes="problem")
            yield Static(Text(self._cost), classes="hint")
        yield Keys()

    def opened(self) -> None:
        """One types at once; ↓ goes to the proposals."""
        self.query_one("#outcome-0").focus()

    @on(OptionList.OptionSelected)
    def _proposed(self, event: OptionList.OptionSelected) -> None:
        chosen = self._proposals[int(event.option.id or 0)].outcomes
        for n in range(FIELDS):
            self.query_one(f"#outcome-{n}", Input).value = chosen[n] if n < len(chosen) else ""
        self.query_one("#outcome-0").focus()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        try:
            self.dismiss(self._read())
        except EngineError as error:
            self.query_one("#problem", Static).update(Text(str(error)))
            self.app.bell()

    def _read(self) -> ForksWish:
        """What stands in the fields. Raises InputError."""
        from gpt2_remix.engine.outlook.outcomes import check_outcomes, parse_outcome

        texts = tuple(text for n in range(FIELDS) if (text := self.query_one(f"#outcome-{n}", Input).value.strip()))
        check_outcomes([parse_outcome(text) for text in texts])
        return ForksWish(texts, self._number("rolls"), self._number("tokens"))

    def _number(self, name: str) -> int:
        low, high = LIMITS[name]
        text = self.query_one(f"#{name}", Input).value
        if not (text.isascii() and text.isdecimal()) or not low <= int(text[:9]) <= high:
            raise InputError(f"{name}: a whole number from {low} to {high}")
        return int(text)

    def action_propose(self) -> None:
        """Go from the fields to the proposals."""
        self.query_one(Choices).focus()

    def action_none(self) -> None:
        """The field or the list takes enter itself."""

    def action_cancel(self) -> None:
        """Close without a question."""
        self.dismiss(None)
