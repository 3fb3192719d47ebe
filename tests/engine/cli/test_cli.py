"""The commands as docs/command-line.md promises them."""

from __future__ import annotations

import importlib
import json
import math
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt2_remix.engine.cli import options as cli
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.tui.__main__ import main
from tests.kinds import Checkpoint


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The real entry point in this process: exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    assert out.endswith("\n")
    assert out.count("\n") == 1
    return json.loads(out)


def test_generate_json_is_the_contract(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    record = document(capsys, "generate", "In the beginning", "-n", "40", "--seed", "7")
    assert record == document(capsys, "generate", "In the beginning", "-n", "40", "--seed", "7")
    assert record["model"] == {"name": "classics", "parameters": 5388032, "precision": "fp32", "vocab_size": 8193,
                               "context": 512}
    assert record["seed"] == 7
    assert record["coin"] == "interval"
    assert record["settings"]["temperature"] == 1.0
    assert record["prompt_ids"] == classics.tokenizer.encode("In the beginning")
    (sample,) = record["samples"]
    assert sample["stop"] == "length"
    assert len(sample["ids"]) == len(sample["steps"]) == 40
    assert sample["text"] == classics.tokenizer.decode(sample["ids"])
    ids = list(record["prompt_ids"])
    for step in sample["steps"]:
        assert step["position"] == len(ids)
        u = np.random.Generator(np.random.Philox(key=7, counter=[0, step["position"], step["roll"], 0])).random()
        assert step["u"] == u
        logits = classics.backend.logits([ids])[0].astype(np.float64)
        p = np.exp(logits - logits.max())
        p /= p.sum()
        assert step["p_raw"] == pytest.approx(p[step["id"]], abs=1e-6)
        assert step["rank"] == int((p > p[step["id"]]).sum())
        assert step["surprisal"] == pytest.approx(-math.log2(step["p_raw"]))
        assert step["entropy"] == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-4)
        assert bytes.fromhex(step["bytes"]).decode("utf-8", "replace") == step["text"]
        ids.append(step["id"])
    assert ids[len(record["prompt_ids"]) :] == sample["ids"]


def test_samples_use_the_following_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    record = document(capsys, "generate", "--ids", "91", "-n", "5", "--seed", "3", "--samples", "20")
    assert [sample["seed"] for sample in record["samples"]] == list(range(3, 23))
    alone = document(capsys, "generate", "--ids", "91", "-n", "5", "--seed", "9")
    assert record["samples"][6]["ids"] == alone["samples"][0]["ids"]


def test_generate_streams_the_new_text(capsys: pytest.CaptureFixture[str]) -> None:
    record = document(capsys, "generate", "In the beginning", "-n", "20", "--seed", "7")
    code, out, err = run(capsys, "generate", "In the beginning", "-n", "20", "--seed", "7")
    assert (code, out, err) == (0, record["samples"][0]["text"] + "\n", "")
    code, out, err = run(capsys, "generate", "In the beginning", "-n", "1")
    assert code == 0
    assert err.startswith("gpt2-remix: seed ")


def test_settings_reach_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    greedy = document(capsys, "generate", "--ids", "91", "-n", "5", "--preset", "greedy")
    assert all(step["rank"] == 0 and step["p_final"] == 1 for step in greedy["samples"][0]["steps"])
    forced = document(capsys, "generate", "--ids", "91", "-n", "3", "--set", "logit_bias=860:100,banned=13;11")
    assert forced["samples"][0]["ids"] == [860] * 3
    assert forced["settings"]["logit_bias"] == {"860": 100.0}
    assert forced["settings"]["banned"] == [13, 11]


def test_end_of_text_and_context_stop(capsys: pytest.CaptureFixture[str]) -> None:
    record = document(capsys, "generate", "x", "-n", "5", "--set", "logit_bias=8192:100")
    assert record["samples"][0]["stop"] == "end_of_text"
    assert record["samples"][0]["ids"] == [8192]
    ids = ",".join(["262"] * 511)
    record = document(capsys, "generate", "--ids", ids, "-n", "5", "--no-slide")
    assert record["samples"][0]["stop"] == "context"
    assert len(record["samples"][0]["ids"]) == 2
    record = document(capsys, "generate", "--ids", ids, "-n", "5")
    assert record["samples"][0]["stop"] == "length"


