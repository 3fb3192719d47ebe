"""The sampling panel's settings: what each shows, and what an increment or a typed value makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.sampling.fields import FORMS, LISTS, NUMBERS, Number, help_of, parse_list, show_list
from gpt2_remix.engine.sampling.presets import Preset
from gpt2_remix.engine.sampling.settings import COINS, SEED_LIMIT, CoinKind, Settings, check_seed
from gpt2_remix.engine.session.nodes import View
from gpt2_remix.engine.tokens.display import show_token
from gpt2_remix.engine.words import counted
from gpt2_remix.tui.state.preferences import SPEEDS, Preferences

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Stage

LONGEST_BRANCH = 1000
SLOWEST, FASTEST = 0.1, 10_000.0

_BY_NAME = {number.name: number for number in NUMBERS}
_LIST_RULES = {"logit_bias": "logit_bias", "banned": "banned", "dry_breakers": "dry"}
"""The rule of each list."""
_FIRST = ("temperature", "top_k", "top_p", "min_p")


GENERAL_HELP = {
    "preset": "← → go through the presets",
    "seed": "where the luck of the coins comes from: the same seed, the same text; e.g. 7",
    "coin": "interval: one point on the line of shares; gumbel: a luck for every token, kept whatever the settings",
    "speed": "tokens a second of a run, also by < and >; e.g. 5",
    "stop_at_end": "what a run does at <|endoftext|>, the end of a text: stop there, or go on past it",
    "branch_length": "how many tokens b grows in each branch; e.g. 40",
}
"""What the settings do that are not the chain's."""

LANE_SEED_HELP = "shared: the luck that all lanes have; a number gives this lane its own; backspace: shared again"


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of a setting comes to; None leaves a field as it is.

    Attributes:
        settings, seed, coin: of the view, one step of undo.
        preferences: what is remembered from now on.
    """

    settings: Settings | None = None
    seed: int | None = None
    coin: CoinKind | None = None
    preferences: Preferences | None = None

    @property
    def of_view(self) -> bool:
        """Whether the view is another one."""
        return (self.settings, self.seed, self.coin) != (None, None, None)


def shown(view: View, kept: Preferences, presets: Sequence[Preset]) -> list[Setting]:
    """What stands in the panel at a glance: the usual settings, those that are on, what else the next flip needs."""
    settings, plain = view.settings, Settings()
    extras = [name for name in (*_BY_NAME, *_LIST_RULES) if name not in _FIRST and name not in ("logit_bias", "banned")
              and getattr(settings, name) != getattr(plain, name)]
    preset, seed, coin, speed, *others = _general(view, kept, presets)
    return [*(_row(name, settings) for name in (*_FIRST, *extras)), seed, speed, preset, coin,
            *(_row(name, settings) for name in ("banned", "logit_bias")), *others]


def chain_rows(
    view: View, kept: Preferences, presets: Sequence[Preset], stages: Sequence[Stage] | None
) -> list[Setting]:
    """Everything, the chain's rules in their order with what each left at the cursor."""
    accounts = {stage.rule: f"{stage.kept:,}{_share(stage.mass_removed):>6}" for stage in stages or ()}
    general = _general(view, kept, presets)
    return [*general[:3], *_rule_rows(view.settings, accounts), *general[3:]]


def _rule_rows(settings: Settings, accounts: Mapping[str, str]) -> Iterator[Setting]:
    """The settings of every rule in the chain's order, the first of each with its account."""
    for rule in settings.order:
        for place, name in enumerate(_settings_of(rule)):
            note = accounts.get(rule, "") if place == 0 else ""
            yield _row(name, settings, note or ("off" if rule in settings.off else ""))


def _settings_of(rule: str) -> list[str]:
    lists = [name for name, own in _LIST_RULES.items() if own == rule]
    return [number.name for number in NUMBERS if number.rule == rule] + lists


def _row(name: str, settings: Settings, note: str = "") -> Setting:
    value = getattr(settings, name)
    if number := _BY_NAME.get(name):
        rule = number.rule
        return Setting(name, name, number.show(value), rule, _state(rule, settings), note, help_of(name))
    rule = _LIST_RULES[name]
    texts = [show_token(item) if isinstance(item, str) else str(item) for item in value]
    shown = "".join(texts) if all(len(text) == 1 for text in texts) else " ".join(texts)
    if name != "dry_breakers":
        shown = show_list(name, value)
    return Setting(name, name, shown or "none", rule, _state(rule, settings), note, help_of(name))


def _state(rule: str, settings: Settings) -> str:
    if rule in settings.off:
        return "off"
    return "on" if rule in settings.active() else ""


def _share(mass: float) -> str:
    """A share of probability in at most five cells."""
    if mass == 0:
        return ""
    return f"−{mass:.0%}" if mass >= 0.0995 else f"−{mass:.1%}" if mass >= 0.0005 else "−<.1%"


def _general(view: View, kept: Preferences, presets: Sequence[Preset]) -> list[Setting]:
    rows = [
        ("seed", "seed", str(view.seed)), ("coin", "coin", view.coin),
        ("speed", "speed", "max" if kept.speed is None else f"{kept.speed:g}/s"),
        ("stop_at_end", "at end", "stop" if kept.stop_at_end else "go on"),
        ("branch_length", "branch", counted(kept.branch_length, "token")),
    ]
    return [_preset_row(view.settings, presets, ", n saves these settings as one of your own"),
            *(Setting(name, label, value, help=GENERAL_HELP[name]) for name, label, value in rows)]


def _preset_row(settings: Settings, presets: Sequence[Preset], more: str = "") -> Setting:
    known = next((preset for preset in presets if preset.settings == settings), None)
    name, text = (known.name, f"{known.text}; ") if known else ("own", "")
    return Setting("preset", "preset", name, help=text + GENERAL_HELP["preset"] + more)


