"""Sampling settings: the chain's order, and the text form "temperature=0.8,top_p=0.95".

A setting's name and meaning are those of Hugging Face transformers, so that one copied from a paper or a model
card does the same here; what transformers lacks is named as in OpenAI's API or in llama.cpp. This module imports no
numpy: it is on the path to the app's first frame.
"""

from __future__ import annotations

import dataclasses
import json
import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.fields import FORMS, LISTS, NUMBERS, nearest, parse_list, setting_name, show_list

CoinKind = Literal["interval", "gumbel"]
COINS: tuple[CoinKind, ...] = ("interval", "gumbel")

SEED_LIMIT = 2**63
"""Seeds are 0 ... SEED_LIMIT - 1."""

BIAS_LIMIT = 100.0
"""Biases are -BIAS_LIMIT ... BIAS_LIMIT, in logits (as in OpenAI's API)."""


CHAIN: tuple[str, ...] = (
    "logit_bias", "repetition_penalty", "presence_penalty", "frequency_penalty", "no_repeat_ngram_size", "dry",
    "banned", "min_new_tokens", "temperature", "dynamic_temperature", "top_k", "top_p", "min_p", "typical_p",
    "epsilon_cutoff", "eta_cutoff", "top_n_sigma", "xtc", "mirostat",
)
"""The rules of the chain in their default order: that of transformers, its processors before its warpers."""

DRY_BREAKERS = ("\n", ":", '"', "*")
"""The sequence breakers that llama.cpp begins with."""

LARGEST_ID = 2**31
LONGEST_BREAKER = 40
"""Characters of a sequence breaker, as in llama.cpp."""

CHAIN_OF_BEFORE: tuple[str, ...] = (*CHAIN[1:6], "logit_bias", *CHAIN[6:])
BREAKERS_OF_BEFORE = (198, 25, 1, 9)
"""The defaults of records that were made before records held the whole order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The chain's settings. The defaults leave the network's probabilities as they are.

    What each does is said once, in NUMBERS and LISTS, and with its source at its rule in `engine.sampling.chain`.

    Attributes:
        chain: the order of the rules, all of them; empty for the default order. Where only some are named, these
            trade places among themselves and the others stay where they are.
        off: rules that are switched off, whatever their settings.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    banned: tuple[int, ...] = ()
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    top_n_sigma: float = 0.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    mirostat_tau: float = 0.0
    mirostat_eta: float = 0.1
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    no_repeat_ngram_size: int = 0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_breakers: tuple[str | int, ...] = DRY_BREAKERS
    min_new_tokens: int = 0
    chain: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

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
        for breaker in self.dry_breakers:
            if isinstance(breaker, str) and any(0xD800 <= ord(character) <= 0xDFFF for character in breaker):
                raise InputError(f"dry_breakers holds {breaker!r}, which is not valid Unicode")
            if not (0 < len(breaker) <= LONGEST_BREAKER if isinstance(breaker, str) else 0 <= breaker < LARGEST_ID):
                raise InputError(f"dry_breakers holds {breaker!r}; they are texts of 1 to {LONGEST_BREAKER} characters "
                                 "or token ids from 0 up")
        for name in ("chain", "off"):
            for rule in getattr(self, name):
                if rule not in CHAIN:
                    raise InputError(f"{name} names {rule!r}, which is no rule; {nearest(rule, CHAIN)}")
        if len(set(self.chain)) < len(self.chain):
            raise InputError("chain names a rule twice; name each once")
        order = whole_order(self.chain)
        # One way to write each order and each set, so that equal settings compare equal.
        object.__setattr__(self, "chain", () if order == CHAIN else order)
        object.__setattr__(self, "off", tuple(rule for rule in CHAIN if rule in self.off))

    @property
    def order(self) -> tuple[str, ...]:
        """All rules in the order of these settings."""
        return self.chain or CHAIN

    def active(self) -> tuple[str, ...]:
        """The rules that these settings switch on, in order."""
        return tuple(rule for rule in self.order if rule not in self.off and SWITCHES[rule](self))

    @property
    def greedy(self) -> bool:
        """Whether the most probable token is taken and the coin ignored."""
        return self.temperature == 0 and "temperature" in self.active()

    @property
    def flips(self) -> bool:
        """Whether a rule of the chain flips a coin of its own."""
        return "xtc" in self.active()

    @property
    def looks_back(self) -> bool:
        """Whether a rule of the chain depends on the tokens that stand before."""
        return not HISTORIC.isdisjoint(self.active())

    def with_value(self, name: str, value: object) -> Settings:
        """A copy with the setting of a name changed, checked again, for whoever knows it by its name only.

        Raises:
            InputError: a value out of range.
        """
        changes: dict[str, Any] = {name: value}
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Every field as plain JSON values; logit_bias as {"id": bias}, chain the whole order."""
        record: dict[str, Any] = {field.name: getattr(self, field.name) for field in NUMBERS}
        record["logit_bias"] = {str(token): bias for token, bias in self.logit_bias}
        lists = {name: list(getattr(self, name)) for name in LISTS if name != "logit_bias"}
        return record | lists | {"chain": list(self.order)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Settings:
        """The inverse of to_dict. Raises InputError for anything that is not one.

        A record whose chain is not the whole order was made before the default order was transformers': it keeps the
        order that it was made with.
        """
        try:
            if not isinstance(record, Mapping):
                raise TypeError(f"{str(record)[:40]!r} holds no fields")
            values = dict(record)
            for name in ("logit_bias", "banned", "dry_breakers", "chain", "off"):
                if name in values and not isinstance(values[name], Mapping if name == "logit_bias" else (list, tuple)):
                    raise TypeError(f"{name} is of another kind")
            if "logit_bias" in values:
                values["logit_bias"] = tuple((int(k), float(v)) for k, v in dict(values["logit_bias"]).items())
            if "banned" in values:
                values["banned"] = tuple(int(token) for token in values["banned"])
            if "dry_breakers" in values:
                values["dry_breakers"] = tuple(b if isinstance(b, str) else int(b) for b in values["dry_breakers"])
            for name in ("chain", "off"):
                if name in values:
                    values[name] = tuple(str(rule) for rule in values[name])
            return cls(**_brought_up(values))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"these are not sampling settings: {error}") from None

    def check_vocabulary(self, size: int) -> None:
        """Raise InputError where a bias or a ban names an id outside a vocabulary of `size` tokens."""
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
        parts += [f"{name}={show_list(name, getattr(self, name))}" for name in LISTS
                  if getattr(self, name) != getattr(plain, name)]
        return ",".join(parts)


