"""Contrast between colours, and colours moved until they can be told apart (WCAG 2.1, "contrast ratio")."""

from __future__ import annotations

from rich.style import Style
from textual.color import BLACK, WHITE, Color

TEXT = 4.5
"""The least contrast of text (WCAG 1.4.3)."""

SHAPE = 3.0
"""The least contrast of what is no text and carries meaning (WCAG 1.4.11)."""

STEPS = 40


def luminance(color: Color) -> float:
    """Relative luminance, 0 to 1."""
    parts = (part / 255 for part in color.rgb)
    r, g, b = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def raised(color: Color, ground: Color, ratio: float) -> Color:
    """A colour, or one nearer to white or black that stands out from its ground by so much, as far as there is one."""
    if contrast(color, ground) >= ratio:
        return color
    end = max(WHITE, BLACK, key=lambda ink: contrast(ink, ground))
    blends = (color.blend(end, step / STEPS) for step in range(1, STEPS + 1))
    return next((blend for blend in blends if contrast(blend, ground) >= ratio), end)


def legible(style: Style, ratio: float = TEXT) -> Style:
    """A style with its colour raised over its own background."""
    if style.color is None or style.bgcolor is None:
        return style
    color, ground = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    return style + Style(color=raised(color, ground, ratio).rich_color)
