"""Sampling settings: their fields and limits, named presets, and the text form "temperature=0.8,top_p=0.95".

A setting's name and meaning are those of Hugging Face transformers, so that one copied from a paper or a model
card does the same here. This module imports no numpy: it is on the path to the app's first frame.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import InputError

CoinKind = Literal["interval", "gumbel"]
COINS: tuple[CoinKind, ...] = ("interval", "gumbel")

SEED_LIMIT = 2**63
"""Seeds are 0 ... SEED_LIMIT - 1."""

BIAS_LIMIT = 100.0
"""Biases are -BIAS_LIMIT ... BIAS_LIMIT, in logits (as in OpenAI's API)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The chain's settings. The defaults leave the network's probabilities as they are.

    Attributes:
        temperature: logits are divided by it; 0 takes the most probable token and ignores the coin.
        top_k: keep the k most probable tokens (ties with the k-th stay); 0 keeps all.
        top_p: keep the smallest set of most probable tokens whose mass reaches it; 1 keeps all.
        min_p: keep tokens at least this fraction as probable as the most probable one; 0 keeps all.
        logit_bias: pairs of (token id, number added to its logit).
        banned: token ids that can never be chosen.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for field in NUMBERS:
            field.check(getattr(self, field.name))
        seen: set[int] = set()
        for token, bias in self.logit_bias:
            if token < 0 or not math.isfinite(bias) or abs(bias) > BIAS_LIMIT:
                raise InputError(
                    f"logit_bias {token}:{bias:g} is out of range: ids are 0 or more, biases -100 to 100; "
                    "to rule a token out use banned"
                )
            if token in seen:
                raise InputError(f"logit_bias names token {token} twice; give it once")
            seen.add(token)
        if any(token < 0 for token in self.banned):
            raise InputError("banned holds a negative id; token ids are 0 or more")

    def replace(self, **changes: Any) -> Settings:
        """A copy with these fields changed, checked again. Raises InputError."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain JSON values; logit_bias as {"id": bias}."""
        record = {field.name: getattr(self, field.name) for field in NUMBERS}
        return record | {
            "logit_bias": {str(token): bias for token, bias in self.logit_bias},
            "banned": list(self.banned),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Settings:
        """The inverse of to_dict. Raises InputError for anything that is not one."""
        try:
            values = dict(record)
            if "logit_bias" in values:
                values["logit_bias"] = tuple((int(k), float(v)) for k, v in dict(values["logit_bias"]).items())
            if "banned" in values:
                values["banned"] = tuple(int(token) for token in values["banned"])
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise InputError(f"these are not sampling settings: {error}") from None

    def check_vocabulary(self, size: int) -> None:
        """Raises InputError where a bias or a ban names an id outside a vocabulary of `size` tokens."""
        for name, tokens in (("logit_bias", [t for t, _ in self.logit_bias]), ("banned", self.banned)):
            for token in tokens:
                if token >= size:
                    raise InputError(f"{name} names id {token}, but this model's ids are 0 to {size - 1}")
        if size and len(set(self.banned)) >= size:
            raise InputError("every token is banned: nothing is left to choose from; ban fewer")

    def changed(self) -> str:
        """The fields that differ from the defaults, in the text form that parse_settings reads ("" for none)."""
        plain = Settings()
        parts = [f"{f.name}={f.show(getattr(self, f.name))}" for f in NUMBERS
                 if getattr(self, f.name) != getattr(plain, f.name)]
        parts += [f"{name}={text}" for name in LISTS if (text := show_list(name, getattr(self, name)))]
        return ",".join(parts)


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric setting: limits (inclusive), the step that an arrow key makes, what it does in a sentence."""

    name: str
    label: str
    low: float
    high: float
    step: float
    help: str
    whole: bool = False

    def parse(self, text: str) -> float | int:
        """Reads a value. Raises InputError where `text` is not a number of this kind within the limits."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            kind = "a whole number" if self.whole else "a number"
            raise InputError(f"{self.name}={text.strip()!r} is not {kind}; {self.range()}") from None
        self.check(value)
        return value

    def check(self, value: float | int) -> None:
        """Raises InputError where the value is outside the limits or not a number."""
        wrong_kind = isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float))
        if wrong_kind or not self.low <= value <= self.high:
            raise InputError(f"{self.name}={value} is out of range; {self.range()}")

    def range(self) -> str:
        """The limits in words."""
        if self.high >= LARGE:
            return f"it is {self.low:g} or more"
        return f"it is {self.low:g} to {self.high:g}"

    def show(self, value: float | int) -> str:
        """The value as a person would type it."""
        return str(value) if self.whole else f"{round(value, 6):g}"


