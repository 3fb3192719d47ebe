"""The fields of the sampling settings: of each its name and limits, what it does, and how it is written.

This module imports no numpy: it is on the path to the app's first frame.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gpt2_remix.engine.errors import InputError


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric setting: its rule of the chain, limits (inclusive), what an arrow key adds, a usual value, its help."""

    name: str
    rule: str
    low: float
    high: float
    increment: float
    example: str
    help: str
    whole: bool = False

    def parse(self, text: str) -> float | int:
        """Read a value. Raises InputError where `text` is not a number of this kind within the limits."""
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            raise self._no_number(text.strip()) from None
        self.check(value)
        return value

    def check(self, value: float | int) -> None:
        """Raise InputError where the value is outside the limits or not a number."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            raise self._no_number(value)
        if not self.low <= value <= self.high:
            raise InputError(f"{self.name}={str(value)[:40]} is out of range; {self.range()}")

    def _no_number(self, value: object) -> InputError:
        kind = "a whole number" if self.whole else "a number"
        return InputError(f"{self.name}={value!r} is not {kind}; {self.range()}")

    def range(self) -> str:
        """The limits in words."""
        if self.high >= LARGE:
            return f"it is {self.low:g} to {self.high:,}"
        return f"it is {self.low:g} to {self.high:g}"

    def show(self, value: float | int) -> str:
        """The value as a person would type it, in as many digits as it takes to read the same one."""
        return str(value) if self.whole else shortest(value)


LARGE = 10**9

NUMBERS: tuple[Number, ...] = (
    Number("repetition_penalty", "repetition_penalty", 0.01, 100.0, 0.05, "1.2",
           "divides positive logits of tokens in the text by it and multiplies negative ones; 1 is off"),
    Number("presence_penalty", "presence_penalty", -10.0, 10.0, 0.1, "0.5",
           "taken from the logit of every token that was generated already; 0 is off"),
    Number("frequency_penalty", "frequency_penalty", -10.0, 10.0, 0.1, "0.3",
           "taken from a token's logit for each time it was generated; 0 is off"),
    Number("no_repeat_ngram_size", "no_repeat_ngram_size", 0, LARGE, 1, "3",
           "no run of so many tokens comes twice; 0 is off", whole=True),
    Number("dry_multiplier", "dry", 0.0, 100.0, 0.1, "0.8",
           "DRY: penalty for a token that would lengthen a repetition; 0 is off"),
    Number("dry_base", "dry", 1.0, 100.0, 0.05, "1.75",
           "DRY: the penalty grows by this factor with each repeated token"),
    Number("dry_allowed_length", "dry", 1, LARGE, 1, "2",
           "DRY: repetitions shorter than this are free", whole=True),
    Number("min_new_tokens", "min_new_tokens", 0, LARGE, 1, "20",
           "no <|endoftext|> before so many new tokens; 0 is off", whole=True),
    Number("temperature", "temperature", 0.0, 100.0, 0.05, "0.7",
           "divides the logits: below 1 sharpens, above 1 flattens, 0 is greedy"),
    Number("dynatemp_range", "dynamic_temperature", 0.0, 100.0, 0.05, "0.5",
           "temperature minus to plus this, by the entropy of the moment; 0 is off"),
    Number("dynatemp_exponent", "dynamic_temperature", 0.01, 100.0, 0.1, "1",
           "bends the way from entropy to dynamic temperature"),
    Number("top_k", "top_k", 0, LARGE, 1, "40", "keeps the k most probable tokens; 0 keeps all", whole=True),
    Number("top_p", "top_p", 0.0, 1.0, 0.01, "0.95",
           "keeps the smallest set of most probable tokens whose mass reaches p; 1 keeps all"),
    Number("min_p", "min_p", 0.0, 1.0, 0.01, "0.05",
           "keeps tokens at least this fraction as probable as the most probable one; 0 keeps all"),
    Number("typical_p", "typical_p", 0.0, 1.0, 0.01, "0.9",
           "keeps tokens whose surprisal is nearest to the entropy until their mass reaches p; 1 keeps all"),
    Number("epsilon_cutoff", "epsilon_cutoff", 0.0, 1.0, 0.0001, "0.0003",
           "keeps tokens of at least this probability; 0 keeps all"),
    Number("eta_cutoff", "eta_cutoff", 0.0, 1.0, 0.0001, "0.0006",
           "like epsilon, lower where the entropy is high; 0 keeps all"),
    Number("top_n_sigma", "top_n_sigma", 0.0, 100.0, 0.1, "1",
           "keeps logits within n standard deviations of the highest; 0 keeps all"),
    Number("xtc_probability", "xtc", 0.0, 1.0, 0.05, "0.5",
           "XTC: how often the most probable choices are left out; 0 is off"),
    Number("xtc_threshold", "xtc", 0.0, 1.0, 0.01, "0.1",
           "XTC: of the tokens with at least this probability only the least probable stays"),
    Number("mirostat_tau", "mirostat", 0.0, 100.0, 0.1, "5",
           "mirostat v2: the surprisal in bits that it steers to; 0 is off"),
    Number("mirostat_eta", "mirostat", 0.0, 1.0, 0.05, "0.1", "mirostat v2: how fast it steers"),
)

LISTS: dict[str, str] = {
    "logit_bias": "adds to the logits of single tokens: id:bias;id:bias",
    "banned": "tokens that can never be chosen: id;id",
    "dry_breakers": "DRY: texts at which a repetition ends, in whatever token they stand, or token ids: id;id",
    "chain": "the order of the chain's rules: top_p;temperature swaps these two",
    "off": "rules that are switched off: top_k;min_p",
}

FORMS = {
    "logit_bias": "198:-2;50256:-100", "banned": "198;50256", "dry_breakers": '["\\n",":"]',
    "chain": "top_p;temperature", "off": "top_k;min_p",
}
"""What each list looks like, for error messages."""


ALIASES = {
    "temp": "temperature", "t": "temperature", "k": "top_k", "p": "top_p", "typical": "typical_p",
    "epsilon": "epsilon_cutoff", "eta": "eta_cutoff", "nsigma": "top_n_sigma",
    "repeatpenalty": "repetition_penalty", "presence": "presence_penalty",
    "frequency": "frequency_penalty", "norepeatngram": "no_repeat_ngram_size", "ngram": "no_repeat_ngram_size",
    "dry": "dry_multiplier", "xtc": "xtc_probability", "dynamictemperature": "dynatemp_range",
    "bias": "logit_bias", "ban": "banned", "bans": "banned", "order": "chain",
}
"""Other names that settings are known by, without what stands between the words."""


def setting_name(written: str) -> str | None:
    """The name of a setting however it is written (top-k, top k, topk, TOP_K, k); None where it is none."""
    known = {_plain(name): name for name in (*(number.name for number in NUMBERS), *LISTS)}
    return (known | ALIASES).get(_plain(written))


def find_setting(typed: str) -> str | None:
    """The first setting that what was typed so far may name; None where none does."""
    if not (plain := _plain(typed)):
        return None
    names = [*(number.name for number in NUMBERS), *LISTS]
    starts = next((name for name in names if _plain(name).startswith(plain)), None)
    return setting_name(typed) or starts or next((name for name in names if plain in _plain(name)), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def help_of(name: str) -> str:
    """What a setting does, with an example."""
    found = next((f"{number.help}; e.g. {number.example}" for number in NUMBERS if number.name == name), "")
    return found or LISTS.get(name, "")


def show_list(name: str, value: Iterable[Any]) -> str:
    """A list setting in the text form: "198:-2;50256:-100" or "198;50256"; texts as a list in JSON."""
    if name == "logit_bias":
        return ";".join(f"{token}:{shortest(bias)}" for token, bias in value)
    items = list(value)
    if name == "dry_breakers" and any(isinstance(item, str) for item in items):
        return json.dumps(items, ensure_ascii=False, separators=(",", ":"))
    return ";".join(map(str, items))


def parse_list(name: str, text: str) -> tuple[Any, ...]:
    """Read a list setting. Raises InputError that shows the form."""
    if name == "dry_breakers" and text.strip()[:1] in ("[", '"'):
        return _parse_texts(name, text)
    items = [item.strip() for item in text.split(";") if item.strip()]
    if name in ("chain", "off"):
        return tuple(items)  # unknown rules are named by Settings
    try:
        if name != "logit_bias":
            return tuple(dict.fromkeys(int(item) for item in items))
        pairs = [item.split(":") for item in items]
        return tuple((int(token), float(bias)) for token, bias in pairs)
    except ValueError:
        raise InputError(f"{name}={text!r} is not a list of this form: {name}={FORMS[name]}") from None


def _parse_texts(name: str, text: str) -> tuple[str | int, ...]:
    """Read texts, and ids among them, in JSON form: a list, or a single text."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(type(item) in (str, int) for item in items):
        raise InputError(f"{name}={text!r} is not a list of this form: {name}={FORMS[name]}")
    return tuple(dict.fromkeys(items))


def shortest(value: float) -> str:
    """The shortest way to write a number that reads as the same one: 1, 0.95, 1e-07."""
    text = f"{value:g}"
    return text if float(text) == value else repr(float(value))


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that help after an unknown name: the nearest known one, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"
