"""What the parts of the playground know of it: the stream on screen, its panes, and how to have it drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from textual.app import App

from gpt2_remix.tui.playground.panes import Panes
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workspace import Workspace


class Host(Protocol):
    """The screen, as its parts see it."""

    workspace: Workspace
    exploration: Exploration
    panes: Panes
    activity: Activity

    @property
    def app(self) -> App[Any]:
        """For dialogs."""
        ...

    @property
    def drawable(self) -> bool:
        """Whether there are panes to draw on."""
        ...

    def changed(self, *, keep_selection: bool = False) -> None:
        """Draw once when what is being done is done."""
        ...

    def post_message(self, message: Any) -> bool:
        """Take answers from workers, and messages to the app."""
        ...


@dataclass(slots=True)
class ActiveRun:
    """A run that goes on: its number, and the last node of each lane.

    Attributes:
        endless: whether it goes on until paused, also past a flip or a pick; else it grows branches for a while.
        goal: the length of the stream at which an endless one ends after all; None for none.
        following: whether the cursor goes along with the newest token.
        rate: tokens a second, as last told.
    """

    number: int
    tails: list[int]
    endless: bool
    following: bool
    goal: int | None = None
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """Something to be done once the logits of a position are known.

    Attributes:
        after: the node before that position; None for the stream's end when it is its turn.
        action: is called with the position.
    """

    after: int | None
    action: Callable[[int], None]


@dataclass(slots=True)
class Activity:
    """What goes on in the playground.

    Attributes:
        run: the run that goes on.
        pending: what waits for logits, in the order requested.
        count: the number that was typed before space, g or b; 0 for none.
        waiting_for: what is being loaded, "" for nothing.
        failed: what the network could not give, so that it is not asked again at once.
    """

    run: ActiveRun | None = None
    pending: deque[PendingRequest] = field(default_factory=deque)
    count: int = 0
    waiting_for: str = ""
    failed: tuple[object, ...] = ()

    def take_count(self) -> int:
        """The number that was typed, which counts once."""
        count, self.count = self.count, 0
        return count

    @property
    def running(self) -> bool:
        """Whether a run goes on."""
        return self.run is not None
