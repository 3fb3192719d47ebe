"""Presets: named groups of settings, those that are shipped and a person's own.

A person's own are kept in one JSON file in the configuration folder. No numpy: on the path to the first frame.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import read_bytes, written_beside
from gpt2_remix.engine.sampling.fields import nearest
from gpt2_remix.engine.sampling.settings import Settings

LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Preset:
    """A named group of settings: what it is for in a few words, and whether it is shipped or a person's own."""

    name: str
    settings: Settings
    text: str
    shipped: bool = True


SHIPPED: tuple[Preset, ...] = (
    Preset("pure sampling", Settings(), "the network's own probabilities, nothing changed"),
    Preset("greedy", Settings(temperature=0.0), "always the most probable token; the coin is ignored"),
    Preset("top-k 40", Settings(top_k=40), "the 40 most probable tokens, as in the GPT-2 paper's samples"),
    Preset("nucleus 0.95", Settings(top_p=0.95), "the likeliest tokens with 95 % of the mass (Holtzman et al. 2019)"),
    Preset("min-p 0.05", Settings(min_p=0.05), "a twentieth of the likeliest or more (Nguyen et al. 2024)"),
    Preset("focused", Settings(temperature=0.7, top_p=0.9), "sharper and trimmed: stays close to the likely text"),
    Preset("creative", Settings(temperature=1.2, min_p=0.05, xtc_probability=0.3),
           "flatter, tail cut, now and then without the obvious choice (XTC)"),
    Preset("no loops", Settings(temperature=0.9, min_p=0.05, dry_multiplier=0.8),
           "what would repeat the text is made unlikely (DRY)"),
    Preset("mirostat", Settings(mirostat_tau=5.0), "steers to 5 bits of surprisal a token (Basu et al. 2020)"),
)


def presets_file() -> Path:
    """Where a person's own presets are kept."""
    from platformdirs import user_config_path

    return user_config_path("gpt2-remix") / "presets.json"


def all_presets() -> tuple[list[Preset], str | None]:
    """The shipped presets and then a person's own, and a line about those that cannot be used."""
    own, problem = _own()
    return [*SHIPPED, *own], problem


def _own() -> tuple[list[Preset], str | None]:
    path = presets_file()
    try:
        record = json.loads(read_bytes(path))
        if not isinstance(record, dict):
            raise ValueError("it holds no presets")
    except FileNotFoundError:
        return [], None
    except (OSError, ValueError, RecursionError) as error:
        return [], f"{path} cannot be read ({error}); your own presets are left out"
    found: list[Preset] = []
    bad: list[str] = []
    for name, fields in record.items():
        try:
            if not isinstance(fields, dict):
                raise InputError("no settings")
            settings = Settings.from_dict(fields)
            found.append(Preset(check_name(name), settings, settings.changed() or "nothing changed", shipped=False))
        except InputError:
            bad.append(name)
    return found, f"{path}: unusable {', '.join(bad)}; left out" if bad else None


def check_name(name: str) -> str:
    """A name that a preset of one's own can have. Raises InputError."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or any(mark in name for mark in ",="):
        raise InputError(f"a preset's name is 1 to {LONGEST_NAME} characters, without comma and =")
    if any(plain(preset.name) == plain(name) for preset in SHIPPED):
        raise InputError(f"{name!r} is a shipped preset; choose another name")
    return name


def save_preset(name: str, settings: Settings) -> Preset:
    """Keep settings under a name; an own preset of that name is replaced.

    Raises:
        InputError: the name cannot be used.
        EngineError: the file cannot be written, or holds something that would be lost.
    """
    name = check_name(name)
    own, problem = _own()
    if problem:
        raise EngineError(f"{problem}; nothing was saved, so that nothing in it is lost")
    kept = [preset for preset in own if plain(preset.name) != plain(name)]
    preset = Preset(name, settings, settings.changed() or "nothing changed", shipped=False)
    _write([*kept, preset])
    return preset


def delete_preset(name: str) -> Preset:
    """Forget a preset of one's own and return it. Raises InputError, EngineError as `save_preset`."""
    own, problem = _own()
    if problem:
        raise EngineError(f"{problem}; nothing was deleted, so that nothing in it is lost")
    gone = next((preset for preset in own if plain(preset.name) == plain(name)), None)
    if gone is None:
        raise InputError(f"there is no preset of your own named {name!r}")
    _write([preset for preset in own if preset is not gone])
    return gone


def _write(presets: list[Preset]) -> None:
    path = presets_file()
    record = {preset.name: preset.settings.to_dict() for preset in presets}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as part:
            part.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise EngineError(f"presets cannot be kept in {path.parent}: {error.strerror or error}") from None


def plain(name: str) -> str:
    """A name without what one does not remember: case, spaces, hyphens."""
    return "".join(character for character in name.lower() if character not in " -_")


def find_preset(name: str) -> Preset:
    """The preset of that name, or the only one that begins with it: "nucleus" finds "nucleus 0.95".

    Raises:
        InputError: there is none (the nearest known one is named), or there are several.
    """
    presets, _ = all_presets()
    wanted = plain(name)
    for preset in presets:
        if plain(preset.name) == wanted:
            return preset
    found = [preset for preset in presets if wanted and plain(preset.name).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name!r} could be {' or '.join(preset.name for preset in found)}; give more of the name")
    raise InputError(f"there is no preset {name!r}; {nearest(name, [preset.name for preset in presets])}")
