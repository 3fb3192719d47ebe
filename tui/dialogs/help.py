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

from tui.compare.lane_column import LaneColumn
from tui.dialogs.what_if import WhatIfScreen
from tui.playground.branches import Branches
from tui.playground.sampler import Sampler
from tui.playground.trace_line import TraceLine
from tui.training.new import TrainScreen
from tui.tree.screen import TreeScreen
from tui.widgets.candidates import Candidates
from tui.widgets.coin import Coin
from tui.widgets.plot import DistributionPlot
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
    ("l", "the distribution as a plot, or as the list"),
    ("c", "compare: several settings side by side, from the cursor on"),
    ("w", "what if: other settings, token or prefix, the same luck"),
    ("t", "show and hide the branches"),
    ("T", "the whole session as a tree: fold, name, star, note, hide, find, compare"),
    ("N", "a note on the token under the cursor"),
    ("ctrl+s", "name the session; it is saved as it grows all the same"),
    ("ctrl+o", "sessions: open, search, rename, copy, delete"),
    ("ctrl+e", "export: JSON, Markdown, text, HTML, a picture; or copy the branch"),
    ("h", "heat: surprisal, entropy, probability, verbatim, off"),
    ("{ }", "verbatim: shorter, longer runs count"),
    ("m W", "choose a model; its weights in int8 or in fp32"),
    ("M", "train a model on a text of yours; how it goes; switch to it"),
    ("ctrl+p", "every action, presets, themes"),
    ("q", "quit"),
)

COMPARE_KEYS = (
    ("space", "one token in every lane"),
    ("g", "run, pause"),
    ("< >", "slower, faster"),
    ("← →", "move the cursor through all lanes; ctrl: ten tokens; ↑ ↓: a line"),
    ("tab 1–9", "the next lane, a lane by its number"),
    ("s p", "settings, prefix and seed of the lane; its next preset"),
    ("a d x", "add a lane, copy this one, remove it"),
    ("v", "statistics"),
    ("m", "many seeds: mean and spread of each statistic"),
    ("k", "keep the lane as a branch of the tree"),
    ("e", "edit the prefix that all lanes share"),
    ("r", "other luck: the next seed"),
    ("o", "common coins, or coins of its own for each lane"),
    ("i", "the kind of coin: interval, gumbel"),
    ("c esc", "back to the playground"),
)

PANES = (
    ("text", TokenText.HELP), ("verbatim", TraceLine.HELP), ("candidates", Candidates.HELP),
    ("plot", DistributionPlot.HELP), ("coin", Coin.HELP), ("sampling", Sampler.HELP), ("branches", Branches.HELP),
    ("what if", WhatIfScreen.HELP), ("tree screen", TreeScreen.HELP), ("training", TrainScreen.HELP),
)  # fmt: skip

COINS = ("what each coin keeps equal", Coin.KEPT_HELP)
LANES = (("lanes", LaneColumn.HELP), ("statistics", LaneColumn.STATISTICS_HELP))

Part = tuple[str, str] | tuple[tuple[str, str], ...]
"""A titled paragraph, or a table of keys."""

PAGES: dict[str, tuple[Part, ...]] = {
    "playground": (KEYS, *PANES, COINS, ("keys of the compare screen (c)", ""), COMPARE_KEYS, *LANES),
    "compare": (COMPARE_KEYS, *LANES, COINS),
    "tree": (("tree", TreeScreen.HELP),),
}


def flowing(text: str) -> str:
    """A paragraph of source code as one line, to be wrapped by the screen."""
    return " ".join(cleandoc(text).split())


def key_table(keys: tuple[tuple[str, str], ...]) -> Table:
    """Keys and what they do."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column()
    for pressed, what in keys:
        table.add_row(Text(pressed), Text(what))
    return table


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

    def __init__(self, page: str = "playground") -> None:
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = f"help: {self._page}"
            yield Static(Text(flowing(STORY) + "\n"))
            for part in PAGES[self._page]:
                if isinstance(part[0], tuple):
                    yield Static(key_table(part))
                    continue
                title, text = part
                yield Static(Text(f"\n{title}", style="bold underline"))
                yield Static(Text(flowing(str(text))))
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
