"""Files that cannot be used: each gives one line that says what is wrong, and no traceback."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.gpt2.config import GPT2Config, check_config
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from tests.conftest import edit_json
from tests.kinds import Checkpoint


def refused(folder: Path, said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_backend("x", folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "llama"}, "'llama' model"),
        ({"model_type": None}, "no named type"),
        ({"n_layer": 4}, r"holds 3 layers, but config.json makes it 4 \(n_layer\)"),
        ({"n_layer": 2}, r"holds 3 layers, but config.json makes it 2 \(n_layer\)"),
        ({"n_embd": 25}, "does not divide"),
        ({"n_embd": 28}, r"shape \(.*\), but config.json makes it"),
        ({"vocab_size": 96}, "wte.weight of shape"),
        ({"n_positions": 64}, "wpe.weight of shape"),
        ({"n_inner": 7}, "mlp.c_fc"),
        ({"n_head": 0}, "n_head 0"),
        ({"n_layer": "3"}, "n_layer '3'"),
        ({"n_layer": True}, "n_layer True"),
        ({"vocab_size": 10**12}, "vocab_size"),
        ({"activation_function": "swiglu"}, "activation_function 'swiglu'"),
        ({"activation_function": ["relu"]}, "activation_function"),
        ({"layer_norm_epsilon": -1}, "layer_norm_epsilon"),
        ({"scale_attn_weights": "yes"}, "scale_attn_weights"),
        ({"tie_word_embeddings": False}, "no lm_head.weight"),
        ({"add_cross_attention": True}, "sets add_cross_attention"),
        ({"pruned_heads": {"0": [1]}}, "sets pruned_heads"),
        ({"quantization_config": {"bits": 4}}, "sets quantization_config"),
        ({"n_embd": 24, "hidden_size": 32}, "contradicts itself"),
    ],
    ids=str,
)
def test_a_config_that_lies(checkpoint: Checkpoint, changes: Any, said: str) -> None:
    folder = checkpoint()
    edit_json(folder / "config.json", **changes)
    refused(folder, said)


def test_other_spellings_of_the_shape(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    edit_json(folder / "config.json", n_embd=None, hidden_size=24, n_layer=None, num_hidden_layers=3, n_ctx=7,
              n_head=None, num_attention_heads=4, n_positions=None, max_position_embeddings=32)
    assert open_backend("x", folder).info.context == 32


def test_defaults_are_those_of_gpt2() -> None:
    assert check_config({"model_type": "gpt2"}, "here") == GPT2Config()


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\xff"])
def test_a_config_that_is_no_json(checkpoint: Checkpoint, text: str) -> None:
    folder = checkpoint()
    (folder / "config.json").write_text(text, "latin-1")
    refused(folder, "config.json")


def test_missing_files(checkpoint: Checkpoint, tmp_path: Path) -> None:
    refused(tmp_path, "no config.json")
    folder = checkpoint()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, "pickled weights are never read")
    (folder / "pytorch_model.bin").unlink()
    refused(folder, "has no model.safetensors")


@pytest.mark.parametrize("cut", [0, 7, 100, 5000, -1])
def test_truncated_weights(checkpoint: Checkpoint, cut: int) -> None:
    folder = checkpoint()
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    refused(folder, "truncated or damaged|not a safetensors file")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>not found</html>" * 10, "not a safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "Git LFS pointer"),
        (b"\x80\x04\x95" + b"pickle" * 20, "not a safetensors file"),
    ],
)
def test_other_files_in_place_of_weights(checkpoint: Checkpoint, content: bytes, said: str) -> None:
    folder = checkpoint()
    (folder / "model.safetensors").write_bytes(content)
    refused(folder, said)


def test_every_byte_of_the_header_may_be_damaged(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for place in range(0, 8 + int.from_bytes(whole[:8], "little"), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(InputError):
            open_backend("x", folder)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite(checkpoint: Checkpoint, number: float) -> None:
    folder = checkpoint()
    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.h.1.mlp.c_fc.weight"][3, 5] = number
    save_file(tensors, folder / "model.safetensors")
    refused(folder, "h.1.mlp.c_fc.weight that are not finite")


def test_huge_but_finite_numbers_load_and_are_found_when_they_overflow(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.wpe.weight"][:] = 3e38
    tensors["transformer.ln_f.weight"][:] = 3e38
    save_file(tensors, folder / "model.safetensors")
    logits = open_backend("x", folder).logits([[1, 2]])[0]
    with pytest.raises(EngineError, match="not finite"):
        distribution(logits, Settings())


def test_tensors_of_other_kinds_and_doubles(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"transformer.wte.weight": tensors["transformer.wte.weight"].to(torch.int8)}, path)
    refused(folder, "as I8")
    save_file(tensors | {"wte.weight": tensors["transformer.wte.weight"].clone()}, path)
    refused(folder, "a second time")
    save_file(tensors | {"transformer.h.0.adapter.weight": torch.ones(2)}, path)
    refused(folder, "no place for")


def test_swapped_and_missing_shards(checkpoint: Checkpoint) -> None:
    folder = checkpoint(shard="20KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    first, last = shards[0].read_bytes(), shards[-1].read_bytes()
    shards[0].write_bytes(last)
    shards[-1].write_bytes(last)
    refused(folder, "second time|do not belong together")
    shards[0].write_bytes(first)
    shards[1].unlink()
    refused(folder, f"lacks {shards[1].name}")
    index = folder / "model.safetensors.index.json"
    outside = '{"weight_map": {"a": "../../x.safetensors"}}'
    for content in ("{", "{}", '{"weight_map": {}}', outside, '{"weight_map": 3}'):
        index.write_text(content)
        refused(folder, "not an index")


def test_swapped_weights_of_another_model(checkpoint: Checkpoint) -> None:
    one, other = checkpoint("one"), checkpoint("other", n_embd=48)
    (one / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    refused(one, "do not belong together")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="tells what is mapped on Linux alone")
def test_the_file_is_let_go_of(checkpoint: Checkpoint) -> None:
    """After loading, one copy of the weights is in memory and the file may change or go."""
    folder = checkpoint()
    backend = open_backend("x", folder)
    before = backend.logits([[1, 2, 3]])
    gc.collect()
    assert str(folder) not in Path("/proc/self/maps").read_text()
    (folder / "model.safetensors").write_bytes(b"gone")
    backend.logits([[4, 5]])
    assert np.array_equal(backend.logits([[1, 2, 3]]), before)


def test_tied_heads_share_memory_and_separate_ones_count(checkpoint: Checkpoint) -> None:
    tied = open_backend("x", checkpoint("tied")).info.parameters
    separate = open_backend("x", checkpoint("separate", tie_word_embeddings=False)).info.parameters
    assert separate - tied == 97 * 24


def test_sequences_that_do_not_fit(checkpoint: Checkpoint) -> None:
    backend = open_backend("x", checkpoint())
    for ids, said in (([], "0 tokens"), ([1] * 33, "33 tokens"), ([97], "id 97"), ([-1], "id -1")):
        with pytest.raises(InputError, match=said):
            backend.logits([ids])


def logits_of(folder: Path, precision: str = "fp32") -> Any:
    return open_backend("x", folder, precision=precision).logits([[1, 2, 3, 50]])


@pytest.mark.parametrize("wrapper", ["_orig_mod.", "module.", "module._orig_mod.", "model.gpt2."])
@pytest.mark.parametrize("inner", ["transformer.", ""])
def test_names_with_what_the_network_was_wrapped_in(checkpoint: Checkpoint, wrapper: str, inner: str) -> None:
    folder = checkpoint(tie_word_embeddings=False)
    wanted = logits_of(folder)
    path = folder / "model.safetensors"
    tensors = {name.replace("transformer.", inner): tensor for name, tensor in load_file(path).items()}
    save_file({wrapper + name: tensor for name, tensor in tensors.items()}, path)
    assert np.array_equal(logits_of(folder), wanted)
    save_file({wrapper + name: tensor for name, tensor in tensors.items()} | {"other.weight": torch.ones(2)}, path)
    refused(folder, "holds other.weight, which config.json has no place for")


def test_blocks_that_were_compiled_one_by_one(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    wanted = logits_of(folder)
    path = folder / "model.safetensors"
    save_file({name.replace("h.1.", "h.1._orig_mod.").replace("h.2.attn.", "h.2.attn.module."): tensor
               for name, tensor in load_file(path).items()}, path)
    assert np.array_equal(logits_of(folder), wanted)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_tied_head_may_be_all_that_is_left_of_the_embeddings(checkpoint: Checkpoint, precision: str) -> None:
    """safetensors' save_model keeps one name of weights that are shared, and it may be this one."""
    folder = checkpoint()
    wanted = logits_of(folder, precision)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file(tensors | {"lm_head.weight": tensors.pop("transformer.wte.weight")}, path)
    assert "transformer.wte.weight" not in load_file(path)
    assert np.array_equal(logits_of(folder, precision), wanted)
    edit_json(folder / "config.json", tie_word_embeddings=False)
    refused(folder, "no tensor wte.weight")


