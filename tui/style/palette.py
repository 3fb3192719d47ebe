"""A theme as the styles that the widgets draw with, and as a Textual theme."""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from themes import RemixTheme

HEAT_LEVELS = 16


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
    """Eight colours that tell lanes apart; the first is lane 1's."""
    primary, accent, success, error = (Color.parse(theme.colors[n]) for n in ("primary", "accent", "success", "error"))
    mixed = [primary, accent, success, error, primary.blend(error, 0.5), accent.blend(success, 0.5),
             primary.blend(success, 0.5), error.blend(accent, 0.5)]
    return [color.rich_color for color in mixed]


def palette_of(theme: RemixTheme) -> Palette:
    """The styles of a theme. Attributes (bold, underline, reverse) carry the meaning too, for NO_COLOR."""
    colors = theme.colors
    ink = "#101010" if Color.parse(colors["primary"]).brightness > 0.5 else "#ffffff"
    ink_accent = "#101010" if Color.parse(colors["accent"]).brightness > 0.5 else "#ffffff"
    ink_secondary = "#101010" if Color.parse(colors["secondary"]).brightness > 0.5 else "#ffffff"

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
        bar=fg("secondary"),
        bar_taken=fg("accent"),
        raw_mark=fg("foreground"),
        raw_mark_on_bar=Style(color=colors["foreground"], bgcolor=colors["secondary"]),
        raw_mark_on_taken=Style(color=colors["background"], bgcolor=colors["accent"]),
        removed=fg("muted", italic=True),
        selected=Style(bgcolor=colors["panel"], bold=True),
        taken=fg("accent", bold=True),
        share=(
            Style(color=ink_secondary, bgcolor=colors["secondary"]),
            Style(color=ink, bgcolor=colors["primary"]),
        ),
        share_hit=Style(color=ink_accent, bgcolor=colors["accent"], bold=True),
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
    return Theme(
        name=theme.name, dark=theme.dark, primary=colors["primary"], secondary=colors["secondary"],
        accent=colors["accent"], foreground=colors["foreground"], background=colors["background"],
        surface=colors["surface"], panel=colors["panel"], success=colors["success"], warning=colors["warning"],
        error=colors["error"],
        variables={
            "text-muted": colors["muted"], "border": colors["panel"], "border-blurred": colors["panel"],
            "footer-background": colors["background"], "footer-item-background": colors["background"],
            "footer-key-background": colors["background"], "footer-key-foreground": colors["accent"],
            "footer-description-background": colors["background"], "footer-description-foreground": colors["muted"],
            "scrollbar": colors["panel"], "scrollbar-hover": colors["secondary"], "scrollbar-active": colors["primary"],
            "scrollbar-background": colors["surface"], "scrollbar-background-hover": colors["surface"],
            "scrollbar-background-active": colors["surface"], "scrollbar-corner-color": colors["surface"],
        },
    )
