"""A comparison as Markdown: a table of statistics, and each lane's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpt2_remix.engine.compare.statistics import STATISTICS


def lanes_to_markdown(
    names: Sequence[str], left: Sequence[int | None], rows: Sequence[Mapping[str, float | None]], texts: Sequence[str]
) -> str:
    """Lanes by name, where each leaves lane 1, its statistics, its text."""
    parts = [table(["lane", "leaves lane 1 at", *map(words, STATISTICS)],
                   [[name, cell(place), *(cell(row[name]) for name in STATISTICS)]
                    for name, place, row in zip(names, left, rows, strict=True)])]
    for name, text in zip(names, texts, strict=True):
        quoted = "\n".join(f"> {escaped(line)}" for line in text.split("\n"))
        parts.append(f"\n**{escaped(name)}**\n\n{quoted}\n")
    return "".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, with a line break at its end."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(" --- " for _ in header) + "|"]
    lines += ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def words(name: str) -> str:
    """A statistic's name in words."""
    return name.replace("_", " ").replace("fraction", "share")


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if not isinstance(value, float):
        return "–" if value is None else str(value)
    return f"{value:.3f}" if value < 1e9 else f"{value:.3g}"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|~" else c for c in text)
