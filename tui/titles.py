"""Titles in borders, set only where they change: Textual draws the whole widget again for each assignment."""

from __future__ import annotations

from textual.widget import Widget


def retitle(widget: Widget, *, title: str | None = None, subtitle: str | None = None) -> None:
    """Changes a border's title or subtitle; None leaves one as it is."""
    if title is not None and widget.border_title != title:
        widget.border_title = title
    if subtitle is not None and widget.border_subtitle != subtitle:
        widget.border_subtitle = subtitle
