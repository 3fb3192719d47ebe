"""Linear layers in int8, made from a model folder's own and kept on disk so that the next start is fast.

The linear layers and the output head are turned; embeddings, norms and biases stay what they are, the token embeddings
mapped from their file, since of them only the rows that are looked up are ever read.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from gpt2_remix.engine.files import written_beside
from gpt2_remix.engine.gpt2.config import GPT2Config, expected_shapes
from gpt2_remix.engine.gpt2.files import weight_files
from gpt2_remix.engine.gpt2.kernels.packing import Product, int8_product, packed_shape
from gpt2_remix.engine.gpt2.weights import HEAD, Array, layer_names, loaded, read_tensors, stored_tensors

_FORMAT = "2"


def int8_layers(
    folder: Path, config: GPT2Config, kept: Path | None = None
) -> tuple[dict[str, Array], dict[str, Product]]:
    """A model folder's small tensors by name, and its linear layers in int8 ("h.0.attn.c_attn", …, "lm_head").

    Args:
        folder: holds the safetensors.
        config: what it says it holds.
        kept: the folder where int8 forms lie; what is there of this one is used, else it is put there. What cannot be
            read or written there is no failure.

    Raises:
        InputError: what `read_tensors` raises.
    """
    file = kept / f"{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:24]}.safetensors" if kept else None
    stamp = _stamp(folder)
    found = _read(file, stamp, config) if file else None
    if found is not None:
        # The head's own weights (where it is not tied) and the matrices need not be read again.
        small = read_tensors(folder, config, lambda name: name == HEAD or name.removesuffix(".weight") in found)
        return small, {name: Product.filled(weight, scale, small.get(f"{name}.bias"))
                       for name, (weight, scale) in found.items()}
    tensors = read_tensors(folder, config)
    made = quantized_layers(tensors, config)
    if file:
        _write(file, stamp, made)
    return tensors, made


def quantized_layers(tensors: dict[str, Array], config: GPT2Config) -> dict[str, Product]:
    """All linear layers in int8, from the tensors of `read_tensors`; takes what is needed no more out of them."""
    made = {name: int8_product(tensors.pop(f"{name}.weight"), tensors[f"{name}.bias"]) for name in layer_names(config)}
    made["lm_head"] = int8_product(tensors.pop(HEAD, tensors["wte.weight"]).T, None)
    return made


def _stamp(folder: Path) -> dict[str, str]:
    """What a kept form was made of and for: it holds only where all of this is the same."""
    files = [(path.name, path.stat()) for path in weight_files(folder)]
    made_of = ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in files)
    config = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    return {"format": _FORMAT, "config": config, "made_of": made_of}


def _read(file: Path, stamp: dict[str, str], config: GPT2Config) -> dict[str, tuple[Array, Array]] | None:
    """The kept weights and scales by layer; None where there are none, or not these."""
    try:
        stored, metadata = stored_tensors(file)
        if metadata != stamp:
            return None
        shapes = expected_shapes(config)
        wanted = {name: shapes[f"{name}.weight"] for name in layer_names(config)}
        wanted["lm_head"] = shapes["wte.weight"][::-1]
        found: dict[str, tuple[Array, Array]] = {}
        for name, (inner, outer) in wanted.items():
            weight, scale = loaded(stored[f"{name}.weight"]), loaded(stored[f"{name}.scale"])
            if weight.dtype != np.int8 or weight.shape != packed_shape(inner, outer) or scale.shape != (outer,):
                return None
            found[name] = (weight, scale)
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
    return found


def _write(file: Path, stamp: dict[str, str], made: dict[str, Product]) -> None:
    tensors: dict[str, Array] = {}
    for name, product in made.items():
        tensors[f"{name}.weight"], tensors[f"{name}.scale"] = product.weight, product.scale[: product.channels].copy()
    with suppress(OSError, SafetensorError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(file) as part:
            save_file(tensors, part, metadata=stamp)
