"""The playground: text, candidates, coin, settings and branches of one stream, and every action on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from gpt2_remix.engine.tokens.tokenizer import Tokenizer
from gpt2_remix.tui import messages
from gpt2_remix.tui.keymap import Row, bindings_of
from gpt2_remix.tui.main_screen import MainScreen
from gpt2_remix.tui.playground import working_keys
from gpt2_remix.tui.playground.branches import Branches
from gpt2_remix.tui.playground.choosing import Choosing
from gpt2_remix.tui.playground.cursor import Cursor
from gpt2_remix.tui.playground.drawing import Drawing
from gpt2_remix.tui.playground.files import Files
from gpt2_remix.tui.playground.forks import Forks
from gpt2_remix.tui.playground.futures import Futures
from gpt2_remix.tui.playground.heat_strip import HeatStrip
from gpt2_remix.tui.playground.hindsight import Hindsight
from gpt2_remix.tui.playground.host import Activity
from gpt2_remix.tui.playground.jumping import Jumping
from gpt2_remix.tui.playground.keymap import KEYMAP
from gpt2_remix.tui.playground.logits import Logits
from gpt2_remix.tui.playground.looking import Looking
from gpt2_remix.tui.playground.panes import Panes
from gpt2_remix.tui.playground.places import Places
from gpt2_remix.tui.playground.runs import MOST_TOKENS, Runs
from gpt2_remix.tui.playground.sampling import Sampling
from gpt2_remix.tui.playground.verbatim import Verbatim
from gpt2_remix.tui.playground.views.forks import ForksView
from gpt2_remix.tui.playground.views.futures import FuturesView
from gpt2_remix.tui.playground.views.pane import ViewPane
from gpt2_remix.tui.playground.what_if import WhatIf
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.widgets.coin import Coin
from gpt2_remix.tui.widgets.settings_list import SettingsList
from gpt2_remix.tui.widgets.token_text import TokenText
from gpt2_remix.tui.workers.requests import (
    ForksRequest,
    FuturesRequest,
    HindsightRequest,
    LogitsRequest,
    RechooseRequest,
    RunRequest,
)
from gpt2_remix.tui.workspace import Workspace

MOST_PADDING = 2**16
"""Ids past a tokenizer's last that are named."""


