"""Int8: close to fp32, and the same to the last bit whatever a token is computed beside, and in whatever order."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.generation.backend import visible_ids
from gpt2_remix.engine.generation.counterfactual import script_of
from gpt2_remix.engine.generation.decode import advance, choose_token
from gpt2_remix.engine.generation.draft import prompt_lookup_draft
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.gpt2.backend import LocalBackend
from gpt2_remix.engine.gpt2.config import GPT2Config, read_config
from gpt2_remix.engine.gpt2.int8 import int8_layers
from gpt2_remix.engine.gpt2.kernels.library import Library
from gpt2_remix.engine.gpt2.kernels.network import KernelNetwork
from gpt2_remix.engine.gpt2.kernels.packing import int8_product
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.models.names import embedded_folder
from gpt2_remix.engine.sampling.context import SamplingContext
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import without_texts
from tests.conftest import edit_json
from tests.engine.cli.test_cli import document, run
from tests.kinds import Checkpoint

TOKENS = without_texts(1)

same_in_any_company = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network of odd sizes."""
    import torch
    from transformers import GPT2Config as HFConfig
    from transformers import GPT2LMHeadModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    config = HFConfig(vocab_size=301, n_positions=150, n_embd=60, n_layer=3, n_head=5, initializer_range=0.2,
                        bos_token_id=1, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def fresh(folder: Path) -> LocalBackend:
    return open_backend("small", folder, precision="int8")


def product(kernels: Library, weight: np.ndarray, hidden: np.ndarray, threads: int | None = None) -> np.ndarray:
    """[rows, in] times [in, out] float32 weights in int8: what a network's output head makes of hidden states."""
    inner, outer = weight.shape
    one = np.ones(inner, np.float32)
    tensors = {"wte.weight": one[None], "wpe.weight": one[None], "ln_f.weight": one, "ln_f.bias": one}
    config = GPT2Config(vocab_size=outer, n_positions=1, n_embd=inner, n_layer=0, n_head=1)
    network = KernelNetwork(kernels, config, tensors, {"lm_head": int8_product(weight, None)}, threads=threads)
    return np.array(network.head_logits(hidden))


@pytest.mark.parametrize(("rows", "inner", "outer"), [
    (1, 96, 64), (2, 40, 9), (3, 64, 70), (5, 33, 7), (13, 100, 130), (70, 768, 301), (300, 50, 65), (4, 6400, 66),
])
def test_a_product_is_what_the_integers_give(kernels: Library, rows: int, inner: int, outer: int) -> None:
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((inner, outer), np.float32)
    x = rng.standard_normal((rows, inner), np.float32) * rng.random((rows, 1), np.float32) * 9
    x[0, 0] = 0
    # Sums that are exact: weights of -127 ... 127 and inputs of as many levels as fit into 32 bits.
    scale = np.abs(weight).max(0).astype(np.float64) / 127
    whole = np.rint(weight / scale.astype(np.float32)).astype(np.int64)
    levels = min(32_767, (2**31 - 1) // (127 * inner))
    unit = np.abs(x).max(1, keepdims=True).astype(np.float64) / levels
    exact = np.rint(x / unit) @ whole * unit * scale
    out = product(kernels, weight, x)
    # Where an input lies in the middle of two levels, fp32 may round it to the other one.
    assert out == pytest.approx(exact, abs=float((unit * np.abs(scale).max() * 127).max()) * 2, rel=1e-5)
    bound = (unit / 2 * (np.abs(whole) * scale).sum(0)).max() + np.abs(x).sum(1).max() * scale.max() / 2
    assert np.abs(out - x.astype(np.float64) @ weight).max() <= bound
    for first, last in ((0, 1), (rows - 1, rows), (0, rows // 2 + 1), (rows // 3, rows)):
        assert np.array_equal(out[first:last], product(kernels, weight, x[first:last], threads=1))


def test_extreme_sums_are_exact(kernels: Library) -> None:
    """The greatest inputs and weights there are, all of one sign, at the depths of GPT-2's four sizes."""
    for inner in (768, 3072, 4096, 5120, 6400):
        levels = min(32_767, (2**31 - 1) // (127 * inner))
        out = product(kernels, np.full((inner, 65), 127, np.float32), np.full((5, inner), -levels, np.float32))
        assert out == pytest.approx(np.full((5, 65), -127.0 * levels * inner), rel=1e-6)


def test_extreme_rows(kernels: Library) -> None:
    weight = np.random.default_rng(0).standard_normal((32, 16), np.float32)
    assert bool((product(kernels, weight, np.zeros((3, 32), np.float32)) == 0).all())
    assert bool(np.isfinite(product(kernels, weight, np.full((2, 32), 1e30, np.float32))).all())
    assert bool(np.isfinite(product(kernels, weight, np.full((2, 32), 1e-42, np.float32))).all())
    assert bool((product(kernels, np.zeros((32, 16), np.float32), np.ones((2, 32), np.float32)) == 0).all())


@same_in_any_company
@given(st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=150), min_size=1, max_size=6))
def test_a_lane_is_the_same_alone_and_in_a_batch(small: Any, sequences: Any) -> None:
    together = fresh(small).logits(sequences)
    for row, sequence in zip(together, sequences, strict=True):
        assert np.array_equal(row, fresh(small).logits([sequence])[0])


@same_in_any_company
@given(st.lists(st.integers(0, 300), min_size=2, max_size=150), st.data())
def test_a_token_is_the_same_by_prefill_and_by_steps(small: Any, ids: list[int], data: Any) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(ids)), max_size=8)) | {len(ids)})
    whole = np.concatenate(list(fresh(small).every_logits(ids)))
    in_steps = fresh(small)
    for cut in cuts:
        assert np.array_equal(in_steps.logits([ids[:cut]])[0], whole[cut - 1])


