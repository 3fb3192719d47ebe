
from __future__ import annotations

from typing import Any

import pytest
from textual.color import Color

from gpt2_remix.themes import COLORS, DEFAULT, HEAT, ThemeError, load_themes, read_theme, user_folder
from gpt2_remix.tui.style.contrast import legible
from gpt2_remix.tui.style.palette import HEAT_LEVELS, palette_of, textual_theme
from tests.kinds import known

SHIPPED, PROBLEMS = load_themes()


def write(path: Any, **changes: str) -> None:
    colors = dict.fromkeys(COLORS, "#123456") | changes
    lines = ['name = "mine"', "dark = false", "[colors]", *(f'{name} = "{value}"' for name, value in colors.items())]
    lines += ["[heat]", *(f'{name} = "#abcdef"' for name in HEAT)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


def test_at_least_four_with_a_light_one_and_one_for_colour_blind_eyes() -> None:
    assert not PROBLEMS
    assert len(SHIPPED) >= 4
    assert DEFAULT in SHIPPED
    assert any(not theme.dark for theme in SHIPPED.values())
    assert any("colour-blind" in theme.description for theme in SHIPPED.values())


def luminance(triplet: Any) -> float:
    parts = [value / 255 for value in triplet]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return float(0.2126 * r + 0.7152 * g + 0.0722 * b)


def contrast(one: Any, other: Any) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", SHIPPED)
def test_text_is_legible_on_every_heat_level(name: str) -> None:
    """WCAG's contrast ratio: 4.5 for text on every background it is drawn on, 3 for what is muted."""
    palette = palette_of(SHIPPED[name])
    assert len(palette.heat) == HEAT_LEVELS
    for heat in palette.heat:
        for style in (palette.text, palette.prompt, palette.picked, palette.otherwise, *palette.lanes):
            style = legible(style + heat)
            assert contrast(known(style.color).get_truecolor(), known(heat.bgcolor).get_truecolor()) >= 4.5
    for style in (palette.text, palette.prompt, palette.picked, palette.taken):
        assert contrast(known(style.color).get_truecolor(), known(style.bgcolor).get_truecolor()) >= 4.5
    for style in (palette.muted, palette.removed, palette.gone):
        assert contrast(known(style.color).get_truecolor(), known(style.bgcolor).get_truecolor()) >= 3


@pytest.mark.parametrize("name", SHIPPED)
def test_what_carries_meaning_stands_out(name: str) -> None:
    """Borders had 1.2 to 1.4 to 1, bars from 2.0, the middle heat from 1.1; okabe marked the unsurprising too."""
    theme, palette = SHIPPED[name], palette_of(SHIPPED[name])
    surface = Color.parse(theme.colors["surface"]).rich_color.get_truecolor()
    variables = textual_theme(theme)
    shapes = [Color.parse(variables.variables["border"]).rich_color, known(palette.bar.color),
              known(palette.bar_taken.color), known(palette.heat[HEAT_LEVELS // 2].bgcolor),
              known(palette.heat[-1].bgcolor)]
    assert all(contrast(shape.get_truecolor(), surface) >= 3 for shape in shapes)
    assert known(palette.heat[0].bgcolor).get_truecolor() == surface
    for share in (*palette.share, palette.share_hit):
        assert contrast(known(share.color).get_truecolor(), known(share.bgcolor).get_truecolor()) >= 4.5


@pytest.mark.parametrize("name", SHIPPED)
def test_lanes_are_told_apart_and_from_what_was_taken(name: str) -> None:
    """Lane 2 had the colour of the taken token."""
    palette = palette_of(SHIPPED[name])
    colours = [known(style.color).get_truecolor() for style in (palette.taken, *palette.lanes)]
    for n, one in enumerate(colours):
        for other in colours[n + 1 :]:
            assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 >= 40


@pytest.mark.parametrize("name", SHIPPED)
def test_every_theme_is_a_textual_theme(name: str) -> None:
    assert textual_theme(SHIPPED[name]).to_color_system().generate()


def test_a_persons_own_theme_is_found_and_may_replace_a_shipped_one() -> None:
    write(user_folder() / "mine.toml")
    found, problems = load_themes()
    assert not problems
    assert not found["mine"].shipped
    assert not found["mine"].dark


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "not TOML"),
        (b"name = ", "not TOML"),
        (b"", "no .colors. table"),
        (b'name = "a b c"', "has the name"),
        (b'dark = "yes"', "true or false"),
        (b"[colors]\nbackground = 3", "#rrggbb"),
        (b'[colors]\nbackground = "red"', "#rrggbb"),
    ],
)
def test_a_bad_theme_is_one_line_and_the_others_load(content: bytes, said: str) -> None:
    path = user_folder() / "bad.toml"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(ThemeError, match=said):
        read_theme(path)
    found, problems = load_themes()
    assert set(SHIPPED) <= set(found)
    assert len(problems) == 1
    assert str(path) in problems[0]
