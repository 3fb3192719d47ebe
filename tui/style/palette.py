"""A theme as the styles that the widgets draw with, and as a Textual theme."""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from gpt2_remix.themes import RemixTheme
from gpt2_remix.tui.style.contrast import SHAPE, TEXT, contrast, legible, raised

HEAT_LEVELS = 16
LANES = 8
INKS = ("#101010", "#ffffff")


@dataclass(frozen=True, slots=True)
class Palette:
    """Styles by what they show. `heat` are backgrounds only, from the low end to the high end."""

    text: Style
    muted: Style
    prompt: Style
    picked: Style
    gone: Style
    otherwise: Style
    slot: Style
    bar: Style
    bar_taken: Style
    raw_mark: Style
    raw_mark_on_bar: Style
    raw_mark_on_taken: Style
    removed: Style
    selected: Style
    taken: Style
    share: tuple[Style, Style]
    share_hit: Style
    marker: Style
    value: Style
    label: Style
    focus_value: Style
    lanes: tuple[Style, ...]
    heat: tuple[Style, ...]
    marks: dict[str, Style]


def _blend(theme: RemixTheme, level: int) -> RichColor:
    low, middle, high = (Color.parse(color) for color in theme.heat)
    place = level / (HEAT_LEVELS - 1) * 2
    mixed = low.blend(middle, place) if place <= 1 else middle.blend(high, place - 1)
    return mixed.rich_color


def _lane_colours(theme: RemixTheme) -> list[RichColor]:
    """Eight colours that tell lanes apart, and none of them from the taken token's; the first is lane 1's.

    Each is the one farthest from those before it, of the theme's colours, their mixtures, and lane 1's in other hues.
    """
    surface = Color.parse(theme.colors["surface"])
    primary, success, error, accent = (Color.parse(theme.colors[n]) for n in ("primary", "success", "error", "accent"))
    hue, saturation, lightness = primary.hsl
    pool = [success, error, primary.blend(error, 0.5), primary.blend(success, 0.5), error.blend(success, 0.5)]
    pool += [Color.from_hsl((hue + turn / 8) % 1, max(0.6, saturation), light) for turn in range(1, 8)
             for light in (lightness, 0.6)]
    pool = [raised(color, surface, TEXT) for color in pool]
    chosen = [primary]
    while len(chosen) < LANES:
        chosen.append(max(pool, key=lambda color: min(_apart(color, other) for other in (*chosen, accent))))
    return [color.rich_color for color in chosen]


def _apart(one: Color, other: Color) -> int:
    return sum((a - b) ** 2 for a, b in zip(one.rgb, other.rgb, strict=True))


def palette_of(theme: RemixTheme) -> Palette:
    """The styles of a theme. Attributes (bold, underline, reverse) carry the meaning too, for NO_COLOR."""
    colors = theme.colors
    surface = Color.parse(colors["surface"])
    bar = raised(Color.parse(colors["secondary"]), surface, SHAPE).rich_color

    def inked(ground: str | RichColor) -> Style:
        color = Color.parse(ground) if isinstance(ground, str) else Color.from_rich_color(ground)
        return Style(color=max(INKS, key=lambda ink: contrast(Color.parse(ink), color)), bgcolor=color.rich_color)

    # Given tokens are drawn over heat too: half way to the text's colour they stay legible on all of it.
    softened = Color.parse(colors["primary"]).blend(Color.parse(colors["foreground"]), 0.5).rich_color

    def fg(name: str, **attributes: bool | None) -> Style:
        return Style(color=colors[name], bgcolor=colors["surface"]) + Style(**attributes)  # type: ignore[arg-type]

    return Palette(
        text=fg("foreground"),
        muted=fg("muted"),
        prompt=fg("primary") + Style(color=softened),
        picked=fg("accent", bold=True, underline=True),
        gone=fg("muted", strike=True),
        otherwise=fg("error", bold=True, italic=True, underline=True),
        slot=fg("foreground", reverse=True),
        bar=Style(color=bar, bgcolor=colors["surface"]),
        bar_taken=fg("accent"),
        raw_mark=fg("foreground"),
        raw_mark_on_bar=legible(Style(color=colors["foreground"], bgcolor=bar), SHAPE),
        raw_mark_on_taken=Style(color=colors["background"], bgcolor=colors["accent"]),
        removed=fg("muted", italic=True),
        selected=Style(bgcolor=colors["panel"], bold=True),
        taken=fg("accent", bold=True),
        share=(inked(bar), inked(colors["primary"])),
        share_hit=inked(colors["accent"]) + Style(bold=True),
        marker=fg("accent", bold=True),
        value=fg("foreground"),
        label=fg("muted"),
        focus_value=fg("accent", bold=True, reverse=True),
        lanes=tuple(Style(color=color, bgcolor=colors["surface"]) for color in _lane_colours(theme)),
        heat=tuple(Style(bgcolor=_blend(theme, level)) for level in range(HEAT_LEVELS)),
        marks={
            "other": Style(underline=False), "verbatim": Style(bgcolor=_blend(theme, 9), underline=True),
            "left": Style(color=colors["error"], bgcolor=colors["surface"], bold=True, reverse=True, underline=False),
        },
    )


def textual_theme(theme: RemixTheme) -> Theme:
    """The theme for Textual's own widgets."""
    colors = theme.colors
    surface = Color.parse(colors["surface"])
    border = raised(Color.parse(colors["panel"]), surface, SHAPE).hex
    secondary = raised(Color.parse(colors["secondary"]), surface, SHAPE).hex
    return Theme(
        name=theme.name, dark=theme.dark, primary=colors["primary"], secondary=secondary,
        accent=colors["accent"], foreground=colors["foreground"], background=colors["background"],
        surface=colors["surface"], panel=colors["panel"], success=colors["success"], warning=colors["warning"],
        error=colors["error"],
        variables={
            "text-muted": colors["muted"], "border": border, "border-blurred": border,
            "footer-background": colors["background"], "footer-item-background": colors["background"],
            "footer-key-background": colors["background"], "footer-key-foreground": colors["accent"],
            "footer-description-background": colors["background"], "footer-description-foreground": colors["muted"],
            "scrollbar": border, "scrollbar-hover": secondary, "scrollbar-active": colors["primary"],
            "scrollbar-background": colors["surface"], "scrollbar-background-hover": colors["surface"],
            "scrollbar-background-active": colors["surface"], "scrollbar-corner-color": colors["surface"],
        },
    )
