"""The playground's panes, and where each is."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from gpt2_remix.tui.playground.branches import Branches
from gpt2_remix.tui.playground.heat_strip import HeatStrip
from gpt2_remix.tui.playground.trace_line import TraceLine
from gpt2_remix.tui.playground.views.pane import ViewPane
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.coin import Coin
from gpt2_remix.tui.widgets.settings_editor import SettingsEditor
from gpt2_remix.tui.widgets.token_text import TokenText


class Panes:
    """All that is drawn on. Asking the DOM for each at every drawing took a third of its time."""

    def __init__(self, palette: Palette) -> None:
        self.text = TokenText(palette, id="text")
        self.strip = HeatStrip(palette)
        self.trace_line = TraceLine(palette)
        self.text_pane = Vertical(self.text, self.strip, self.trace_line, id="text-pane")
        self.branches = Branches(palette)
        self.trace_line.display = False
        self.view = ViewPane(palette)
        self.coin = Coin(palette)
        self.sampler = SettingsEditor(palette)
        self.left = Vertical(self.text_pane, self.branches, id="left")
        self.right = Vertical(self.view, self.coin, self.sampler, id="right")
        for pane, title in ((self.text_pane, "text"), (self.branches, "branches"), (self.coin, "coin"),
                            (self.sampler, "sampling")):
            pane.border_title = title

    def layout(self) -> Iterable[Widget]:
        """Text and branches on the left, the view, the coin and the settings on the right."""
        yield Horizontal(self.left, self.right, id="panes")

    @property
    def alone(self) -> Widget | None:
        """The pane that has the screen to itself; None where all are there."""
        return next((pane for pane in self.all if pane.has_class("alone")), None)

    @property
    def all(self) -> tuple[Widget, ...]:
        """Those that can be alone on the screen, in the order in which they are."""
        branches = (self.branches,) if self.branches.has_class("shown") else ()
        return self.text_pane, self.view, self.coin, self.sampler, *branches

    @property
    def focused(self) -> Widget:
        """The pane that a person is in; the text's where none has the focus."""
        if self.sampler.focused:
            return self.sampler
        return self.branches if self.branches.has_focus else self.text_pane

    def show_alone(self, chosen: Widget | None) -> None:
        """Give a pane the screen to itself, with its side of the screen; None for all again."""
        for pane in (self.left, self.right, self.text_pane, self.view, self.coin, self.sampler, self.branches):
            pane.set_class(chosen is not None and chosen in (pane, *pane.children), "alone")
        self.left.screen.set_class(chosen is not None, "zoomed")

    @property
    def attached(self) -> bool:
        """Whether they are there: while the app closes they go one by one."""
        return all(pane.is_attached for pane in (self.text, self.trace_line, self.sampler))

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        for pane in (self.text, self.strip, self.trace_line, self.branches, self.view, self.coin, self.sampler):
            pane.set_palette(palette)