def test_an_empty_prefix_starts_from_the_end_of_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], [""], ["--ids", ""]):
        assert document(capsys, "next", *arguments)["prompt_ids"] == [8192]


def test_gumbel(capsys: pytest.CaptureFixture[str]) -> None:
    record = document(capsys, "generate", "x", "-n", "6", "--coin", "gumbel", "--seed", "5")
    assert record["coin"] == "gumbel"
    for step in record["samples"][0]["steps"]:
        generator = np.random.Generator(np.random.Philox(key=5, counter=[0, step["position"], 0, 2]))
        assert step["u"] == generator.random(8193)[step["id"]]


def test_next_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    record = document(capsys, "next", "In the beginning", "--set", "top_k=3", "-k", "5")
    assert record["kept"] == 3
    assert [row["removed_by"] for row in record["candidates"]] == [None] * 3 + ["top_k"] * 2
    assert sum(row["p_final"] for row in record["candidates"]) == pytest.approx(1)
    assert record["entropy_final"] < record["entropy_raw"]
    everything = document(capsys, "next", "In the beginning", "--all")
    assert len(everything["candidates"]) == everything["kept"] == 8193
    assert [row["rank"] for row in everything["candidates"]] == list(range(8193))
    assert sum(row["p_raw"] for row in everything["candidates"]) == pytest.approx(1)


def test_next_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "next", "In the beginning", "-k", "3", "--set", "top_k=2")
    assert code == 0
    assert "·of" in out
    assert "cut by top_k" in out
    assert "all others" in out


