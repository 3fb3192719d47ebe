"""Weights in int8: made from a model folder's own, and kept on disk so that the next start is fast.

The linear layers and the output head are turned; embeddings, norms and biases stay what they are, the token embeddings
memory-mapped, since of them only the rows that are looked up are ever read.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.files import written_beside
from engine.gpt2.config import GPT2Config, expected_shapes
from engine.gpt2.files import weight_files
from engine.gpt2.linear import Int8, packed, quantized, weight_levels
from engine.gpt2.weights import HEAD, MATRICES, Weights, assemble, read_tensors

_FORMAT = "1"


def int8_weights(folder: Path, config: GPT2Config, kept: Path | None = None) -> Weights:
    """A model folder's weights with its linear layers in int8.

    Args:
        folder: holds the safetensors.
        config: what it says it holds.
        kept: the folder where int8 forms lie; what is there of this one is used, else it is put there. What cannot be
            read or written there is no failure.

    Raises:
        InputError: what `read_tensors` raises.
    """
    file = kept / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:24]}.safetensors" if kept else None
    stamp = _stamp(folder)
    found = _read(file, stamp, config) if file else None
    if found is not None:
        # The head's own weights (where it is not tied) and the matrices need not be read again.
        small = read_tensors(folder, config, lambda name: name == HEAD or name.removesuffix(".weight") in found)
        nothing = torch.empty(0)
        tensors = small | {f"{name}.weight": nothing for name in found}
        return assemble(tensors, config, lambda name, _, bias: packed(Int8(*found[name], bias)))
    made: dict[str, tuple[Tensor, Tensor]] = {}

    def linear(name: str, weight: Tensor, bias: Tensor | None) -> Int8:
        layer = quantized(weight.t(), bias)
        made[name] = (layer.weight, layer.scale)
        return packed(layer)

    with torch.inference_mode():
        weights = assemble(read_tensors(folder, config), config, linear)
    if file:
        _write(file, stamp, made)
    return weights


def _stamp(folder: Path) -> dict[str, str]:
    """What a kept form was made of and for: it holds only where all of this is the same."""
    files = [(path.name, path.stat()) for path in weight_files(folder)]
    made_of = ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in files)
    return {"format": _FORMAT, "levels": str(weight_levels()), "made_of": made_of}


def _read(file: Path, stamp: dict[str, str], config: GPT2Config) -> dict[str, tuple[Tensor, Tensor]] | None:
    """The kept weights and scales by layer; None where there are none, or not these."""
    shapes = expected_shapes(config)
    names = [f"h.{n}.{name}" for n in range(config.n_layer) for name in MATRICES]
    wanted = {name: shapes[f"{name}.weight"][::-1] for name in names} | {"lm_head": shapes["wte.weight"]}
    found: dict[str, tuple[Tensor, Tensor]] = {}
    try:
        with safe_open(str(file), framework="pt") as kept:
            if kept.metadata() != stamp:
                return None
            for name, shape in wanted.items():
                weight, scale = kept.get_tensor(f"{name}.weight"), kept.get_tensor(f"{name}.scale")
                if (weight.dtype, weight.shape) != (torch.int8, shape) or scale.shape != shape[:1]:
                    return None
                found[name] = (weight, scale)
    except (SafetensorError, OSError):
        return None
    return found


def _write(file: Path, stamp: dict[str, str], made: dict[str, tuple[Tensor, Tensor]]) -> None:
    tensors = {f"{name}.weight": weight for name, (weight, _) in made.items()}
    tensors |= {f"{name}.scale": scale for name, (_, scale) in made.items()}
    with suppress(OSError, SafetensorError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(file) as part:
            save_file(tensors, part, metadata=stamp)
