"""The sampling panel: every setting that the next flip depends on, changed by keys, mouse or typing."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.state.sampling_panel import Setting
from tui.style.palette import Palette

TYPED = "0123456789.:;-"
TEXTS = ("dry_breakers",)
"""Settings that take texts, in JSON form."""

TEXT_BEGINS = ("[", '"')
LABEL, VALUE = 13, 8
"""Cells for label and value where every setting has a line."""


class Sampler(ScrollView, can_focus=True, inherit_bindings=False):
    """The usual settings in two columns; all of them, in the order of the chain, while it has the focus.

    The screen owns their meaning: it gives values and is told of wishes.
    """

    HELP = """\
    s goes to the settings: ↑ ↓ choose one, ← → change it, digits type a value, enter applies it, esc goes back. The
    chain's rules stand in their order; beside each is how many tokens it leaves at the cursor and how much of the
    probability it takes away. o switches a rule off and on again, [ and ] move it earlier and later, n saves the
    settings as a preset of your own (ctrl+p forgets one). The distribution at the cursor changes at once, without
    running the network. What each setting does and where it is from: gpt2-remix generate --help.
    """

    DEFAULT_CSS = """
    Sampler {
        background: $surface;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "change(-1)", "change", key_display="←→"),
        Binding("right", "change(1)", show=False),
        Binding("up", "select(-1)", "select", key_display="↑↓"),
        Binding("down", "select(1)", show=False),
        Binding("enter", "apply", "apply"),
        Binding("o", "switch", "on/off"),
        Binding("left_square_bracket", "shift(-1)", "order", key_display="[ ]"),
        Binding("right_square_bracket", "shift(1)", show=False),
        Binding("n", "save", "save preset"),
        Binding("home", "select_at(0)", show=False),
        Binding("end", "select_at(-1)", show=False),
        Binding("backspace,delete", "erase", show=False),
        Binding("escape", "leave", "back"),
    ]

    class Changed(Message):
        """Asks for one step up (+1) or down (-1)."""

        def __init__(self, name: str, direction: int) -> None:
            super().__init__()
            self.name = name
            self.direction = direction

    class Typed(Message):
        """A value was typed."""

        def __init__(self, name: str, text: str) -> None:
            super().__init__()
            self.name = name
            self.text = text

    class Switched(Message):
        """The rule of a setting is to be switched off, or on again."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Shifted(Message):
        """The rule of a setting is to come earlier (-1) or later (+1)."""

        def __init__(self, name: str, direction: int) -> None:
            super().__init__()
            self.name = name
            self.direction = direction

    class Saved(Message):
        """The settings are to be kept under a name."""

    class Left(Message):
        """The person is done here."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="sampler")
        self._palette = palette
        self._few: list[Setting] = []
        self._all: list[Setting] = []
        self._name = "temperature"  # of the selected setting
        self._draft: str | None = None

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, few: list[Setting], everything: list[Setting]) -> None:
        """The current settings: those of the two columns, and all of them (may be empty without the focus)."""
        if (few, everything) != (self._few, self._all):
            self._few, self._all = few, everything
            self._resize_content()
            self.refresh()

    @property
    def open(self) -> bool:
        """Whether all settings are shown."""
        return self.has_focus and bool(self._all)

    @property
    def settings(self) -> list[Setting]:
        """Those that are shown."""
        return self._all if self.open else self._few

    def _resize_content(self) -> None:
        count = len(self.settings)
        self.virtual_size = Size(self.size.width, count if self.open else (count + 1) // 2)
        self._scroll_to_selected()

    @property
    def _selected(self) -> int:
        return next((n for n, setting in enumerate(self.settings) if setting.name == self._name), 0)

    @property
    def selected(self) -> str:
        """The name of the selected setting."""
        return self.settings[self._selected].name if self.settings else ""

    def select(self, name: str) -> None:
        """Go to a setting."""
        self._draft = None
        self._name = name
        self._scroll_to_selected()
        self.refresh()

    def _scroll_to_selected(self) -> None:
        if self.size.height:
            row = self._selected if self.open else self._selected // 2
            self.scroll_to_region(Region(0, row, 1, 1), animate=False, force=True)

    def action_change(self, direction: int) -> None:
        """Ask for one step up or down."""
        self._draft = None
        self.post_message(self.Changed(self.selected, direction))
        self.refresh()

    def action_select(self, offset: int) -> None:
        """Go to another setting."""
        if self.settings:
            self.select(self.settings[(self._selected + offset) % len(self.settings)].name)

    def action_select_at(self, place: int) -> None:
        """Go to the first or the last setting."""
        if self.settings:
            self.select(self.settings[place].name)

    def action_switch(self) -> None:
        """Ask for the rule to be switched off, or on again."""
        self.post_message(self.Switched(self.selected))

    def action_shift(self, direction: int) -> None:
        """Ask for the rule to come earlier or later."""
        self.select(self.selected)
        self.post_message(self.Shifted(self.selected, direction))

    def action_save(self) -> None:
        """Ask for the settings to be kept under a name."""
        self.post_message(self.Saved())

    def action_apply(self) -> None:
        """Apply what was typed, or leave where nothing was."""
        if self._draft is None:
            self.post_message(self.Left())
            return
        self.post_message(self.Typed(self.selected, self._draft))
        self._draft = None
        self.refresh()

    def action_erase(self) -> None:
        """Take the last typed character back."""
        self._draft = (self._draft or "")[:-1]
        self.refresh()

    def action_leave(self) -> None:
        """Forget what was typed, or leave where nothing was."""
        if self._draft is None:
            self.post_message(self.Left())
        self._draft = None
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Collect a typed value."""
        begun = (self._draft or "")[:1]
        text = self.selected in TEXTS and event.is_printable and (begun in TEXT_BEGINS or not begun)
        if event.character and (event.character in TYPED or (text and (begun or event.character in TEXT_BEGINS))):
            event.stop()
            event.prevent_default()
            self._draft = (self._draft or "") + event.character
            self.refresh()

    def on_blur(self) -> None:
        """Forget what was typed and not applied."""
        self._draft = None
        self._resize_content()
        self.refresh()

    def on_focus(self) -> None:
        """Show which setting is selected."""
        self._resize_content()
        self.refresh()

    def on_resize(self) -> None:
        """Keep the selected setting in view."""
        self._resize_content()

    def _cell_at(self, x: int, y: int) -> int:
        row = y + self.scroll_offset.y
        return row if self.open else 2 * row + (1 if x >= self._column() else 0)

    def _column(self) -> int:
        return self.scrollable_content_region.width // 2

    def on_click(self, event: events.Click) -> None:
        """Select the setting under the mouse; ‹ and › change it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = self._cell_at(offset.x, offset.y)
        if index >= len(self.settings):
            return
        again = index == self._selected and self.has_focus
        self._name, self._draft = self.settings[index].name, None
        if again or event.chain > 1:
            start, shown = self._value_at(index)
            if offset.x == start:
                self.action_change(-1)
            elif offset.x == start + cell_len(shown) - 1:
                self.action_change(1)
        self.refresh()

    def _value_at(self, index: int) -> tuple[int, str]:
        """Where a value begins on its line, and the value as drawn."""
        shown = self._value_text(index)
        if self.open:
            return LABEL + self._room(index) - cell_len(shown), shown
        start = self._column() - 1 - cell_len(shown)
        return start + (self._column() if index % 2 else 0), shown

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel over a setting raises it; over the whole list it scrolls."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel over a setting lowers it; over the whole list it scrolls."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self.open:
            return
        index = self._cell_at(offset.x, offset.y)
        if index < len(self.settings):
            event.stop()
            event.prevent_default()
            self._name = self.settings[index].name
            self.action_change(direction)

    def _room(self, index: int) -> int:
        """Cells for a value where every setting has a line: the rest of it where there is no account."""
        rest = self.scrollable_content_region.width - LABEL
        return VALUE if self.settings[index].rule else rest

    def _value_text(self, index: int) -> str:
        value = self.settings[index].value
        room = self._room(index) if self.open else self._column() - 2 - cell_len(self.settings[index].label)
        if self._draft is not None and index == self._selected:
            return f"{self._draft[-room + 1 :]}▏"
        if cell_len(value) > room - 2:
            value = set_cell_size(value, max(1, room - 3)) + "…"
        return f"‹{value}›" if self.has_focus and index == self._selected else f" {value} "

    def render_line(self, y: int) -> Strip:
        """A setting with its rule's account, or two settings."""
        palette, width = self._palette, self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if self.open:
            segments = self._chain_row(row, width) if row < len(self._all) else []
            return Strip(segments).adjust_cell_length(width, palette.text)
        segments = []
        for index in (2 * row, 2 * row + 1):
            if index >= len(self._few):
                continue
            text = self._value_text(index)
            setting = self._few[index]
            gap = self._column() - 1 - cell_len(setting.label) - cell_len(text)
            chosen = self.has_focus and index == self._selected
            style = palette.gone if setting.state == "off" else palette.value
            segments += [
                Segment(f"{setting.label}{' ' * max(0, gap)}", palette.value if chosen else palette.label),
                Segment(text, palette.focus_value if chosen else style), Segment(" ", palette.text),
            ]
        return Strip(segments).adjust_cell_length(width, palette.text)

    def _chain_row(self, index: int, width: int) -> list[Segment]:
        palette, setting = self._palette, self._all[index]
        chosen = index == self._selected
        mark = {"on": "●", "off": "○"}.get(setting.state, " ")
        plain = palette.value if chosen else palette.label if setting.state != "on" and setting.rule else palette.value
        label = set_cell_size(f"{mark} {setting.label}", LABEL)
        text = self._value_text(index)
        value = palette.focus_value if chosen else palette.gone if setting.state == "off" else plain
        room = self._room(index)
        gap = " " * max(0, room - cell_len(text))
        note = setting.note[: max(0, width - LABEL - room - 1)].rjust(max(0, width - LABEL - room))
        return [Segment(label, plain), Segment(gap, plain), Segment(text, value), Segment(note, palette.muted)]
