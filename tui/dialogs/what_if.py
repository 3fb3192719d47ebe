"""What if: what is to be otherwise while the luck stays the same."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.footer import Keys


class WhatIfScreen(Modal[str | None]):
    """Dismissed with "marks", "token", "other", "prefix" or "settings"; None where nothing is to be otherwise.

    Args:
        marks: whether the marks are on.
        token: which token would stand for which.
        other: what chooses another token; "" where `token` does.
        generated: whether there is a token that a coin chose.
    """

    HELP = """\
    w keeps the luck and changes one thing. Marks: every token that the current settings would not have chosen with the
    same coins, each judged after the tokens that do stand before it; the network is not run. Another token, prefix or
    settings: the stream is generated again with the same luck and laid beside the old one, with what changed marked and
    the number of tokens until both agree again.
    """

    DEFAULT_CSS = """
    WhatIfScreen Choices, WhatIfScreen Choices:focus {
        height: auto; border: none; padding: 0; background: $surface;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "none", "choose"),
        Binding("escape,w", "cancel", "back", key_display="esc"),
    ]

    def __init__(self, *, marks: bool, token: str, other: str, generated: bool) -> None:
        super().__init__()
        self._marks, self._token, self._other, self._generated = marks, token, other, generated

    def compose(self) -> ComposeResult:
        """Four or five answers."""
        options = [
            ("marks", "marks off" if self._marks else "mark what the current settings would not have chosen"),
            ("token", self._token),
            ("prefix", "another prefix"),
            ("settings", "other settings from the beginning on"),
        ]
        if self._other:
            options.append(("other", self._other))
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "what if"
            yield Choices(*(
                Option(Text(title), id=name, disabled=not self._generated) for name, title in options
            ))
            words = "the luck stays the same: every position keeps its coin"
            yield Static("\n" + (words if self._generated else "no token was sampled yet: press space first"),
                         classes="hint")
        yield Keys()

    def opened(self) -> None:
        """Focus the list: arrows choose at once."""
        self.query_one(Choices).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_none(self) -> None:
        """The list takes enter itself."""

    def action_cancel(self) -> None:
        """Nothing."""
        self.dismiss(None)