LARGE = 10**9

NUMBERS: tuple[Number, ...] = (
    Number("temperature", "temp", 0.0, 100.0, 0.05,
           "divides the logits: below 1 sharpens, above 1 flattens, 0 is greedy"),
    Number("top_k", "top-k", 0, LARGE, 1, "keeps the k most probable tokens; 0 keeps all", whole=True),
    Number("top_p", "top-p", 0.0, 1.0, 0.01,
           "keeps the smallest set of most probable tokens whose mass reaches p; 1 keeps all"),
    Number("min_p", "min-p", 0.0, 1.0, 0.01,
           "keeps tokens at least this fraction as probable as the most probable one; 0 keeps all"),
)

LISTS: dict[str, str] = {
    "logit_bias": "adds to the logits of single tokens: id:bias;id:bias",
    "banned": "tokens that can never be chosen: id;id",
}

PRESETS: dict[str, tuple[Settings, str]] = {
    "pure": (Settings(), "the network's own probabilities, nothing changed"),
    "greedy": (Settings(temperature=0.0), "always the most probable token; the coin is ignored"),
    "top-k-40": (Settings(top_k=40), "the 40 most probable tokens, as in the GPT-2 paper's samples"),
    "nucleus": (Settings(top_p=0.95), "top-p 0.95 (Holtzman et al. 2019)"),
    "min-p": (Settings(min_p=0.05), "min-p 0.05 (Nguyen et al. 2024)"),
    "focused": (Settings(temperature=0.7, top_p=0.9), "sharper and trimmed: stays close to the likely text"),
    "wild": (Settings(temperature=1.3, min_p=0.02), "flatter, with the far tail cut"),
}


def show_list(name: str, value: Iterable[Any]) -> str:
    """A list setting in the text form: "198:-2;50256:-100" or "198;50256"."""
    if name == "logit_bias":
        return ";".join(f"{token}:{round(bias, 6):g}" for token, bias in value)
    return ";".join(str(token) for token in value)


def parse_list(name: str, text: str) -> tuple[Any, ...]:
    """Reads a list setting. Raises InputError that shows the form."""
    items = [item.strip() for item in text.split(";") if item.strip()]
    try:
        if name == "banned":
            return tuple(dict.fromkeys(int(item) for item in items))
        pairs = [item.split(":") for item in items]
        return tuple((int(token), float(bias)) for token, bias in pairs)
    except ValueError:
        form = "198:-2;50256:-100" if name == "logit_bias" else "198;50256"
        raise InputError(f"{name}={text!r} is not a list of this form: {name}={form}") from None


def parse_settings(text: str, base: Settings | None = None) -> Settings:
    """Reads "temperature=0.8,top_p=0.95" on top of `base` (the defaults where left out).

    Raises:
        InputError: an unknown name (the nearest known one is named), a value out of range, a name given twice.
    """
    changes: dict[str, Any] = {}
    numbers = {field.name: field for field in NUMBERS}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in numbers and name not in LISTS:
            raise InputError(f"there is no setting {name!r}; {nearest(name, [*numbers, *LISTS])}")
        if not equals:
            raise InputError(f"{part!r} has no value; write it as {name}=VALUE")
        if name in changes:
            raise InputError(f"{name} is given twice; give it once")
        changes[name] = numbers[name].parse(value) if name in numbers else parse_list(name, value)
    return (base or Settings()).replace(**changes)


def preset(name: str) -> Settings:
    """The settings of a preset. Raises InputError naming the nearest known one."""
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; {nearest(name, PRESETS)}")
    return PRESETS[name][0]


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that help after an unknown name: the nearest known one, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"


def check_seed(seed: int) -> int:
    """Returns the seed. Raises InputError outside 0 ... 2**63-1."""
    if not 0 <= seed < SEED_LIMIT:
        raise InputError(f"seed {seed} is out of range; it is 0 to {SEED_LIMIT - 1}")
    return seed
