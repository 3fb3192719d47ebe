"""The forward pass against transformers' GPT2LMHeadModel, on random checkpoints of several shapes and layouts.

The reference runs in float64: transformers' own fp32 differs from it by more than this network does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt2_remix.engine.gpt2.config import ACTIVATIONS
from gpt2_remix.engine.gpt2.opening import open_backend
from tests.engine.gpt2.networks import NETWORKS, open_network
from tests.kinds import Checkpoint

SHAPES = [
    {},
    {"n_embd": 32, "n_head": 1, "n_layer": 1, "n_inner": 48},
    {"n_embd": 40, "n_head": 8, "n_positions": 17, "vocab_size": 300},
    {"scale_attn_weights": False},
    {"scale_attn_by_inverse_layer_idx": True},
    {"reorder_and_upcast_attn": True},
    {"layer_norm_epsilon": 0.1},
    {"tie_word_embeddings": False},
]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def reference(folder: Path, ids: list[int]) -> np.ndarray:
    """[len(ids), vocabulary] log-probabilities by transformers, in float64."""
    import torch
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).double().eval()
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits, -1)[0].numpy()


def random_ids(vocabulary: int, length: int, seed: int = 0) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(0, vocabulary, length)]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("fields", SHAPES, ids=lambda fields: ",".join(fields) or "plain")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_every_position_in_one_pass(checkpoint: Checkpoint, fields: Any, dtype: str, network: str) -> None:
    folder = checkpoint(dtype=dtype, **fields)
    backend = open_network(network, folder)
    assert backend.info.form == {"kernels": "kernels 1", "plain": "numpy", "eager": "torch"}[network]
    ids = random_ids(backend.info.vocab_size, backend.info.context)
    ours = log_softmax(np.concatenate(list(backend.every_logits(ids))))
    assert ours == pytest.approx(reference(folder, ids), abs=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(checkpoint: Checkpoint, name: str, network: str) -> None:
    folder = checkpoint(activation_function=name)
    ids = random_ids(97, 20)
    ours = log_softmax(np.concatenate(list(open_network(network, folder).every_logits(ids))))
    assert ours == pytest.approx(reference(folder, ids), abs=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_any_order_of_going_back_and_branching(checkpoint: Checkpoint, network: str) -> None:
    folder = checkpoint()
    backend = open_network(network, folder, budget=40_000)  # small: what is evicted must come out the same
    rng = np.random.default_rng(1)
    trunk = random_ids(97, 32)
    for turn in range(120):
        batch = []
        for lane in range(rng.integers(1, 5)):
            cut = int(rng.integers(1, 32))
            branch = random_ids(97, 32 - cut, seed=turn % 7 + lane)
            batch.append((trunk[:cut] + branch)[: int(rng.integers(1, 33))])
        ours = log_softmax(backend.logits(batch))
        for row, ids in zip(ours, batch, strict=True):
            assert row == pytest.approx(reference_of(folder, tuple(ids)), abs=1e-4)


_known: dict[tuple[Path, tuple[int, ...]], np.ndarray] = {}


def reference_of(folder: Path, ids: tuple[int, ...]) -> np.ndarray:
    """The last row of `reference`, the model read once."""
    import torch
    from transformers import GPT2LMHeadModel

    if (folder, ()) not in _known:
        _known[folder, ()] = GPT2LMHeadModel.from_pretrained(folder).double().eval()
    with torch.no_grad():
        return torch.log_softmax(_known[folder, ()](torch.tensor([ids])).logits[0, -1], -1).numpy()  # type: ignore[operator]


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("prefix", ["transformer.", ""])
@pytest.mark.parametrize("shard", [None, "20KB"])
def test_layouts(checkpoint: Checkpoint, tmp_path: Path, buffers: bool, prefix: str, shard: str | None) -> None:
    """One file or several, with or without the prefix, with or without the old mask buffers."""
    import json

    import torch
    from safetensors.torch import load_file, save_file

    folder = checkpoint(shard=shard)
    ids = random_ids(97, 12)
    expected = reference(folder, ids)
    names: dict[str, Any] = {}
    for path in folder.glob("*.safetensors"):
        tensors = {prefix + name.removeprefix("transformer."): t for name, t in load_file(path).items()}
        if buffers and prefix + "h.0.ln_1.bias" in tensors:
            tensors[prefix + "h.0.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
            tensors[prefix + "h.0.attn.masked_bias"] = torch.tensor(-1e4)
        save_file(tensors, path)
        names |= dict.fromkeys(tensors, path.name)
    if shard:
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
        assert len(set(names.values())) > 1
    ours = log_softmax(np.concatenate(list(open_backend("x", folder).every_logits(ids))))
    assert ours == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_the_embedded_model() -> None:
    from gpt2_remix.engine.models.names import embedded_folder

    ids = random_ids(8193, 512)
    backend = open_backend("classics", embedded_folder())
    ours = log_softmax(np.concatenate(list(backend.every_logits(ids))))
    assert ours == pytest.approx(reference(embedded_folder(), ids), abs=1e-4)
