"""The help screen: the story, the keys, and what each pane shows in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import ClassVar, TypeAlias

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.widgets.footer import Keys

STORY = """\
The network is given the text so far and returns a probability for every token: the candidates. A biased coin is
flipped, one token falls out, it is appended, and the network is asked again. You can take the coin's place at any
position.
"""

@dataclass(frozen=True, slots=True)
class Paragraph:
    """A titled paragraph of the help."""

    title: str
    text: str = ""


Part: TypeAlias = Paragraph | Sequence[tuple[str, str]]
"""A paragraph, or a table of keys."""


def unwrapped(text: str) -> str:
    """A paragraph of source code as one line, to be wrapped by the screen."""
    return " ".join(cleandoc(text).split())


def key_table(keys: Sequence[tuple[str, str]]) -> Table:
    """Keys and what they do."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column()
    for pressed, what in keys:
        table.add_row(Text(pressed), Text(what))
    return table


class HelpScreen(Modal[None]):
    """Scrolls; any way out closes it."""

    DEFAULT_CSS = """
    HelpScreen .dialog { height: 90%; }
    HelpScreen Static { height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", key_display="esc"),
        Binding("up,down", "", "scroll", key_display="↑↓"),
    ]

    def __init__(self, page: str, parts: Sequence[Part]) -> None:
        super().__init__()
        self._page = page
        self._parts = parts

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = f"help: {self._page}"
            yield Static(Text(unwrapped(STORY) + "\n"))
            for part in self._parts:
                if isinstance(part, Paragraph):
                    yield Static(Text(f"\n{part.title}", style="bold underline"))
                    yield Static(Text(unwrapped(part.text)))
                else:
                    yield Static(key_table(part))
        yield Keys()

    def opened(self) -> None:
        """Focus the text: keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
