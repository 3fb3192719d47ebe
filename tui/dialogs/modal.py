"""What every dialog is: a modal screen that ends once."""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.screen import ModalScreen, ScreenResultType

from gpt2_remix.tui.main_screen import EndsOnce


class Modal(EndsOnce[ScreenResultType], ModalScreen[ScreenResultType]):
    """A dialog. It opens and is resized where it has its widgets: in an app that ends it may have none."""

    def on_mount(self) -> None:
        """See `opened`."""
        if self.children:
            self.opened()

    def on_resize(self, event: events.Resize) -> None:
        """See `resized`."""
        if self.children:
            self.resized(event.size)

    def opened(self) -> None:
        """It is there: say what is known, and where the focus is."""

    def resized(self, size: Size) -> None:
        """The terminal has another size."""
