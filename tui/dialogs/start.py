"""The first thing on the screen: how to give a sentence, the last session, sentences to begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

from rich.cells import set_cell_size
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.widgets import OptionList, Static, TextArea
from textual.widgets.option_list import Option

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.dialogs.split import TokenSplit
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.style.numbers import age
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.choices import Choices
from gpt2_remix.tui.widgets.data_area import DataArea
from gpt2_remix.tui.widgets.footer import Keys

SENTENCES = (
    "It is a truth universally acknowledged, that a", "Call me Ishmael.", "Once upon a time there was a little girl",
)
"""What one may begin with: the first lines of books, as everyone knows them, and as no book goes on."""

NOTHING = "no sentence: from <|endoftext|>, the token between two texts"
HOW = "Type how a text begins, and press enter: the network goes on with it."

Beginning: TypeAlias = str | Path
"""A text, or a session's file."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A line of the list: what is begun with, and how that is called."""

    begins: Beginning
    words: str
    note: str = ""


class SentenceArea(DataArea):
    """The field of the sentence; from its last line one goes down to the list."""

    def action_cursor_down(self, select: bool = False) -> None:
        """See `TextArea.action_cursor_down`."""
        if self.cursor_at_last_line and not select:
            self.screen.focus_next()
        else:
            super().action_cursor_down(select)


class StartScreen(Modal[Beginning | None]):
    """Dismissed with what to begin with, or None to look around first."""

    DEFAULT_CSS = """
    StartScreen TextArea, StartScreen TextArea:focus { height: 3; border: none; padding: 0; background: $panel; }
    StartScreen TokenSplit { height: 3; }
    StartScreen Choices > .option-list--option-highlighted { background: $surface; }
    StartScreen Choices:focus > .option-list--option-highlighted { background: $secondary; }
    StartScreen Choices { border-top: solid $border; border-title-color: $text-muted; }
    StartScreen Choices, StartScreen Choices:focus { text-wrap: nowrap; text-overflow: ellipsis; }
    StartScreen .problem { height: auto; }
    """

    AUTO_FOCUS = "SentenceArea"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "begin", priority=True),
        Binding("down", "app.focus_next", "one of these", key_display="↓"),
        Binding("ctrl+j,alt+enter,shift+enter", "new_line", "new line", priority=True, key_display="ctrl+j"),
        Binding("escape", "look", "look around first", priority=True),
    ]

    def __init__(self, palette: Palette, exploration: Callable[[], Exploration]) -> None:
        """`exploration` gives the one on screen now."""
        super().__init__()
        self._palette = palette
        self._exploration = exploration
        self.offers = [*(Offer(text, text) for text in SENTENCES), Offer("", NOTHING)]

    def compose(self) -> ComposeResult:
        """The field, its tokens, and what else there is to begin with."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "begin with a sentence of your own"
            yield SentenceArea(placeholder=HOW, id="sentence", soft_wrap=True, tab_behavior="focus")
            yield Static(id="problem", classes="problem")
            yield TokenSplit(self._palette)
            choices = Choices()
            choices.border_title = "or with one of these (↓)"
            yield choices
        yield Keys()

    def opened(self) -> None:
        """One types at once; the last session comes when it was found."""
        self._fill()
        self.show_tokens()

    def resized(self, size: Size) -> None:
        """The notes of the list stand at its right edge."""
        self._fill()

    def on_newest_session(self, message: messages.NewestSession) -> None:
        """The last session is offered first; what a person has chosen meanwhile stays chosen."""
        message.stop()
        if (last := message.session) is not None:
            words = show_text(last.name or f"“{last.words}”")
            note = f"{counted(last.nodes or 0, 'token')}, {age(last.changed)} ago"
            self.offers.insert(0, Offer(last.path, f"go on with {words}", note))
            choices = self.query_one(Choices)
            self._fill((choices.highlighted or 0) + 1 if choices.has_focus else 0)

    def _fill(self, chosen: int | None = None) -> None:
        choices = self.query_one(Choices)
        chosen = choices.highlighted if chosen is None else chosen
        width = max(20, choices.scrollable_content_region.width - 1)
        choices.clear_options()
        for offer in self.offers:
            room = width - len(offer.note) - 2 if offer.note else width
            line = set_cell_size(offer.words, room) if offer.note else offer.words
            choices.add_option(Option(Text.assemble(line, (f"  {offer.note}", "dim") if offer.note else "")))
        choices.highlighted = min(chosen or 0, len(self.offers) - 1)

    # What is typed

    @property
    def _area(self) -> SentenceArea:
        return self.query_one(SentenceArea)

    def show_tokens(self) -> None:
        """The tokens of what was typed so far, as soon as there is a tokenizer."""
        exploration, problem = self._exploration(), ""
        if exploration.tokenizer is None:
            return
        try:
            ids = exploration.tokenizer.encode(self._area.text)
            self.query_one(TokenSplit).show(exploration, ids)
        except EngineError as error:
            problem = str(error)
        self.query_one("#problem", Static).update(Text(problem))

    @on(TextArea.Changed)
    def _changed(self) -> None:
        self.show_tokens()

    def on_key(self, event: events.Key) -> None:
        """Letters typed on the list go into the field."""
        if event.character and event.is_printable and not self._area.has_focus:
            event.stop()
            self._area.focus()
            self._area.insert(event.character)
        elif event.key == "up" and not self._area.has_focus and not self.query_one(Choices).highlighted:
            event.stop()
            self._area.focus()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted on the list goes into the field."""
        event.stop()
        if not self._area.has_focus:
            self._area.focus()
            self._area.insert(event.text)

    def action_new_line(self) -> None:
        """Enter begins; a line ends with another key."""
        self._area.insert("\n")

    def action_begin(self) -> None:
        """Begin with what was typed, or with the chosen line."""
        choices = self.query_one(Choices)
        if choices.has_focus and choices.highlighted is not None:
            self.dismiss(self.offers[choices.highlighted].begins)
        else:
            self.dismiss(self._area.text)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.offers[event.option_index].begins)

    def action_look(self) -> None:
        """Begin with nothing."""
        self.dismiss(None)
