"""Lessons: plain TOML files of steps that play in the app. What one may hold, and what is wrong with one, line by line.

    title = "Flipping a biased coin"
    minutes = 5
    about = "One sentence that says what one will see."

    [[steps]]
    prefix = "It is a truth universally"
    seed = 7
    show = "stage"
    caption = "The network is given a text."

Each step first changes what it names, in the order of `FIELDS`, then shows its caption or question and waits: for a
key, or for `pause` seconds. No widget; `tui.lessons` plays them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import read_file
from gpt2_remix.engine.sampling.dice import parse_dice
from gpt2_remix.engine.sampling.presets import find_preset
from gpt2_remix.engine.sampling.settings import COINS, CoinKind, Settings, check_seed, parse_settings
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.state.lesson_places import Places

SHOWS = ("stage", "playground", "plot", "branches", "compare")
PLAYS = ("guess", "dice", "vote")
DEEDS = ("step", "pick", "again", "branch", "heat", "move")
"""What a person can be asked to do, in the words of `Lesson.deed`."""

MOST_FLIPS = 200
MOST_PAUSE = 600.0


@dataclass(frozen=True, slots=True)
class LessonStep:
    """A step: what it changes, in this order, and what it says. None where it leaves something as it is.

    Attributes:
        prefix, ids: the text, or the token ids, from which the stream begins anew.
        seed, coin, settings: what the next flips depend on.
        heat: the colouring of the text.
        lanes: settings to lay side by side; they are shown with `show = "compare"`.
        show: a place: the stage, the playground, one of its views, or the comparison.
        go: the position of the cursor.
        pick: the text, or the id, of a token that is picked in place of the coin.
        dice: the u of the next flips.
        again: whether the coin at the cursor (on the stage the last one) is flipped again.
        branch: how many branches grow from the cursor.
        flip: how many tokens the coin chooses, in every lane where lanes are shown.
        play: what the room plays.
        caption: what is said when that is done.
        question: what the room is asked.
        pause: seconds until it goes on by itself; None waits for a key.
        until: what the person is to do before it goes on.
        lines: where in the file each field stands, 1 the first line.
    """

    prefix: str | None = None
    ids: tuple[int, ...] | None = None
    seed: int | None = None
    coin: CoinKind | None = None
    settings: Settings | None = None
    heat: str | None = None
    lanes: tuple[Settings, ...] | None = None
    show: str | None = None
    go: int | None = None
    pick: str | int | None = None
    dice: tuple[float, ...] = ()
    again: bool = False
    branch: int = 0
    flip: int = 0
    play: str | None = None
    caption: str = ""
    question: str = ""
    pause: float | None = None
    until: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson: its name (of the file), title, how long it takes, what one sees, its steps, what is said at its end."""

    name: str
    title: str
    minutes: float
    about: str
    steps: tuple[LessonStep, ...]
    end: str = ""
    path: Path = field(default=Path(), compare=False)

    def fault(self, place: int, error: EngineError) -> str:
        """What cannot be done in a step, with file, line and field where the error begins with one: "pick: …"."""
        step, said = self.steps[place], str(error)
        name = next((name for name in step.lines if said.startswith(f"{name}: ")), None)
        if name is None:
            return f"{self.path}, step {place + 1}: {said}"
        return f"{self.path}, line {step.lines[name]}, {said}"


@contextmanager
def in_field(name: str) -> Iterator[None]:
    """Say of what is wrong that it is so in a field."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


class _WrongError(Exception):
    """What is expected in a field's place."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongError("a text in quotation marks")
    return value


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _WrongError(f"a whole number from {low:,} to {high:,}")
        return value

    return read


