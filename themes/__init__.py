"""Colour themes, one TOML file each, and their loader.

A theme that a person drops into `user_folder()` is found beside the shipped ones; with a shipped one's name it takes
its place. Format, every colour as #rrggbb:

    name = "lecture"
    description = "dark, calm: the default"
    dark = true
    [colors]      # background, surface, panel, foreground, muted, primary, secondary, accent, success, warning, error
    [heat]        # low, middle, high: the background behind a token, from unsurprising to surprising
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

DEFAULT = "lecture"

COLORS = (
    "background", "surface", "panel", "foreground", "muted", "primary", "secondary", "accent", "success", "warning",
    "error",
)
HEAT = ("low", "middle", "high")


@dataclass(frozen=True, slots=True)
class RemixTheme:
    """A theme as read from its file.

    Attributes:
        colors: a #rrggbb value for each name in COLORS.
        heat: the background of tokens at the low end, in the middle and at the high end.
        shipped: whether it came with gpt2-remix.
    """

    name: str
    description: str
    dark: bool
    colors: dict[str, str]
    heat: tuple[str, str, str]
    path: Path
    shipped: bool


class ThemeError(Exception):
    """A theme file that cannot be used; `str()` is one line."""


def user_folder() -> Path:
    """Where a person's own themes are looked for."""
    return user_config_path("gpt2-remix") / "themes"


def read_theme(path: Path, *, shipped: bool = False) -> RemixTheme:
    """Read one theme. Raises ThemeError naming the file and what is wrong with it."""
    if path.exists() and not path.is_file():  # a named pipe would be waited for
        raise ThemeError(f"theme {path} is not a file")
    try:
        record = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ThemeError(f"theme {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of thousands of digits, lists in lists
        raise ThemeError(f"theme {path} is not TOML: {' '.join(str(error).split())}") from None
    name = record.get("name", path.stem)
    if not (isinstance(name, str) and re.fullmatch(r"[\w-]{1,40}", name)):
        raise ThemeError(f"theme {path} has the name {name!r}; use letters, digits and hyphens")
    dark = record.get("dark", True)
    if not isinstance(dark, bool):
        raise ThemeError(f"theme {path} has dark = {dark!r}; it is true or false")
    colors = _colors(record, "colors", COLORS, path)
    heat = _colors(record, "heat", HEAT, path)
    description = " ".join(str(record.get("description", "")).split())
    return RemixTheme(name, description, dark, colors, (heat["low"], heat["middle"], heat["high"]), path, shipped)


def _colors(record: dict[str, object], table: str, names: tuple[str, ...], path: Path) -> dict[str, str]:
    given = record.get(table)
    if not isinstance(given, dict):
        raise ThemeError(f"theme {path} has no [{table}] table")
    for name in names:
        value = given.get(name)
        if not (isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value)):
            said = "is missing" if value is None else f"is {value!r}"
            raise ThemeError(f"theme {path}: {table}.{name} {said}; give it as #rrggbb")
    return {name: str(given[name]) for name in names}


def load_themes() -> tuple[dict[str, RemixTheme], list[str]]:
    """All themes by name, shipped ones first, and a line for each file that could not be used."""
    found: dict[str, RemixTheme] = {}
    problems: list[str] = []
    shipped = Path(__file__).parent
    try:
        own = sorted(user_folder().glob("*.toml"))
    except OSError:
        own = []
    for path in [*sorted(shipped.glob("*.toml")), *own]:
        try:
            theme = read_theme(path, shipped=path.parent == shipped)
            found[theme.name] = theme
        except ThemeError as error:
            problems.append(str(error))
    return found, problems
