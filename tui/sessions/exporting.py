"""Exports, made off the screen's thread: the text of each form, and the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui.messages import Exported
from gpt2_remix.tui.workers.requests import ExportRequest, Reply

if TYPE_CHECKING:
    from gpt2_remix.engine.session.journal import Session
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer
    from gpt2_remix.themes import RemixTheme

PAGE_COLORS = {
    "BACKGROUND": "background", "FOREGROUND": "foreground", "PRIMARY": "primary", "MUTED": "muted", "PANEL": "panel",
    "ACCENT": "accent",
}
"""The theme's colour for each of the page's."""


def page_request(
    network: int, reply: Reply, session: Callable[[], Session], leaf: int | None, path: Path, theme: RemixTheme
) -> ExportRequest:
    """A request for an HTML page in the colours of a theme."""
    colors = {name: theme.colors[own] for name, own in PAGE_COLORS.items()}
    return ExportRequest(network, reply, session, leaf, path, colors, theme.heat)


def text_in(form: str, session: Session, tokenizer: Tokenizer, leaf: int | None, screenshot: str) -> str:
    """A session in one of the forms that need no network; "svg" is the picture that was taken of the screen."""
    from gpt2_remix.engine.session.export.render import render
    from gpt2_remix.tui.style.svg import own_fonts

    return own_fonts(screenshot) if form == "svg" else render(form, session, tokenizer, branch=leaf)


def picture(app: App[Any], then: Callable[[str], None]) -> None:
    """Take a picture of the screen once the dialog is gone from it, and the footer shows its keys again."""
    screen = app.screen

    def take() -> None:
        then(app.export_screenshot(title="gpt2-remix"))

    screen.refresh_bindings()
    screen.call_after_refresh(lambda: screen.call_after_refresh(lambda: screen.call_after_refresh(take)))


def write(path: Path, text: str) -> Exported:
    """Write the file; what to say of it."""
    from gpt2_remix.engine.session.export.render import write_text

    try:
        write_text(path, text)
    except EngineError as error:
        return Exported(str(path), problem=str(error), finished=True)
    return Exported(str(path), finished=True)
