"""Bars of probabilities, and probabilities in few cells."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from gpt2_remix.tui.style.palette import Palette
from gpt2_remix.tui.style.shorten import shortened

EIGHTHS = " ▏▎▍▌▋▊▉"


def percent(p: float) -> str:
    """A probability in seven cells."""
    if p >= 0.9995:
        return "100.0 %" if p > 0.99995 else "99.95 %"
    if p >= 0.1:
        return f"{p * 100:5.1f} %"
    if p >= 0.0001:
        return f"{p * 100:5.2f} %"
    return "    0 %" if p == 0 else "< .01 %"


def figure(p: float) -> str:
    """A probability in per cent, in five cells, where a heading says so."""
    return percent(p).removesuffix(" %").rjust(5)[-5:]


def why_cut(rule: str, free: int, bar: int) -> str:
    """Which rule cut a token, where others have their bar; it begins further left where it needs the room.

    Args:
        rule: the rule's name.
        free: cells that the label leaves free before the bar's column.
        bar: cells of the bar.
    """
    why = f"░ cut by {rule}" if bar >= len(rule) + 9 else f"░ by {rule}" if free + bar > len(rule) + 5 else f"░ {rule}"
    if cell_len(why) <= bar:
        return " " * (free + 1) + set_cell_size(why, bar)
    room = free + bar
    return " " + shortened(why.rjust(room), room)


def bar_segments(final: float, raw: float, scale: float, width: int, bar: Style, palette: Palette) -> list[Segment]:
    """A bar for the final probability with a mark where the raw one would end, `scale` filling the width."""
    eighths = round(min(1.0, final / scale) * width * 8) if scale > 0 else 0
    if final > 0:
        eighths = max(1, eighths)
    full, part = divmod(eighths, 8)
    cells = "█" * full + (EIGHTHS[part] if part else "")
    cells += " " * (width - len(cells))
    if abs(final - raw) < 0.005 * scale:
        return [Segment(cells, bar)]
    mark = min(width - 1, int(raw / scale * width)) if scale > 0 else 0
    on_bar = palette.raw_mark_on_taken if bar is palette.bar_taken else palette.raw_mark_on_bar
    style = on_bar if mark < full else palette.raw_mark
    return [Segment(cells[:mark], bar), Segment("┃", style), Segment(cells[mark + 1 :], bar)]
