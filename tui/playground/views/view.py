"""What a view is: a way to show the position under the cursor on the right side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textual.widget import Widget

from gpt2_remix.tui.style.palette import Palette

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution


@dataclass(frozen=True, slots=True)
class Position:
    """The position under the cursor.

    Attributes:
        dist: its distribution; None while that is not known.
        taken: the token that stands there, None for none.
        name: how a token is drawn.
        empty: what to say where there is no distribution.
    """

    dist: Distribution | None
    taken: int | None
    name: Callable[[int], str]
    empty: str


class ViewWidget(Protocol):
    """What draws a view."""

    def show(self, position: Position, *, keep: bool) -> None:
        """Show another position; `keep` stays at what was selected."""
        ...

    def summary(self) -> str:
        """What its border says below."""
        ...

    def set_palette(self, palette: Palette) -> None:
        """Draw with another theme."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """A view by name.

    Attributes:
        name: in the help and the palette.
        help: what it shows.
        make: makes what draws it: a widget that is a `ViewWidget`.
    """

    name: str
    help: str
    make: Callable[[Palette], Widget]
