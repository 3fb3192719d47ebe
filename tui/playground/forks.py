"""Forks of the stream: the form, the search, the view of a position, and its rolls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpt2_remix.engine.tokens.display import show_text
from gpt2_remix.engine.words import counted
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.playground.runs import Runs
from gpt2_remix.tui.playground.verbatim import Verbatim
from gpt2_remix.tui.playground.views import forks as view
from gpt2_remix.tui.state.forks import ForksSeen, proposals
from gpt2_remix.tui.workers.requests import ForksRequest, numbers

if TYPE_CHECKING:
    from gpt2_remix.engine.outlook.forks import Alternative, Fork
    from gpt2_remix.tui.dialogs.forks import ForksWish

PASSAGE = 4
"""Tokens at the end of a verbatim span by which one sees that a text comes to them too."""

BEFORE = 300
"""Characters that are shown before a roll."""

NONE_YET = "no forks yet: F asks what could have come, and from which coin on"


class Forks:
    """What F does, and what is known.

    Attributes:
        seen: what is known.
    """

    def __init__(self, host: Host, runs: Runs, verbatim: Verbatim) -> None:
        self._host, self._runs, self._verbatim = host, runs, verbatim
        self.seen = ForksSeen(None, {})
        self._asked: tuple[int, list[int]] | None = None  # the number, and the nodes of the stream
        self._from = self._network = 0
        self._wish: ForksWish | None = None

    @property
    def running(self) -> bool:
        """Whether a search goes on."""
        return self._asked is not None

    def restart(self) -> None:
        """The exploration is another one."""
        self.halt()
        self.seen = ForksSeen(None, {})

    def value(self, position: int) -> float | None:
        """The fork beyond chance at a position of the stream; None where it is not known."""
        path = self._host.exploration.tree.path
        return self.seen.value(path[position]) if position < len(path) else None

    # Asking

    def open(self) -> None:
        """Ask which outcomes; while a search goes on, stop it."""
        host, exploration = self._host, self._host.exploration
        tree = exploration.tree
        if self.running:
            self.halt()
            return
        if not exploration.ready or exploration.tokenizer is None:
            host.workspace.say("the network is still loading; one moment")
            return
        if len(tree) < 2:
            host.workspace.say("forks are looked for in a text: space or g writes some first")
            return
        from gpt2_remix.tui.dialogs.forks import ForksScreen, ForksWish

        self._runs.stop()
        first = self._first()
        count = len(tree) - first
        cost = (f"{counted(count, 'position')} from {first} on, each probable token rolled on with the same luck; the "
                "most uncertain first, F stops")
        host.app.push_screen(
            ForksScreen(self._wish or ForksWish(()), proposals(exploration.tokenizer.decode(tree.ids()),
                                                               self._training()), cost), self._start)

    def _first(self) -> int:
        """The first position: after the prompt, or after the first token where the cursor stands in the prompt."""
        tree, cursor = self._host.exploration.tree, self._host.exploration.cursor
        prompt = tree.prompt_length()
        return prompt if prompt < len(tree) and cursor >= prompt else 1

    def _training(self) -> dict[str, str]:
        """The end of the longest span that stands word for word in a training text, by the title of that."""
        index, trace, exploration = self._host.workspace.index, self._verbatim.trace, self._host.exploration
        spans = [(mark.length, n) for n, mark in enumerate(trace.marks)
                 if mark.length >= trace.min_tokens and n > self._first()]
        if index is None or exploration.tokenizer is None or not spans:
            return {}
        length, position = max(spans)
        title = index.document_at(trace.marks[position].end - 1).title
        ids = exploration.tree.ids(position + 1, position + 1 - min(length, PASSAGE))
        return {title: exploration.tokenizer.decode(ids)}

    def _start(self, wish: ForksWish | None) -> None:
        if wish is None:
            return
        from gpt2_remix.engine.generation.stream import StepList
        from gpt2_remix.engine.outlook.forks import ForkQuestion
        from gpt2_remix.engine.outlook.outcomes import parse_outcome

        host, exploration = self._host, self._host.exploration
        tree, number = exploration.tree, next(numbers)
        self._wish = wish
        question = ForkQuestion(tuple(map(parse_outcome, wish.outcomes)), exploration.settings, tree.view.seed,
                                tree.view.coin, rolls=wish.rolls, length=wish.tokens)
        self.seen = ForksSeen(question, {}, running=True)
        self._asked, self._from = (number, list(tree.path)), self._first()
        self._network = exploration.network
        host.workspace.engine.submit(ForksRequest(
            exploration.network, host.post_message, number, StepList(tree.steps()), question, self._first()))
        kept = host.workspace.preferences
        host.workspace.remember(replace(kept, heat="forks"))
        host.panes.view.show_view(view.VIEW.name)
        if exploration.cursor >= len(tree):
            tree.move(len(tree) - 1)
        host.changed(keep_selection=True)

    def halt(self) -> None:
        """Stop; what is done stays."""
        if self._asked is not None:
            self._asked = None
            self.seen.running = False
            self._host.workspace.engine.cancel(ForksRequest)
            self._host.changed(keep_selection=True)

    def take(self, message: messages.ForksGrown) -> None:
        """Take over what was found."""
        if self._asked is None or message.number != self._asked[0]:
            return
        path = self._asked[1]
        for fork in message.done:
            self.seen.forks[path[fork.position]] = fork
        self.seen.done, self.seen.rolls = message.rolls_done, message.rolls
        self.seen.computed, self.seen.seconds = message.computed, message.seconds
        if message.over:
            self._asked, self.seen.running = None, False
        self._host.changed(keep_selection=True)

    def failed(self) -> None:
        """The engine could not do it."""
        self._asked, self.seen.running = None, False

    # Looking

    def draw(self) -> None:
        """Show what is known of the position under the cursor."""
        if self.running and self._network != self._host.exploration.network:
            self.halt()  # a network that was replaced took its requests along
        host, exploration, seen = self._host, self._host.exploration, self.seen
        pane = host.panes.view
        if pane.current != view.VIEW.name:
            return
        fork = self._here()
        coming = self._asked is not None and exploration.cursor < len(exploration.tree) and (
            exploration.tree.path[exploration.cursor] in self._asked[1][self._from :])
        words = NONE_YET if seen.question is None else (
            "the rolls of this position are still to come…" if coming else "no forks are known here: F asks for them")
        pane.forks.tell(fork, seen.names, words, self._cost())
        pane.summarize()

    def _cost(self) -> str:
        """How far it has come, and what that has cost."""
        seen = self.seen
        if seen.question is None or not seen.rolls:
            return ""
        if seen.running or seen.done < seen.rolls:
            return f"{seen.done / seen.rolls:.0%} of {seen.rolls:,} rolls · {seen.seconds:.1f} s{'…' * seen.running}"
        return f"{seen.rolls:,} rolls · {seen.computed:,} in {seen.seconds:.1f} s"

    def _here(self) -> Fork | None:
        exploration = self._host.exploration
        tree, cursor = exploration.tree, exploration.cursor
        return self.seen.forks.get(tree.path[cursor]) if cursor < len(tree) else None

    def rolls(self) -> None:
        """Read the rolls of the selected alternative."""
        from gpt2_remix.tui.dialogs.rolls import Roll, RollsScreen

        host, exploration, question = self._host, self._host.exploration, self.seen.question
        fork, tokenizer = self._here(), exploration.tokenizer
        if fork is None or question is None or tokenizer is None:
            return
        other = fork.alternatives[host.panes.view.forks.selected]
        if not any(other.texts):
            host.workspace.say("this one ends the text: there is nothing after it")
            return
        names, ids = self.seen.names, exploration.tree.ids(fork.position)
        rolls = [Roll(question.seed + 1 + n, names[int(other.outcomes[n])],
                      show_text(tokenizer.decode([other.token, *text]))) for n, text in enumerate(other.texts)]
        before = show_text(tokenizer.decode(ids))[-BEFORE:]

        def answered(place: int | None) -> None:
            if place is not None:
                self._keep(fork, other, place)

        title = f"{exploration.name(other.token)} at {fork.position}"
        host.app.push_screen(RollsScreen(title, before, rolls), answered)

    def _keep(self, fork: Fork, other: Alternative, place: int) -> None:
        """Keep a roll as a branch: the alternative picked, then the same coins again."""
        from gpt2_remix.engine.generation.lane import lane_at
        from gpt2_remix.engine.generation.step import Step

        exploration, question = self._host.exploration, self.seen.question
        if question is None or not exploration.ready:
            return
        tree, position = exploration.tree, fork.position
        script = {position: Step(position, other.token, "picked", settings=question.settings)}
        lane = lane_at(tree, position, question.settings, seed=question.seed + 1 + place, coin=question.coin,
                       limit=1 + question.length, script=script)
        self._runs.grow(lane, position)
