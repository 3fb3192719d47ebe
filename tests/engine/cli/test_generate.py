"""`generate --session`: a stream that goes on is the one that it would have been in one piece."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpt2_remix.engine.sampling.coin import interval_chance
from tests.engine.cli.test_cli import document
from tests.kinds import Checkpoint


@pytest.mark.parametrize("settings", ["mirostat_tau=3", "presence_penalty=3", "min_new_tokens=10,temperature=2"])
def test_a_session_goes_on_as_it_would_have_in_one_piece(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, settings: str
) -> None:
    path = str(tmp_path / "a.remix")
    shared = ("--seed", "3", "--set", settings)
    whole = document(capsys, "generate", "It is", "-n", "12", *shared)["samples"][0]["steps"]
    first = document(capsys, "generate", "It is", "-n", "6", *shared, "--session", path)["samples"][0]["steps"]
    then = document(capsys, "generate", "-n", "6", *shared, "--session", path)["samples"][0]["steps"]
    assert [(step["id"], step["u"]) for step in first + then] == [(step["id"], step["u"]) for step in whole]


@pytest.mark.parametrize("command", ["generate", "compare"])
def test_a_session_goes_on_with_its_own_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, checkpoint: Checkpoint, command: str
) -> None:
    """The embedded model went on with ids that mean other words in its vocabulary."""
    path, folder = str(tmp_path / "a.remix"), str(checkpoint())
    lanes = ["--lane", "temperature=1", "--lane", "temperature=2"] if command == "compare" else []
    document(capsys, "generate", "--ids", "5,6", "-n", "3", "--seed", "1", "--model", folder, "--session", path)
    made = document(capsys, command, "-n", "3", "--seed", "2", "--session", path, *lanes)
    assert made["model"]["vocab_size"] == 97
    assert document(capsys, "replay", path)["other_models"] == 0


def test_a_session_goes_on_with_the_coins_that_come_next(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Coins of a lane that was lined up with a longer prefix were flipped a second time."""
    path = str(tmp_path / "a.remix")
    made = document(capsys, "compare", "It is a truth universally", "--lane", "temperature=0.9", "--lane",
                    '"ROMEO:" temperature=1', "-n", "5", "--seed", "5", "--session", path)
    offset = made["lanes"][1]["offset"]
    assert offset > 0
    flipped = [step["u"] for step in made["lanes"][1]["steps"]]
    then = [step["u"] for step in document(capsys, "generate", "-n", "6", "--seed", "5", "--session", path)
            ["samples"][0]["steps"]]
    start = made["lanes"][1]["steps"][0]["position"] + offset
    assert flipped + then == [interval_chance(5, start + n, 0) for n in range(11)]