def test_float64_is_read_as_float32(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    wanted = logits_of(folder)
    path = folder / "model.safetensors"
    tensors = {name: tensor.double() for name, tensor in load_file(path).items()}
    save_file(tensors, path)
    assert np.array_equal(logits_of(folder), wanted)
    tensors["transformer.h.1.mlp.c_fc.bias"][3] = 1e300
    save_file(tensors, path)
    refused(folder, "h.1.mlp.c_fc.bias that are too large for fp32")
    tensors["transformer.h.1.mlp.c_fc.bias"][3] = float("nan")
    save_file(tensors, path)
    refused(folder, "h.1.mlp.c_fc.bias that are not finite")
    save_file(tensors | {"transformer.ln_f.bias": torch.ones(24).to(torch.float8_e4m3fn)}, path)
    refused(folder, "as F8_E4M3; weights are read in fp64, fp32, fp16 and bf16 only")


def test_an_index_decides_where_a_single_file_lies_beside_it(checkpoint: Checkpoint) -> None:
    folder, other = checkpoint("shards", shard="20KB"), checkpoint("other", torch_seed=1)
    wanted = logits_of(folder)
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    assert np.array_equal(logits_of(folder), wanted)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_file_bounds_how_many_layers_are_expected(checkpoint: Checkpoint, tmp_path: Path, precision: str) -> None:
    """Three million layers were listed by name before the first was looked for."""
    folder = checkpoint()
    for layers in (2, 4, 3_000_000, 2**31 - 1):
        edit_json(folder / "config.json", n_layer=layers)
        with pytest.raises(InputError, match=f"holds 3 layers, but config.json makes it {layers:,}"):
            open_backend("x", folder, precision=precision, kept=tmp_path / "int8")


@pytest.mark.parametrize("fields", [{}, {"tie_word_embeddings": False, "n_inner": 40}])
def test_parameters_are_counted_as_transformers_counts_them(checkpoint: Checkpoint, fields: Any) -> None:
    from transformers import GPT2LMHeadModel

    folder = checkpoint(**fields)
    wanted = sum(weight.numel() for weight in GPT2LMHeadModel.from_pretrained(folder).parameters())
    assert open_backend("x", folder).info.parameters == wanted
