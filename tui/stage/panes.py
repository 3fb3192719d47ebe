"""The stage's panes."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from gpt2_remix.tui.stage.bars import StageBars
from gpt2_remix.tui.stage.interval import StageCoin
from gpt2_remix.tui.stage.line import StageLine
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.token_text import TokenText


class Panes:
    """All that is drawn on: the text, the candidates, the coin, a line, and the token on its way."""

    def __init__(self, palette: Palette) -> None:
        self.text = TokenText(palette, id="stage-text")
        self.text.can_focus = False
        self.bars = StageBars(palette)
        self.coin = StageCoin(palette)
        self.line = StageLine(palette)
        self.flying = Static(id="flying")

    @property
    def three(self) -> tuple[Widget, ...]:
        """Those that can be alone on the screen."""
        return self.text, self.bars, self.coin

    def layout(self, bar: Widget) -> Iterable[Widget]:
        """One below the other, with the lesson's bar over the last line."""
        yield Vertical(*self.three, id="stage")
        yield bar
        yield self.line
        yield self.flying

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        for pane in (self.text, self.bars, self.coin, self.line):
            pane.set_palette(palette)
