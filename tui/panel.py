"""The sampling panel's settings: what each shows, and what a step or a typed value makes of it. No widget here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.errors import EngineError
from engine.settings import COINS, LISTS, NUMBERS, PRESETS, SEED_LIMIT, Settings, check_seed, parse_list, show_list
from engine.tree import View
from tui.config import SPEEDS, Remembered
from tui.widgets.sampler import Setting

LONGEST_BRANCH = 1000
SLOWEST, FASTEST = 0.1, 10_000.0

_BY_NAME = {number.name: number for number in NUMBERS}


@dataclass(frozen=True, slots=True)
class Change:
    """What a wish comes to: fields of the view (an undo step), and fields of what is remembered."""

    view: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)


def shown(view: View, kept: Remembered) -> list[Setting]:
    """Every setting with its value of now."""
    settings = view.settings
    preset = next((name for name, (known, _) in PRESETS.items() if known == settings), "own")
    return [
        *(Setting(number.name, number.label, number.show(getattr(settings, number.name))) for number in NUMBERS),
        Setting("preset", "preset", preset),
        Setting("seed", "seed", str(view.seed)),
        Setting("coin", "coin", view.coin),
        Setting("speed", "speed", "max" if kept.speed is None else f"{kept.speed:g}/s"),
        Setting("banned", "bans", show_list("banned", settings.banned) or "none"),
        Setting("logit_bias", "bias", show_list("logit_bias", settings.logit_bias) or "none"),
        Setting("stop_at_end", "at end", "stop" if kept.stop_at_end else "go on"),
        Setting("branch_length", "branch", f"{kept.branch_length} tok"),
    ]


def stepped(name: str, direction: int, view: View, kept: Remembered) -> Change:
    """One step up (+1) or down (-1). Raises EngineError that says what to do where a setting has no next value."""
    settings = view.settings
    if number := _BY_NAME.get(name):
        value = max(number.low, min(number.high, getattr(settings, name) + direction * number.step))
        return _settings(settings.replace(**{name: int(value) if number.whole else round(value, 6)}))
    if name == "preset":
        return _settings(next_preset(settings, direction))
    if name == "seed":
        return Change(view={"seed": max(0, min(SEED_LIMIT - 1, view.seed + direction))})
    if name == "coin":
        coin = COINS[(COINS.index(view.coin) + direction) % len(COINS)]
        return Change(view={"coin": coin}, kept={"coin": coin})
    if name == "speed":
        return Change(kept={"speed": next_speed(kept.speed, direction)})
    if name == "stop_at_end":
        return Change(kept={"stop_at_end": not kept.stop_at_end})
    if name == "branch_length":
        return Change(kept={"branch_length": max(1, min(LONGEST_BRANCH, kept.branch_length + direction))})
    # There is no next value of a list: less takes the last entry away, more says how to add one.
    if direction < 0 and getattr(settings, name):
        return _settings(settings.replace(**{name: getattr(settings, name)[:-1]}))
    form, keys = ("198;50256", "x") if name == "banned" else ("198:-2;50256:5", "+ and -")
    raise EngineError(f"type {form} (token ids), or press {keys} on a candidate")


def typed(name: str, text: str, view: View) -> Change:
    """A typed value. Raises EngineError where it is none."""
    settings = view.settings
    if number := _BY_NAME.get(name):
        return _settings(settings.replace(**{name: number.parse(text)}))
    if name in LISTS:
        return _settings(settings.replace(**{name: parse_list(name, text)}))
    if name == "seed":
        if not text.isdecimal():
            raise EngineError(f"{text!r} is not a seed; it is a whole number from 0 up")
        return Change(view={"seed": check_seed(int(text))})
    if name == "speed":
        try:
            speed = float(text)
        except ValueError:
            speed = 0.0
        if not SLOWEST <= speed <= FASTEST:
            raise EngineError(f"{text!r} is not a speed; it is {SLOWEST:g} to {FASTEST:g} tokens a second")
        return Change(kept={"speed": speed})
    if name == "branch_length":
        if not text.isdecimal() or not 1 <= int(text) <= LONGEST_BRANCH:
            raise EngineError(f"{text!r} is not a branch length; it is 1 to {LONGEST_BRANCH} tokens")
        return Change(kept={"branch_length": int(text)})
    raise EngineError("← and → change this one")


def next_preset(settings: Settings, direction: int) -> Settings:
    """The preset after (before) the one in force; the first where none is."""
    presets = [known for known, _ in PRESETS.values()]
    place = (presets.index(settings) + direction) % len(presets) if settings in presets else 0
    return presets[place]


def next_speed(speed: float | None, direction: int) -> float | None:
    """The speed above (below) on the ladder, whose top is as fast as it goes (None)."""
    ladder: list[float | None] = [*SPEEDS, None]
    if speed in ladder:
        place = ladder.index(speed) + direction
    else:
        above = next(n for n, known in enumerate(ladder) if known is None or (speed or 0) < known)
        place = above if direction > 0 else above - 1
        if place < 0:
            return speed  # slower than the ladder's lowest already
    return ladder[max(0, min(len(ladder) - 1, place))]


def _settings(settings: Settings) -> Change:
    return Change(view={"settings": settings}, kept={"settings": settings})