def lane_rows(settings: Settings, seed: int | None, presets: Sequence[Preset]) -> list[Setting]:
    """What a lane of a comparison is made of besides its prefix: its preset, its seed, the chain's rules."""
    return [
        _preset_row(settings, presets),
        Setting("seed", "seed", "shared" if seed is None else str(seed), help=LANE_SEED_HELP),
        *_rule_rows(settings, {}),
    ]


def stepped(name: str, direction: int, view: View, kept: Preferences, presets: Sequence[Preset]) -> Change:
    """One increment up (+1) or down (-1). Raises EngineError that says what to do where a setting has no next value."""
    settings = view.settings
    if number := _BY_NAME.get(name):
        return settings_change(
            kept, settings.with_value(name, _next_value(number, getattr(settings, name), direction))
        )
    if name == "preset":
        return settings_change(kept, next_preset(settings, direction, presets))
    if name == "seed":
        return Change(seed=max(0, min(SEED_LIMIT - 1, view.seed + direction)))
    if name == "coin":
        coin = COINS[(COINS.index(view.coin) + direction) % len(COINS)]
        return Change(coin=coin, preferences=replace(kept, coin=coin))
    if name == "speed":
        return Change(preferences=replace(kept, speed=next_speed(kept.speed, direction)))
    if name == "stop_at_end":
        return Change(preferences=replace(kept, stop_at_end=not kept.stop_at_end))
    if name == "branch_length":
        return Change(preferences=replace(
            kept, branch_length=max(1, min(LONGEST_BRANCH, kept.branch_length + direction))))
    # There is no next value of a list: less takes the last entry away, more says how to add one.
    if direction < 0 and getattr(settings, name):
        return settings_change(kept, settings.with_value(name, getattr(settings, name)[:-1]))
    form, keys = {
        "banned": ("198;50256 (token ids)", ", or press x on a candidate"),
        "logit_bias": ("198:-2;50256:5 (token ids)", ", or press + and - on a candidate"),
    }.get(name, (f"{FORMS[name]} or 198;25 (texts or token ids)", ""))
    raise EngineError(f"type {form}{keys}")


def _next_value(number: Number, value: float, direction: int) -> float | int:
    moved = max(number.low, min(number.high, value + direction * number.increment))
    if number.name == "mirostat_tau" and value == 0 and direction > 0:
        moved = 5.0  # the first value that anybody means
    return int(moved) if number.whole else round(moved, 6)


def switched(name: str, view: View, kept: Preferences) -> Change:
    """The rule of a setting switched off, or on again. Raises EngineError where the setting is not one of the chain."""
    settings = view.settings
    rule = _rule_of(name)
    off = tuple(s for s in settings.off if s != rule) if rule in settings.off else (*settings.off, rule)
    return settings_change(kept, replace(settings, off=off))


def shifted(name: str, direction: int, view: View, kept: Preferences) -> Change:
    """The rule of a setting moved earlier (-1) or later (+1) in the chain. Raises EngineError as `switched`."""
    settings = view.settings
    order, rule = list(settings.order), _rule_of(name)
    place = order.index(rule)
    target = max(0, min(len(order) - 1, place + direction))
    order.insert(target, order.pop(place))
    return settings_change(kept, replace(settings, chain=tuple(order)))


def _rule_of(name: str) -> str:
    if number := _BY_NAME.get(name):
        return number.rule
    if name in _LIST_RULES:
        return _LIST_RULES[name]
    raise EngineError("this is not a rule of the chain; o and [ ] act on those")


def typed(name: str, text: str, view: View, kept: Preferences) -> Change:
    """A typed value. Raises EngineError where it is none."""
    settings = view.settings
    if number := _BY_NAME.get(name):
        return settings_change(kept, settings.with_value(name, number.parse(text)))
    if name in LISTS:
        return settings_change(kept, settings.with_value(name, parse_list(name, text)))
    if name == "seed":
        if not text.isdecimal():
            raise EngineError(f"{text!r} is not a seed; it is a whole number from 0 up")
        return Change(seed=check_seed(int(text)))
    if name == "speed":
        try:
            speed = float(text)
        except ValueError:
            speed = 0.0
        if not SLOWEST <= speed <= FASTEST:
            raise EngineError(f"{text!r} is not a speed; it is {SLOWEST:g} to {FASTEST:g} tokens a second")
        return Change(preferences=replace(kept, speed=speed))
    if name == "branch_length":
        if not text.isdecimal() or not 1 <= int(text) <= LONGEST_BRANCH:
            raise EngineError(f"{text!r} is not a branch length; it is 1 to {LONGEST_BRANCH} tokens")
        return Change(preferences=replace(kept, branch_length=int(text)))
    raise EngineError("← and → change this one")


def next_preset(settings: Settings, direction: int, presets: Sequence[Preset]) -> Settings:
    """The preset after (before) the one in force; the first where none is."""
    known = [preset.settings for preset in presets]
    place = (known.index(settings) + direction) % len(known) if settings in known else 0
    return known[place]


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


def settings_change(kept: Preferences, settings: Settings) -> Change:
    """Other settings, remembered too."""
    return Change(settings=settings, preferences=replace(kept, settings=settings))


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as drawn.

    Attributes:
        name: in messages.
        label, value: as text.
        rule: its rule of the chain, "" for none.
        state: of that rule: "on", "off" (switched off), or "" for not asked for.
        note: what the rule left at the cursor.
        help: what the setting does.
    """

    name: str
    label: str
    value: str
    rule: str = ""
    state: str = ""
    note: str = ""
    help: str = ""
