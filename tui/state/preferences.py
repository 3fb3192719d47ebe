"""What the app remembers between sessions: one JSON file in the person's configuration folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import read_bytes, written_beside
from gpt2_remix.engine.sampling.settings import COINS, CoinKind, Settings
from gpt2_remix.themes import DEFAULT
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.state.stage import PACES, USUAL_PACE

SPEEDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Tokens a second that keys step through; above the last it is as fast as it goes (None)."""

BRANCH_LENGTH = 20
MOST_FOLDERS = 8
SPAN_LENGTHS = (6, 7, 8, 10, 12, 16, 20, 30, 50)
"""Tokens from which on a run counts as verbatim, that keys step through."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is kept. `speed` is in tokens a second, None for as fast as it goes; `folders` are those of models that were
    trained or opened here, the newest first; `toured` is whether the tour was begun, or the app was used before it had
    one; `pace` is the stage's."""

    theme: str = DEFAULT
    heat: str = "surprisal"
    coin: CoinKind = "interval"
    speed: float | None = 20.0
    stop_at_end: bool = True
    branch_length: int = BRANCH_LENGTH
    min_tokens: int = 8
    settings: Settings = field(default_factory=Settings)
    folders: tuple[str, ...] = ()
    toured: bool = False
    pace: str = PACES[USUAL_PACE].name

    def with_folder(self, folder: str) -> Preferences:
        """With a model's folder as the newest of those that are remembered."""
        return replace(self, folders=(folder, *(old for old in self.folders if old != folder))[:MOST_FOLDERS])


def config_file() -> Path:
    """Where it is kept."""
    return user_config_path("gpt2-remix") / "settings.json"


def load() -> tuple[Preferences, str | None]:
    """What was kept, field by field where it is usable, and a line about what was not."""
    path = config_file()
    kept = Preferences()
    usable: dict[str, Any] = {}
    try:
        record = json.loads(read_bytes(path))
        if not isinstance(record, dict):
            raise ValueError("it holds no fields")
    except FileNotFoundError:
        return kept, None
    except (OSError, ValueError, RecursionError) as error:
        return replace(kept, toured=True), f"{path} cannot be read ({error}); the defaults are used"
    usable["toured"] = True
    bad = [name for name, value in record.items() if not _take(usable, name, value)]
    return replace(
        kept, **usable
    ), f"{path}: unusable {', '.join(sorted(bad))}; the defaults are used for it" if bad else None


def _take(usable: dict[str, Any], name: str, value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {
        "theme": isinstance(value, str), "heat": isinstance(value, str) and value in HEATS, "coin": value in COINS,
        "speed": value is None or (number and 0.1 <= value <= 10000), "stop_at_end": isinstance(value, bool),
        "toured": isinstance(value, bool), "pace": value in [pace.name for pace in PACES],
        "branch_length": number and isinstance(value, int) and 1 <= value <= 1000, "settings": isinstance(value, dict),
        "min_tokens": number and value in SPAN_LENGTHS,
        "folders": isinstance(value, list) and all(isinstance(folder, str) for folder in value),
    }
    if not fits.get(name, False):
        return False
    try:
        usable[name] = Settings.from_dict(value) if name == "settings" else value
        if name == "folders":
            usable[name] = tuple(value[:MOST_FOLDERS])
    except InputError:
        return False
    return True


def save(kept: Preferences) -> str | None:
    """Keep it; a line where that cannot be done (a read-only home folder, say)."""
    path = config_file()
    record = asdict(kept) | {"settings": kept.settings.to_dict()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as part:
            part.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    except OSError as error:
        return f"settings cannot be kept in {path.parent}: {error.strerror or error}"
    return None
