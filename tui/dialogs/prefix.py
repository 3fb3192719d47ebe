"""The prefix editor: as text or as token ids, with the token split shown while typing."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.widgets import Static, TabbedContent, TabPane, TextArea

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.backend import check_ids
from gpt2_remix.engine.tokens.display import show_token
from gpt2_remix.engine.tokens.healing import Cut, cut_of, longer_than
from gpt2_remix.engine.tokens.ids import parse_ids
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.dialogs.split import TokenSplit
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.data_area import DataArea
from gpt2_remix.tui.widgets.footer import Keys


class PrefixScreen(Modal[list[int] | None]):
    """Dismissed with the new prefix as ids, or None.

    Opens on `ids`, or on a text that was pasted. Raises InputError where the vocabulary cannot hold that text.

    Attributes:
        healed: the end that was taken back, with which the next token is to begin; "" for none.
    """

    DEFAULT_CSS = """
    PrefixScreen #editor { height: 22; }
    PrefixScreen TextArea, PrefixScreen TextArea:focus { height: 1fr; border: none; padding: 0; }
    PrefixScreen TabPane { padding: 0; height: 1fr; }
    PrefixScreen TabbedContent { height: 1fr; }
    PrefixScreen ContentSwitcher { height: 1fr; }
    PrefixScreen TokenSplit { height: 6; }
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+s", "use", "use it", priority=True, key_display="enter"),
        Binding("ctrl+j,alt+enter,shift+enter", "new_line", "new line", priority=True, key_display="ctrl+j"),
        Binding("ctrl+k", "heal", "heal the end", priority=True),
        Binding("ctrl+t", "switch", "as token ids or text", priority=True),
        Binding("escape", "cancel", "cancel", priority=True),
    ]

    def __init__(self, palette: Palette, exploration: Exploration, ids: list[int], pasted: str = "") -> None:
        super().__init__()
        self._palette = palette
        assert exploration.tokenizer is not None
        self._pasted = pasted
        self._exploration = exploration
        self._tokenizer = exploration.tokenizer
        self._ids: list[int] | None = self._tokenizer.encode(pasted) if pasted else ids
        self.healed = ""

    def compose(self) -> ComposeResult:
        """Two tabs over the split."""
        plain = self._pasted or self._text_of(self._ids or [])
        with Vertical(classes="dialog", id="editor") as dialog:
            dialog.border_title = "prefix"
            with TabbedContent(initial="tab-ids" if plain is None else "tab-text"):
                with TabPane("text", id="tab-text"):
                    yield DataArea(plain or "", id="as-text", soft_wrap=True)
                with TabPane("token ids", id="tab-ids"):
                    yield DataArea(self._ids_text(), id="as-ids", soft_wrap=True)
            yield Static(id="problem", classes="problem")
            yield Static(id="cut", classes="hint")
            yield TokenSplit(self._palette)
        yield Keys()

    def opened(self) -> None:
        """The focus goes to the tab that is open."""
        self.call_after_refresh(self._focus_area)
        self._show(self._ids or [])

    def resized(self, size: Size) -> None:
        """A dialog as tall as the terminal allows."""
        self.query_one("#editor").styles.height = max(8, min(26, size.height - 2))

    def _text_of(self, ids: list[int]) -> str | None:
        """The prefix as text, None where text cannot give just these ids."""
        if ids == [self._tokenizer.end_of_text]:
            return ""
        text = self._tokenizer.decode(ids)
        try:
            return text if self._tokenizer.encode(text) == ids else None
        except EngineError:
            return None

    def _ids_text(self) -> str:
        ids = self._ids or []
        return "" if ids == [self._tokenizer.end_of_text] else ", ".join(map(str, ids))

    @property
    def ids(self) -> list[int] | None:
        """What was typed, as ids; None where it is no prefix."""
        return self._ids

    @property
    def as_ids(self) -> bool:
        """Whether ids are being typed."""
        return self.query_one(TabbedContent).active == "tab-ids"

    @property
    def _area(self) -> DataArea:
        return self.query_one("#as-ids" if self.as_ids else "#as-text", DataArea)

    def _focus_area(self) -> None:
        """What stands there is selected: typing replaces it, an arrow key goes into it."""
        area = self._area
        if self.focused is not area:  # told twice at the beginning, the second time after the first letters
            area.select_all()
            area.focus()

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        if event.text_area is self._area:
            self._take(event.text_area.text)

    def _take(self, text: str) -> None:
        problem = ""
        try:
            if self.as_ids:
                ids = parse_ids(text)
                info = self._exploration.info
                check_ids(ids, info.vocab_size if info else len(self._tokenizer.pieces))
            else:
                ids = self._tokenizer.encode(text)
            self._ids = ids
            self._show(ids)
        except EngineError as error:
            self._ids = None
            problem = str(error)
        self.query_one("#problem", Static).update(Text(problem))

    def _show(self, ids: list[int]) -> None:
        self.query_one(TokenSplit).show(self._exploration, ids)
        cut = cut_of(self._tokenizer, ids)
        words = "" if cut is None else (f"it {cut.where}, where the network never saw a text cut: ctrl+k takes "
                                        f"{self._shown(cut)} back and offers what begins with it")
        hint = self.query_one("#cut", Static)
        hint.update(Text(words))
        hint.display = bool(words)
        self.refresh_bindings()

    def _end(self, ids: list[int]) -> Cut | None:
        """What can be taken back: where it was cut, or a last token with longer ones beside it."""
        return cut_of(self._tokenizer, ids) or longer_than(self._tokenizer, ids)

    @staticmethod
    def _shown(cut: Cut) -> str:
        return show_token(cut.end.decode("utf-8", errors="replace"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what is cut can be healed."""
        if action == "heal":
            return self._ids is not None and self._end(self._ids) is not None
        return super().check_action(action, parameters)

    def action_heal(self) -> None:
        """Take the end back, and offer the tokens that begin with it."""
        self._take(self._area.text)
        cut = self._end(self._ids or [])
        if cut is not None:
            self.healed = self._shown(cut)
            self.dismiss(cut.ids or [self._tokenizer.end_of_text])

    @on(TabbedContent.TabActivated)
    def _switched(self) -> None:
        if self.as_ids and self._ids is not None:
            self.query_one("#as-ids", DataArea).text = self._ids_text()
        elif self._ids is not None and (text := self._text_of(self._ids)) is not None:
            self.query_one("#as-text", DataArea).text = text
        self._focus_area()

    def action_new_line(self) -> None:
        """Enter takes the prefix; a line ends with another key."""
        self._area.insert("\n")

    def action_switch(self) -> None:
        """Go to the other tab."""
        tabs = self.query_one(TabbedContent)
        tabs.active = "tab-text" if self.as_ids else "tab-ids"

    def action_use(self) -> None:
        """Take the prefix, as it stands in the tab that is open."""
        self._take(self._area.text)
        if self._ids is None:
            self.app.bell()
            return
        self.dismiss(self._ids or [self._tokenizer.end_of_text])

    def action_cancel(self) -> None:
        """Keep the old prefix."""
        self.dismiss(None)