@same_in_any_company
@given(st.lists(st.integers(0, 300), min_size=3, max_size=120), st.data())
def test_going_back_and_another_branch_leave_no_trace(small: Any, ids: list[int], data: Any) -> None:
    backend = fresh(small)
    backend.logits([ids])
    cut = data.draw(st.integers(1, len(ids) - 1))
    other = [*ids[:cut], (ids[cut] + 1) % 301, *data.draw(st.lists(st.integers(0, 300), max_size=20))]
    assert np.array_equal(backend.logits([other])[0], fresh(small).logits([other])[0])
    assert np.array_equal(backend.logits([ids])[0], fresh(small).logits([ids])[0])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(small: Any, threads: int) -> None:
    ids = [n * 7 % 301 for n in range(140)]
    made = []
    for count in (2, threads):
        backend = open_backend("s", small, precision="int8", threads=count)
        made.append(np.concatenate([backend.logits([ids, ids[:77], ids[5:]]), *backend.every_logits(ids)]))
    assert np.array_equal(made[0], made[1])


@same_in_any_company
@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(0, 99), st.sampled_from([0.0, 0.3, 1.0]))
def test_drafts_change_no_token(small: Any, ids: list[int], seed: int, temperature: float) -> None:
    """The same tokens as one by one, past the context too; where the text repeats itself the network runs less."""
    prompt = (ids * 12)[:120]
    lanes = [Lane(list(prompt), Settings(temperature=temperature), seed, limit=60) for _ in "12"]
    drafting, alone = fresh(small), fresh(small)
    while advance(drafting, lanes[:1], TOKENS):
        pass
    while lanes[1].stop is None:
        position = len(lanes[1].tokens)
        seen = visible_ids(lanes[1].tokens, position, 150, 1)
        dist = distribution(alone.logits([seen])[0], lanes[1].settings)
        step = choose_token(dist, SamplingContext(position, (), 0, TOKENS, seed), "interval")
        lanes[1].tokens.append(step.token)
        lanes[1].stop = "length" if len(lanes[1].tokens) == len(prompt) + 60 else None
    assert lanes[0].tokens == lanes[1].tokens


