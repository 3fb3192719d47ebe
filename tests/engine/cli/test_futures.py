"""`gpt2-remix futures` and what it promises on the embedded model."""

from __future__ import annotations

import pytest

from gpt2_remix.engine.models.opening import Model
from tests.engine.cli.test_cli import document, run


def test_the_five_most_probable_words(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    """Bounds at most 0.02 apart; the time that takes is in the closing notes, here the distributions count."""
    told = document(capsys, "futures", "It is a truth universally", "--words", "--depth", "6", "--set", "top_k=40",
                    "-k", "5", "--budget", "1500")
    assert len(told["words"]) == 5
    assert all(0 <= word["upper"] - word["lower"] <= 0.02 for word in told["words"])
    assert told["decided"] + told["open"] == 1
    assert 1500 <= told["computed"] < 1516
    assert told["find"] is None
    assert told["settings"]["top_k"] == 40
    assert told["prompt_ids"] == classics.tokenizer.encode("It is a truth universally")
    for one in told["continuations"]:
        assert one["text"] == classics.tokenizer.decode(one["ids"])


@pytest.mark.parametrize("name", ["JULIET", "KING", "Second"])
def test_a_name_in_a_play(capsys: pytest.CaptureFixture[str], name: str) -> None:
    prefix = "ROMEO:\nBut soft, what light through yonder window breaks?\n\n"
    near = document(capsys, "futures", prefix, "--find", name, "--depth", "3")
    assert near["find"]["upper"] - near["find"]["lower"] <= 0.02
    far = document(capsys, "futures", prefix, "--find", name, "--depth", "12", "--budget", "300")
    assert 0 <= far["find"]["lower"] <= far["find"]["upper"] <= 1
    assert far["open"] > 0.1  # whole paths of twelve cannot be enumerated: what stays open is told
    assert far["find"]["pattern"] == name


def test_what_is_printed_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--depth", "2", "--words", "--find", "a", "--set", "top_k=3", "-k", "2")
    status, out, err = run(capsys, "futures", "It is", *asked)
    assert (status, err) == (0, "")
    assert "a match of a within 2 tokens: " in out
    assert "next word" in out
    assert "decided 100.000%, open 0.000%; 4 distributions in " in out


@pytest.mark.parametrize(("arguments", "says"), [
    (["--find", "("], "'(' is not a regular expression: missing ), unterminated subpattern at character 1"),
    (["--find", ""], "--find has no pattern"), (["--depth", "0"], "0 is not in the range"),
    (["--set", "banned=99999"], "banned names id 99999"),
])
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, out, err = run(capsys, "futures", "It is", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err
