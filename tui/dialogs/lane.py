"""The lane editor: settings, a prefix and a seed of a lane's own, in the editor that the playground has too."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.widgets import Input, Label, Static

from gpt2_remix.engine.compare.lanes import parse_lane
from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.sampling.presets import Preset
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.nodes import View
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.state import sampling_panel as panel
from gpt2_remix.tui.state.lanes import LaneOptions
from gpt2_remix.tui.state.preferences import Preferences
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.widgets.settings_editor import SettingsEditor
from gpt2_remix.tui.widgets.settings_list import SettingsList


def one_line(text: str) -> str:
    r"""A prefix in a one-line field: line breaks as \n, tabs as \t."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def many_lines(text: str) -> str:
    """The inverse of one_line."""
    return re.sub(r"\\([nt\\])", lambda found: {"n": "\n", "t": "\t", "\\": "\\"}[found[1]], text)


class LaneScreen(Modal[LaneOptions | None]):
    """Dismissed with what the lane is to be, or None."""

    DEFAULT_CSS = """
    LaneScreen .dialog { max-width: 76; }
    LaneScreen Horizontal { height: 1; }
    LaneScreen Label { width: 9; color: $text-muted; }
    LaneScreen Input { width: 1fr; background: $panel; padding: 0 1; }
    LaneScreen SettingsEditor { height: 16; }
    LaneScreen .problem { max-height: 3; overflow: hidden; }
    """

    AUTO_FOCUS = "SettingsList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "use", "use it", priority=True, show=False),
        Binding("tab", "app.focus_next", "prefix", show=False),
        Binding("escape", "cancel", "cancel"),
    ]

    def __init__(
        self, title: str, options: LaneOptions, presets: Sequence[Preset], palette: Palette, *,
        only_settings: bool = False,
    ) -> None:
        super().__init__()
        self._title = title
        self._options = options
        self._presets = presets
        self._only_settings = only_settings
        self._editor = SettingsEditor(palette, always_open=True)

    def compose(self) -> ComposeResult:
        """The prefix over the settings."""
        own = self._options.prefix
        with Vertical(classes="dialog") as dialog:
            dialog.border_title, dialog.border_subtitle = self._title, "enter uses it · esc leaves it as it was"
            with Horizontal(id="own-prefix"):
                yield Label("prefix")
                yield Input("" if own is None else one_line(own), compact=True, id="prefix",
                            placeholder="the one that all lanes share; tab: one of its own")
            yield self._editor
            yield Static(id="problem", classes="problem")
        yield Keys()

    def opened(self) -> None:
        """One changes settings at once."""
        self.query_one("#own-prefix").display = not self._only_settings
        self._show()

    def resized(self, size: Size) -> None:
        """The settings take what room there is."""
        self._editor.styles.height = max(8, min(30, size.height - 8))

    @property
    def options(self) -> LaneOptions:
        """What the lane is to be, as it stands."""
        return self._options

    def _show(self, problem: str = "") -> None:
        options = self._options
        rows = panel.lane_rows(options.settings, options.seed, self._presets)
        self._editor.list.show([], [row for row in rows if row.name != "seed" or not self._only_settings])
        self.query_one("#problem", Static).update(Text(problem))

    def _change(self, change: Callable[[View], panel.Change]) -> bool:
        """Make a change, or say why it cannot be; whether it was made."""
        options = self._options
        try:
            changed = change(View(0, 0, options.settings, options.seed or 0, "interval"))
        except EngineError as error:
            self._show(str(error))
            self.app.bell()
            return False
        if changed.settings is not None:
            options = replace(options, settings=changed.settings)
        if changed.seed is not None:
            options = replace(options, seed=changed.seed)
        self._options = options
        self._show()
        return True

    # What the editor asks for

    @on(SettingsList.Changed)
    def _stepped(self, event: SettingsList.Changed) -> None:
        event.stop()
        if event.name == "seed" and self._options.seed is None:
            self._options = replace(self._options, seed=0 if event.direction > 0 else None)
            self._show()
        elif event.name == "seed" and self._options.seed == 0 and event.direction < 0:
            self._options = replace(self._options, seed=None)
            self._show()
        else:
            self._change(lambda view: panel.stepped(event.name, event.direction, view, Preferences(), self._presets))

    @on(SettingsList.Switched)
    def _switched(self, event: SettingsList.Switched) -> None:
        event.stop()
        self._change(lambda view: panel.switched(event.name, view, Preferences()))

    @on(SettingsList.Shifted)
    def _shifted(self, event: SettingsList.Shifted) -> None:
        event.stop()
        self._change(lambda view: panel.shifted(event.name, event.direction, view, Preferences()))

    @on(SettingsList.Typed)
    def _typed(self, event: SettingsList.Typed) -> bool:
        """Take a value; whether it is one."""
        event.stop()
        if event.name != "seed" or event.text:
            return self._change(lambda view: panel.typed(event.name, event.text, view, Preferences()))
        self._options = replace(self._options, seed=None)
        self._show()
        return True

    def on_paste(self, event: events.Paste) -> None:
        """Settings in the text form, or a preset's name, take the place of those that stand there."""
        event.stop()
        self._change(lambda _: panel.Change(settings=self._settings_of(event.text)))

    def _settings_of(self, text: str) -> Settings:
        # As lanes are titled too: temperature=0.7 top_k=40.
        return parse_lane(re.sub(r"(?<=[^\s,=])\s+(?=[\w-]+\s*=)", ",", text)).settings

    @on(SettingsList.Done)
    @on(Input.Submitted)
    def _done(self) -> None:
        self.action_use()

    @on(SettingsList.Left)
    def _left(self) -> None:
        self.action_cancel()

    def action_use(self) -> None:
        """Take the lane as it stands, a value that is being typed too."""
        draft = self._editor.list.take_draft()
        if draft is not None and not self._typed(SettingsList.Typed(self._editor.list.selected, draft)):
            return
        prefix = self.query_one("#prefix", Input).value
        self.dismiss(replace(self._options, prefix=many_lines(prefix) if prefix else None))

    def action_cancel(self) -> None:
        """Keep the lane as it is."""
        self.dismiss(None)
