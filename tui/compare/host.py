"""What the parts of the compare screen know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from textual.app import App

from gpt2_remix.engine.tokens.tokenizer import Tokenizer
from gpt2_remix.tui.compare.lane_column import LaneColumn
from gpt2_remix.tui.state.comparison import Comparison
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.workspace import Workspace


class CompareHost(Protocol):
    """The screen, as its parts see it."""

    workspace: Workspace
    exploration: Exploration
    comparison: Comparison
    advance: Advance

    @property
    def app(self) -> App[Any]:
        """For dialogs."""
        ...

    @property
    def columns(self) -> list[LaneColumn]:
        """In the order of the lanes."""
        ...

    @property
    def drawable(self) -> bool:
        """Whether there are columns to draw on."""
        ...

    def changed(self, *, keep_selection: bool = False) -> None:
        """Draw once when what is being done is done."""
        ...

    def call_after_refresh(self, callback: Callable[[], object]) -> bool:
        """Call something when all is laid out."""
        ...

    def post_message(self, message: Any) -> bool:
        """Take answers from workers, and messages to the app."""
        ...


@dataclass(slots=True)
class Advance:
    """How the lanes go on.

    Attributes:
        run: the number of the run that advances them; None while they stand.
        endless: whether it goes on until paused; else the lanes catch up.
        following: whether the cursor goes along with the newest place.
        rate: tokens a second over all lanes, as last told.
    """

    run: int | None = None
    endless: bool = False
    following: bool = True
    rate: float = 0.0

    @property
    def running(self) -> bool:
        """Whether lanes are being advanced."""
        return self.run is not None

    @property
    def runs_on(self) -> bool:
        """Whether they go on until paused."""
        return self.run is not None and self.endless


def network_of(exploration: Exploration) -> tuple[Tokenizer | None, int]:
    """The tokenizer, and how many tokens the network sees at once; None and 0 where that is not known yet."""
    info = exploration.info
    return exploration.tokenizer, info.context if info else 0
