"""The settings of the next flip: changed by keys, in the panel, by presets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual.message import Message

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import Runs
from gpt2_remix.tui.state import sampling_panel as panel
from gpt2_remix.tui.widgets.settings_list import SettingsList


class Sampling:
    """What < and >, p, x, + and - do, and what is changed in the panel."""

    def __init__(self, host: Host, runs: Runs) -> None:
        self._host = host
        self._runs = runs

    def change_settings(self, settings: Settings) -> None:
        """Use other settings: the distribution at the cursor changes at once; a run goes on with them."""
        self.apply(panel.settings_change(self._host.workspace.preferences, settings))

    def apply(self, change: panel.Change) -> None:
        """Change what the next flip depends on; a run goes on with it."""
        host, info = self._host, self._host.exploration.info
        workspace, before = host.workspace, host.workspace.preferences
        try:
            if change.settings is not None and info is not None:
                change.settings.check_vocabulary(info.vocab_size)
        except EngineError as error:
            workspace.say(str(error), error=True)
            return
        kept = change.preferences or before
        workspace.remember(kept)
        workspace.remembered = None
        if kept.speed != before.speed:
            workspace.engine.set_speed(kept.speed)
        host.exploration.tree.change(settings=change.settings, seed=change.seed, coin=change.coin)
        run = host.activity.run
        if run is not None and run.endless and (change.of_view or kept.stop_at_end != before.stop_at_end):
            self._runs.go_on(following=run.following, goal=run.goal)
        host.changed(keep_selection=True)

    def try_to(self, change: Callable[[], panel.Change], *, error: bool = False) -> None:
        """Apply a change, or say why it cannot be."""
        try:
            self.apply(change())
        except EngineError as problem:
            sampler = self._host.panes.sampler
            if sampler.focused:
                sampler.say(str(problem))  # where one looks, in place of what the setting does
            else:
                self._host.workspace.say(str(problem), error=error)

    def take(self, event: Message) -> None:
        """Do what was asked for in the panel."""
        match event:
            case SettingsList.Changed():
                self.stepped(event.name, event.direction)
            case SettingsList.Switched():
                self.switched(event.name)
            case SettingsList.Shifted():
                self.shifted(event.name, event.direction)
            case SettingsList.Typed():
                self.typed(event.name, event.text)
            case SettingsList.Saved():
                self.save_preset()

    def stepped(self, name: str, direction: int) -> None:
        """Change a setting by one increment."""
        workspace, view = self._host.workspace, self._host.exploration.tree.view
        self.try_to(lambda: panel.stepped(name, direction, view, workspace.preferences, workspace.presets))

    def switched(self, name: str) -> None:
        """Switch the rule of a setting off, or on again."""
        view, kept = self._host.exploration.tree.view, self._host.workspace.preferences
        self.try_to(lambda: panel.switched(name, view, kept))

    def shifted(self, name: str, direction: int) -> None:
        """Move the rule of a setting earlier or later in the chain."""
        view, kept = self._host.exploration.tree.view, self._host.workspace.preferences
        self.try_to(lambda: panel.shifted(name, direction, view, kept))

    def typed(self, name: str, text: str) -> None:
        """Take a value that was typed."""
        view, kept = self._host.exploration.tree.view, self._host.workspace.preferences
        self.try_to(lambda: panel.typed(name, text, view, kept), error=True)

    def ban(self) -> None:
        """Ban the selected candidate, or allow it again."""
        token = self._host.panes.view.list.selected_token
        if token is not None:
            settings = self._host.exploration.settings
            banned = tuple(t for t in settings.banned if t != token)
            if len(banned) == len(settings.banned):
                banned = (*banned, token)
            self.change_settings(replace(settings, banned=banned))

    def bias(self, direction: int) -> None:
        """Make the selected candidate likelier (+1) or less likely (-1)."""
        token = self._host.panes.view.list.selected_token
        if token is not None:
            settings = self._host.exploration.settings
            biases = dict(settings.logit_bias)
            biases[token] = max(-100.0, min(100.0, biases.get(token, 0.0) + direction))
            kept = tuple((t, bias) for t, bias in biases.items() if bias)
            self.change_settings(replace(settings, logit_bias=kept))

    def speed(self, direction: int) -> None:
        """Go faster or slower; past the fastest, as fast as it goes."""
        kept = self._host.workspace.preferences
        self.apply(panel.Change(preferences=replace(kept, speed=panel.next_speed(kept.speed, direction))))

    def preset(self, direction: int) -> None:
        """Use the next preset."""
        exploration = self._host.exploration
        self.change_settings(panel.next_preset(exploration.settings, direction, self._host.workspace.presets))

    def save_preset(self) -> None:
        """Ask for a name and keep the current settings under it."""
        from gpt2_remix.engine.sampling.presets import check_name, save_preset
        from gpt2_remix.tui.dialogs.ask import AskScreen

        host, settings = self._host, self._host.exploration.settings

        def shown() -> None:
            host.changed(keep_selection=True)

        def named(name: str | None) -> None:
            if name is not None:
                words = "saved as preset {}; p goes through the presets"
                host.workspace.change_presets(lambda: save_preset(name, settings), words, shown)

        hint = f"{settings.changed() or 'pure sampling'}\nenter saves; a preset of your own with that name is replaced"
        host.app.push_screen(AskScreen("save as preset", hint, check=check_name), named)

    def forget_preset(self, name: str) -> None:
        """Delete a preset of one's own."""
        from gpt2_remix.engine.sampling.presets import delete_preset

        host = self._host
        host.workspace.change_presets(
            lambda: delete_preset(name), "preset {} is gone", lambda: host.changed(keep_selection=True)
        )
