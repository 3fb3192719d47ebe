"""config.json of a GPT-2: every field that changes the function of the network is honoured or refused by name."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.files import read_bytes

ACTIVATIONS = (
    "gelu_new", "gelu", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", "gelu_python_tanh", "quick_gelu", "relu",
    "silu", "swish", "tanh", "sigmoid", "relu2", "relu6", "linear", "leaky_relu", "mish", "hardswish",
)

# Other spellings that transformers accepts for the same field (GPT2Config.attribute_map).
_ALIASES = {
    "n_embd": "hidden_size",
    "n_positions": "max_position_embeddings",
    "n_head": "num_attention_heads",
    "n_layer": "num_hidden_layers",
}

# Fields that would make it another network; the value after each name is the one that changes nothing.
_REFUSED: dict[str, Any] = {
    "add_cross_attention": False, "is_encoder_decoder": False, "pruned_heads": {}, "quantization_config": None,
    "rope_scaling": None, "rope_parameters": None, "chunk_size_feed_forward": 0,
}


@dataclass(frozen=True, slots=True)
class GPT2Config:
    """A GPT-2's shape and function, with transformers' field names and defaults.

    `reorder_and_upcast_attn` is read and needs nothing: attention always runs in fp32 here, where both orders of
    scaling give the same function.
    """

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    tie_word_embeddings: bool = True

    @property
    def inner(self) -> int:
        """The width of the feed-forward layer."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    def attention_scale(self, layer: int) -> float:
        """What attention scores of a layer (0-based) are multiplied by."""
        scale = (self.n_embd // self.n_head) ** -0.5 if self.scale_attn_weights else 1.0
        return scale / (layer + 1) if self.scale_attn_by_inverse_layer_idx else scale


def read_config(folder: Path) -> GPT2Config:
    """Read and check a folder's config.json.

    Raises:
        InputError: it is missing, not JSON, of another architecture, or asks for what is not built here.
    """
    path = folder / "config.json"
    try:
        record = json.loads(read_bytes(path))
    except FileNotFoundError:
        raise InputError(f"{folder} has no config.json; a model folder holds config.json and *.safetensors") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not JSON; download or export the model again") from None
    if not isinstance(record, dict):
        raise InputError(f"{path} is not a model's configuration: it holds no fields")
    return check_config(record, str(path))


def check_config(record: dict[str, Any], where: str) -> GPT2Config:
    """The configuration in a parsed config.json. Raises InputError; `where` names the file in messages."""
    kind = record.get("model_type")
    if kind != "gpt2":
        named = f"a {kind!r} model" if kind else "a model of no named type"
        raise InputError(f"{where} describes {named}; only the GPT-2 architecture (model_type gpt2) can be run")
    for name, neutral in _REFUSED.items():
        if record.get(name, neutral) not in (neutral, None):
            raise InputError(f"{where} sets {name}, which is not supported; only plain GPT-2 models can be run")
    values: dict[str, Any] = {}
    for name in GPT2Config.__dataclass_fields__:
        alias = _ALIASES.get(name)
        found = [record[key] for key in (name, alias) if key in record]
        if len(found) == 2 and found[0] != found[1]:
            raise InputError(f"{where} contradicts itself: {name} is {found[0]!r} and {alias} is {found[1]!r}")
        if found and not (found[0] is None and name == "n_inner"):
            values[name] = found[0]
    for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner"):
        value = values.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
            raise InputError(f"{where} has {name} {value!r}; it must be a whole number from 1 up")
    for name in ("scale_attn_weights", "scale_attn_by_inverse_layer_idx", "tie_word_embeddings"):
        if not isinstance(values.get(name, True), bool):
            raise InputError(f"{where} has {name} {values[name]!r}; it must be true or false")
    epsilon = values.get("layer_norm_epsilon", 1e-5)
    if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not 0 < epsilon < 1:
        raise InputError(f"{where} has layer_norm_epsilon {epsilon!r}; it must be a number between 0 and 1")
    activation = values.get("activation_function", "gelu_new")
    if activation not in ACTIVATIONS:
        raise InputError(f"{where} has activation_function {activation!r}; known: {', '.join(ACTIVATIONS)}")
    config = GPT2Config(**values)
    if config.n_embd % config.n_head:
        raise InputError(f"{where} has n_embd {config.n_embd}, which n_head {config.n_head} does not divide")
    return config


def _outer_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    width = config.n_embd
    return {"wte.weight": (config.vocab_size, width), "wpe.weight": (config.n_positions, width),
            "ln_f.weight": (width,), "ln_f.bias": (width,)}


def _layer_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    width, inner = config.n_embd, config.inner
    return {
        "ln_1.weight": (width,), "ln_1.bias": (width,), "ln_2.weight": (width,), "ln_2.bias": (width,),
        "attn.c_attn.weight": (width, 3 * width), "attn.c_attn.bias": (3 * width,),
        "attn.c_proj.weight": (width, width), "attn.c_proj.bias": (width,),
        "mlp.c_fc.weight": (width, inner), "mlp.c_fc.bias": (inner,),
        "mlp.c_proj.weight": (inner, width), "mlp.c_proj.bias": (width,),
    }


def expected_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """The name (without prefix) and shape of every tensor that the configuration calls for, but the output head.

    There are as many as config.json says: it must be known that the file holds so many layers.
    """
    layer = _layer_shapes(config).items()
    return _outer_shapes(config) | {f"h.{n}.{name}": shape for n in range(config.n_layer) for name, shape in layer}


def parameters_of(config: GPT2Config) -> int:
    """How many numbers a network of this shape has, a tied head counted once."""
    outer, layer = (sum(map(math.prod, shapes(config).values())) for shapes in (_outer_shapes, _layer_shapes))
    head = 0 if config.tie_word_embeddings else config.vocab_size * config.n_embd
    return outer + config.n_layer * layer + head
