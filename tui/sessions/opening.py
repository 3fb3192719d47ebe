"""A large session while it is read: the end of its text at once, how far the reading is, and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.widgets.token_text import TokenCell, TokenText

BAR = 20


class OpeningScreen(Modal[None]):
    """Dismissed when the session is on the screen behind it, or is not to be."""

    DEFAULT_CSS = """
    OpeningScreen Vertical {
        height: 1fr; border: round $secondary; border-title-color: $primary; background: $surface; padding: 0 1;
    }
    OpeningScreen TokenText { height: 1fr; }
    OpeningScreen #reading { height: 1; color: $text-muted; }
    """
    AUTO_FOCUS = "TokenText"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll('up')", "scroll", key_display="↑↓"),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", "a page", key_display="pgup pgdn"),
        Binding("pagedown,space", "scroll('page_down')", show=False),
        Binding("home", "scroll('home')", show=False),
        Binding("end", "scroll('end')", show=False),
        Binding("escape", "stop", "do not open it", priority=True),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, palette: Palette, seen: messages.SessionSeen, stop: Callable[[], object]) -> None:
        """`stop` lets go of the session."""
        super().__init__()
        self._palette, self._seen, self._stop = palette, seen, stop
        self.read = 0

    def compose(self) -> ComposeResult:
        """The text, and how far the reading is."""
        with Vertical() as pane:
            pane.border_title = show_text(f"opening {self._seen.path.name}")
            yield TokenText(self._palette, cursor=False)
            yield Static(id="reading")
        yield Keys()

    def opened(self) -> None:
        """The end of the text is there, and the reading has begun."""
        area = self.query_one(TokenText)
        area.set_empty("its text is shown when its model is there")
        area.replace(0, [TokenCell(piece, kind, -1) for piece, kind in self._seen.tokens])
        area.scroll_end(animate=False)
        self.say(0)

    def say(self, read: int) -> None:
        """Say how many nodes were read."""
        self.read = read
        share = read / self._seen.nodes
        bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
        done = read == self._seen.nodes
        words = "its model is loaded…" if done else f"{share:.0%} of {counted(self._seen.nodes, 'token')} read"
        self.query_one("#reading", Static).update(Text(f"{bar} {words}", no_wrap=True))

    def action_scroll(self, where: str) -> None:
        """Look at another part of the text."""
        area = self.query_one(TokenText)
        getattr(area, f"scroll_{where}")(animate=False)

    def action_stop(self) -> None:
        """Not this one."""
        self._stop()
