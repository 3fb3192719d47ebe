"""Exports, made off the screen's thread: the text of each form, and the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui.workers.requests import ExportRequest, Reply

if TYPE_CHECKING:
    from engine.session.journal import Session
    from engine.tokens.tokenizer import Tokenizer
    from themes import RemixTheme

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
    from engine.session.export.html import to_html
    from engine.session.export.json import session_to_json
    from engine.session.export.markdown import to_markdown
    from engine.session.export.text import to_text
    from tui.style.svg import own_fonts

    if form == "svg":
        return own_fonts(screenshot)
    if form == "json":
        return session_to_json(session, branch=leaf)
    if form == "md":
        return to_markdown(session, tokenizer, branch=leaf)
    if form == "html":
        return to_html(session, tokenizer, branch=leaf)
    return to_text(session, tokenizer, branch=leaf)
