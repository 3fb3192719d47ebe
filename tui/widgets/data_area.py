"""A text area for any text at all: a sentence, a paste of unknown bytes."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import TextArea

from gpt2_remix.engine.tokens.display import show_character


class DataArea(TextArea):
    """A text area in which no character reaches the terminal as anything but text."""

    def get_line(self, line_index: int) -> Text:
        """A line with one harmless character in place of each that would act on the terminal."""
        return Text("".join(map(harmless, self.document.get_line(line_index))), end="", no_wrap=True)


def harmless(character: str) -> str:
    """The character, or another single one in its place: the cursor counts characters."""
    shown = character if character == "\t" else show_character(character)
    return shown if len(shown) == 1 else "\ufffd"
