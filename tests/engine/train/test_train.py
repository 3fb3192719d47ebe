"""Training on a text: the loss against transformers, the folder that comes out, going on, and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
import transformers

from gpt2_remix.engine import program
from gpt2_remix.engine.gpt2.config import GPT2Config
from gpt2_remix.engine.models.opening import locate, read_tokenizer
from gpt2_remix.engine.tokens.tokenizer import gpt2_tokenizer
from gpt2_remix.engine.tokens.written_tokenizer import tokenizer_files
from gpt2_remix.engine.train.network import first_parameters, loss, merge_qkv, split_qkv
from tests.engine.cli.test_cli import document, run
from tests.kinds import known

WORDS = "the quick brown fox jumps over the lazy dog and runs away from it at once, said nobody in particular. "


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "fox.txt"
    path.write_text("\n".join(f"{n} {WORDS}" for n in range(400)))
    return path


def test_loss_and_gradients_are_those_of_transformers() -> None:
    config = GPT2Config(vocab_size=97, n_positions=16, n_embd=32, n_layer=2, n_head=2)
    parameters = first_parameters(config, torch.Generator().manual_seed(3))
    for tensor in parameters.values():
        tensor.requires_grad_()
    peer = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=97, n_positions=16, n_embd=32, n_layer=2, n_head=2, attn_pdrop=0,
                                embd_pdrop=0, resid_pdrop=0)
    )
    peer.transformer.load_state_dict(merge_qkv(parameters, config))
    ids = torch.randint(0, 97, (3, 17), generator=torch.Generator().manual_seed(5))
    ours = loss(parameters, config, ids)
    theirs = torch.nn.functional.cross_entropy(peer(ids[:, :-1]).logits.flatten(0, 1), ids[:, 1:].flatten())
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), abs=1e-5)
    ours.backward()
    theirs.backward()
    for name, tensor in peer.transformer.named_parameters():
        for part, wanted in split_qkv(name, known(tensor.grad)).items():
            torch.testing.assert_close(parameters[part].grad, wanted, atol=1e-5, rtol=1e-4)


def test_a_trained_folder_opens_goes_on_and_knows_its_text(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: Path
) -> None:
    out = tmp_path / "model"
    shape = ["--layers", "1", "--width", "32", "--context", "32", "--vocab", "512"]
    first = document(capsys, "train", f"The Fox={text}", "--out", str(out), "--steps", "12", *shape)
    assert (first["done"], first["steps"]) == (True, 12)
    code, _, error = run(capsys, "train", "--out", str(out), "--resume")
    assert (code, "is done" in error) == (2, True)
    second = document(capsys, "train", "--out", str(out), "--resume", "--steps", "12")
    assert (second["steps"], second["done"]) == (24, True)
    assert second["held_out_loss"] < first["held_out_loss"]
    peer = transformers.GPT2LMHeadModel.from_pretrained(out, dtype=torch.float32)
    assert sum(tensor.numel() for tensor in peer.parameters()) == second["plan"]["parameters"]
    traced = document(capsys, "trace", WORDS, "--model", str(out))
    assert traced["verified"]
    assert {span["title"] for span in traced["spans"]} == {"The Fox"}
    text.write_text(text.read_text().replace("fox", "cat"))
    assert not document(capsys, "trace", WORDS, "--model", str(out))["verified"]
    assert json.loads((out / "training.json").read_text())["sources"][0]["title"] == "The Fox"


@pytest.mark.parametrize(("arguments", "said"), [
    (["--minutes", "1", "--steps", "2"], "give one of them"), (["--width", "5"], "out of range"),
    (["--vocab", "9"], "out of range"), (["--resume"], "leave out FILE"),
])
def test_wrong_wishes_are_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: Path, arguments: Any, said: str
) -> None:
    code, _, error = run(capsys, "train", str(text), "--out", str(tmp_path / "m"), *arguments)
    assert code == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_a_short_text_and_a_full_folder_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: Path
) -> None:
    short = tmp_path / "short.txt"
    short.write_text("too short")
    code, _, error = run(capsys, "train", str(short), "--out", str(tmp_path / "m"), "--steps", "2")
    assert (code, "too few" in error) == (2, True)
    code, _, error = run(capsys, "train", str(text), "--out", str(tmp_path), "--steps", "2")
    assert (code, "not empty" in error) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False])
def test_an_app_that_goes_away_leaves_a_training_that_can_go_on(tmp_path: Path, text: Path, told: bool) -> None:
    out = tmp_path / "model"
    command = program.command("tui", "train", "--events", str(text), "--out", str(out), "--minutes", "2")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while json.loads(process.stderr.readline()).get("held_out") is None:
        pass
    if told:
        process.send_signal(signal.SIGINT)
    process.stderr.close()
    process.wait(60)
    record = json.loads((out / "training.json").read_text())
    assert (record["done"], record["step"] > 0) == (False, True)
    assert {path.name for path in out.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "trace.safetensors",
        "training.json", "training.safetensors",
    }


@pytest.mark.slow
def test_a_training_that_was_killed_before_it_kept_anything_can_begin_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: Path
) -> None:
    """It was a dead end: --resume found no record, and without it the folder was not empty."""
    out = tmp_path / "model"
    command = program.command("tui", "train", "--events", str(text), "--out", str(out), "--minutes", "2")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while json.loads(process.stderr.readline())["event"] != "begun":
            pass
        code, _, error = run(capsys, "train", str(text), "--out", str(out), "--steps", "2")
        assert (code, "holds a training already" in error) == (2, True)
        code, _, error = run(capsys, "train", "--out", str(out), "--resume", "--steps", "2")
        assert (code, "another training writes into" in error) == (2, True)
        process.kill()
    assert not (out / "training.safetensors").exists()
    (out / ".model.safetensors.1.part").touch()
    assert run(capsys, "train", "--out", str(out), "--resume", "--steps", "2")[0] == 0
    assert json.loads((out / "training.json").read_text())["step"] == 2
    left = tmp_path / "left"
    left.mkdir()
    (left / ".training.json.1.part").touch()
    assert run(capsys, "train", str(text), "--out", str(left), "--steps", "2", "--layers", "1")[0] == 0


@pytest.mark.slow
def test_it_goes_on_with_the_same_text_alone_and_opens_in_transformers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: Path
) -> None:
    """A text of the same length was taken for the same."""
    words = text.read_text("utf-8")[:60_000]
    plain, windows, out = tmp_path / "plain.txt", tmp_path / "windows.txt", tmp_path / "model"
    plain.write_bytes(words.encode())
    windows.write_bytes(words.replace("\n", "\r\n").encode())
    wanted = ("--steps", "2", "--layers", "1", "--width", "64", "--vocab", "600")
    code, _, error = run(capsys, "train", str(windows), "--out", str(out), *wanted)
    assert code == 0
    assert error.count("windows.txt has line ends of another kind (CR LF or CR)") == 1
    code, _, error = run(capsys, "train", str(plain), "--out", str(tmp_path / "other"), *wanted)
    assert (code, "line ends" in error) == (0, False)
    hashes = [json.loads((folder / "training.json").read_text())["sources"][0]["sha256"]
              for folder in (out, tmp_path / "other")]
    assert hashes[0] == hashes[1]
    found = document(capsys, "trace", "--model", str(out), "--file", str(windows), "--json")
    assert found["longest"] > 0.85 * found["tokens"]

    own = gpt2_tokenizer(601)
    theirs = transformers.AutoTokenizer.from_pretrained(out)
    sample = words + " na\u00efve \u65e5\u672c \U0001f642 it's WE'LL\n\n  \t 12345<|endoftext|>"
    assert theirs.encode(sample) == own.encode(sample)
    assert theirs.eos_token_id == own.end_of_text == 600
    assert read_tokenizer(locate(str(out))).definition() == own.definition()  # not the slower one, made from the file

    plain.write_bytes(words.replace("e", "a").encode())
    other = tmp_path / "other"
    code, _, error = run(capsys, "train", "--out", str(other), "--resume", "--steps", "2")
    assert (code, "is not what was trained on" in error) == (2, True)


def test_gpt2s_merges_are_found_again_from_its_ranks() -> None:
    files = tokenizer_files(50257, 1024)
    theirs = tokenizers.Tokenizer.from_str(files["tokenizer.json"].decode())
    text = (Path(__file__).parents[2] / "quotations" / "shakespeare.txt").read_text("utf-8")
    assert theirs.encode(text).ids == gpt2_tokenizer().encode(text)
