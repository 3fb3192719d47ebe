"""The settings editor: the list of settings, and what the selected one does."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.settings_list import SettingsList


class SettingsEditor(Vertical):
    """The list, and below it what the selected setting does while the list is open."""

    DEFAULT_CSS = """
    SettingsEditor #setting-help { height: 3; color: $text-muted; display: none; }
    SettingsEditor.-open #setting-help { display: block; }
    """

    def __init__(self, palette: Palette, *, always_open: bool = False) -> None:
        super().__init__(id="sampler")
        self.list = SettingsList(palette, always_open=always_open)
        self._help = Static(id="setting-help")
        self._problem = palette.marker

    def compose(self) -> ComposeResult:
        """See the class."""
        yield self.list
        yield self._help

    @property
    def focused(self) -> bool:
        """Whether the list has the focus."""
        return self.list.has_focus

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self.list.set_palette(palette)
        self._problem = palette.marker

    def say(self, words: str) -> None:
        """Say why a change cannot be, in place of what the setting does."""
        self._help.update(Text(words, style=self._problem))

    def on_settings_list_selected(self, message: SettingsList.Selected) -> None:
        """Explain the selected setting."""
        message.stop()
        self.set_class(self.list.open, "-open")
        self._help.update(Text(self.list.explained))
