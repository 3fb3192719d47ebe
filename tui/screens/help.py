"""The help screen: the story, the keys, and what each pane shows in its own words."""

from __future__ import annotations

from inspect import cleandoc
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from tui.widgets.branches import Branches
from tui.widgets.candidates import Candidates
from tui.widgets.coin import Coin
from tui.widgets.sampler import Sampler
from tui.widgets.token_text import TokenText

STORY = """\
The network is given the text so far and returns a probability for every token: the candidates. A biased coin is
flipped, one token falls out, it is appended, and the network is asked again. You can take the coin's place at any
position.
"""

KEYS = (
    ("space", "one token at the end; while running: pause"),
    ("g", "run, pause"),
    ("< >", "slower, faster"),
    ("← →", "move over tokens; ctrl: over words; shift+↑ ↓: over lines"),
    ("home end", "first token; the next token (while running: follow it)"),
    ("↑ ↓ pgup pgdn", "candidates"),
    ("enter", "pick the selected candidate at the cursor"),
    ("r", "flip the coin of this position again"),
    ("b", "branch here; a number first: that many branches"),
    ("[ ]", "the sibling before, after"),
    ("u ctrl+r", "undo, redo"),
    ("/", "search a token among the candidates"),
    ("x + -", "ban the selected candidate; make it likelier, less likely"),
    ("s p", "sampling settings; the next preset"),
    ("e", "edit the prefix, as text or as token ids"),
    ("t", "show and hide the branches"),
    ("h", "heat: surprisal, entropy, probability, off"),
    ("m", "choose a model"),
    ("ctrl+p", "every action, presets, themes"),
    ("q", "quit"),
)

PANES = (
    ("text", TokenText.HELP), ("candidates", Candidates.HELP), ("coin", Coin.HELP), ("sampling", Sampler.HELP),
    ("branches", Branches.HELP),
)  # fmt: skip


def flowing(text: str) -> str:
    """A paragraph of source code as one line, to be wrapped by the screen."""
    return " ".join(cleandoc(text).split())


class HelpScreen(ModalScreen[None]):
    """Scrolls; any way out closes it."""

    DEFAULT_CSS = """
    HelpScreen .dialog { height: 90%; }
    HelpScreen Static { height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", key_display="esc"),
        Binding("up,down", "", "scroll", key_display="↑↓"),
    ]

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        keys = Table.grid(padding=(0, 2))
        keys.add_column(justify="right", no_wrap=True, style="bold")
        keys.add_column()
        for pressed, what in KEYS:
            keys.add_row(Text(pressed), Text(what))
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "help"
            yield Static(Text(flowing(STORY) + "\n"))
            yield Static(keys)
            for title, text in PANES:
                yield Static(Text(f"\n{title}", style="bold underline"))
                yield Static(Text(flowing(text)))
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def action_close(self) -> None:
        """Back to the playground."""
        self.dismiss(None)
