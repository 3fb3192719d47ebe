"""How what is being typed falls into tokens, under the field that it is typed in."""

from __future__ import annotations

from gpt2_remix.engine.words import counted
from gpt2_remix.tui.state.exploration import Exploration
from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.widgets.token_text import TokenCell, TokenText

PREVIEWED = 2000
"""Tokens of which the split is drawn; a longer prefix is used whole all the same."""

STRIPES = (3, 6)
"""Heat levels that tell neighbouring tokens apart."""


class TokenSplit(TokenText):
    """Tokens with stripes, without a cursor; how many there are stands in its title."""

    DEFAULT_CSS = """
    TokenSplit { border-top: solid $border; border-title-color: $text-muted; }
    """

    def __init__(self, palette: Palette, *, id: str = "split") -> None:
        super().__init__(palette, cursor=False, id=id)
        self.border_title = "tokens"
        self.can_focus = False
        self.set_empty("empty: starts from <|endoftext|>, the token between two texts")

    def show(self, exploration: Exploration, ids: list[int]) -> None:
        """Show ids."""
        pieces = [exploration.piece(token) for token in ids[:PREVIEWED]]
        self.replace(0, [TokenCell(piece, "sampled", STRIPES[n % 2]) for n, piece in enumerate(pieces)])
        context = exploration.info.context if exploration.info else None
        over = f", the network sees the last {context} or fewer" if context and len(ids) > context else ""
        self.border_title = counted(len(ids), "token") + over
