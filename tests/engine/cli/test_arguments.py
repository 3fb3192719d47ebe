"""Arguments: nothing that was given is dropped, one way to read a path, no number that is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gpt2_remix.engine.session.store import read, save_whole
from tests.engine.cli.test_cli import document, run
from tests.engine.session.sessions import grown


def test_several_settings_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    """The first of two was dropped without a word."""
    together = document(capsys, "next", "x", "--set", "temperature=0.5,top_k=5")
    assert document(capsys, "next", "x", "--set", "temperature=0.5", "--set", "top_k=5") == together
    last = document(capsys, "next", "x", "--set", "temperature=2,top_k=5", "--set", "temperature=0.5")
    assert last == together
    lanes = ("compare", "x", "-n", "4", "--seed", "1", "--lane", "top_p=1", "--lane", "top_p=0.5")
    settings = document(capsys, *lanes, "--set", "temperature=0.5", "--set", "top_k=5")["lanes"][1]["settings"]
    assert (settings["temperature"], settings["top_k"], settings["top_p"]) == (0.5, 5, 0.5)


@pytest.mark.parametrize("arguments", [
    ("next", "--ids", "91", "--ids", "860"), ("next", "x", "--preset", "greedy", "--preset", "nucleus"),
    ("generate", "x", "--seed", "1", "--seed", "2"), ("x", "--ids", "91", "--theme", "paper", "--theme", "paper"),
    ("export", "a", "--format", "txt", "--format", "md"), ("score", "--file", "a", "--file", "b"),
    ("trace", "x", "--min-tokens", "5", "--min-tokens=6"),
])
def test_what_can_be_given_once_is_not_dropped(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "was given 2 times; give it once" in err


def test_a_home_folder_is_a_home_folder_in_every_option(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    """`--session=~/s.remix`, which no shell reads, made a folder named `~`."""
    monkeypatch.chdir(tmp_path)
    home = Path(os.environ["HOME"])
    (home / "model").symlink_to(tiny)
    text = "It is a truth universally acknowledged, that a single man must be in want of a wife. " * 300
    (home / "t.txt").write_text(text)
    assert run(capsys, "generate", "x", "-n", "3", "--session=~/s.remix")[0] == 0
    assert run(capsys, "export", "~/s.remix", "--format=json", "--output=~/s.json")[0] == 0
    assert run(capsys, "import", "~/s.json", "--output=~/again.remix")[0] == 0
    assert run(capsys, "score", "--file=~/t.txt", "--json")[0] == 0
    assert run(capsys, "index", "T=~/t.txt", "-o~/t.safetensors")[0] == 0
    for source in ("~/t.txt", "T=~/t.txt", "~/t.safetensors"):
        assert document(capsys, "trace", text[:200], f"--source={source}")["verbatim_fraction"] > 0.9
    assert run(capsys, "next", "--ids=3", "--model=~/model")[0] == 0
    wanted = ("--out=~/m", "--steps", "1", "--layers", "1", "--width", "64", "--context", "32", "--vocab", "300")
    assert run(capsys, "train", "~/t.txt", *wanted)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]
    assert {path.name for path in home.iterdir()} >= {"s.remix", "s.json", "again.remix", "t.safetensors", "m"}
    assert len(read(home / "again.remix").tree.nodes) == 5


@pytest.mark.parametrize("arguments", [
    ("train", "a.txt", "--out", "m", "--minutes", "nan"), ("x", "--speed", "nan"), ("x", "--speed", "inf"),
    ("index", "a.txt", "-o", "i.safetensors", "--held-out", "nan"), ("next", "x", "--set", "temperature=nan"),
    ("compare", "x", "--lane", "temperature=nan", "--lane", "greedy"), ("next", "x", "--set", "min_p=NaN"),
    ("next", "x", "--set", "logit_bias=262:nan"), ("generate", "x", "-n", "nan"), ("generate", "x", "--seed", "nan"),
])
def test_what_is_no_number_is_refused(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "nan" in err.lower() or "inf" in err


def test_what_a_model_does_not_know_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny: Path, tiny_of_60: Path
) -> None:
    """Ids were left out of the text without a word, and another model went on with the session silently."""
    session, path = grown(3, 12, vocabulary=60), tmp_path / "a.remix"
    step = session.tree.nodes[5].step
    assert step is not None
    from dataclasses import replace

    session.tree.nodes[5].step = replace(step, token=96)
    save_whole(session, path)
    words = "does not know: id 96 is past 59, its last"
    for form in ("txt", "md", "html"):
        code, out, err = run(capsys, "export", str(path), "--format", form, "--model", str(tiny_of_60),
                             "--no-candidates")
        assert (code, "[96]" in out.replace("\\", ""), words in err) == (0, True, True), form
    code, _, err = run(capsys, "generate", "--session", str(path), "-n", "2", "--model", str(tiny_of_60))
    assert (code, words in err) == (2, True)
    code, _, err = run(capsys, "generate", "--session", str(path), "-n", "2", "--model", str(tiny))
    assert code == 0
    assert f"this session was made with classics; new tokens come from {tiny}" in err
    code, _, err = run(capsys, "generate", "--session", str(path), "-n", "2", "--model", str(tiny))
    assert (code, "was made with" in err) == (0, False)


@pytest.mark.parametrize("place", ["session", "model", "source", "theme", "preset"])
def test_pipes_are_not_waited_for(capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if place == "model":
        model = tmp_path / "model"
        model.mkdir()
        os.mkfifo(model / "config.json")
        assert run(capsys, "next", "x", "--model", str(model))[0] == 2
    elif place == "theme":
        folder = Path(os.environ["XDG_CONFIG_HOME"]) / "gpt2-remix" / "themes"
        folder.mkdir(parents=True)
        os.mkfifo(folder / "a.toml")
        assert "is not a file" in run(capsys, "themes")[2]
    elif place == "preset":
        from gpt2_remix.engine.sampling.presets import presets_file

        presets_file().parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(presets_file())
        assert run(capsys, "next", "x", "--preset", "mine")[0] == 2
    elif place == "source":
        assert run(capsys, "trace", "x", "--source", str(pipe))[0] == 2
        assert run(capsys, "train", str(pipe), "--out", str(tmp_path / "m"))[0] == 2
    else:
        for arguments in (("export", str(pipe), "--format", "json"), ("generate", "x", "--session", str(pipe)),
                          ("import", str(pipe)), ("score", "--file", str(pipe)), ("replay", str(pipe))):
            code, _, err = run(capsys, *arguments)
            assert (code, "not a file" in err) == (2, True), arguments
        save_whole(grown(1, 5), tmp_path / "a.remix")
        code, _, err = run(capsys, "export", str(tmp_path / "a.remix"), "--format", "json", "-o", str(pipe))
        assert (code, "cannot be written" in err) == (1, True)  # nobody reads it


def test_records_hold_names_that_are_not_utf8(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text, out = tmp_path / os.fsdecode(b"caf\xe9.txt"), tmp_path / "m"
    text.write_text("It is a truth universally acknowledged, that a single man must be in want of a wife. " * 300)
    wanted = ("--steps", "1", "--layers", "1", "--width", "64", "--context", "32", "--vocab", "300")
    assert run(capsys, "train", str(text), "--out", str(out), *wanted)[0] == 0
    assert json.loads((out / "training.json").read_bytes())["sources"][0]["path"] == str(text)
    assert run(capsys, "train", "--out", str(out), "--resume", "--steps", "1")[0] == 0
    code, _, err = run(capsys, "train", str(text), "--out", str(tmp_path / os.fsdecode(b"\xe9")), *wanted)
    assert (code, "not UTF-8" in err) == (2, True)
    index = tmp_path / os.fsdecode(b"caf\xe9.safetensors")
    assert run(capsys, "index", str(text), "-o", str(index))[0] == 0
    assert document(capsys, "trace", "It is a truth universally acknowledged, that", "--source", str(index))["spans"]
