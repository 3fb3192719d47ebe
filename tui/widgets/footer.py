"""The footer: the keys that work now, each whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

LAST = ("question_mark", "q", "escape")
"""Keys that are always shown: help and the way out."""


def fitting(widths: Sequence[tuple[int, bool]], room: int) -> list[bool]:
    """Which of some keys are shown: in their order as long as there is room, and those that always are.

    Args:
        widths: the cells that each takes, and whether it is always shown.
        room: cells.
    """
    left = room - sum(width for width, always in widths if always)
    shown, full = [], False
    for width, always in widths:
        full = full or (not always and width > left)
        shown.append(always or not full)
        left -= 0 if always or full else width
    return shown


class Keys(Footer):
    """Textual's footer, without a key that would be cut."""

    DEFAULT_CSS = """
    Keys.-wide FooterKey { margin-right: 2; }
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._shown: object = None  # what its widgets were made of

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """See `Footer.bindings_changed`; built anew where other keys work now, and left as it is where none do."""
        shown = [(binding.key, binding.description, binding.action, enabled)
                 for _, binding, enabled, _ in screen.active_bindings.values() if binding.show]
        if shown != self._shown and screen.app.app_focus and screen is self.screen:
            self._shown = shown
            super().bindings_changed(screen)

    def compose(self) -> ComposeResult:
        """See `Footer.compose`."""
        keys = list(super().compose())
        if keys and not any(isinstance(key, FooterKey) and key.key == "enter" for key in keys):
            # A field or a list takes enter itself, and shows no key for it: the dialog's word stands there anyway.
            keys[:0] = [FooterKey("enter", self.app.get_key_display(own), own.description, own.action).data_bind(
                compact=Footer.compact) for own in self.screen.BINDINGS if isinstance(own, Binding)
                and own.key == "enter" and own.show and self.screen.check_action(own.action, ())]
        yield from self._fitting(keys, self.app.size.width)

    def _fitting(self, keys: Sequence[Widget], room: int) -> Iterable[Widget]:
        widths = [
            (cell_len(f"{key.key_display} {key.description} "), key.key in LAST) for key in keys
            if isinstance(key, FooterKey)
        ]
        whole = sum(width + 1 for width, _ in widths) <= room
        self.set_class(whole, "-wide")
        return (key for key, shown in zip(keys, fitting(widths, room + 1), strict=True) if shown)

    def on_resize(self, event: events.Resize) -> None:
        """There is room for more keys, or for fewer."""
        self.call_after_refresh(self.recompose)
