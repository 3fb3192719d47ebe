"""A list to choose from that stands pages being turned while it is empty or has no room (Textual's own does not)."""

from __future__ import annotations

from textual import events
from textual.widgets import OptionList


class Lasting(OptionList):
    """What Textual's lists of options lack: to stand fast keys and clicks on what is gone, or not laid out yet."""

    def on_click(self, event: events.Click) -> None:
        """A click on an option that is gone, but still drawn, is none."""
        if event.style.meta.get("option", 0) >= self.option_count:
            event.prevent_default()

    def action_page_up(self) -> None:
        """A page up, where there is one."""
        if self.option_count and self.size.height:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """A page down, where there is one."""
        if self.option_count and self.size.height:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_select(self) -> None:
        """Take the highlighted option, where there is one still."""
        if self.highlighted is not None and self.highlighted < self.option_count:
            super().action_select()


class Choices(Lasting):
    """A list to choose from."""

    DEFAULT_CSS = """
    Choices, Choices:focus { height: auto; border: none; padding: 0; background: $surface; }
    """