def whole_order(named: Iterable[str], default: Iterable[str] = CHAIN) -> tuple[str, ...]:
    """The order of all rules where the named ones trade places among themselves and the others stay."""
    chosen = list(named)
    queue = iter(chosen)
    return tuple(next(queue) if rule in chosen else rule for rule in default)


def _brought_up(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a record of before, with what its defaults meant then written out where it decides anything."""
    named = values.get("chain", ())
    if set(named) >= set(CHAIN_OF_BEFORE) or not set(named) <= set(CHAIN_OF_BEFORE) or len(set(named)) < len(named):
        return values  # of now; or no order of any time, which is said where it is checked
    order = whole_order(named, CHAIN_OF_BEFORE)
    if not values.get("logit_bias") and "logit_bias" not in named:
        order = ("logit_bias", *(rule for rule in order if rule != "logit_bias"))
    brought = values | {"chain": order}
    breakers = values.get("dry_breakers", BREAKERS_OF_BEFORE)
    if breakers == BREAKERS_OF_BEFORE and not values.get("dry_multiplier"):
        breakers = DRY_BREAKERS
    return brought | {"dry_breakers": breakers}


SWITCHES: dict[str, Callable[[Settings], bool]] = {
    "repetition_penalty": lambda s: s.repetition_penalty != 1,
    "presence_penalty": lambda s: s.presence_penalty != 0,
    "frequency_penalty": lambda s: s.frequency_penalty != 0,
    "no_repeat_ngram_size": lambda s: s.no_repeat_ngram_size > 0,
    "dry": lambda s: s.dry_multiplier > 0,
    "logit_bias": lambda s: bool(s.logit_bias),
    "banned": lambda s: bool(s.banned),
    "min_new_tokens": lambda s: s.min_new_tokens > 0,
    # The dynamic temperature takes the place of the plain one.
    "temperature": lambda s: s.temperature != 1 and (s.dynatemp_range == 0 or "dynamic_temperature" in s.off),
    "dynamic_temperature": lambda s: s.dynatemp_range > 0,
    "top_k": lambda s: s.top_k > 0,
    "top_p": lambda s: s.top_p < 1,
    "min_p": lambda s: s.min_p > 0,
    "typical_p": lambda s: s.typical_p < 1,
    "epsilon_cutoff": lambda s: s.epsilon_cutoff > 0,
    "eta_cutoff": lambda s: s.eta_cutoff > 0,
    "top_n_sigma": lambda s: s.top_n_sigma > 0,
    "xtc": lambda s: s.xtc_probability > 0,
    "mirostat": lambda s: s.mirostat_tau > 0,
}
"""Whether settings ask for a rule."""

HISTORIC = frozenset({
    "repetition_penalty", "presence_penalty", "frequency_penalty", "no_repeat_ngram_size", "dry", "min_new_tokens",
    "mirostat",
})
"""The rules that depend on what stands before."""


def parse_settings(text: str, base: Settings | None = None) -> Settings:
    """Read "temperature=0.8,top_p=0.95" on top of `base` (the defaults where left out).

    Raises:
        InputError: an unknown name (the nearest known one is named), a value out of range, a name given twice.
    """
    changes: dict[str, Any] = {}
    numbers = {field.name: field for field in NUMBERS}
    for part in filter(None, (piece.strip() for piece in _parts(text))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        written, name = name, setting_name(name) or ""
        if not name:
            raise InputError(f"there is no setting {written!r}; {nearest(written, [*numbers, *LISTS])}")
        if not equals:
            raise InputError(f"{part!r} has no value; write it as {name}=VALUE")
        if name in changes:
            raise InputError(f"{name} is given twice; give it once")
        changes[name] = numbers[name].parse(value) if name in numbers else parse_list(name, value)
    return dataclasses.replace(base or Settings(), **changes)


def _parts(text: str) -> Iterator[str]:
    """The parts of settings in the text form: cut at commas, but not in a value in JSON form."""
    start = place = 0
    while place < len(text):
        if text[place] in '["' and text[start:place].rstrip().endswith("="):
            try:
                _, place = json.JSONDecoder().raw_decode(text, place)
            except ValueError:
                raise InputError(f"{text[start:].strip()!r} is not closed; write texts as in "
                                 f"dry_breakers={FORMS['dry_breakers']}") from None
            continue
        if text[place] == ",":
            yield text[start:place]
            start = place + 1
        place += 1
    yield text[start:]


def check_seed(seed: int) -> int:
    """Return the seed. Raises InputError outside 0 ... 2**63-1."""
    if not 0 <= seed < SEED_LIMIT:
        raise InputError(f"seed {seed} is out of range; it is 0 to {SEED_LIMIT - 1}")
    return seed


def draw_seed() -> int:
    """A seed where none was given; short, because people read it out."""
    return secrets.randbelow(1_000_000)
