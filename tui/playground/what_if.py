"""The playground's what if: marks where other settings would have chosen otherwise, and streams generated again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.generation.step import Step
from engine.sampling.settings import Settings
from tui import messages
from tui.widgets.token_text import TokenKind
from tui.workers.engine import run_numbers
from tui.workers.jobs import WhatIf

if TYPE_CHECKING:
    from tui.dialogs.lane import LaneWish
    from tui.playground.screen import Playground


@dataclass(slots=True)
class WhatIfMarks:
    """What the coins of the stream would have chosen with the settings of now.

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


class WhatIfView:
    """Belongs to the playground; the luck stays the same in everything it asks."""

    def __init__(self, screen: Playground) -> None:
        self._screen = screen
        self.marks = WhatIfMarks()

    @property
    def on(self) -> bool:
        """Whether tokens are marked."""
        return self.marks.on

    def restart(self, *, on: bool) -> None:
        """Nothing is known."""
        self.marks = WhatIfMarks(on=on)

    # Marks

    def kind(self, node: int, step: Step) -> TokenKind:
        """How a token is drawn."""
        chosen = self.marks.chosen.get(node, step.token) if self.on else step.token
        return step.origin if chosen == step.token else "otherwise"

    @property
    def words(self) -> str:
        """For the status line."""
        marks, tree = self.marks, self._screen.exploration.tree
        known = [(node, step) for node, step in zip(tree.path, tree.steps(), strict=True) if node in marks.chosen]
        other = sum(marks.chosen[node] != step.token for node, step in known)
        return f"what if: {other} of {len(known)} otherwise"

    def ask(self) -> None:
        """Asks what the settings of now would have chosen where that is not known yet."""
        screen, marks = self._screen, self.marks
        exploration = screen.exploration
        if not marks.on or not screen.app.model_ready:
            return
        tree, settings = exploration.tree, exploration.settings
        if marks.settings != settings:
            marks.settings, marks.chosen, marks.asked = settings, {}, 0
            self._as_they_are()
        missing = [n for n, node in enumerate(tree.path) if node not in marks.chosen
                   and tree.step(n).origin == "sampled"]  # fmt: skip
        if missing and not marks.asked:
            marks.asked = next(run_numbers)
            first = 0 if settings.mirostat_tau else missing[0]
            screen.app.worker.reconsider(WhatIf(exploration.model, marks.asked, tree.steps(), settings, first))  # fmt: skip

    def _as_they_are(self) -> None:
        tree = self._screen.exploration.tree
        self._screen.text.set_kinds({n: tree.step(n).origin for n in range(len(tree))})

    def taken(self, message: messages.Reconsidered) -> None:
        """What the settings of now would have chosen has come."""
        screen, marks, tree = self._screen, self.marks, self._screen.exploration.tree
        if message.number != marks.asked or not screen.drawn:
            return
        kinds: dict[int, TokenKind] = {}
        for position, token in message.found:
            if position < len(tree):
                marks.chosen[tree.path[position]] = token
                kinds[position] = self.kind(tree.path[position], tree.step(position))
        screen.text.set_kinds(kinds)
        if message.done:
            marks.asked = 0
            self.ask()
        screen.show_status()

    def forget(self) -> None:
        """The stream is another one: what was asked for is no answer."""
        if self.marks.asked:
            self.marks.asked = 0
            self._screen.app.worker.stop_job("what if")

    # What is to be otherwise

    def open(self) -> None:
        """Asks what is to be otherwise."""
        from tui.dialogs.what_if import WhatIfScreen

        screen = self._screen
        exploration, tree = screen.exploration, screen.exploration.tree
        if not screen.app.model_ready:
            screen.notice("the network is still loading; one moment", error=False)
            return
        cursor, token = exploration.cursor, screen.candidates.list.selected_token
        old = tree.step(cursor).token if cursor < len(tree) else None
        words = ""
        if old is not None and token is not None and token != old:
            words = f"{exploration.name(token)} in place of {exploration.name(old)} at {cursor}"
        generated = len(tree) > tree.prompt_length()
        screen.pause()
        screen.app.push_screen(WhatIfScreen(marks=self.on, token=words, generated=generated), self._asked)

    def _asked(self, wish: str | None) -> None:
        screen = self._screen
        tree = screen.exploration.tree
        if wish == "marks":
            self.restart(on=not self.on)
            self._as_they_are()
            screen.show_all(keep_selection=True)
        elif wish == "token":
            token = screen.candidates.list.selected_token
            if token is not None:
                self._other_token(screen.exploration.cursor, token)
        elif wish == "prefix":
            from tui.dialogs.prefix import PrefixScreen

            ask = PrefixScreen(screen.exploration, tree.ids(tree.prompt_length()))
            screen.app.push_screen(ask, self._other_prefix)
        elif wish == "settings":
            from tui.dialogs.lane import LaneScreen, LaneWish

            other = LaneScreen("other settings, the same luck", LaneWish(screen.exploration.settings),
                               screen.app.presets, only_settings=True)  # fmt: skip
            screen.app.push_screen(other, self._other_settings)

    def _other_token(self, position: int, token: int) -> None:
        from engine.generation.decode import pick_token
        from tui.state.beginnings import counterfactual

        exploration, tree = self._screen.exploration, self._screen.exploration.tree
        label = f"{exploration.name(token)} for {exploration.name(tree.step(position).token)}"
        prompt = tree.prompt_length()
        if position < prompt:
            ids = tree.ids(prompt)
            ids[position] = token
            exploration.comparison = counterfactual(exploration, start=prompt, label=label, prefix=ids)
        else:
            try:
                dist = exploration.distribution(position)
            except EngineError as error:
                self._screen.notice(str(error))
                return
            if dist is None:
                return
            step = pick_token(dist, token, exploration.context(position))
            exploration.comparison = counterfactual(exploration, start=position, label=label, first=step)
        self._screen.open_comparison()

    def _other_prefix(self, ids: list[int] | None) -> None:
        from tui.state.beginnings import counterfactual

        if ids is not None:
            exploration = self._screen.exploration
            start = exploration.tree.prompt_length()
            exploration.comparison = counterfactual(exploration, start=start, label="another prefix", prefix=ids)
            self._screen.open_comparison()

    def _other_settings(self, wish: LaneWish | None) -> None:
        from tui.state.beginnings import counterfactual

        exploration = self._screen.exploration
        if wish is None:
            return
        try:
            if exploration.info is not None:
                wish.settings.check_vocabulary(exploration.info.vocab_size)
        except EngineError as error:
            self._screen.notice(str(error))
            return
        label = wish.settings.changed().replace(",", " ") or "pure sampling"
        start = exploration.tree.prompt_length()
        exploration.comparison = counterfactual(exploration, start=start, label=label, settings=wish.settings)
        self._screen.open_comparison()
