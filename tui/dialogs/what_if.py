"""What if: what is to be otherwise while the luck stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from gpt2_remix.engine.sampling.settings import SEED_LIMIT
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.footer import Keys

SAME_LUCK = "the luck stays the same: every position keeps its coin"
IN_HINDSIGHT = ("the luck stays the same: coins as they fell, and for given and picked tokens luck in hindsight, "
                "one of those that would have written them")


@dataclass(frozen=True, slots=True)
class WhatIfAnswer:
    """What is to be otherwise: "marks", "token", "other", "prefix" or "settings"; and the seed of luck in hindsight."""

    what: str
    seed: int


class WhatIfScreen(Modal[WhatIfAnswer | None]):
    """Dismissed with what is to be otherwise, None for nothing.

    Args:
        marks: whether the marks are on.
        token: which token would stand for which.
        other: what chooses another token; "" where `token` does.
        generated: whether there is a token that a coin chose.
        given: whether there is one from the cursor on that no coin chose, so that luck in hindsight is drawn for it.
        seed: of that luck.
    """

    HELP = """\
    w keeps the luck and changes one thing. Marks: every token that the current settings would not have chosen with the
    same coins, each judged after the tokens that do stand before it; the network is not run. Another token, prefix or
    settings: the stream is generated again with the same luck and laid beside the old one, with what changed marked and
    the number of tokens until both agree again. Tokens that were given or picked have no luck of their own: after
    another token, or with other settings, it is drawn in hindsight, Gumbel luck under which just this text would have
    been written. It is one of many such lucks, and the seed chooses among them.
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

    def __init__(self, *, marks: bool, token: str, other: str, generated: bool, given: bool, seed: int) -> None:
        super().__init__()
        self._marks, self._token, self._other, self._generated = marks, token, other, generated
        self._given, self._seed = given, seed

    def compose(self) -> ComposeResult:
        """Four to six answers."""
        options = [
            ("marks", "marks off" if self._marks else "mark what the current settings would not have chosen"),
            ("token", self._token),
            ("prefix", "another prefix"),
            ("settings", "other settings from the beginning on"),
        ]
        if self._other:
            options.append(("other", self._other))
        if self._given:
            options.append(("seed", self._seed_words))
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "what if"
            yield Choices(*(
                Option(Text(title), id=name, disabled=not self._generated and name in ("marks", "prefix"))
                for name, title in options
            ))
            yield Static("\n" + (IN_HINDSIGHT if self._given else SAME_LUCK), classes="hint")
        yield Keys()

    def opened(self) -> None:
        """Focus the list: arrows choose at once."""
        self.query_one(Choices).focus()

    @property
    def _seed_words(self) -> str:
        return f"luck in hindsight: seed {self._seed}; another one"

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        what = event.option.id or ""
        if what == "seed":
            self._seed = (self._seed + 1) % SEED_LIMIT
            self.query_one(Choices).replace_option_prompt("seed", Text(self._seed_words))
            return
        self.dismiss(WhatIfAnswer(what, self._seed))

    def action_none(self) -> None:
        """The list takes enter itself."""

    def action_cancel(self) -> None:
        """Nothing."""
        self.dismiss(None)