def test_a_right_draft_saves_passes(small: Any) -> None:
    backend, alone = fresh(small), fresh(small)
    ids = [7, 8, 9]
    after = [int(alone.logits([ids])[0].argmax())]
    after.append(int(alone.logits([[*ids, *after]])[0].argmax()))
    first = backend.logits([ids], [after])
    assert (backend.passes, backend.computed) == (1, 5)
    assert np.array_equal(first, alone.logits([ids]))
    assert np.array_equal(backend.logits([[*ids, *after]]), alone.logits([[*ids, *after]]))
    assert backend.passes == 1
    assert np.array_equal(backend.logits([[*ids, 5]]), alone.logits([[*ids, 5]]))  # and a wrong one leaves no trace


def test_the_stream_whose_luck_is_taken_again_is_the_draft(small: Any) -> None:
    old = Lane([5, 6, 7], Settings(), 7, "gumbel", limit=40)
    first = fresh(small)
    while advance(first, [old], TOKENS):
        pass
    assert first.passes >= 38
    backend = fresh(small)
    new = Lane([5, 6, 7], Settings(temperature=0.98), 7, "gumbel", limit=40,
               script=script_of(old.steps, Settings(temperature=0.98)))
    same = Lane([5, 6, 7], Settings(), 7, "gumbel", limit=40, script=script_of(old.steps))
    while advance(backend, [same], TOKENS):
        pass
    assert same.tokens == old.tokens
    assert backend.passes <= 6
    alone = Lane([5, 6, 7], Settings(temperature=0.98), 7, "gumbel", limit=40)
    unguided = fresh(small)
    while advance(unguided, [alone], TOKENS):
        pass
    guided = fresh(small)
    while advance(guided, [new], TOKENS):
        pass
    assert new.tokens == alone.tokens
    assert guided.passes < unguided.passes


@pytest.mark.parametrize(("ids", "drafted"), [
    ([], []), ([1, 2, 3], []), ([1, 2, 3, 4, 1, 2], []), ([1, 2, 3, 4, 1, 2, 3], [4, 1, 2]),
    ([5, 1, 2, 3, 4, 6, 5, 1, 2, 3], [4, 6, 5, 1]), ([9] * 5, [9]), ([1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], [8, 1, 2]),
])
def test_a_draft_is_what_followed_last_time(ids: list[int], drafted: Any) -> None:
    assert prompt_lookup_draft(ids) == drafted


def test_close_to_fp32_on_real_text() -> None:
    """Kullback-Leibler divergence to fp32 below 1e-3 bits a token: the embedded model on what it has not seen."""
    from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer

    folder = embedded_folder()
    text = (
        "The weather that week was so bad that nobody in the house went further than the garden gate, and the letters "
        "which should have come on Monday were read on Thursday, by candle-light, with all the attention that is paid "
        "to news when there is nothing else to be done. \"I cannot think,\" said she, \"why he should write of horses "
        "to me;\" and her sister, who could, said nothing. And it came to pass in those days that the people murmured."
    )
    ids = gpt2_tokenizer(8193).encode(text)
    exact, near = (
        np.concatenate(list(open_backend("c", folder, precision=precision).every_logits(ids))).astype(np.float64)
        for precision in ("fp32", "int8")
    )
    p, q = (x - np.log(np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True)) - x.max(1, keepdims=True)
            for x in (exact, near))
    divergence = (np.exp(p) * (p - q)).sum(1) / math.log(2)
    assert divergence.mean() < 1e-3
    assert (exact.argmax(1) == near.argmax(1)).mean() > 0.95


def same_layers(first: Any, second: Any) -> bool:
    """Whether two sets of int8 layers hold the same numbers."""
    return all(
        np.array_equal(getattr(first[1][name], part), getattr(second[1][name], part))
        for name in first[1] for part in ("weight", "scale", "bias")
    )


