"""Names, and the download path against a hub on loopback, in the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.models.hub import list_models
from gpt2_remix.engine.models.names import HUB, resolve
from gpt2_remix.engine.models.opening import locate, start_backend
from gpt2_remix.engine.models.record import model_record, record_of
from tests.conftest import edit_json
from tests.hub import serving
from tests.kinds import Checkpoint

PROGRAM = [sys.executable, "-m", "gpt2_remix.tui"]


def gpt2_remix(*arguments: str, endpoint: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    # Port 9 (discard) answers nobody: a hub that cannot be reached.
    env = os.environ | {"HF_ENDPOINT": endpoint or "http://127.0.0.1:9"} | environment
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, env=env, timeout=120, check=False)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def one_line(result: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    lines = [line for line in result.stderr.splitlines() if not line.startswith("gpt2-remix: downloading")]
    assert result.returncode == code, result.stderr
    assert len(lines) == 1, result.stderr
    assert said in lines[0]
    assert result.stdout == ""


def test_names() -> None:
    assert resolve("classics").kind == "embedded"
    assert resolve("gpt2-xl").place == "openai-community/gpt2-xl"
    assert resolve("someone/their-model").kind == "hub"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gtp2", "did you mean gpt2"),
        ("nothing-like-it", "known names"),
        ("./nowhere", "there is no folder"),
        ("/nowhere/at/all", "there is no folder"),
        ("", "there is no model"),
        ("../x", "there is no folder"),
    ],
)
def test_names_that_stand_for_nothing(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve(name)


def test_a_file_is_not_a_folder(checkpoint: Checkpoint) -> None:
    with pytest.raises(InputError, match="is a file"):
        resolve(str(checkpoint() / "model.safetensors"))


def test_the_list_knows_what_is_here() -> None:
    listed = {model.name: model for model in list_models()}
    assert listed["classics"].folder
    assert listed["classics"].parameters == 5_388_032
    assert set(HUB) <= set(listed)
    assert listed["gpt2"].folder is None


@pytest.mark.slow
def test_download_then_offline(checkpoint: Checkpoint) -> None:
    """From the hub once, with a line of progress for each file; from the cache afterwards, without a network."""
    with serving({"someone/small": files_of(checkpoint())}) as hub:
        first = gpt2_remix("next", "--ids", "3,4", "--model", "someone/small", "--json", endpoint=hub.url)
        assert first.returncode == 0, first.stderr
        assert "downloading model.safetensors" in first.stderr
        sent = dict(hub.sent)
        again = gpt2_remix("next", "--ids", "3,4", "--model", "someone/small", "--json", endpoint=hub.url)
        assert dict(hub.sent) == sent
    offline = gpt2_remix("next", "--ids", "3,4", "--model", "someone/small", "--json")
    assert first.stdout == again.stdout == offline.stdout
    assert offline.stderr == ""
    listed = json.loads(gpt2_remix("models", "--json").stdout)["models"]
    assert [model["available"] for model in listed if model["name"] == "someone/small"] == [True]


@pytest.mark.slow
def test_shards_and_a_tokenizer_of_its_own(checkpoint: Checkpoint) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = checkpoint(shard="20KB")
    vocab = {"<|endoftext|>": 0} | {chr(ord("a") + n): n + 1 for n in range(26)}
    own = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.add_special_tokens(["<|endoftext|>"])
    own.save(str(folder / "tokenizer.json"))
    with serving({"someone/sharded": files_of(folder)}) as hub:
        result = gpt2_remix("next", "cab", "--model", "someone/sharded", "--json", endpoint=hub.url)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["prompt_ids"] == [3, 1, 2]
        assert not hub.sent["generation_config.json"]


@pytest.mark.slow
def test_an_index_on_the_hub_decides(checkpoint: Checkpoint) -> None:
    """A single file may lie beside the shards; and tokens that were added come too."""
    folder, other = checkpoint("shards", shard="20KB"), checkpoint("other", torch_seed=1)
    (folder / "vocab.json").write_text(json.dumps({"<|endoftext|>": 0, "a": 1, "b": 2}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "added_tokens.json").write_text(json.dumps({"<|user|>": 3}))
    there = gpt2_remix("next", "ab<|user|>", "--model", str(folder), "--json")
    assert there.returncode == 0, there.stderr
    assert json.loads(there.stdout)["prompt_ids"] == [1, 2, 3]
    files = files_of(folder) | {"model.safetensors": (other / "model.safetensors").read_bytes()}
    with serving({"someone/both": files}) as hub:
        result = gpt2_remix("next", "ab<|user|>", "--model", "someone/both", "--json", endpoint=hub.url)
        assert (result.returncode, result.stdout) == (0, there.stdout), result.stderr
        assert not hub.sent["model.safetensors"]


@pytest.mark.slow
def test_an_interrupted_download_goes_on_where_it_stopped(checkpoint: Checkpoint) -> None:
    folder = checkpoint(n_embd=384, n_layer=4)  # huggingface-hub writes 10 MB at a time
    size = (folder / "model.safetensors").stat().st_size
    with serving({"someone/small": files_of(folder)}) as hub:
        hub.cut["model.safetensors"] = [size // 2]
        result = gpt2_remix("next", "--ids", "3", "--model", "someone/small", endpoint=hub.url)
        assert result.returncode == 0, result.stderr
        assert hub.ranges == [f"bytes={10 * 2**20}-"]
        assert hub.sent["model.safetensors"] == size // 2 + size - 10 * 2**20


@pytest.mark.slow
def test_a_killed_download_is_resumed_by_the_next_command(checkpoint: Checkpoint, own_home: Path) -> None:
    """What the first program had when it was killed is kept for the second."""
    folder = checkpoint(n_embd=384, n_layer=4)
    size = (folder / "model.safetensors").stat().st_size
    script = (
        "import os, signal\nfrom gpt2_remix.engine.models.hub import fetch\n"
        "def stop(what, done, total):\n"
        "    if 'safetensors' in what and done >= 20 * 2**20: os.kill(os.getpid(), signal.SIGKILL)\n"
        "fetch('someone/small', stop)\n"
    )
    with serving({"someone/small": files_of(folder)}) as hub:
        env = os.environ | {"HF_ENDPOINT": hub.url}
        broken = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, timeout=120, check=False)
        assert broken.returncode == -9
        result = gpt2_remix("next", "--ids", "3", "--model", "someone/small", endpoint=hub.url)
        assert result.returncode == 0, result.stderr
        assert hub.ranges
        have = int(hub.ranges[-1].removeprefix("bytes=").rstrip("-"))
        assert 10 * 2**20 <= have < size
        blobs = list((own_home / "hf" / "hub").glob("models--*/blobs/*"))
        assert not [blob.name for blob in blobs if ".part" in blob.name]


@pytest.mark.slow
def test_a_download_that_arrives_damaged_is_thrown_away(checkpoint: Checkpoint, own_home: Path) -> None:
    with serving({"someone/small": files_of(checkpoint())}) as hub:
        hub.damage = {"model.safetensors"}
        one_line(gpt2_remix("next", "--ids", "3", "--model", "someone/small", endpoint=hub.url), 1, "arrived damaged")
        hub.damage = set()
        result = gpt2_remix("next", "--ids", "3", "--model", "someone/small", endpoint=hub.url)
        assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_what_can_go_wrong(checkpoint: Checkpoint) -> None:
    good = files_of(checkpoint())
    other = good | {"config.json": b'{"model_type": "llama"}'}
    pickled = {"config.json": good["config.json"], "pytorch_model.bin": b"x"}
    wrong = good | {"model.safetensors": b"<html>" * 1000}
    broken = good | {"config.json": b"{"}
    with serving({"a/other": other, "a/pickled": pickled, "a/wrong": wrong, "a/broken": broken, "a/empty": {}}) as hub:
        for name, code, said in (
            ("a/other", 2, "llama"),
            ("a/pickled", 2, "only safetensors are read"),
            ("a/wrong", 2, "not a safetensors file"),
            ("a/broken", 2, "not a model's configuration"),
            ("a/empty", 2, "no config.json"),
            ("a/nothing", 2, "no model a/nothing on the hub"),
        ):
            one_line(gpt2_remix("next", "--ids", "3", "--model", name, endpoint=hub.url), code, said)
        assert not hub.sent["model.safetensors"] or hub.sent["model.safetensors"] == len(wrong["model.safetensors"])
    one_line(gpt2_remix("next", "--ids", "3", "--model", "gpt2"), 1, "cannot be reached")
    one_line(gpt2_remix("next", "--ids", "3", "--model", "gpt2", HF_HUB_OFFLINE="1"), 1, "classics")


def test_the_same_weights_in_another_function_are_another_model(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    located = locate(str(folder))
    info = start_backend(located).info
    before = record_of(located, info, "ab")
    assert before.same(record_of(located, info, "ab"))
    assert before.same(model_record(asdict(before)))
    assert before.same(replace(before, function=""))  # made before it was kept
    edit_json(folder / "config.json", activation_function="relu")
    located = locate(str(folder))
    assert not before.same_network(record_of(located, start_backend(located).info, "ab"))
