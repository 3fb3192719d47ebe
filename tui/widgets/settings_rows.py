"""How settings are laid out on lines, and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from gpt2_remix.tui.state.sampling_panel import Setting
from gpt2_remix.tui.style.palette import Palette

LABEL, VALUE = 23, 8
"""Cells for label and value where every setting has a line."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which settings stand on which line.

    Attributes:
        firsts: the place of the first setting of each line.
        count: how many settings there are.
    """

    firsts: Sequence[int]
    count: int

    def on_row(self, row: int) -> range:
        """The settings of a line."""
        return range(self.firsts[row], self.firsts[row + 1] if row + 1 < len(self.firsts) else self.count)

    def row_of(self, index: int) -> int:
        """The line of a setting; the first for one that is not there."""
        return next((row for row in range(len(self.firsts)) if index in self.on_row(row)), 0)


def single(settings: Sequence[Setting]) -> Rows:
    """Each setting on a line."""
    return Rows(range(len(settings)), len(settings))


def packed(settings: Sequence[Setting], room: int) -> Rows:
    """Two settings on a line where both fit into columns of `room` cells."""
    firsts, place = [], 0
    fits = [cell_len(setting.label) + cell_len(setting.value) + 3 <= room for setting in settings]
    while place < len(fits):
        firsts.append(place)
        place += 2 if all(fits[place : place + 2]) else 1
    return Rows(firsts, len(settings))


def pair_row(parts: Iterable[tuple[Setting, str, bool]], room: int, palette: Palette) -> list[Segment]:
    """One or two settings, each with its value as drawn, and whether it is chosen, in `room` cells each."""
    segments = []
    for setting, text, chosen in parts:
        gap = room - 1 - cell_len(setting.label + text)
        style = palette.gone if setting.state == "off" else palette.value
        segments += [
            Segment(f"{setting.label}{' ' * max(0, gap)}", palette.value if chosen else palette.label),
            Segment(text, palette.focus_value if chosen else style), Segment(" ", palette.text),
        ]
    return segments


def chain_row(setting: Setting, text: str, room: int, chosen: bool, width: int, palette: Palette) -> list[Segment]:
    """A setting on a line of its own: its mark, name, value in `room` cells, and its rule's account."""
    mark = {"on": "●", "off": "○"}.get(setting.state, " ")
    plain = palette.value if chosen else palette.label if setting.state != "on" and setting.rule else palette.value
    label = set_cell_size(f"{mark} {setting.label}", LABEL)
    value = palette.focus_value if chosen else palette.gone if setting.state == "off" else plain
    gap = " " * max(0, room - cell_len(text))
    note = setting.note[: max(0, width - LABEL - room - 1)].rjust(max(0, width - LABEL - room))
    return [Segment(label, plain), Segment(gap, plain), Segment(text, value), Segment(note, palette.muted)]