def test_the_kept_form_is_used_again_and_gives_the_same(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_config(small)
    made = int8_layers(small, config, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    stamp = file.stat().st_mtime_ns
    monkeypatch.setattr("engine.gpt2.int8.quantized_layers", None)  # nothing is made again
    again = int8_layers(small, config, tmp_path / "kept")
    assert file.stat().st_mtime_ns == stamp
    assert not any(name.endswith("mlp.c_fc.weight") for name in (*made[0], *again[0]))
    assert same_layers(made, again)


@pytest.mark.parametrize("damage", [b"", b"not safetensors at all", None])
def test_a_damaged_kept_form_is_made_anew(small: Any, tmp_path: Path, damage: bytes | None) -> None:
    config = read_config(small)
    made = int8_layers(small, config, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    good = file.read_bytes()
    file.write_bytes(good[: len(good) // 2] if damage is None else damage)
    assert same_layers(int8_layers(small, config, tmp_path / "kept"), made)
    stamp = file.stat().st_mtime_ns
    assert file.stat().st_size == len(good)
    int8_layers(small, config, tmp_path / "kept")
    assert file.stat().st_mtime_ns == stamp  # this time it was used


def test_another_checkpoint_in_the_same_folder_is_noticed(small: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(small, tmp_path / "model")
    config = read_config(folder)
    _, before = int8_layers(folder, config, tmp_path / "kept")
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.h.0.attn.c_attn.bias"] += 1
    tensors["transformer.h.0.mlp.c_fc.weight"] *= 2
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _, after = int8_layers(folder, config, tmp_path / "kept")
    name = "h.0.attn.c_attn"
    assert np.array_equal(after[name].bias[:180], before[name].bias[:180] + 1)
    assert np.array_equal(after["h.0.mlp.c_fc"].scale, before["h.0.mlp.c_fc"].scale * 2)
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_another_config_in_the_same_folder_is_noticed(tmp_path: Path, checkpoint: Checkpoint) -> None:
    """Whether the head is tied decides what the head is."""
    folder = checkpoint(tie_word_embeddings=False)
    kept = tmp_path / "kept"
    before = open_backend("m", folder, precision="int8", kept=kept).logits([[3, 4]])
    edit_json(folder / "config.json", tie_word_embeddings=True)
    after = open_backend("m", folder, precision="int8", kept=kept).logits([[3, 4]])
    assert np.array_equal(after, open_backend("m", folder, precision="int8").logits([[3, 4]]))
    assert not np.array_equal(after, before)


def test_a_folder_that_cannot_be_written_is_no_failure(small: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert int8_layers(small, read_config(small), tmp_path / "file")[1]["lm_head"].weight.dtype == np.int8


def test_untied_heads_are_kept_too(tmp_path: Path) -> None:
    from transformers import GPT2Config as HFConfig
    from transformers import GPT2LMHeadModel

    config = HFConfig(vocab_size=50, n_positions=20, n_embd=16, n_layer=1, n_head=2, tie_word_embeddings=False,
                        bos_token_id=1, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "model")
    first, second = (
        open_backend("m", tmp_path / "model", precision="int8", kept=tmp_path / "kept").logits([[3, 4]]) for _ in "12"
    )
    assert np.array_equal(first, second)
    plain = open_backend("m", tmp_path / "model").logits([[3, 4]])
    assert np.abs(first - plain).max() < 0.01


def test_commands_in_int8_and_their_replay(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Batches, branches and replay give the same tokens: no difference, not even one that rounding would explain."""
    session = str(tmp_path / "a.remix")
    arguments = ("generate", "In the beginning", "-n", "30", "--seed", "7", "--samples", "3", "--precision", "int8")
    record = document(capsys, *arguments, "--session", session)
    assert record["model"]["precision"] == "int8"
    alone = document(capsys, "generate", "In the beginning", "-n", "30", "--seed", "8", "--precision", "int8")
    assert record["samples"][1]["ids"] == alone["samples"][0]["ids"]
    assert record["samples"][1]["steps"] == alone["samples"][0]["steps"]
    again = document(capsys, "replay", session)  # in the precision of the session
    assert (again["replayed"], again["different"], again["within_rounding"]) == (90, [], 0)
    assert document(capsys, "replay", session, "--precision", "fp32")["replayed"] == 90


def test_devices_that_are_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from gpt2_remix.engine.gpt2.eager import devices

    monkeypatch.setattr(devices, "accelerators", list)
    for arguments in (("--device", "mps"), ("--device", "cuda")):
        code, out, err = run(capsys, "next", "Hello", *arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert arguments[1] in err
    code, _, err = run(capsys, "next", "Hello", "--precision", "int4")
    assert code == 2
    assert "int8" in err
