"""Which files of a model folder hold the weights. Imports no torch: downloads ask this too."""

from __future__ import annotations

import json
from pathlib import Path

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import read_bytes

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder: those that an index names, else the single one.

    Where both are there, the single one is a leftover, say of an adapter that was saved beside the shards.

    Raises:
        InputError: there are none, or the index is damaged.
    """
    single, index = folder / WEIGHTS, folder / WEIGHTS_INDEX
    if index.is_file():
        names = shard_names(index)
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise InputError(f"{folder} lacks {missing[0]}, which {WEIGHTS_INDEX} names; download the model again")
        return [folder / name for name in names]
    if single.is_file():
        return [single]
    pickles = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]
    if pickles:
        raise InputError(
            f"{folder} holds {pickles[0].name} but no {WEIGHTS}; pickled weights are never read, "
            "convert them to safetensors"
        )
    raise InputError(f"{folder} has no {WEIGHTS} (or {WEIGHTS_INDEX}); a model folder holds one")


def shard_names(index: Path) -> list[str]:
    """The file names in a model.safetensors.index.json. Raises InputError for one that is damaged."""
    try:
        names = sorted(set(json.loads(read_bytes(index))["weight_map"].values()))
        plain = bool(names) and all(isinstance(name, str) and Path(name).name == name for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        plain = False
    if not plain:
        raise InputError(f"{index} is not an index of weight files; download or export the model again")
    return names
