"""The lesson's bar: what it says, and how it goes on. Nothing is there while no lesson plays."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.signal import Signal
from textual.widgets import Static

from gpt2_remix.tui.state.lesson_run import LessonRun

BESIDE = 76
"""Cells from which on there is room beside the words for how it goes on."""


class LessonBar(Static):
    """Above the footer of the screens that fill the terminal."""

    HELP = """\
    A lesson says here what there is to see. space goes on. Any other key takes over: the lesson waits, everything works
    as always, and L goes on where it stopped. esc ends the lesson; the text stays.
    """

    DEFAULT_CSS = """
    LessonBar {
        display: none; height: auto; max-height: 6; padding: 0 1; background: $panel; color: $foreground;
        border-left: thick $accent;
    }
    LessonBar.on { display: block; }
    """

    def __init__(self, run: LessonRun, changed: Signal[None]) -> None:
        super().__init__(id="lesson")
        self._run = run
        self._changed = changed

    def on_mount(self) -> None:
        """Show what the lesson says."""
        self._changed.subscribe(self, lambda _: self.show())
        self.show()

    def show(self) -> None:
        """Show what the lesson says now."""
        run = self._run
        on = run.on or run.recording is not None
        self.set_class(on, "on")
        if on:
            line = Table.grid(expand=True)
            line.add_column(ratio=1)
            question = run.step is not None and bool(run.step.question) and not run.taken
            words, how = Text(run.words(), style="bold" if question else ""), Text(f"  {run.how()}", style="dim")
            if self.app.size.width >= BESIDE:
                line.add_column(justify="right", no_wrap=True)
                line.add_row(words, how)
            else:
                line.add_row(words)
                line.add_row(Text(run.how(), style="dim", justify="right"))
            self.update(line)

    def on_resize(self) -> None:
        """There is room beside the words, or there is none any more."""
        self.show()
