"""The real program in a pseudo-terminal, read by a terminal emulator (pyte)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub import serving
from tests.kinds import Checkpoint, Emulate

PREFIX = "It is a truth universally acknowledged"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_opens_steps_runs_and_quits(emulate: Emulate, size: tuple[int, int]) -> None:
    app = emulate(PREFIX, "--seed", "7", size=size)
    app.until_all("next token at 8", " %", "gpt2-remix", "classics 5.4M fp32", "coin", "sampling", "? help",
                  "space step", "8 tokens")
    app.process.write(b" ")
    app.until(lambda text: "token at 8" in text and "▼" in text and "9 tokens" in text)
    app.process.write(b"g")
    app.until(lambda text: "tok/s" in text and "pause" in text)
    app.process.write(b"g")
    app.until(lambda text: "paused" in text)
    app.process.write(b"?")
    app.until(lambda text: "A biased coin is flipped" in text.replace("\n", " ") or "biased coin" in text)
    app.process.write(b"\x1b")
    app.until(lambda text: "biased coin" not in text)
    app.process.write(b"q")
    assert app.finish() == 0
    assert b"Traceback" not in app.raw


def test_a_terminal_of_one_cell_and_back(emulate: Emulate) -> None:
    app = emulate(PREFIX, "--seed", "7")
    app.until(lambda text: " %" in text)
    app.resize(1, 1)
    app.resize(60, 20)
    app.until(lambda text: "needs 80x24" in text)
    app.process.write(b"   ")  # nobody sees what they do: they do nothing
    app.resize(80, 24)
    app.until(lambda text: " %" in text and "8 tokens" in text)
    app.process.write(b"   ")
    app.until(lambda text: " %" in text and "11 tokens" in text)
    app.process.write(b"q")
    assert app.finish() == 0


def test_hostile_text_is_drawn_as_text(emulate: Emulate) -> None:
    app = emulate("a\x1b]0;owned\x07b\x1b[2Jc[bold]d\x9b31m\u202ee", "--seed", "7")
    app.until(lambda text: " %" in text)
    pane = "".join(row.split("│")[1].strip() for row in app.screen.display if row.startswith("│"))
    assert pane.startswith("a␛]0;owned␇b␛[2Jc[bold]d‹009b›31m‹202e›e")
    assert app.screen.title != "owned"
    assert b"\x1b[2Jc" not in app.raw
    app.process.write(b"q")
    assert app.finish() == 0


def test_no_color(emulate: Emulate) -> None:
    app = emulate(PREFIX, "--seed", "7", NO_COLOR="1")
    app.until(lambda text: " %" in text)
    for colour in (b"38;2;", b"48;2;", b"38;5;", b"48;5;"):
        assert colour not in app.raw
    app.process.write(b"q")
    assert app.finish() == 0


def test_ids_settings_and_theme_from_the_command_line(emulate: Emulate) -> None:
    app = emulate("--ids", "91,860", "--set", "top_k=5", "--theme", "paper", "--speed", "7", "--seed", "3")
    app.until_all("next token at 2", " %", "7/s")
    app.process.write(b"q")
    assert app.finish() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ids", "9000"], "ids are 0 to 8192"),
        (["x", "--set", "banned=9000"], "ids are 0 to 8192"),
        (["x", "--model", "gtp2"], "did you mean gpt2"),
        (["x", "--model", "./nowhere"], "there is no folder"),
        (["x", "--set", "temprature=2"], "did you mean temperature"),
        (["x", "y"], "unexpected extra argument"),
    ],
)
def test_what_can_be_known_beforehand_is_one_line_and_no_screen(
    emulate: Emulate, arguments: list[str], said: str
) -> None:
    app = emulate(*arguments, size=(200, 24))
    assert app.finish() == 2
    assert said in app.text
    assert b"\x1b[?1049h" not in app.raw


def test_a_download_shows_its_progress_and_a_model_that_cannot_be_had_says_why(
    emulate: Emulate, checkpoint: Checkpoint
) -> None:
    import threading

    folder = checkpoint(vocab_size=400, n_positions=64, n_embd=384, n_layer=4)
    with serving({"someone/small": {path.name: path.read_bytes() for path in folder.iterdir()}}) as hub:
        hub.gates["model.safetensors"] = gate = threading.Event()
        app = emulate("Once upon", "--model", "someone/small", "--seed", "7", size=(120, 36), HF_ENDPOINT=hub.url)
        app.until(lambda text: "downloading model.safetensors" in text and "% of" in text and "█" in text)
        gate.set()
        app.until(lambda text: "someone/small" in text and "paused" in text and "next token at" in text)
        app.process.write(b"m")
        app.until(lambda text: "owner/name" in text and "distilgpt2" in text)
        app.process.write(b"\x1b[B\r")
        app.until(lambda text: "there is no model" in text and "openai-community" in text)
        app.process.write(b" ")
        app.until(lambda text: "token at" in text and "u 0." in text)
        app.process.write(b"q")
        assert app.finish() == 0


def test_ctrl_c_closes_what_is_open_and_twice_ends_the_app(emulate: Emulate) -> None:
    """It ended the app at once, out of a dialog too, and whoever wanted to copy what was marked lost it."""
    app = emulate(PREFIX, size=(120, 36))
    app.until(lambda text: " %" in text)
    app.process.write(b"m")
    app.until(lambda text: "distilgpt2" in text)
    app.process.write(b"\x03")
    app.until(lambda text: "next token at 8" in text)
    app.process.write(b"\x03\x03")
    assert app.finish() == 0
    assert b"Traceback" not in app.raw


def test_what_could_not_be_saved_is_said_and_exported_elsewhere(emulate: Emulate, tmp_path: Path) -> None:
    """Quitting said nothing, and it was gone."""
    from gpt2_remix.engine.session.export.json import session_from_json

    folder = tmp_path / "no"
    folder.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    app = emulate(PREFIX, "--seed", "7", "--session", str(folder / "a.remix"), size=(120, 36), folder=work)
    app.until(lambda text: " %" in text)
    folder.rmdir()
    folder.write_text("a file where the folder was")
    app.process.write(b"  ")
    app.until(lambda text: "not saved" in text)
    app.process.write(b"q")
    assert app.finish() == 1
    said = app.raw.decode(errors="replace").rpartition("gpt2-remix: ")[2]
    assert "could not be saved" in said.replace("\r\n", "")
    assert len(session_from_json((work / "a.json").read_text()).tree) == 10


def test_a_new_person_compares_two_temperatures_on_their_own_sentence(emulate: Emulate) -> None:
    """Only what the screen says is used, at 80x24."""
    terminal = emulate("My cat sat on", "--seed", "7")
    terminal.until_all(" %", "c compare")
    terminal.process.write(b"c")
    terminal.until_all("1 temperature=0.7", "2 temperature=1.2", "My cat sat on", "space: one token in every lane")
    terminal.until(lambda text: "s settings" in text.splitlines()[-1])
    terminal.process.write(b" ")
    terminal.until(lambda text: text.count("u 0.") == 2)
    terminal.process.write(b"g")
    terminal.until(lambda text: "leaves lane 1 at" in text)
    terminal.process.write(b"v")
    terminal.until(lambda text: text.count("perplexity") == 2)
    terminal.process.write(b"c")
    terminal.until(lambda text: "c compare" in text)
    terminal.process.write(b"q")
    assert terminal.finish() == 0


def test_ctrl_c_in_a_training_keeps_the_best_weights_and_says_how_to_go_on(emulate: Emulate, tmp_path: Path) -> None:
    import json

    text, out = tmp_path / "fox.txt", tmp_path / "fox-model"
    text.write_text("\n".join(f"{n} the quick brown fox jumps over the lazy dog, said nobody." for n in range(600)))
    app = emulate("train", str(text), "--out", str(out), "--minutes", "10", size=(300, 24))
    app.until_all("training on fox", "parameters", "ctrl+c ends it", "held out", "tok/s", "left")
    app.process.write(b"\x03")
    assert app.finish() == 130
    assert "stopped after" in app.text
    assert f"--out {out} --resume" in app.text
    assert "Traceback" not in app.text
    assert {path.name for path in out.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "trace.safetensors",
        "training.json", "training.safetensors",
    }
    record = json.loads((out / "training.json").read_text())
    assert (record["done"], record["step"] > 0) == (False, True)
    assert emulate("generate", "the quick", "--model", str(out), "-n", "5", "--seed", "1").finish() == 0
