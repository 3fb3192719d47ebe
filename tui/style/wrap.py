"""Tokens laid out as wrapped lines. Plain data, no widget: what is drawn where, and which token stands at a cell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from gpt2_remix.engine.tokens.display import NEWLINE


class Piece(NamedTuple):
    """A part of one token on one line: the token's index, the text as drawn, its width in cells."""

    token: int
    text: str
    width: int


class Flow:
    """Lines of at most `width` cells, broken before words where possible.

    A token's leading space is left out at the start of a line, where the line break stands for it. Line breaks in
    tokens are drawn as a symbol and obeyed. Appending lays out the last lines only.

    Attributes:
        lines: the pieces of each line; there is always at least one line.
    """

    def __init__(self, width: int) -> None:
        self.width = max(2, width)
        self.lines: list[list[Piece]] = [[]]
        self._texts: list[str] = []

    def __len__(self) -> int:
        """How many tokens are laid out."""
        return len(self._texts)

    def set_width(self, width: int) -> None:
        """Lay everything out again for another width."""
        if max(2, width) != self.width:
            self.width = max(2, width)
            texts, self._texts, self.lines = self._texts, [], [[]]
            self.replace(0, texts)

    def replace(self, start: int, texts: Sequence[str]) -> int:
        """Put other texts in place of everything from token `start` on; return the first line laid out again."""
        start = min(start, len(self._texts))
        line = self.line_of(start) if start < len(self._texts) else len(self.lines) - 1
        # Go back to a line that begins with a whole token, and one further: a word may have moved down from there.
        line = max(0, line - 1)
        while line > 0 and not self._begins_whole(line):
            line -= 1
        first = self.lines[line][0].token if self.lines[line] else (start if line else 0)
        del self.lines[line:]
        del self._texts[start:]
        self._texts.extend(texts)
        self._wrap(min(first, start))
        return line

    def _begins_whole(self, line: int) -> bool:
        before, here = self.lines[line - 1], self.lines[line]
        return bool(before and here) and before[-1].token != here[0].token

    def _wrap(self, first: int) -> None:
        line: list[Piece] = []
        x = word = 0  # the width so far, and where the last word begins in `line`
        for token in range(first, len(self._texts)):
            for k, part in enumerate(self._texts[token].split("\n")):
                if k:
                    if x + 1 > self.width:
                        self.lines.append(line)
                        line = []
                    line.append(Piece(token, NEWLINE, 1))
                    self.lines.append(line)
                    line, x, word = [], 0, 0
                if not part:
                    continue
                spaced = part.startswith(" ")
                if spaced or not line:
                    word = len(line)
                width = cell_len(part)
                if x + width > self.width and line:
                    carried = [] if spaced else line[word:]
                    room = sum(piece.width for piece in carried) + width
                    if word == 0 or room > self.width:
                        carried = []
                    self.lines.append(line[: len(line) - len(carried)])
                    line = carried
                    if line and line[0].text.startswith(" ") and len(line[0].text) > 1:
                        line[0] = Piece(line[0].token, line[0].text[1:], line[0].width - 1)
                    x, word = sum(piece.width for piece in line), 0
                if spaced and not line and len(part) > 1:
                    part, width = part[1:], width - 1
                while x + width > self.width:
                    fits = chop_cells(part, self.width - x)[0] if self.width - x > 1 else ""
                    if fits:
                        line.append(Piece(token, fits, cell_len(fits)))
                    self.lines.append(line)
                    line, x, word = [], 0, 0
                    part = part[len(fits) :]
                    width = cell_len(part)
                if part:
                    line.append(Piece(token, part, width))
                    x += width
        self.lines.append(line)

    def line_of(self, token: int) -> int:
        """The line on which a token begins, or would stand: tokens without text belong to the one before."""
        line = bisect_left(self.lines, token, key=lambda pieces: pieces[-1].token if pieces else len(self._texts))
        return min(line, len(self.lines) - 1)

    def token_at(self, line: int, x: int) -> int:
        """The token drawn at a cell; past the end of a line its last one, past all lines the number of tokens."""
        if line >= len(self.lines):
            return len(self._texts)
        for piece in self.lines[line]:
            x -= piece.width
            if x < 0:
                return piece.token
        if line == len(self.lines) - 1 or not self.lines[line]:
            return len(self._texts)
        return self.lines[line][-1].token
