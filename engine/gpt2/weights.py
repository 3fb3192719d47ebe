"""Weights in safetensors, Hugging Face layout: found, checked against config.json, brought into the form that is run.

Nothing is read before the names and shapes in the headers agree with the configuration, and no pickle ever is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from engine.errors import InputError
from engine.gpt2.config import GPT2Config, expected_shapes, parameters_of
from engine.gpt2.files import weight_files
from engine.gpt2.linear import Linear, dense, packs

DTYPES = {"F32", "F16", "BF16"}

# Causal-mask buffers of old checkpoints, and the second head of GPT2DoubleHeadsModel: no part of the network here.
_IGNORED = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)|multiple_choice_head\..*")


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer norm's [width] weight and bias."""

    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True, slots=True)
class Block:
    """One layer, named as in transformers."""

    ln_1: Norm
    c_attn: Linear
    attn_proj: Linear
    ln_2: Norm
    c_fc: Linear
    mlp_proj: Linear


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's weights.

    Attributes:
        wte: [vocabulary, width] token embeddings; where the rest is int8, in memory-mapped fp32.
        wpe: [context, width] position embeddings.
        blocks: the layers.
        ln_f: the last layer norm.
        head: the output head, width to vocabulary; made of wte where they are tied.
        parameters: how many numbers the network has, a tied head counted once.
    """

    wte: torch.Tensor
    wpe: torch.Tensor
    blocks: tuple[Block, ...]
    ln_f: Norm
    head: Linear
    parameters: int


HEAD = "lm_head.weight"
MATRICES = {
    "attn.c_attn": "c_attn", "attn.c_proj": "attn_proj", "mlp.c_fc": "c_fc", "mlp.c_proj": "mlp_proj",
}  # fmt: skip
"""The linear layers of a block: their names in the files, and in `Block`."""


def load_weights(
    folder: Path, config: GPT2Config, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Weights:
    """Reads a folder's weights, checked, into the form and the place where they are wanted.

    Where the linear layers are packed all else is copied, so that the file is let go of and there is one copy of all.

    Raises:
        InputError: what `read_tensors` raises.
    """
    copied = packs(dtype, device)
    tensors = {
        name: tensor.to(device, dtype, copy=copied and (tensor.ndim == 1 or name in ("wte.weight", "wpe.weight")))
        for name, tensor in read_tensors(folder, config).items()
    }
    return assemble(tensors, config, lambda _, weight, bias: dense(weight, bias))


def assemble(
    tensors: Mapping[str, torch.Tensor],
    config: GPT2Config,
    linear: Callable[[str, torch.Tensor, torch.Tensor | None], Linear],
) -> Weights:
    """Puts tensors, named as in the files, in their places.

    `linear` makes a linear layer from its name, its [in, out] weight and its bias, None for the head.
    """
    blocks = []
    for n in range(config.n_layer):
        parts: dict[str, Any] = {
            norm: Norm(tensors[f"h.{n}.{norm}.weight"], tensors[f"h.{n}.{norm}.bias"]) for norm in ("ln_1", "ln_2")
        }
        for name, own in MATRICES.items():
            stored = f"h.{n}.{name}"
            parts[own] = linear(stored, tensors[f"{stored}.weight"], tensors[f"{stored}.bias"])
        blocks.append(Block(**parts))
    head = linear("lm_head", tensors.get(HEAD, tensors["wte.weight"]).t(), None)
    return Weights(tensors["wte.weight"], tensors["wpe.weight"], tuple(blocks),
                   Norm(tensors["ln_f.weight"], tensors["ln_f.bias"]), head, parameters_of(config))  # fmt: skip


def read_tensors(
    folder: Path, config: GPT2Config, leave_out: Callable[[str], bool] | None = None
) -> dict[str, torch.Tensor]:
    """A folder's tensors by their names in transformers (without prefix), fp32; the head's only where it is not tied.

    Args:
        folder: holds the safetensors.
        config: what it says it holds.
        leave_out: the names of tensors whose shapes are checked, but that are not read.

    Raises:
        InputError: files that are missing, truncated or not safetensors; tensors that are missing, unexpected, twice
            there, or of another shape or dtype than config.json says; numbers that are not finite.
    """
    paths = weight_files(folder)
    with ExitStack() as stack:
        places: dict[str, tuple[Any, str, Path]] = {}
        for path in paths:
            try:
                file = stack.enter_context(safe_open(str(path), framework="pt"))
            except (SafetensorError, OSError) as error:
                raise InputError(f"{path} {_damage(path)} ({error})") from None
            for key in file.keys():  # noqa: SIM118 - safe_open is not a mapping
                name = key.removeprefix("transformer.")
                if _IGNORED.fullmatch(name):
                    continue
                if name in places:
                    raise InputError(f"{path} holds {name} a second time; the weight files do not belong together")
                places[name] = (file, key, path)
        _check_shapes(places, config, folder)
        if config.tie_word_embeddings:
            places.pop(HEAD, None)
        return {name: _read(name, *place) for name, place in places.items() if not (leave_out and leave_out(name))}


def _damage(path: Path) -> str:
    """What seems to be wrong with a file that safetensors refuses."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if start.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the weights; fetch the real file"
    if start[8:9] == b"{":
        return "is truncated or damaged; download or export it again"
    return "is not a safetensors file; download or export it again"


def _check_shapes(places: dict[str, tuple[Any, str, Path]], config: GPT2Config, folder: Path) -> None:
    shapes = expected_shapes(config)
    if HEAD in places:
        shapes[HEAD] = (config.vocab_size, config.n_embd)
    elif not config.tie_word_embeddings:
        raise InputError(f"{folder} has no {HEAD}, but config.json says the output head is not tied to the embeddings")
    for name in shapes:
        if name not in places:
            raise InputError(f"{folder} has no tensor {name}, which config.json calls for; they do not belong together")
    for name, (file, key, path) in places.items():
        if name not in shapes:
            raise InputError(f"{path} holds {name}, which config.json has no place for; they do not belong together")
        part = file.get_slice(key)
        if tuple(part.get_shape()) != shapes[name]:
            raise InputError(
                f"{path} holds {name} of shape {tuple(part.get_shape())}, but config.json makes it {shapes[name]}; "
                "they do not belong together"
            )
        if part.get_dtype() not in DTYPES:
            raise InputError(
                f"{path} holds {name} as {part.get_dtype()}; weights must be fp32, fp16 or bf16, not quantized"
            )


def _read(name: str, file: Any, key: str, path: Path) -> torch.Tensor:
    stored: torch.Tensor = file.get_tensor(key)
    # One sum finds NaN and infinities without a temporary; only an overflowing sum needs the closer look.
    if not torch.isfinite(stored.sum(dtype=torch.float32)) and not bool(torch.isfinite(stored).all()):
        raise InputError(f"{path} holds numbers in {name} that are not finite (NaN or infinity); it is damaged")
    return stored.to(torch.float32)
