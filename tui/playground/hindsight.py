"""Luck in hindsight, asked of the engine for the tokens that no coin chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpt2_remix.engine.generation import step as steps
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.tui import messages
from gpt2_remix.tui.playground.host import Host
from gpt2_remix.tui.workers.requests import HindsightRequest, numbers

Use = Callable[[Sequence[Step]], None]

WAITING = "drawing luck in hindsight…"


class Hindsight:
    """Asks for it where it is needed, and goes on when it has come."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._asked: tuple[int, Use] | None = None
        self._about: tuple[object, ...] | None = None  # the exploration, the network and the nodes that it is for

    def draw(self, start: int, first: int, seed: int, use: Use) -> None:
        """Draw luck for the given and picked tokens of the stream from `first` on, and use it.

        Args:
            start: the position from which the stream is asked about; what stands before it is the prefix.
            first: the first position whose luck is needed.
            seed: which of many such lucks.
            use: is called with steps whose luck can be taken again; with none where none is needed.
        """
        host, exploration = self._host, self._host.exploration
        tree = exploration.tree
        if all(tree.step(n).origin == "sampled" for n in range(first, len(tree))) or exploration.info is None:
            use(())
            return
        number = next(numbers)
        self._asked, self._about = (number, use), self._now()
        host.activity.waiting_for = WAITING
        prompt = min(tree.prompt_length(), start)  # as the lane that generates counts it
        question = steps.Hindsight(tuple(tree.ids()), prompt, exploration.settings, seed, exploration.info.name)
        host.workspace.engine.submit(
            HindsightRequest(exploration.network, host.post_message, number, question, first))
        host.changed(keep_selection=True)

    def _now(self) -> tuple[object, ...]:
        exploration = self._host.exploration
        return exploration, exploration.network, *exploration.tree.path

    def follow(self) -> None:
        """The stream may be another one: luck that was asked for another text answers nothing."""
        if self._asked is not None and self._now() != self._about:
            self.failed()
            self._host.workspace.engine.cancel(HindsightRequest)

    def take(self, message: messages.HindsightReady) -> None:
        """Go on with the luck that was drawn."""
        self.follow()
        if self._asked is None or message.number != self._asked[0]:
            return
        use, self._asked = self._asked[1], None
        self._host.activity.waiting_for = ""
        stays = [step.position for step in message.steps if step.origin == "picked"]
        use(message.steps)
        if stays:
            places = ", ".join(map(str, stays[:4])) + ("…" if len(stays) > 4 else "")
            self._host.workspace.say(f"no luck can have chosen what stands at {places} with these settings: it stays")

    def failed(self) -> None:
        """It was not drawn."""
        self._asked = None
        if self._host.activity.waiting_for == WAITING:
            self._host.activity.waiting_for = ""
