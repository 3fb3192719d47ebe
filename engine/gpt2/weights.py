"""Weights in safetensors, Hugging Face layout: found, and checked against config.json before a number of them is read.

They stay where they are: arrays are mapped from the files. No pickle is ever read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.gpt2.config import GPT2Config, expected_shapes
from gpt2_remix.engine.gpt2.files import weight_files
from gpt2_remix.engine.gpt2.kernels.packing import empty_aligned

Array: TypeAlias = "NDArray[Any]"

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I8": np.dtype("i1"),
}
"""How safetensors names what is read here; numpy has no bf16, whose 16 bits are the upper half of an fp32."""

HEAD = "lm_head.weight"
_POSITIONS = "wpe.weight"
_WRAPPED = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|module)\.")
LAYERS = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
"""The linear layers of a block, by their names in the files."""

# Causal-mask buffers of old checkpoints, and the second head of GPT2DoubleHeadsModel: no part of the network here.
_IGNORED = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)|multiple_choice_head\..*")


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a safetensors file: where it lies, and as what."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int

    def mapped(self) -> Array:
        """What is stored, mapped from the file."""
        kind = DTYPES[self.dtype]
        if 0 in self.shape:
            return np.zeros(self.shape, kind)
        return np.memmap(self.path, kind, "r", self.offset, self.shape).view(np.ndarray)

    def array(self) -> Array:
        """Its numbers, mapped from the file; float64 and bf16 as a copy in float32."""
        mapped = self.mapped()
        if self.dtype == "F64":
            with np.errstate(over="ignore"):
                return mapped.astype(np.float32)
        return (mapped.astype(np.uint32) << 16).view(np.float32) if self.dtype == "BF16" else mapped


def loaded(stored: Stored) -> Array:
    """A stored tensor's numbers, read into memory of their own; not for bf16. Raises OSError, ValueError."""
    array = empty_aligned(stored.shape, DTYPES[stored.dtype])
    with stored.path.open("rb") as file:
        file.seek(stored.offset)
        if array.size and file.readinto(array.data.cast("B")) != array.nbytes:
            raise ValueError(f"{stored.path} ends early")
    return array


def stored_tensors(path: Path) -> tuple[dict[str, Stored], dict[str, str]]:
    """The tensors of a safetensors file by name, and its metadata. Raises SafetensorError, OSError, ValueError."""
    with safe_open(str(path), framework="np"):
        pass  # it checks that what the header says is what the file holds
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    metadata = header.pop("__metadata__", {})
    return {
        name: Stored(path, entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
        for name, entry in header.items()
    }, metadata


def read_tensors(folder: Path, config: GPT2Config, leave_out: Callable[[str], bool] | None = None) -> dict[str, Array]:
    """A folder's tensors by their names in transformers (without prefix); the head's only where it is not tied.

    Args:
        folder: holds the safetensors.
        config: what it says it holds.
        leave_out: the names of tensors whose shapes are checked, but that are not read.

    Returns:
        float32 or float16, as they are stored; what is stored in bf16 or float64 as float32.

    Raises:
        InputError: files that are missing, truncated or not safetensors; tensors that are missing, unexpected, twice
            there, or of another shape or dtype than config.json says; numbers that are not finite, or not in fp32.
    """
    places = _network_tensors(folder)
    if config.tie_word_embeddings and "wte.weight" not in places and HEAD in places:
        places["wte.weight"] = places.pop(HEAD)  # of weights that are shared safetensors' save_model keeps one name
    _check_shapes(places, config, folder)
    if config.tie_word_embeddings:
        places.pop(HEAD, None)
    return {name: _read(name, stored) for name, stored in places.items() if not (leave_out and leave_out(name))}


def _network_tensors(folder: Path) -> dict[str, Stored]:
    """The tensors of a folder by their names in the network, whatever it was wrapped in when it was saved.

    torch.compile puts `_orig_mod.` before all or in each block, DataParallel `module.`; GPT2LMHeadModel puts
    `transformer.` before all but the head's.
    """
    keys: list[tuple[str, Stored]] = []
    for path in weight_files(folder):
        try:
            keys += stored_tensors(path)[0].items()
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"{path} {_damage(path)} ({error})") from None
    keys = [(_WRAPPED.sub("", key), stored) for key, stored in keys]
    found = min((key for key, _ in keys if key.endswith(_POSITIONS)), key=len, default=_POSITIONS)
    wrapper = found.removesuffix(_POSITIONS).removesuffix("transformer.")
    places: dict[str, Stored] = {}
    for key, stored in keys:
        name = key.removeprefix(wrapper).removeprefix("transformer.")
        if _IGNORED.fullmatch(name):
            continue
        if name in places:
            raise InputError(f"{stored.path} holds {name} a second time; the weight files do not belong together")
        places[name] = stored
    return places


def layer_names(config: GPT2Config) -> list[str]:
    """The linear layers of all blocks, by their names in the files, without the head."""
    return [f"h.{n}.{name}" for n in range(config.n_layer) for name in LAYERS]


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


def _check_shapes(places: dict[str, Stored], config: GPT2Config, folder: Path) -> None:
    layers = len({name.split(".")[1] for name in places if name.startswith("h.")})
    if not layers:
        raise InputError(f"{folder} has no tensor h.0.ln_1.weight, which config.json calls for; they do not belong "
                         "together")
    if layers != config.n_layer:  # before as many shapes are listed as config.json says
        raise InputError(f"{folder} holds {layers:,} layers, but config.json makes it {config.n_layer:,} (n_layer); "
                         "they do not belong together")
    shapes = expected_shapes(config)
    if HEAD in places:
        shapes[HEAD] = (config.vocab_size, config.n_embd)
    elif not config.tie_word_embeddings:
        raise InputError(f"{folder} has no {HEAD}, but config.json says the output head is not tied to the embeddings")
    for name in shapes:
        if name not in places:
            raise InputError(f"{folder} has no tensor {name}, which config.json calls for; they do not belong together")
    for name, stored in places.items():
        if name not in shapes:
            raise InputError(
                f"{stored.path} holds {name}, which config.json has no place for; they do not belong together"
            )
        if stored.shape != shapes[name]:
            raise InputError(
                f"{stored.path} holds {name} of shape {stored.shape}, but config.json makes it {shapes[name]}; "
                "they do not belong together"
            )
        if stored.dtype not in ("F64", "F32", "F16", "BF16"):
            raise InputError(
                f"{stored.path} holds {name} as {stored.dtype}; weights are read in fp64, fp32, fp16 and bf16 only"
            )


def _read(name: str, stored: Stored) -> Array:
    array = stored.array()
    if array.dtype == np.float16:  # those that are not finite have all bits of the exponent set
        finite = not bool(((array.view(np.uint16) & 0x7C00) == 0x7C00).any())
    else:
        # One sum finds NaN and infinities without a temporary; only an overflowing sum needs the closer look.
        with np.errstate(over="ignore", invalid="ignore"):
            finite = bool(np.isfinite(array.sum(dtype=np.float32))) or bool(np.isfinite(array).all())
    if not finite and stored.dtype == "F64" and np.isfinite(stored.mapped()).all():
        raise InputError(f"{stored.path} holds numbers in {name} that are too large for fp32, in which networks run")
    if not finite:
        raise InputError(f"{stored.path} holds numbers in {name} that are not finite (NaN or infinity); it is damaged")
    return stored.array()  # mapped anew: of what was looked at nothing stays in memory
