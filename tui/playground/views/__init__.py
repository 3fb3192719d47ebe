"""Views: what the right side shows of the position under the cursor.

A new view is a file here with a `VIEW`, and its place in the list: the key that goes through them (l), the palette and
the help come from the list.
"""

from __future__ import annotations

from gpt2_remix.tui.playground.views import candidates, forks, futures, plot
from gpt2_remix.tui.playground.views.view import Position, View, ViewWidget

VIEWS: tuple[View, ...] = (candidates.VIEW, plot.VIEW, futures.VIEW, forks.VIEW)
"""In the order in which the key goes through them."""

__all__ = ["VIEWS", "Position", "View", "ViewWidget"]
