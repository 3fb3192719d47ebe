"""The playground's what if: marks where other settings would have chosen otherwise, and streams generated again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.choosing import Choosing
from gpt2_remix.tui.playground.hindsight import Hindsight
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import Runs
from gpt2_remix.tui.state.comparison import Comparison
from gpt2_remix.tui.state.lanes import LaneOptions
from gpt2_remix.tui.widgets.token_text import TokenKind
from gpt2_remix.tui.workers.requests import RechooseRequest, numbers

if TYPE_CHECKING:
    from gpt2_remix.tui.dialogs.what_if import WhatIfAnswer


@dataclass(slots=True)
class WhatIfMarks:
    """What the coins of the stream would have chosen with the current settings.

    Attributes:
        on: whether that is asked.
        settings: those that `chosen` is for.
        chosen: token by node; None where the settings leave none.
        asked: the number of the request that goes on; 0 for none.
    """

    on: bool = False
    settings: Settings | None = None
    chosen: dict[int, int | None] = field(default_factory=dict)
    asked: int = 0


class WhatIf:
    """What w does. The luck stays the same in everything it asks.

    Attributes:
        marks: what is known.
    """

    def __init__(
        self, host: Host, runs: Runs, choosing: Choosing, hindsight: Hindsight, show: Callable[[Comparison], None]
    ) -> None:
        self._host = host
        self._runs = runs
        self._choosing = choosing
        self._show = show
        self._hindsight = hindsight
        self._seed = 0
        self.marks = WhatIfMarks()

    @property
    def on(self) -> bool:
        """Whether tokens are marked."""
        return self.marks.on

    def restart(self, *, on: bool) -> None:
        """Forget what is known."""
        self.marks = WhatIfMarks(on=on)

    # Marks

    def kind(self, node: int, step: Step) -> TokenKind:
        """How a token is drawn."""
        chosen = self.marks.chosen.get(node, step.token) if self.on else step.token
        return step.origin if chosen == step.token else "otherwise"

    @property
    def words(self) -> str:
        """For the status line."""
        marks, tree = self.marks, self._host.exploration.tree
        known = [(node, step) for node, step in zip(tree.path, tree.steps(), strict=True) if node in marks.chosen]
        other = sum(marks.chosen[node] != step.token for node, step in known)
        return f"what if: {other} of {len(known)} otherwise"

    def ask(self) -> None:
        """Ask what the current settings would have chosen where that is not known yet."""
        host, marks = self._host, self.marks
        exploration = host.exploration
        if not marks.on or not exploration.ready:
            return
        tree, settings = exploration.tree, exploration.settings
        if marks.settings != settings:
            marks.settings, marks.chosen, marks.asked = settings, {}, 0
            self._as_they_are()
        missing = [n for n, node in enumerate(tree.path) if node not in marks.chosen
                   and tree.step(n).origin == "sampled"]
        if missing and not marks.asked:
            marks.asked = next(numbers)
            first = 0 if settings.mirostat_tau else missing[0]
            host.workspace.engine.submit(RechooseRequest(
                exploration.network, host.post_message, marks.asked, tree.steps(), settings, first
            ))

    def _as_they_are(self) -> None:
        tree = self._host.exploration.tree
        self._host.panes.text.set_kinds({n: tree.step(n).origin for n in range(len(tree))})

    def take(self, message: messages.Rechosen) -> None:
        """Take over what the current settings would have chosen."""
        host, marks, tree = self._host, self.marks, self._host.exploration.tree
        if message.number != marks.asked or not host.drawable:
            return
        kinds: dict[int, TokenKind] = {}
        for position, token in message.found:
            if position < len(tree):
                marks.chosen[tree.path[position]] = token
                kinds[position] = self.kind(tree.path[position], tree.step(position))
        host.panes.text.set_kinds(kinds)
        if message.done:
            marks.asked = 0
            self.ask()

    def failed(self) -> None:
        """The engine could not say what would have been chosen."""
        self.marks.asked = 0

    def forget(self) -> None:
        """The stream is another one: what was asked for is no answer."""
        if self.marks.asked:
            self.marks.asked = 0
            self._host.workspace.engine.cancel(RechooseRequest)

    # What is to be otherwise

    def open(self) -> None:
        """Ask what is to be otherwise."""
        from gpt2_remix.tui.dialogs.what_if import WhatIfScreen

        host, exploration = self._host, self._host.exploration
        tree = exploration.tree
        if not exploration.ready:
            host.workspace.say("the network is still loading; one moment")
            return
        if not len(tree):
            return
        token, words, other = self._selected(), f"another token in place of {self._name_at(self._place)}…", ""
        if token is not None:
            words, other = f"{exploration.name(token)} in place of {self._name_at(self._place)} at {self._place}", words
        generated = len(tree) > tree.prompt_length()
        self._runs.stop()
        host.changed(keep_selection=True)
        first = min(self._place, self._beginning())
        given = any(tree.step(n).origin != "sampled" for n in range(first, len(tree)))
        host.app.push_screen(WhatIfScreen(marks=self.on, token=words, other=other, generated=generated, given=given,
                                          seed=tree.view.seed), self._asked)

    @property
    def _place(self) -> int:
        """The token under the cursor, the last one past the end."""
        exploration = self._host.exploration
        return max(0, min(exploration.cursor, len(exploration.tree) - 1))

    def _beginning(self) -> int:
        """From where other settings are asked about: the end of the prompt, or the start of a text only given."""
        tree = self._host.exploration.tree
        prompt = tree.prompt_length()
        return prompt if prompt < len(tree) else min(1, prompt)

    def _name_at(self, place: int) -> str:
        exploration = self._host.exploration
        return exploration.name(exploration.tree.step(place).token)

    def _selected(self) -> int | None:
        """The candidate that is selected in place of the token under the cursor; None where none is."""
        exploration, token = self._host.exploration, self._host.panes.view.list.selected_token
        here = exploration.cursor < len(exploration.tree) and token is not None
        return token if here and token != exploration.tree.step(exploration.cursor).token else None

    def at(self, place: int) -> None:
        """Ask which other token would stand at a place."""
        host, exploration = self._host, self._host.exploration
        tree = exploration.tree
        if not len(tree):
            return
        tree.move(max(0, min(place, len(tree) - 1)))
        host.changed()

        def show(position: int) -> None:
            from gpt2_remix.tui.dialogs.token import TokenAnswer, TokenScreen

            def answered(answer: TokenAnswer | None) -> None:
                if answer is not None and answer.token is not None:
                    self.another_token(position, answer.token)
                elif answer is not None:
                    self.at(position + answer.move)

            dist, view = exploration.distribution(position), host.panes.view
            if dist is not None:
                title = f"what if not {self._name_at(position)} at {position}"
                old = tree.step(position).token
                host.app.push_screen(TokenScreen(title, dist, old, view.name_of, view.matching), answered)

        self._choosing.when_known(exploration.cursor, show)

    def _asked(self, answered: WhatIfAnswer | None) -> None:
        host = self._host
        tree = host.exploration.tree
        answer = answered.what if answered is not None else ""
        self._seed = answered.seed if answered is not None else self._seed
        if answer == "marks":
            self.restart(on=not self.on)
            self._as_they_are()
            host.changed(keep_selection=True)
        elif answer == "token":
            token = self._selected()
            if token is not None:
                self.another_token(host.exploration.cursor, token)
            else:
                self.at(self._place)
        elif answer == "other":
            self.at(self._place)
        elif answer == "prefix":
            from gpt2_remix.tui.dialogs.prefix import PrefixScreen

            ask = PrefixScreen(host.workspace.palette, host.exploration, tree.ids(tree.prompt_length()))
            host.app.push_screen(ask, self._another_prefix)
        elif answer == "settings":
            from gpt2_remix.tui.dialogs.lane import LaneScreen

            other = LaneScreen("other settings, the same luck", LaneOptions(host.exploration.settings),
                               host.workspace.presets, host.workspace.palette, only_settings=True)
            host.app.push_screen(other, self.other_settings)

    def another_token(self, position: int, token: int) -> None:
        """Lay beside the stream what the same luck gives after another token."""
        from gpt2_remix.engine.generation.decode import pick_token
        from gpt2_remix.tui.state.beginnings import counterfactual

        exploration, tree = self._host.exploration, self._host.exploration.tree
        label = f"{exploration.name(token)} for {exploration.name(tree.step(position).token)}"
        try:
            dist = exploration.distribution(position)
        except EngineError as error:
            self._host.workspace.say(str(error), error=True)
            return
        if dist is not None:
            step = pick_token(dist, token, exploration.context(position))
            self._hindsight.draw(position, position + 1, self._seed, lambda luck: self._show(
                counterfactual(exploration, start=position, label=label, first=step, luck=luck)))

    def _another_prefix(self, ids: list[int] | None) -> None:
        from gpt2_remix.tui.state.beginnings import counterfactual

        if ids is not None:
            exploration = self._host.exploration
            start = exploration.tree.prompt_length()
            self._show(counterfactual(exploration, start=start, label="another prefix", prefix=ids))

    def other_settings(self, options: LaneOptions | None) -> None:
        """Lay beside the stream what the same luck gives with other settings."""
        from gpt2_remix.tui.state.beginnings import counterfactual

        exploration = self._host.exploration
        if options is None:
            return
        try:
            if exploration.info is not None:
                options.settings.check_vocabulary(exploration.info.vocab_size)
        except EngineError as error:
            self._host.workspace.say(str(error), error=True)
            return
        label = options.settings.changed().replace(",", " ") or "pure sampling"
        start = self._beginning()
        self._hindsight.draw(start, start, self._seed, lambda luck: self._show(
            counterfactual(exploration, start=start, label=label, settings=options.settings, luck=luck)))
