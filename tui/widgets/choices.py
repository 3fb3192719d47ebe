"""A list to choose from that stands pages being turned while it is empty or has no room (Textual's own does not)."""

from __future__ import annotations

from textual.widgets import OptionList


class Choices(OptionList):
    """Textual's list of options."""

    DEFAULT_CSS = """
    Choices, Choices:focus { height: auto; border: none; padding: 0; background: $surface; }
    """

    def action_page_up(self) -> None:
        """A page up, where there is one."""
        if self.option_count and self.size.height:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """A page down, where there is one."""
        if self.option_count and self.size.height:
            super().action_page_down()  # type: ignore[no-untyped-call]
