"""The sampling panel: every setting that the next flip depends on, changed by keys, mouse or typing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.palette import Palette

TYPED = "0123456789.:;-"


@dataclass(frozen=True, slots=True)
class Setting:
    """A cell of the panel: its name in messages, its label, its value as text."""

    name: str
    label: str
    value: str


class Sampler(ScrollView, can_focus=True, inherit_bindings=False):
    """Two columns of settings. The screen owns their meaning: it gives values and is told of wishes."""

    HELP = """\
    s goes to the settings: ↑ ↓ choose one, ← → change it, digits type a value, enter applies it, esc goes back. The
    distribution at the cursor changes at once, without running the network.
    """

    DEFAULT_CSS = """
    Sampler {
        background: $surface;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "change(-1)", "less", key_display="←"),
        Binding("right", "change(1)", "more", key_display="→"),
        Binding("up", "select(-1)", "setting", key_display="↑↓"),
        Binding("down", "select(1)", show=False),
        Binding("enter", "apply", "apply"),
        Binding("backspace,delete", "erase", show=False),
        Binding("escape", "leave", "back"),
    ]

    class Changed(Message):
        """One step up (+1) or down (-1) is wished for."""

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

    class Left(Message):
        """The person is done here."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(id="sampler")
        self._palette = palette
        self._settings: list[Setting] = []
        self._selected = 0
        self._draft: str | None = None

    def set_palette(self, palette: Palette) -> None:
        """Draws with another theme."""
        self._palette = palette
        self.refresh()

    def show(self, settings: list[Setting]) -> None:
        """The settings of now."""
        if settings != self._settings:
            self._settings = settings
            self.virtual_size = Size(self.size.width, (len(settings) + 1) // 2)
            self.refresh()

    @property
    def selected(self) -> str:
        """The name of the selected setting."""
        return self._settings[self._selected].name if self._settings else ""

    def action_change(self, direction: int) -> None:
        """Wishes for one step."""
        self._draft = None
        self.post_message(self.Changed(self.selected, direction))
        self.refresh()

    def action_select(self, offset: int) -> None:
        """Goes to another setting."""
        self._draft = None
        self._selected = (self._selected + offset) % max(1, len(self._settings))
        self.scroll_to_region(Region(0, self._selected // 2, 1, 1), animate=False, force=True)
        self.refresh()

    def action_apply(self) -> None:
        """Applies what was typed, or leaves where nothing was."""
        if self._draft is None:
            self.post_message(self.Left())
            return
        self.post_message(self.Typed(self.selected, self._draft))
        self._draft = None
        self.refresh()

    def action_erase(self) -> None:
        """Takes the last typed character back."""
        self._draft = (self._draft or "")[:-1]
        self.refresh()

    def action_leave(self) -> None:
        """Forgets what was typed, or leaves where nothing was."""
        if self._draft is None:
            self.post_message(self.Left())
        self._draft = None
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Collects a typed value."""
        if event.character and event.character in TYPED:
            event.stop()
            event.prevent_default()
            self._draft = (self._draft or "") + event.character
            self.refresh()

    def on_blur(self) -> None:
        """What was typed and not applied is forgotten."""
        self._draft = None
        self.refresh()

    def on_focus(self) -> None:
        """Shows which setting is selected."""
        self.refresh()

    def _cell_at(self, x: int, y: int) -> int:
        return 2 * (y + self.scroll_offset.y) + (1 if x >= self._column() else 0)

    def _column(self) -> int:
        return self.scrollable_content_region.width // 2

    def on_click(self, event: events.Click) -> None:
        """Selects the setting under the mouse; ‹ and › change it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = self._cell_at(offset.x, offset.y)
        if index >= len(self._settings):
            return
        again = index == self._selected and self.has_focus
        self._selected, self._draft = index, None
        x = offset.x % self._column()
        if again or event.chain > 1:
            shown = self._value_text(index)
            start = self._column() - 1 - cell_len(shown)
            if x == start:
                self.action_change(-1)
            elif x == start + cell_len(shown) - 1:
                self.action_change(1)
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel over a setting raises it."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel over a setting lowers it."""
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = self._cell_at(offset.x, offset.y)
        if index < len(self._settings):
            event.stop()
            event.prevent_default()
            self._selected = index
            self.action_change(direction)

    def _value_text(self, index: int) -> str:
        value = self._settings[index].value
        room = self._column() - 2 - cell_len(self._settings[index].label)
        if self._draft is not None and index == self._selected:
            return f"{self._draft[-room + 1 :]}▏"
        if cell_len(value) > room - 2:
            value = set_cell_size(value, max(1, room - 3)) + "…"
        return f"‹{value}›" if self.has_focus and index == self._selected else f" {value} "

    def render_line(self, y: int) -> Strip:
        """Two settings."""
        palette, width = self._palette, self.scrollable_content_region.width
        segments: list[Segment] = []
        first = 2 * (y + self.scroll_offset.y)
        for index in (first, first + 1):
            if index >= len(self._settings):
                continue
            text = self._value_text(index)
            label = self._settings[index].label
            gap = self._column() - 1 - cell_len(label) - cell_len(text)
            chosen = self.has_focus and index == self._selected
            segments += [
                Segment(f"{label}{' ' * max(0, gap)}", palette.value if chosen else palette.label),
                Segment(text, palette.focus_value if chosen else palette.value), Segment(" ", palette.text),
            ]  # fmt: skip
        return Strip(segments).adjust_cell_length(width, palette.text)
