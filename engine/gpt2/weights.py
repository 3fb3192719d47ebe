"""Weights in safetensors, Hugging Face layout: found, checked against config.json, memory-mapped.

Nothing is read before the names and shapes in the headers agree with the configuration, and no pickle ever is.
Tensors stored in fp32 stay memory-mapped, with no second copy; fp16 and bf16 are widened to fp32 one by one.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from engine.errors import InputError
from engine.gpt2.config import GPT2Config
from engine.gpt2.files import weight_files

DTYPES = {"F32", "F16", "BF16"}

# Causal-mask buffers of old checkpoints, and the second head of GPT2DoubleHeadsModel: no part of the network here.
_IGNORED = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)|multiple_choice_head\..*")


@dataclass(frozen=True, slots=True)
class Block:
    """One layer's weights, fp32; matrices are [in, out] as in transformers' Conv1D."""

    ln_1_weight: torch.Tensor
    ln_1_bias: torch.Tensor
    attn_c_attn_weight: torch.Tensor
    attn_c_attn_bias: torch.Tensor
    attn_c_proj_weight: torch.Tensor
    attn_c_proj_bias: torch.Tensor
    ln_2_weight: torch.Tensor
    ln_2_bias: torch.Tensor
    mlp_c_fc_weight: torch.Tensor
    mlp_c_fc_bias: torch.Tensor
    mlp_c_proj_weight: torch.Tensor
    mlp_c_proj_bias: torch.Tensor


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's weights, fp32.

    Attributes:
        wte: [vocabulary, width] token embeddings.
        wpe: [context, width] position embeddings.
        blocks: the layers.
        ln_f_weight, ln_f_bias: [width] the last layer norm.
        head: [vocabulary, width] the output head; the same tensor as wte where they are tied.
    """

    wte: torch.Tensor
    wpe: torch.Tensor
    blocks: tuple[Block, ...]
    ln_f_weight: torch.Tensor
    ln_f_bias: torch.Tensor
    head: torch.Tensor

    def parameters(self) -> int:
        """How many numbers the network has, a tied head counted once."""
        own = [self.wte, self.wpe, self.ln_f_weight, self.ln_f_bias]
        own += [getattr(block, name) for block in self.blocks for name in Block.__dataclass_fields__]
        return sum(t.numel() for t in own) + (0 if self.head is self.wte else self.head.numel())


def expected_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """The name (without prefix) and shape of every tensor that the configuration calls for, but the output head."""
    width, inner = config.n_embd, config.inner
    shapes: dict[str, tuple[int, ...]] = {
        "wte.weight": (config.vocab_size, width), "wpe.weight": (config.n_positions, width),
        "ln_f.weight": (width,), "ln_f.bias": (width,),
    }  # fmt: skip
    layer = {
        "ln_1.weight": (width,), "ln_1.bias": (width,), "ln_2.weight": (width,), "ln_2.bias": (width,),
        "attn.c_attn.weight": (width, 3 * width), "attn.c_attn.bias": (3 * width,),
        "attn.c_proj.weight": (width, width), "attn.c_proj.bias": (width,),
        "mlp.c_fc.weight": (width, inner), "mlp.c_fc.bias": (inner,),
        "mlp.c_proj.weight": (inner, width), "mlp.c_proj.bias": (width,),
    }  # fmt: skip
    return shapes | {f"h.{n}.{name}": shape for n in range(config.n_layer) for name, shape in layer.items()}


def load_weights(folder: Path, config: GPT2Config) -> Weights:
    """Maps a folder's weights into memory, checked.

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
        tensors = {name: _read(name, *place) for name, place in places.items() if name != "lm_head.weight"}
        head = tensors["wte.weight"]
        if "lm_head.weight" in places and not config.tie_word_embeddings:
            head = _read("lm_head.weight", *places["lm_head.weight"])
    blocks = []
    for n in range(config.n_layer):
        prefix = f"h.{n}."
        own = {name.removeprefix(prefix).replace(".", "_"): t for name, t in tensors.items() if name.startswith(prefix)}
        blocks.append(Block(**own))
    return Weights(tensors["wte.weight"], tensors["wpe.weight"], tuple(blocks), tensors["ln_f.weight"],
                   tensors["ln_f.bias"], head)


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
    head = "lm_head.weight"
    if head in places:
        shapes[head] = (config.vocab_size, config.n_embd)
    elif not config.tie_word_embeddings:
        raise InputError(f"{folder} has no {head}, but config.json says the output head is not tied to the embeddings")
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
