"""Keymaps: what a screen does, and the keys for it, said once.

A screen's `keymap.py` lists `Row`s. From them come its bindings and footer, the command palette, the help, and the
table in the README; a test fails where one of these says something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.binding import Binding

NAMES = {
    "question_mark": "?", "slash": "/", "left_square_bracket": "[", "right_square_bracket": "]", "plus": "+",
    "minus": "-", "left_curly_bracket": "{", "right_curly_bracket": "}", "less_than_sign": "<", "asterisk": "*",
    "greater_than_sign": ">", "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓", "pageup": "pgup",
    "pagedown": "pgdn", "left_parenthesis": "(", "right_parenthesis": ")",
}
"""How keys are written where Textual's name is not what stands on them."""


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that a screen does.

    Attributes:
        keys: Textual's names of the keys for it, separated by commas; "" for none.
        do: what is called, from the screen on: "runs.start".
        argument: what it is called with; None for nothing.
        footer: its word in the footer, "" for none.
        display: how its keys are written in the footer, "" for Textual's way.
        title: its name in the command palette, "" for none.
        help: what the palette says of it, beside its keys.
        words: others by which people look for it.
    """

    keys: str
    do: str
    footer: str = ""
    argument: int | str | None = None
    display: str = ""
    title: str = ""
    help: str = ""
    words: str = ""

    @property
    def action(self) -> str:
        """The action of its binding: what `do` names, called by `action_do` of the screen."""
        return f"do({self.do!r})" if self.argument is None else f"do({self.do!r}, {self.argument!r})"

    @property
    def shown(self) -> str:
        """Its first key as a person knows it."""
        *modifiers, name = self.keys.split(",")[0].split("+")
        return "+".join([*modifiers, NAMES.get(name, name)])


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the help: some keys, what they do, and each of them by itself.

    Attributes:
        shown: the keys as a person reads them.
        help: what they do.
        keys: each of them.
    """

    shown: str
    help: str
    keys: tuple[Key, ...]


def row(shown: str, help: str, *keys: Key) -> Row:
    """A line of the help."""
    return Row(shown, help, keys)


@dataclass(frozen=True, slots=True)
class PaletteCommand:
    """A line of the command palette; `words` are others by which people look for it."""

    title: str
    help: str
    words: str
    do: str
    action: str


def bindings_of(keymap: Sequence[Row]) -> list[Binding]:
    """A screen's bindings; keys with a word for the footer come there in the order of the list."""
    return [
        Binding(key.keys, key.action, key.footer or key.title or key.do.rpartition(".")[2], show=bool(key.footer),
                key_display=key.display or None)
        for key in all_keys(keymap) if key.keys
    ]


def all_keys(keymap: Sequence[Row]) -> Iterator[Key]:
    """Every key of a keymap."""
    for line in keymap:
        yield from line.keys


def palette_of(keymap: Sequence[Row]) -> list[PaletteCommand]:
    """The commands of a keymap that have a title."""
    return [
        PaletteCommand(key.title, " ".join(filter(None, [key.help, f"({key.shown})" if key.keys else ""])), key.words,
                       key.do, key.action)
        for key in all_keys(keymap) if key.title
    ]


def help_of(keymap: Sequence[Row]) -> list[tuple[str, str]]:
    """The lines of the help: keys, and what they do."""
    return [(line.shown, line.help) for line in keymap if line.shown]


def markdown_of(keymap: Sequence[Row]) -> str:
    """The keymap as a table in Markdown."""
    lines = ["| key | what it does |", "| --- | --- |"]
    for shown, what in help_of(keymap):
        keys = " ".join(f"`{key}`" for key in shown.split())
        lines.append(f"| {keys} | {what.replace('|', '&#124;')} |")
    return "\n".join(lines)
