"""The lane editor: settings, a prefix and a seed of its own, and the presets to begin with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.suggester import Suggester
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from engine.compare.lanes import parse_lane
from engine.errors import EngineError, InputError
from engine.sampling.fields import LISTS, NUMBERS
from engine.sampling.presets import Preset
from engine.sampling.settings import check_seed
from tui.dialogs.modal import Modal
from tui.state.lanes import LaneOptions
from tui.widgets.choices import Choices
from tui.widgets.footer import Keys

MEANINGS = {number.name: number.help for number in NUMBERS} | LISTS


def one_line(text: str) -> str:
    r"""A prefix in a one-line field: line breaks as \n, tabs as \t."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def many_lines(text: str) -> str:
    """The inverse of one_line."""
    return re.sub(r"\\([nt\\])", lambda found: {"n": "\n", "t": "\t", "\\": "\\"}[found[1]], text)


class SettingNames(Suggester):
    """Completes the name of a setting after the last comma."""

    async def get_suggestion(self, value: str) -> str | None:
        """The whole field with the first name that fits."""
        before, _, last = value.rpartition(",")
        if not last.strip() or "=" in last:
            return None
        found = next((name for name in MEANINGS if name.startswith(last.strip())), None)
        return None if found is None else f"{before}{',' if before else ''}{found}="


class LaneScreen(Modal[LaneOptions | None]):
    """Dismissed with what the lane is to be, or None."""

    DEFAULT_CSS = """
    LaneScreen Horizontal { height: 1; }
    LaneScreen Label { width: 10; color: $text-muted; }
    LaneScreen Input { width: 1fr; background: $panel; padding: 0 1; }
    LaneScreen Choices, LaneScreen Choices:focus {
        height: auto; max-height: 9; border: none; padding: 0; margin-top: 1; background: $surface;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    LaneScreen .problem { max-height: 2; overflow: hidden; }
    LaneScreen #meaning { height: 2; color: $text-muted; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "none", "use"),
        Binding("tab", "app.focus_next", "next field"),
        Binding("down", "app.focus_next", "presets", show=False),
        Binding("escape", "cancel", "cancel", priority=True),
    ]

    def __init__(
        self, title: str, options: LaneOptions, presets: Sequence[Preset], *, only_settings: bool = False
    ) -> None:
        super().__init__()
        self._title = title
        self._options = options
        self._presets = presets
        self._only_settings = only_settings

    def compose(self) -> ComposeResult:
        """Three fields over the presets."""
        options = self._options
        with Vertical(classes="dialog") as dialog:
            dialog.border_title, dialog.border_subtitle = self._title, "enter: use it"
            with Horizontal():
                yield Label("settings")
                yield Input(options.settings.changed(), placeholder="none: pure sampling", compact=True, id="settings",
                            suggester=SettingNames(use_cache=False))
            yield Static(id="meaning")
            with Horizontal(classes="more"):
                yield Label("prefix")
                yield Input("" if options.prefix is None else one_line(options.prefix), compact=True, id="prefix",
                            placeholder="the one that all lanes share")
            with Horizontal(classes="more"):
                yield Label("seed")
                yield Input("" if options.seed is None else str(options.seed), compact=True, id="seed",
                            placeholder="the one that all lanes share: the same luck")
            yield Static(id="problem", classes="problem")
            yield Choices(*(
                Option(Text.assemble((f"{preset.name:<16} ", "bold"), preset.text, no_wrap=True, overflow="ellipsis"))
                for preset in self._presets
            ))
        yield Keys()

    def opened(self) -> None:
        """One types settings at once."""
        for row in self.query(".more"):
            row.display = not self._only_settings
        self.query_one("#settings", Input).focus()
        self._explain()

    def resized(self, size: Size) -> None:
        """The presets take what room there is."""
        self.query_one(Choices).styles.max_height = max(2, size.height - 14)

    def _read(self) -> LaneOptions:
        """Raise InputError."""
        spec = parse_lane(self.query_one("#settings", Input).value)
        prefix, seed = self.query_one("#prefix", Input).value, self.query_one("#seed", Input).value.strip()
        if seed and not seed.isdecimal():
            raise InputError(f"{seed!r} is not a seed; it is a whole number from 0 up")
        own = many_lines(prefix) if prefix else spec.prefix
        return LaneOptions(spec.settings, own, check_seed(int(seed)) if seed else None)

    def _explain(self) -> None:
        field = self.query_one("#settings", Input)
        name = field.value[: field.cursor_position].rpartition(",")[2].partition("=")[0].strip()
        says = MEANINGS.get(name)
        plain = "temperature=0.7,top_p=0.9 and so on, → completes a name; or a preset's name, or one below"
        self.query_one("#meaning", Static).update(Text(f"{name}: {says}" if says else plain))

    @on(Input.Changed)
    def _changed(self) -> None:
        problem = ""
        try:
            self._read()
        except EngineError as error:
            problem = str(error)
        self.query_one("#problem", Static).update(Text(problem))
        self._explain()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        try:
            options = self._read()
        except EngineError as error:
            self.query_one("#problem", Static).update(Text(str(error)))
            self.app.bell()
            return
        self.dismiss(options)

    @on(OptionList.OptionSelected)
    def _preset_chosen(self, event: OptionList.OptionSelected) -> None:
        field = self.query_one("#settings", Input)
        field.value = self._presets[event.option_index].settings.changed()
        field.focus()

    def action_none(self) -> None:
        """The fields and the list take enter themselves."""

    def action_cancel(self) -> None:
        """Keep the lane as it is."""
        self.dismiss(None)