def test_score_json_is_the_contract(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    text = "In the beginning God created the heaven and the earth."
    record = document(capsys, "score", text)
    assert record["ids"] == classics.tokenizer.encode(text)
    assert record["logprobs"][0] is None
    assert record["ranks"][0] is None
    values = record["logprobs"][1:]
    logits = classics.backend.logits([record["ids"][:1]])[0].astype(np.float64)
    logits -= logits.max()
    assert values[0] == pytest.approx(logits[record["ids"][1]] - np.log(np.exp(logits).sum()), abs=1e-5)
    assert record["perplexity"] == pytest.approx(math.exp(-sum(values) / len(values)))
    size = len(classics.tokenizer.decode_bytes(record["ids"][1:]))
    assert record["bits_per_byte"] == pytest.approx(-sum(values) / math.log(2) / size)
    started = document(capsys, "score", text, "--from-start")
    assert None not in started["logprobs"]
    assert started["logprobs"][1:] == pytest.approx(values, abs=1e-5)


def test_score_of_a_file_longer_than_the_context(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("In the beginning God created the heaven and the earth. " * 60)
    record = document(capsys, "score", "--file", str(path))
    assert len(record["ids"]) > 600
    assert all(math.isfinite(value) for value in record["logprobs"][1:])
    one = document(capsys, "score", "--ids", "91")
    assert one["perplexity"] is None
    assert run(capsys, "score", "--ids", "91")[0] == 0


def test_models_and_themes(capsys: pytest.CaptureFixture[str]) -> None:
    listed = document(capsys, "models")["models"]
    assert [model["name"] for model in listed][:2] == ["classics", "gpt2"]
    assert "embedded" in run(capsys, "models")[1]
    out = run(capsys, "themes")[1]
    assert out.count("light") >= 1
    assert sum(not line.startswith("your own") for line in out.splitlines()) >= 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generate", "x", "--ids", "3"], "give one of them"),
        (["generate", "--ids", "8193"], "ids are 0 to 8192"),
        (["generate", "--ids", "-1"], "outside the vocabulary"),
        (["generate", "--ids", "a,b"], "not a list of token ids"),
        (["generate", "x", "--set", "temprature=1"], "did you mean temperature"),
        (["generate", "x", "--set", "banned=9000"], "ids are 0 to 8192"),
        (["generate", "x", "--preset", "gready"], "did you mean greedy"),
        (["generate", "x", "--seed", "-1"], "out of range"),
        (["generate", "x", "--seed", str(2**63)], "out of range"),
        (["generate", "x", "--seed", str(2**63 - 1), "--samples", "2"], "out of range"),
        (["generate", "x", "-n", "-1"], "not in the range"),
        (["generate", "x", "--samples", "0"], "not in the range"),
        (["generate", "x", "--coin", "dice"], "dice"),
        (["generate", "x", "--model", "gpt3"], "did you mean gpt2"),
        (["generate", "a", "b"], "unexpected extra argument"),
        (["generate", "--bogus"], "No such option"),
        (["generate", "\udcff"], "not valid UTF-8"),
        (["next", "x", "-k", "0"], "not in the range"),
        (["score"], "exactly one"),
        (["score", "a", "--ids", "3"], "exactly one"),
        (["score", ""], "nothing to score"),
        (["score", "--file", "/nowhere"], "cannot be read"),
        (["--ids", "3", "x"], "give one of them"),
        (["x"], "needs a terminal"),
        (["--theme"], "requires an argument"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert said in err
    assert err.startswith("gpt2-remix: ")


def test_files_that_are_no_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"abc\xff\x00")
    assert "not UTF-8" in run(capsys, "score", "--file", str(path))[2]
    assert "is a folder" in run(capsys, "score", "--file", str(tmp_path))[2]


def test_a_folder_as_a_model(capsys: pytest.CaptureFixture[str], checkpoint: Checkpoint) -> None:
    folder = checkpoint(vocab_size=300, n_positions=16)
    record = document(capsys, "generate", "--ids", "91", "-n", "40", "--seed", "1", "--model", str(folder))
    assert record["model"]["vocab_size"] == 300
    assert len(record["samples"][0]["ids"]) == 40
    (folder / "model.safetensors").write_bytes(b"nonsense" * 20)
    code, out, err = run(capsys, "generate", "--ids", "91", "--model", str(folder))
    assert (code, out) == (2, "")
    assert "not a safetensors file" in err


def test_help_shows_examples_settings_and_presets(capsys: pytest.CaptureFixture[str]) -> None:
    for name, command in cli.commands.commands.items():
        code, out, _ = run(capsys, name, "--help")
        assert code == 0
        assert command.help
    out = run(capsys, "generate", "--help")[1]
    assert all(word in out for word in ("Examples:", "min_p", "nucleus"))
    assert run(capsys, "--version")[1].startswith("gpt2-remix, version ")


def test_an_unexpected_failure_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("gpt2_remix.engine.models.hub.list_models", fail)
    code, _, err = run(capsys, "models")
    assert code == 1
    assert "two lines" in err
    assert err.count("\n") == 1


PROGRAM = [sys.executable, "-m", "gpt2_remix.tui"]


@pytest.mark.slow
def test_interrupting_ends_with_130() -> None:
    # What runs in the background is told to ignore ctrl+c; the tests may.
    program = subprocess.Popen([*PROGRAM, "generate", "x", "-n", "1000000"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert program.stdout is not None
    assert program.stdout.read(20)
    program.send_signal(2)
    _, err = program.communicate(timeout=30)
    assert program.returncode == 130
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_reader_that_has_seen_enough() -> None:
    shell = f"{sys.executable} -m gpt2_remix.tui generate x -n 300 --seed 1 | head -c 5"
    result = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert len(result.stdout) == 5
    assert result.stderr == ""


@pytest.mark.slow
def test_output_is_utf8_whatever_the_locale() -> None:
    env = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    arguments = ["next", "--ids", "447", "-k", "5", "--json"]
    result = subprocess.run([*PROGRAM, *arguments], capture_output=True, env=env, timeout=60, check=True)
    assert json.loads(result.stdout.decode("utf-8"))["kept"] == 8193


def test_every_command_is_known_before_its_file_is_imported() -> None:
    import gpt2_remix.engine.cli
    import gpt2_remix.tui.cli
    import gpt2_remix.tui.cli.program
    from gpt2_remix.engine.cli.options import commands

    for package in (gpt2_remix.engine.cli, gpt2_remix.tui.cli):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    assert {name: command.callback.__module__ for name, command in commands.commands.items() if command.callback} == (
        commands.modules
    )
