"""Int8: close to fp32, and the same to the last bit in whatever company and order a token comes."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.chain import Moment
from engine.compare import again
from engine.generator import Lane, advance, flip, guess, visible
from engine.gpt2.backend import TorchBackend, open_backend
from engine.gpt2.config import read_config
from engine.gpt2.devices import accelerators
from engine.gpt2.int8 import int8_weights
from engine.gpt2.linear import Int8, packed, product, project, quantized, weight_levels
from engine.models import embedded_folder
from engine.sampling import distribution
from engine.settings import Settings
from tests.engine.test_cli import document, run

same_in_any_company = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A random network of odd sizes, whose context is no multiple of the block."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    config = GPT2Config(vocab_size=301, n_positions=150, n_embd=60, n_layer=3, n_head=5, initializer_range=0.2,
                        bos_token_id=1, eos_token_id=1)  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def fresh(folder: Path) -> TorchBackend:
    return open_backend("small", folder, precision="int8")


def test_a_product_is_what_the_integers_give() -> None:
    torch.manual_seed(1)
    for rows, inner, outer in ((1, 96, 64), (5, 33, 7), (70, 768, 301)):
        layer = quantized(torch.randn(outer, inner), torch.randn(outer))
        x = torch.randn(rows, inner) * torch.rand(rows, 1) * 9
        x[0, 0] = 0
        exact = x.double() @ (layer.weight.double() * layer.scale.double()[:, None]).t() + layer.bias
        out = project(x, layer)
        # Each input is off by at most half a step of its row, and rows have 32,600 steps to their greatest.
        step = x.abs().amax(1, keepdim=True).double() / 32_600
        bound = step * (layer.weight.double().abs() * layer.scale.double()[:, None]).sum(1) / 2
        assert bool(((out - exact).abs() <= bound + 1e-5 * exact.abs() + 1e-5).all())
        assert torch.equal(out, project(x, packed(layer)))
        for first, last in ((0, 1), (rows - 1, rows), (0, rows // 2 + 1)):
            assert torch.equal(out[first:last], project(x[first:last], packed(layer)))


def test_extreme_rows() -> None:
    layer = packed(quantized(torch.randn(16, 32), torch.zeros(16)))
    assert bool((project(torch.zeros(3, 32), layer) == 0).all())
    assert bool(torch.isfinite(project(torch.full((2, 32), 1e30), layer)).all())
    assert bool(torch.isfinite(project(torch.full((2, 32), 1e-42), layer)).all())
    nothing = quantized(torch.zeros(16, 32), None)
    assert bool((project(torch.randn(2, 32), nothing) == 0).all())


@pytest.mark.slow
def test_processors_without_vnni_get_exact_sums_too() -> None:
    """There oneDNN adds pairs of products in 16 bits: the greatest weight is 63, and sums are exact with it."""
    code = (
        "import torch\nfrom engine.gpt2.linear import *\n"
        "w = torch.full((16, 64), weight_levels(), dtype=torch.int8); w[::2] *= -1\n"
        "x = torch.full((4, 64), 255, dtype=torch.uint8); x[1] = 0\n"
        "for layer in (Int8(w, torch.ones(16)), packed(Int8(w, torch.ones(16)))):\n"
        "    assert torch.equal(product(x.clone(), layer).double(), (x.double() - 128) @ w.double().t())\n"
        "print(weight_levels())\n"
    )
    for isa, levels in (("AVX2", "63"), ("DEFAULT", str(weight_levels()))):
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"ONEDNN_MAX_CPU_ISA": isa}, text=True,
                              capture_output=True, check=True)  # fmt: skip
        assert done.stdout.strip() == levels or torch.backends.cpu.get_cpu_capability() not in ("AVX512", "AVX2")


@same_in_any_company
@given(st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=150), min_size=1, max_size=6))
def test_a_lane_is_the_same_alone_and_in_a_batch(small, sequences) -> None:
    together = fresh(small).logits(sequences)
    for row, sequence in zip(together, sequences, strict=True):
        assert np.array_equal(row, fresh(small).logits([sequence])[0])


@same_in_any_company
@given(st.lists(st.integers(0, 300), min_size=2, max_size=150), st.data())
def test_a_token_is_the_same_by_prefill_and_by_steps(small, ids, data) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(ids)), max_size=8)) | {len(ids)})
    whole = np.concatenate(list(fresh(small).every_logits(ids)))
    in_steps = fresh(small)
    for cut in cuts:
        assert np.array_equal(in_steps.logits([ids[:cut]])[0], whole[cut - 1])


@same_in_any_company
@given(st.lists(st.integers(0, 300), min_size=3, max_size=120), st.data())
def test_going_back_and_another_branch_leave_no_trace(small, ids, data) -> None:
    backend = fresh(small)
    backend.logits([ids])
    cut = data.draw(st.integers(1, len(ids) - 1))
    other = [*ids[:cut], (ids[cut] + 1) % 301, *data.draw(st.lists(st.integers(0, 300), max_size=20))]
    assert np.array_equal(backend.logits([other])[0], fresh(small).logits([other])[0])
    assert np.array_equal(backend.logits([ids])[0], fresh(small).logits([ids])[0])


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(small, threads: int) -> None:
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom engine.gpt2.backend import open_backend\n"
        "b = open_backend('s', Path(sys.argv[1]), precision='int8', threads=int(sys.argv[2]))\n"
        "ids = [n * 7 % 301 for n in range(140)]\n"
        "np.save(sys.argv[3], np.concatenate([b.logits([ids, ids[:77], ids[5:]]), *b.every_logits(ids)]))\n"
    )
    made = []
    for count in (2, threads):
        out = small / f"logits-{count}.npy"
        subprocess.run([sys.executable, "-c", code, str(small), str(count), str(out)], check=True)
        made.append(np.load(out))
    assert np.array_equal(*made)


@same_in_any_company
@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(0, 99), st.sampled_from([0.0, 0.3, 1.0]))
def test_guesses_change_no_token(small, ids, seed, temperature) -> None:
    """The same tokens as one by one, past the context too; where the text repeats itself the network runs less."""
    prompt = (ids * 12)[:120]
    lanes = [Lane(list(prompt), Settings(temperature=temperature), seed, limit=60) for _ in "12"]
    guessing, alone = fresh(small), fresh(small)
    while advance(guessing, lanes[:1], 1):
        pass
    while lanes[1].stop is None:
        position = len(lanes[1].ids)
        start, seen = visible(lanes[1].ids, position, 150, 1)
        step = flip(distribution(alone.logits([seen])[0], lanes[1].settings), Moment(position, (), 0, 1, seed),
                    coin="interval", window=start)  # fmt: skip
        lanes[1].ids.append(step.token)
        lanes[1].stop = "length" if len(lanes[1].ids) == len(prompt) + 60 else None
    assert lanes[0].ids == lanes[1].ids


def test_a_right_guess_saves_passes(small) -> None:
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


def test_the_stream_whose_luck_is_taken_again_is_the_guess(small) -> None:
    old = Lane([5, 6, 7], Settings(), 7, "gumbel", limit=40)
    first = fresh(small)
    while advance(first, [old], 1):
        pass
    assert first.passes >= 38
    backend = fresh(small)
    new = Lane([5, 6, 7], Settings(temperature=0.98), 7, "gumbel", limit=40,
               script=again(old.steps, Settings(temperature=0.98)))  # fmt: skip
    same = Lane([5, 6, 7], Settings(), 7, "gumbel", limit=40, script=again(old.steps))
    while advance(backend, [same], 1):
        pass
    assert same.ids == old.ids
    assert backend.passes <= 6
    alone = Lane([5, 6, 7], Settings(temperature=0.98), 7, "gumbel", limit=40)
    unguided = fresh(small)
    while advance(unguided, [alone], 1):
        pass
    guided = fresh(small)
    while advance(guided, [new], 1):
        pass
    assert new.ids == alone.ids
    assert guided.passes < unguided.passes


@pytest.mark.parametrize(("ids", "guessed"), [
    ([], []), ([1, 2, 3], []), ([1, 2, 3, 4, 1, 2], []), ([1, 2, 3, 4, 1, 2, 3], [4, 1, 2]),
    ([5, 1, 2, 3, 4, 6, 5, 1, 2, 3], [4, 6, 5, 1]), ([9] * 5, [9]), ([1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3], [8, 1, 2]),
])  # fmt: skip
def test_a_guess_is_what_followed_last_time(ids, guessed) -> None:
    assert guess(ids) == guessed


def test_close_to_fp32_on_real_text() -> None:
    """Kullback-Leibler divergence to fp32 below 1e-3 bits a token: the embedded model on what it has not seen."""
    from engine.tokenizer import gpt2_tokenizer

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
            for x in (exact, near))  # fmt: skip
    divergence = (np.exp(p) * (p - q)).sum(1) / math.log(2)
    assert divergence.mean() < 1e-3
    assert (exact.argmax(1) == near.argmax(1)).mean() > 0.95


def test_the_kept_form_is_used_again_and_gives_the_same(small, tmp_path) -> None:
    config = read_config(small)
    made = int8_weights(small, config, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    stamp = file.stat().st_mtime_ns
    again = int8_weights(small, config, tmp_path / "kept")
    assert file.stat().st_mtime_ns == stamp
    x = torch.randn(3, 60)
    assert torch.equal(project(x, made.blocks[2].c_attn), project(x, again.blocks[2].c_attn))
    assert torch.equal(project(x, made.head), project(x, again.head))
    assert isinstance(again.head, Int8)


@pytest.mark.parametrize("damage", [b"", b"not safetensors at all", None])
def test_a_damaged_kept_form_is_made_anew(small, tmp_path, damage) -> None:
    config = read_config(small)
    int8_weights(small, config, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    good = file.read_bytes()
    file.write_bytes(good[: len(good) // 2] if damage is None else damage)
    assert isinstance(int8_weights(small, config, tmp_path / "kept").head, Int8)
    stamp = file.stat().st_mtime_ns
    assert file.stat().st_size == len(good)
    int8_weights(small, config, tmp_path / "kept")
    assert file.stat().st_mtime_ns == stamp  # this time it was used


def test_another_checkpoint_in_the_same_folder_is_noticed(small, tmp_path) -> None:
    folder = shutil.copytree(small, tmp_path / "model")
    config = read_config(folder)
    before = int8_weights(folder, config, tmp_path / "kept")
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.ln_f.bias"] += 1
    tensors["transformer.h.0.mlp.c_fc.weight"] *= 2
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    after = int8_weights(folder, config, tmp_path / "kept")
    assert torch.equal(after.ln_f.bias, before.ln_f.bias + 1)
    assert torch.equal(after.blocks[0].c_fc.scale, before.blocks[0].c_fc.scale * 2)
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_no_failure(small, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert isinstance(int8_weights(small, read_config(small), tmp_path / "file").head, Int8)


def test_untied_heads_are_kept_too(tmp_path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=50, n_positions=20, n_embd=16, n_layer=1, n_head=2, tie_word_embeddings=False,
                        bos_token_id=1, eos_token_id=1)  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "model")
    first, second = (
        open_backend("m", tmp_path / "model", precision="int8", kept=tmp_path / "kept").logits([[3, 4]]) for _ in "12"
    )
    assert np.array_equal(first, second)
    plain = open_backend("m", tmp_path / "model").logits([[3, 4]])
    assert np.abs(first - plain).max() < 0.01


def test_rows_of_a_product_are_unsigned_bytes() -> None:
    layer = Int8(torch.ones(2, 4, dtype=torch.int8), torch.ones(2))
    assert product(torch.full((1, 4), 130, dtype=torch.uint8), layer).tolist() == [[8.0, 8.0]]


def test_commands_in_int8_and_their_replay(capsys, tmp_path) -> None:
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


def test_devices_that_are_not_there(capsys) -> None:
    for arguments in (("--device", "mps"), ("--device", "cuda")):
        if arguments[1] in accelerators():
            continue
        code, out, err = run(capsys, "next", "Hello", *arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert arguments[1] in err
    code, _, err = run(capsys, "next", "Hello", "--precision", "int4")
    assert code == 2
    assert "int8" in err