class Playground(MainScreen[None]):
    """One stream and its tree. What its keys do is in its parts, which know it as their `Host`."""

    KEYMAP: ClassVar[Sequence[Row]] = KEYMAP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(KEYMAP)]
    CONDITIONAL: ClassVar[tuple[str, ...]] = (
        "runs.start", "choosing.pick_selected", "cursor.sibling", "looking.all_panes",
    )

    WHERE_SMALL: ClassVar[tuple[str, ...]] = ("app.action_quit", "places.stage")
    SMALL_HINT: ClassVar[str] = " P presents to a room, which needs 60x18."

    def __init__(self, workspace: Workspace, exploration: Exploration) -> None:
        super().__init__(workspace)
        self.exploration = exploration
        self.activity = Activity()
        self.panes = Panes(workspace.palette)
        self.runs = Runs(self)
        self.verbatim = Verbatim(self)
        self.forks = Forks(self, self.runs, self.verbatim)
        self.choosing = Choosing(self, self.runs, self.forks.rolls)
        self.cursor = Cursor(self, self.runs)
        self.sampling = Sampling(self, self.runs)
        self.places = Places(self, self.runs)
        self.files = Files(self, self.runs)
        self.hindsight = Hindsight(self)
        self.what_if = WhatIf(self, self.runs, self.choosing, self.hindsight, self.places.show_comparison)
        self.places.what_if = self.what_if.at
        self.futures = Futures(self)
        self.jumping = Jumping(self, self.forks)
        self.looking = Looking(self, self.verbatim)
        self.logits = Logits(self)
        self.drawing = Drawing(self, self.what_if, self.verbatim, self.forks)

    def body(self) -> Iterable[Widget]:
        """The panes; each is given what to show by `draw`."""
        return self.panes.layout()

    def on_mount(self) -> None:
        """The focus on the text."""
        self.panes.text.show_plain(self.workspace.options.prefix or "")
        self.panes.text.focus()
        self.workspace.palette_changed.subscribe(self, lambda _: self._use_palette())
        self.workspace.status_changed.subscribe(self, lambda _: self._show_status())
        self.workspace.training_changed.subscribe(self, lambda _: self._show_status())
        self.workspace.index_changed.subscribe(self, self._index_changed)
        self.changed()
        self.draw_changes()

    @property
    def drawable(self) -> bool:
        """See MainScreen."""
        return self.is_mounted and self.is_attached and self.panes.attached

    @property
    def settled(self) -> bool:
        """Whether nothing runs or waits, and what is under the cursor and next is known."""
        exploration = self.exploration
        if not self.on_top:
            return super().settled and exploration.ready
        return (
            super().settled and not self.activity.running and not self.activity.pending and exploration.ready
            and exploration.knows(exploration.cursor) and exploration.knows(len(exploration.tree))
            and not exploration.without_probabilities() and not self.what_if.marks.asked and not self.futures.running
            and not self.forks.running
            and self.workspace.indexed and (self.workspace.index is None or self.verbatim.complete)
        )

    def describe(self) -> dict[str, Any]:
        """What it shows, in words; for tests."""
        exploration = self.exploration
        tree = exploration.tree
        return {
            **super().describe(), "ids": tree.ids(), "cursor": exploration.cursor, "view": self.panes.view.current,
            "running": self.activity.running, "pending": len(self.activity.pending),
            "selected": self.panes.view.list.selected_token, "settings": exploration.settings.changed(),
        }

    def draw(self, keep_selection: bool) -> None:
        """See MainScreen."""
        self.drawing.text()
        self.drawing.position(keep_selection)
        self.drawing.settings()
        self.drawing.branches()
        self._show_status()
        self.hindsight.follow()
        if self.on_top:
            self.logits.ask()
            self.what_if.ask()
            self.futures.ask()
        self.futures.draw()
        self.forks.draw()

    def _use_palette(self) -> None:
        self.panes.set_palette(self.workspace.palette)
        self.changed(keep_selection=True)

    def _index_changed(self, fresh: bool) -> None:
        if fresh:
            self.verbatim.restart()
        self.changed(keep_selection=True)

    # Keys

    def enabled(self, do: str) -> bool | None:
        """Which keys work now."""
        return working_keys.enabled(self, self.futures, do)

    def offered(self, do: str) -> bool:
        """See MainScreen."""
        return working_keys.offered(self, self.futures, do)

    def help(self) -> None:
        """Explain the pane where the person is."""
        panes = self.panes
        names = {panes.view: panes.view.current, panes.coin: "coin", panes.branches: "branches"}
        if panes.view.current in ("futures", "forks"):  # whoever looks there has the focus on the text
            names[panes.text_pane] = panes.view.current
        pane = panes.alone or panes.focused
        chosen = panes.sampler.list.selected if pane is panes.sampler else ""
        here = "sampling" if pane is panes.sampler else names.get(pane, "text")
        self.post_message(messages.ShowHelp("playground", here, chosen))

    def on_key(self, event: events.Key) -> None:
        """Digits collect a number for the key that follows; one that takes none forgets it."""
        activity = self.activity
        if self.has_class("small"):
            return
        if event.character and event.character.isdecimal() and event.character.isascii():
            activity.count = min(MOST_TOKENS, activity.count * 10 + int(event.character))
            event.stop()
        elif event.key == "backspace" and activity.count:
            activity.count //= 10
            event.stop()
        elif event.key not in ("b", "g", "space") and activity.count:
            activity.count = 0
            if event.key == "escape":
                event.stop()
        else:
            return
        self.call_after_refresh(self._show_status)  # what the key does besides is drawn by itself

    def _show_status(self) -> None:
        if self.drawable:
            self.draw_status(*self.drawing.status(self.size.width))

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted is offered as a prefix."""
        event.stop()
        if not self.has_class("small"):
            self.places.prefix(event.text)

    # The model, from the app

    def say_loading(self, what: str) -> None:
        """Say what is being waited for; "" for nothing."""
        self.activity.waiting_for = what
        self.changed(keep_selection=True)

    def show_prefix(self, tokenizer: Tokenizer, vocab_size: int, ids: list[int]) -> None:
        """Show the prefix as tokens, before the network is there; no ids where a person is asked for it still."""
        exploration = self.exploration
        exploration.tokenizer = tokenizer
        # Ids may be padded; but config.json may say any number, and no other file was looked at yet.
        named = min(vocab_size, len(tokenizer.pieces) + MOST_PADDING)
        self.panes.view.set_vocabulary([exploration.name(token) for token in range(named)])
        if ids and not len(exploration.tree):
            exploration.tree.set_prompt(ids, record=False)
        self.changed()

    def show_exploration(self, exploration: Exploration) -> None:
        """Show another model's tree."""
        self.runs.stop()
        self.exploration = exploration
        self.what_if.restart(on=False)
        self.forks.restart()
        self.activity.pending.clear()
        self.drawing.restart()
        if exploration.info is not None:
            names = [exploration.name(token) for token in range(exploration.info.vocab_size)]
            self.panes.view.set_vocabulary(names)
        self.changed()

    # What the workers answer

    def on_logits_ready(self, message: messages.LogitsReady) -> None:
        """Logits have come."""
        message.stop()
        here = self.logits.take(message)
        self.changed(keep_selection=not here)
        self.choosing.run_pending()

    def on_stepped(self, message: messages.Stepped) -> None:
        """A run went on."""
        message.stop()
        try:
            if self.runs.take(message):
                self.draw_changes()
        finally:
            self.workspace.engine.handled()

    def on_prompt_scored(self, message: messages.PromptScored) -> None:
        """The probabilities of prompt tokens have come."""
        message.stop()
        steps = self.logits.take_scores(message)
        if self.drawable:
            self.drawing.scored(steps)
            self.changed(keep_selection=True)

    def on_rechosen(self, message: messages.Rechosen) -> None:
        """What other settings would have chosen has come."""
        message.stop()
        self.what_if.take(message)
        self.changed(keep_selection=True)

    def on_hindsight_ready(self, message: messages.HindsightReady) -> None:
        """Luck in hindsight was drawn."""
        message.stop()
        self.hindsight.take(message)
        self.changed(keep_selection=True)

    def on_futures_grown(self, message: messages.FuturesGrown) -> None:
        """More is known of what may come."""
        message.stop()
        if self.drawable:
            self.futures.take(message)

    def on_forks_grown(self, message: messages.ForksGrown) -> None:
        """More is known of what could have come."""
        message.stop()
        self.forks.take(message)

    def on_traced(self, message: messages.Traced) -> None:
        """Tokens were looked up in the training text."""
        message.stop()
        if self.verbatim.take(message):
            self.drawing.trace()

    def on_exported(self, message: messages.Exported) -> None:
        """An export went on, or is there."""
        message.stop()
        self.files.exported(message)

    def on_request_failed(self, message: messages.RequestFailed) -> None:
        """The engine could not do what was asked: say why; nothing is lost."""
        message.stop()
        give_up = {
            RunRequest: self.runs.stop, LogitsRequest: self.logits.failed, RechooseRequest: self.what_if.failed,
            HindsightRequest: self.hindsight.failed, FuturesRequest: self.futures.failed,
            ForksRequest: self.forks.failed,
        }
        give_up.get(message.kind, lambda: None)()
        self.activity.waiting_for = ""
        self.workspace.say(message.reason, error=True)
        self.changed()

    def on_errand_failed(self, message: messages.ErrandFailed) -> None:
        """An export could not be made."""
        message.stop()
        self.activity.waiting_for = ""
        self.workspace.say(message.reason, error=True)
        self.changed(keep_selection=True)

    # Widgets

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The sampling panel has more to show, and more room, while it has the focus."""
        self._focus_moved()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """As on_descendant_focus."""
        self._focus_moved()

    def _focus_moved(self) -> None:
        focused = self.panes.sampler.focused
        if self.drawable and focused != self.has_class("sampling"):
            self.set_class(focused, "sampling")
            self.changed(keep_selection=True)

    @on(TokenText.Clicked)
    @on(HeatStrip.Clicked)
    def _place_clicked(self, event: TokenText.Clicked | HeatStrip.Clicked) -> None:
        self.cursor.move_to(event.index if isinstance(event, TokenText.Clicked) else event.place)

    @on(ViewPane.Picked)
    def _candidate_picked(self, event: ViewPane.Picked) -> None:
        self.choosing.pick(event.token)

    @on(FuturesView.Picked)
    @on(ForksView.Picked)
    def _continuation_picked(self) -> None:
        self.choosing.pick_selected()

    @on(ViewPane.PatternAsked)
    def _pattern_asked(self, event: ViewPane.PatternAsked) -> None:
        self.futures.search(event.pattern)

    @on(Coin.Flipped)
    def _coin_clicked(self, event: Coin.Flipped) -> None:
        self.choosing.flip_again()

    @on(Branches.Chosen)
    def _branch_chosen(self, event: Branches.Chosen) -> None:
        self.cursor.go_to(event.node)

    @on(Branches.Left)
    @on(SettingsList.Done)
    @on(SettingsList.Left)
    def _back_to_text(self) -> None:
        self.looking.back_to_text()

    @on(SettingsList.Changed)
    @on(SettingsList.Switched)
    @on(SettingsList.Shifted)
    @on(SettingsList.Saved)
    @on(SettingsList.Typed)
    def _panel_used(self, event: Message) -> None:
        self.sampling.take(event)
