"""Which token would stand at a position: the candidates there, a field to search, other positions by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.bars import percent
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.footer import Keys

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

MOST = 200
"""Candidates that are listed; others are found by searching."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A token that was chosen, or None and by how many positions to go on to another one."""

    token: int | None = None
    move: int = 0


class TokenScreen(Modal[TokenAnswer | None]):
    """Dismissed with a token or a move, or None."""

    DEFAULT_CSS = """
    TokenScreen Input { background: $panel; padding: 0 1; }
    TokenScreen Choices, TokenScreen Choices:focus { max-height: 12; margin-top: 1; }
    """

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "choose", priority=True),
        Binding("down", "select(1)", "select", priority=True, key_display="↑↓"),
        Binding("up", "select(-1)", show=False, priority=True),
        Binding("ctrl+left,shift+tab", "go(-1)", "token before", priority=True, key_display="ctrl+←"),
        Binding("ctrl+right,tab", "go(1)", "after", priority=True, key_display="ctrl+→"),
        Binding("escape", "cancel", "cancel", priority=True),
    ]

    def __init__(
        self, title: str, dist: Distribution, old: int, name: Callable[[int], str],
        matching: Callable[[str], Sequence[int]],
    ) -> None:
        """`old` stands there; `name` draws a token, `matching` finds those whose names hold what was typed."""
        super().__init__()
        self._title = title
        self._dist = dist
        self._old = old
        self._name_of = name
        self._matching = matching
        self._listed: list[int] = []

    @property
    def title_words(self) -> str:
        """What is asked."""
        return self._title

    def compose(self) -> ComposeResult:
        """The field over the candidates."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Input(placeholder="another token: choose one below, or type a part of it", compact=True)
            yield Choices()
            yield Static("\nthe luck stays the same; all tokens after this one are chosen again", classes="hint")
        yield Keys()

    def opened(self) -> None:
        """The likeliest ones."""
        self._list("")

    def resized(self, size: Size) -> None:
        """The list takes what room there is."""
        self.query_one(Choices).styles.max_height = max(3, size.height - 10)

    def _list(self, typed: str) -> None:
        dist = self._dist
        if typed:
            found, word = frozenset(self._matching(typed)), typed.strip().lower()
            exact = frozenset(token for token in found if self._name_of(token).strip("·").lower() == word)
            order = [*dist.order(among=exact), *dist.order(among=found - exact)]
        else:
            order = [*dist.order(MOST)]
        self._listed = [int(token) for token in order[:MOST] if int(token) != self._old]
        choices = self.query_one(Choices)
        choices.clear_options()
        choices.add_options([
            Option(Text(f"{self._name_of(token):<22} {percent(float(dist.raw[token]))}", no_wrap=True))
            for token in self._listed
        ])
        choices.highlighted = 0 if self._listed else None

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(event.value)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(TokenAnswer(self._listed[event.option_index]))

    def action_choose(self) -> None:
        """Take the highlighted token."""
        highlighted = self.query_one(Choices).highlighted
        if highlighted is not None and highlighted < len(self._listed):
            self.dismiss(TokenAnswer(self._listed[highlighted]))
        else:
            self.app.bell()

    def action_select(self, rows: int) -> None:
        """Highlight another one while one types."""
        choices = self.query_one(Choices)
        if self._listed:
            choices.highlighted = max(0, min(len(self._listed) - 1, (choices.highlighted or 0) + rows))

    def action_go(self, offset: int) -> None:
        """Go on to the token before or after."""
        self.dismiss(TokenAnswer(move=offset))

    def action_cancel(self) -> None:
        """Leave all as it is."""
        self.dismiss(None)