def _number(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:
            raise _WrongError(f"a number from {low:g} to {high:g}")
        return float(value)

    return read


def _one_of(*names: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in names:
            raise _WrongError(f"one of {', '.join(names)}")
        return str(value)

    return read


def _list_of(read: Callable[[Any], Any], what: str) -> Callable[[Any], tuple[Any, ...]]:
    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise _WrongError(what)
        return tuple(read(one) for one in value)

    return read_all


def _yes(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongError("true or false")
    return value


def _settings(value: Any) -> Settings:
    return parse_settings(_text(value))


def _lane(value: Any) -> Settings:
    text = _text(value)
    return parse_settings(text) if "=" in text else find_preset(text).settings


def _token(value: Any) -> str | int:
    if type(value) is int:
        return _whole(0, 2**31 - 1)(value)
    if not isinstance(value, str) or not value:
        raise _WrongError('the text of one token, such as " man", or its id')
    return value


def _u(value: Any) -> float:
    if type(value) not in (int, float):
        raise _WrongError("a number from 0 up to 1, such as 0.6")
    return parse_dice(repr(value))[0]


FIELDS: dict[str, Callable[[Any], Any]] = {
    "prefix": _text,
    "ids": _list_of(_whole(0, 2**31 - 1), "a list of token ids, such as [91, 860]"),
    "seed": lambda value: check_seed(_whole(0, 2**63 - 1)(value)),
    "coin": _one_of(*COINS),
    "preset": lambda value: find_preset(_text(value)).settings,
    "set": _settings,
    "heat": _one_of(*HEATS),
    "lanes": _list_of(_lane, 'a list of settings or presets, such as ["temperature=0.7", "nucleus"]'),
    "show": _one_of(*SHOWS),
    "go": _whole(0, 10**6),
    "pick": _token,
    "dice": _list_of(_u, "a list of numbers from 0 up to 1, such as [0.6, 0.02]"),
    "again": _yes,
    "branch": _whole(1, 16),
    "flip": _whole(1, MOST_FLIPS),
    "play": _one_of(*PLAYS),
    "caption": _text,
    "question": _text,
    "pause": _number(0, MOST_PAUSE),
    "until": _one_of(*DEEDS),
}
"""What a step may hold."""

HEAD: dict[str, Callable[[Any], Any]] = {
    "title": _text, "minutes": _number(0.5, 600), "about": _text,
}
"""What stands before the steps."""

OPTIONAL: dict[str, Callable[[Any], Any]] = {"end": _text}
"""What may stand there too."""

TOUR = "tour"
"""The name of the lesson for who opens the app for the first time; it is not among those that are listed."""


@cache
def shipped() -> tuple[Lesson, ...]:
    """The lessons that ship, in the order in which they are best played; read once, since the palette asks at each key.
    """
    return tuple(read_lesson(_folder() / f"{name}.toml") for name in _names())


@cache
def tour() -> Lesson:
    """What the app begins with for who opens it for the first time."""
    return find_lesson(TOUR)


def _names() -> list[str]:
    return (_folder() / "order.txt").read_text("utf-8").split()


def _folder() -> Path:
    return Path(str(resources.files("gpt2_remix.tui.lessons") / "shipped"))


def find_lesson(wanted: str) -> Lesson:
    """A lesson by the name of one that ships, or by its file. Raises InputError."""
    names = [*_names(), TOUR]
    if wanted in names:
        return read_lesson(_folder() / f"{wanted}.toml")
    path = Path(wanted)
    if path.suffix == ".toml" or path.exists():
        return read_lesson(path)
    close = get_close_matches(wanted, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"those that ship: {', '.join(names)}; or give a TOML file"
    raise InputError(f"there is no lesson {wanted!r}; {hint}")


def read_lesson(path: Path) -> Lesson:
    """Read a lesson. Raises InputError that says file, line, field and what is expected."""
    try:
        text = read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); convert it first") from None
    try:
        record = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        line = re.search(r"line (\d+)", said)
        what = re.sub(r" \(at [^)]*\)$", "", said)
        number = line[1] if line else text.count("\n") + 1
        raise InputError(f"{path}, line {number}: this is no TOML: {what}; expected lines such as seed = 7 or "
                         'caption = "words"') from None
    except RecursionError:
        depths = [line.count("[") + line.count("{") for line in text.split("\n")]
        raise InputError(f"{path}, line {depths.index(max(depths)) + 1}: these lists are nested too deep; no field of "
                         "a lesson holds lists in lists") from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        digits = re.search(r"\d{1000}", text)
        number = text.count("\n", 0, digits.start()) + 1 if digits else 1
        raise InputError(f"{path}, line {number}: this number is too long; none in a lesson has more than 19 digits"
                         ) from None
    return _lesson(path, Places(text), record)


def _lesson(path: Path, places: Places, record: dict[str, Any]) -> Lesson:
    def refuse(number: int, field: str, what: str) -> InputError:
        return InputError(f"{path}, line {number}, {field}: {what}")

    def refuse_in(step: int, field: str, what: str) -> InputError:
        return refuse(places.line(field, step), field, what)

    values: dict[str, Any] = {}
    known = (*HEAD, *OPTIONAL, "steps")
    for name in record:
        if name not in known:
            raise refuse(places.line(name), name, _unknown(name, known))
    for name, read in (HEAD | OPTIONAL).items():
        if name not in record and name in OPTIONAL:
            continue
        if name not in record:
            raise refuse(1, name, "is missing; a lesson begins with title, minutes and about")
        values[name] = _read(read, record[name], partial(refuse, places.line(name), name))
    steps = record.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise refuse(places.line("steps"), "steps", "expected at least one step, each under [[steps]]")
    found = []
    for place, step in enumerate(steps):
        lines = {name: places.line(name, place) for name in step}
        found.append(replace(_step(step, partial(refuse_in, place)), lines=lines))
    return Lesson(path.stem, steps=tuple(found), path=path, **values)


def _step(record: dict[str, Any], refuse: Callable[[str, str], InputError]) -> LessonStep:
    values: dict[str, Any] = {}
    for name, value in record.items():
        if name not in FIELDS:
            raise refuse(name, _unknown(name, FIELDS))
        values[name] = _read(FIELDS[name], value, partial(refuse, name))
    for one, other in (("prefix", "ids"), ("set", "preset"), ("question", "caption"), ("until", "pause")):
        if one in values and other in values:
            raise refuse(one, f"stands beside {other}; give one of them")
    if values.get("show") == "compare" and "lanes" in values and not 2 <= len(values["lanes"]) <= 8:
        raise refuse("lanes", "expected 2 to 8 of them")
    if "play" in values and values.get("show", "stage") != "stage":
        raise refuse("play", "is played on the stage; leave out show, or say show = \"stage\"")
    if "lanes" in values and values.get("show") != "compare":
        raise refuse("lanes", 'they are shown with show = "compare"')
    settings = values.pop("set", None) or values.pop("preset", None)
    return LessonStep(**{**values, "settings": settings})


def _read(read: Callable[[Any], Any], value: Any, refuse: Callable[[str], InputError]) -> Any:
    try:
        return read(value)
    except _WrongError as error:
        raise refuse(f"expected {error}, and this is {_shown(value)}") from None
    except InputError as error:
        raise refuse(str(error)) from None


def _shown(value: Any) -> str:
    import tomlkit

    inline = tomlkit.array()
    inline.append(value)  # within a list everything is written on one line
    said = inline.as_string()[1:-1]
    return said if len(said) <= 40 else f"{said[:39]}…"


def _unknown(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"is no field of a lesson here; {hint}"
