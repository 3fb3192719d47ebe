"""Model names: what a name stands for, before anything is downloaded or opened."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import is_text, path_of

EMBEDDED = "classics"

PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model with a short name: where it lies on the hub, and how many parameters it has."""

    repo: str
    parameters: int


HUB: dict[str, HubModel] = {
    "gpt2": HubModel("openai-community/gpt2", 124_439_808),
    "gpt2-medium": HubModel("openai-community/gpt2-medium", 354_823_168),
    "gpt2-large": HubModel("openai-community/gpt2-large", 774_030_080),
    "gpt2-xl": HubModel("openai-community/gpt2-xl", 1_557_611_200),
    "distilgpt2": HubModel("distilbert/distilgpt2", 81_912_576),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a named model comes from: a folder, or a repository on the hub."""

    kind: Literal["embedded", "folder", "hub"]
    name: str
    place: str


def embedded_folder() -> Path:
    """The folder of the embedded model."""
    return Path(str(resources.files("gpt2_remix.engine") / "assets" / EMBEDDED))


def resolve(name: str) -> Source:
    """What a name stands for. Raises InputError for one that can stand for nothing."""
    if name == EMBEDDED:
        return Source("embedded", name, str(embedded_folder()))
    if name in HUB:
        return Source("hub", name, HUB[name].repo)
    path = path_of(name)
    if name and path.is_dir():
        if not is_text(str(path.resolve())):
            raise InputError(f"{name}: the folder's name is not UTF-8, and weights cannot be read there; rename it")
        return Source("folder", name, str(path))
    if path.is_file():
        raise InputError(f"{name} is a file; give the folder that holds config.json and the weights")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith((".", "-")):
        return Source("hub", name, name)
    if "/" in name or "\\" in name:
        raise InputError(f"there is no folder {name}; give a folder that holds config.json and *.safetensors")
    known = [EMBEDDED, *HUB]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known names: {', '.join(known)}; or owner/name, or a folder"
    raise InputError(f"there is no model {name!r}; {hint}")
