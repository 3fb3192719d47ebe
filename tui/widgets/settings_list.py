"""The list of the settings editor: name and value side by side, changed by keys, mouse or typing."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from gpt2_remix.engine.sampling.fields import find_setting
from gpt2_remix.tui.state.sampling_panel import Setting
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.settings_rows import LABEL, VALUE, Rows, chain_row, packed, pair_row, single

TYPED = "0123456789.:;-"
TEXTS = ("dry_breakers",)
"""Settings that take texts, in JSON form."""
TEXT_BEGINS = ("[", '"')

class SettingsList(ScrollView, can_focus=True, inherit_bindings=False):
    """The usual settings, two on a line where they fit; all of them, in the order of the chain, where that is open.

    The screen owns their meaning: it gives values and is told of wishes.
    """

    HELP = """\
    s goes to the settings: ↑ ↓ choose one, ← → change it, digits type a value, enter applies it, / finds one by its
    name, esc goes back. Below stands what the chosen one does. The chain's rules stand in their order; beside each is
    how many tokens it leaves at the cursor and how much of the probability it takes away. o switches a rule off and on
    again, [ and ] move it earlier and later, n saves the settings as a preset of your own (ctrl+p forgets one). The
    distribution at the cursor changes at once, without running the network.
    """

    DEFAULT_CSS = """
    SettingsList {
        height: 1fr;
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
        Binding("slash", "find", "find", key_display="/"),
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

    class Done(Message):
        """The person is done here, and wants what stands there."""

    class Left(Message):
        """The person goes away from here."""

    class Selected(Message):
        """Another setting is selected, or looked for."""

    def __init__(self, palette: Palette, *, always_open: bool = False) -> None:
        super().__init__(id="settings")
        self._always_open = always_open
        self._finding: str | None = None  # the name that is being typed
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
        return (self.has_focus or self._always_open) and bool(self._all)

    @property
    def settings(self) -> list[Setting]:
        """Those that are shown."""
        return self._all if self.open else self._few

    def _resize_content(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows.firsts))
        self._scroll_to_selected()
        self.post_message(self.Selected())

    @property
    def _rows(self) -> Rows:
        return single(self._all) if self.open else packed(self._few, self._column() - 1)

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
        self.post_message(self.Selected())
        self.refresh()

    @property
    def explained(self) -> str:
        """What the selected setting does; the name that is being typed where one is looked for."""
        if self._finding is not None:
            return f"find: {self._finding}▏ (top_k, top-k or k; enter or esc ends)"
        return next((setting.help for setting in self.settings if setting.name == self.selected), "")

    def _scroll_to_selected(self) -> None:
        if self.size.height:
            self.scroll_to_region(Region(0, self._rows.row_of(self._selected), 1, 1), animate=False, force=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Presets are saved where the settings are those of the playground."""
        return action != "save" or not self._always_open

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
        """Apply what was typed, or be done where nothing was."""
        if self._found():
            return
        if self._draft is None:
            self.post_message(self.Done())
            return
        self.post_message(self.Typed(self.selected, self._draft))
        self._draft = None
        self.refresh()

    def action_find(self) -> None:
        """Look for a setting by its name."""
        self._finding = ""
        self.post_message(self.Selected())

    def _found(self) -> bool:
        """End looking for a name; whether one was looked for."""
        looked, self._finding = self._finding is not None, None
        self.post_message(self.Selected())
        return looked

    def _find(self, typed: str) -> None:
        self._finding = typed
        names = [setting.name for setting in self.settings]
        name = find_setting(typed)
        if name not in names:
            name = next((own for own in names if typed and own.startswith(typed.lower())), None)
        if name is not None:
            self.select(name)
        self.post_message(self.Selected())

    def take_draft(self) -> str | None:
        """What was typed and not applied, which is gone then; None for nothing."""
        draft, self._draft = self._draft, None
        self.refresh()
        return draft

    def action_erase(self) -> None:
        """Take the last typed character back."""
        if self._finding is not None:
            self._find(self._finding[:-1])
            return
        self._draft = (self._draft or "")[:-1]
        self.refresh()

    def action_leave(self) -> None:
        """Forget what was typed, or leave where nothing was."""
        if self._found():
            return
        if self._draft is None:
            self.post_message(self.Left())
        self._draft = None
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Collect a typed value, or a name that is looked for."""
        character = event.character or ""
        if self._finding is not None:
            if event.is_printable:
                event.stop()
                event.prevent_default()
                if character == "=":
                    self._found()
                else:
                    self._find(self._finding + character)
            return
        begun = (self._draft or "")[:1]
        if self._always_open and character.isalpha() and character != "o" and begun not in TEXT_BEGINS:
            event.stop()
            event.prevent_default()
            if self._draft:
                self.action_apply()
            self._find(character)
            return
        if character == "," and self._draft and self._draft.isdecimal():
            event.stop()
            event.prevent_default()
            self._draft += "."  # a decimal comma
            self.refresh()
            return
        text = self.selected in TEXTS and event.is_printable and (begun in TEXT_BEGINS or not begun)
        if event.character and (event.character in TYPED or (text and (begun or event.character in TEXT_BEGINS))):
            event.stop()
            event.prevent_default()
            self._draft = (self._draft or "") + event.character
            self.refresh()

    def on_blur(self) -> None:
        """Forget what was typed and not applied."""
        self._draft = self._finding = None
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
        """The setting at a place; one past the last for none."""
        row = y + self.scroll_offset.y
        if row >= len(self._rows.firsts):
            return len(self.settings)
        on_row = self._rows.on_row(row)
        return on_row[-1 if x >= self._column() else 0]

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
        on_row = self._rows.on_row(self._rows.row_of(index))
        return (on_row.index(index) + 1 if len(on_row) > 1 else 2) * self._column() - 1 - cell_len(shown), shown

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
        """Cells for a value where every setting has a line: the rest of it where a long one has no account."""
        setting, rest = self.settings[index], self.scrollable_content_region.width - LABEL
        return VALUE if cell_len(setting.value) <= VALUE - 2 or setting.note else rest

    def _value_text(self, index: int) -> str:
        value = self.settings[index].value
        if self.open:
            room = self._room(index)
        else:
            columns = 2 if len(self._rows.on_row(self._rows.row_of(index))) == 1 else 1
            room = columns * self._column() - 2 - cell_len(self.settings[index].label)
        if self._draft is not None and index == self._selected:
            return f"{self._draft[-room + 1 :]}▏"
        if cell_len(value) > room - 2:
            value = set_cell_size(value, max(1, room - 3)) + "…"
        return f"‹{value}›" if self.has_focus and index == self._selected else f" {value} "

    def render_line(self, y: int) -> Strip:
        """A setting with its rule's account, or two settings."""
        palette, width = self._palette, self.scrollable_content_region.width
        chosen = self._selected if self.has_focus else None
        row = y + self.scroll_offset.y
        if self.open:
            segments = [] if row >= len(self._all) else chain_row(
                self._all[row], self._value_text(row), self._room(row), row == chosen, width, palette
            )
            return Strip(segments).adjust_cell_length(width, palette.text)
        on_row = self._rows.on_row(row) if row < len(self._rows.firsts) else range(0)
        room = self._column() if len(on_row) > 1 else 2 * self._column()
        parts = [(self._few[index], self._value_text(index), index == chosen) for index in on_row]
        return Strip(pair_row(parts, room, palette)).adjust_cell_length(width, palette.text)
