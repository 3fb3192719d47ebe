"""Comparisons as files: texts and statistics as Markdown, a picture of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from gpt2_remix.tui.sessions import exporting
from gpt2_remix.tui.sessions.export import ExportOptions, ExportScreen

if TYPE_CHECKING:
    from gpt2_remix.tui.compare.host import CompareHost

FORMS = {"md": "Markdown, a table of statistics and the texts", "svg": "a picture of the screen as it is now"}


def ask(screen: CompareHost) -> None:
    """Ask in which form and where to, and write it."""

    def write(options: ExportOptions | None) -> None:
        if options is None or options.path is None:
            return
        path = options.path

        def to_file(text: str) -> None:
            def work() -> Message:
                return exporting.write(path, text)

            screen.workspace.errands.submit(work, screen.post_message, "export")

        if options.form == "svg":
            from gpt2_remix.tui.style.svg import own_fonts

            exporting.picture(screen.app, lambda picture: to_file(own_fonts(picture)))
        else:
            to_file(markdown(screen))

    screen.app.push_screen(ExportScreen("comparison", 1, FORMS, "all lanes"), write)


def markdown(screen: CompareHost) -> str:
    """The lanes as Markdown."""
    from gpt2_remix.engine.compare.markdown import lanes_to_markdown

    comparison, tokenizer = screen.comparison, screen.exploration.tokenizer
    assert tokenizer is not None
    lanes = comparison.lanes
    return lanes_to_markdown(
        [f"{place} {lane.title}" for place, lane in enumerate(lanes, start=1)],
        [comparison.divergence(place).first if place else None for place in range(len(lanes))],
        [lane.stats.to_dict() for lane in lanes], [tokenizer.decode(lane.new_ids) for lane in lanes],
    )
