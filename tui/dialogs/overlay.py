"""The overlay: a batch of continuations as one tree with counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from gpt2_remix.engine.words import counted
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.state.overlay import Strand, overlay, together, unfolded
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.bars import EIGHTHS
from gpt2_remix.tui.widgets.footer import Keys
from gpt2_remix.tui.widgets.outline import Label, Outline, Row

BAR = 10
"""Cells of the bar that shows how many go a way."""


class OverlayScreen(Modal[int | None]):
    """Dismissed with the place of a continuation to go to, or None.

    Args:
        title: of what is laid over each other.
        batches: the continuations, by the name of their batch.
        words: how tokens are drawn.
        goes: whether one can go to a continuation.
    """

    DEFAULT_CSS = """
    OverlayScreen .dialog { height: 90%; max-width: 130; width: 94%; }
    OverlayScreen Outline { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "go there"),
        Binding("down", "row(1)", "select", key_display="↑↓"), Binding("up", "row(-1)", show=False),
        Binding("pagedown", "row(10)", show=False), Binding("pageup", "row(-10)", show=False),
        Binding("right,space", "unfold", "unfold", key_display="→"), Binding("left", "fold", "fold", key_display="←"),
        Binding("tab", "batch", "next lane"), Binding("escape", "cancel", "back"),
    ]

    def __init__(
        self, title: str, batches: Mapping[str, Sequence[Sequence[int]]], words: Callable[[Sequence[int]], str],
        palette: Palette, *, goes: bool,
    ) -> None:
        super().__init__()
        self._title, self._batches, self._words, self._goes = title, dict(batches), words, goes
        self._names = list(batches)
        self._place = 0
        self._outline = Outline(palette, self._label)
        self._strands: tuple[Strand, ...] = ()
        self._shown: list[Strand] = []
        self._unfolded: set[Strand] = set()

    def compose(self) -> ComposeResult:
        """The tree over what it says in a line."""
        with Vertical(classes="dialog"):
            yield self._outline
            yield Static(id="together", classes="hint")
        yield Keys()

    def opened(self) -> None:
        """The first batch."""
        self._outline.focus()
        self._begin()

    @property
    def shown(self) -> list[Strand]:
        """The strands in the rows."""
        return self._shown

    @property
    def _total(self) -> int:
        return len(self._batches[self._names[self._place]])

    def _begin(self) -> None:
        name = self._names[self._place]
        streams = self._batches[name]
        self._strands = overlay(streams)
        self._unfolded = unfolded(self._strands, len(streams))
        self._outline.cursor = 0
        title = f"{self._title} · {name}" if name else self._title
        self.query_one(".dialog").border_title = Text(title)
        shared, different = together(self._strands), len({tuple(stream) for stream in streams})
        words = (f"{counted(len(streams), 'continuation')}, {different:,} different; all go together for "
                 f"{counted(shared, 'token')}" + ("" if len(self._names) == 1 else "; tab: the next lane"))
        self.query_one("#together", Static).update(Text(words))
        self._show()

    def _show(self) -> None:
        self._shown, rows = [], []

        def add(strands: Sequence[Strand], depth: int) -> None:
            for strand in strands:
                fold = " " if not strand.below else "▾" if strand in self._unfolded else "▸"
                rows.append(Row(len(self._shown), len(self._shown), depth, fold))
                self._shown.append(strand)
                if strand in self._unfolded:
                    add(strand.below, depth + 1)

        add(self._strands, 0)
        self._outline.show(rows, "nothing to lay over each other")

    def _label(self, row: Row) -> Label:
        strand = self._shown[row.first]
        eighths = max(1, round(strand.count / max(1, self._total) * BAR * 8))
        bar = "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
        return Label(" ", self._words(strand.tokens), [f"{counted(len(strand.tokens), 'token'):>10}",
                                                       f"{strand.count:>5,} {bar.ljust(BAR)}"], shown=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nobody goes where there is no branch, nor to the next of one lane."""
        if action == "go":
            return self._goes
        if action == "batch":
            return len(self._names) > 1
        return super().check_action(action, parameters)

    def action_row(self, rows: int) -> None:
        """Another row."""
        self._outline.move(rows)

    def _selected(self) -> Strand | None:
        return self._shown[self._outline.cursor] if self._outline.cursor < len(self._shown) else None

    def action_unfold(self) -> None:
        """See how it goes on."""
        strand = self._selected()
        if strand is not None and strand.below:
            self._unfolded.add(strand)
            self._show()

    def action_fold(self) -> None:
        """Hide how it goes on; where that is hidden, go up."""
        strand = self._selected()
        if strand is None:
            return
        if strand in self._unfolded:
            self._unfolded.discard(strand)
        else:
            above = next((n for n, other in enumerate(self._shown) if strand in other.below), None)
            self._outline.cursor = self._outline.cursor if above is None else above
        self._show()

    def action_batch(self) -> None:
        """The next lane."""
        self._place = (self._place + 1) % len(self._names)
        self._begin()

    def action_go(self) -> None:
        """Go to a continuation that goes through the selected strand."""
        strand = self._selected()
        if strand is not None:
            self.dismiss(strand.members[0])

    @on(Outline.Clicked)
    def _clicked(self, event: Outline.Clicked) -> None:
        event.stop()
        strand = self._selected()
        if event.fold and strand is not None:
            (self.action_fold if strand in self._unfolded else self.action_unfold)()
        elif event.twice and self._goes:
            self.action_go()

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss(None)
