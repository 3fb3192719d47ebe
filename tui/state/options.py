"""What the command line asks of the app."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpt2_remix.engine.sampling.settings import CoinKind, Settings

if TYPE_CHECKING:
    from gpt2_remix.engine.models.opening import LoadOptions
    from gpt2_remix.tui.state.lesson import Lesson


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; None where it did not say.

    Attributes:
        lesson: the one that is to be played.
        alone: whether it plays with nobody there.
    """

    prefix: str | None = None
    ids: list[int] | None = None
    settings: Settings | None = None
    seed: int | None = None
    coin: CoinKind | None = None
    dice: tuple[float, ...] = ()
    theme: str | None = None
    speed: float | None = None
    model: str | None = None
    load: LoadOptions | None = None
    session: Path | None = None
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lesson: Lesson | None = None
    alone: bool = False

    def from_lesson(self) -> Options:
        """With the text of the lesson's first step to begin with, so that nothing stands before it."""
        if self.lesson is None:
            return self
        first = self.lesson.steps[0]
        return replace(self, prefix=first.prefix, ids=None if first.ids is None else [*first.ids])

    @property
    def from_nothing(self) -> bool:
        """Whether nothing was said of what to begin with."""
        given = self.prefix is not None or self.ids is not None or self.lesson is not None
        return not given and not (self.session is not None and self.session.exists())
