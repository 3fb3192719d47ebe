"""`gpt2-remix forks` as docs/command-line.md promises it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpt2_remix.engine.models.opening import Model
from tests.engine.cli.test_cli import document, run

TEXT = "It is a truth universally acknowledged, that he"
ASKED = ("--outcome", r"he=\bhe\b", "--outcome", "she=she", "--rolls", "4", "-n", "6", "--seed", "3")


def test_forks_json_is_the_contract(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    told = document(capsys, "forks", TEXT, *ASKED, "--set", "top_p=0.9", "--prompt", "3")
    ids = classics.tokenizer.encode(TEXT)
    assert told["ids"] == ids
    assert told["outcomes"] == ["he", "she", "other"]
    assert (told["seed"], told["coin"], told["settings"]["top_p"]) == (3, "interval", 0.9)
    assert [fork["position"] for fork in told["positions"]] == list(range(3, len(ids)))
    alternatives = 0
    for fork in told["positions"]:
        assert fork["id"] == ids[fork["position"]]
        assert 0 <= fork["fork"] <= 1
        assert 0 <= fork["pull"] <= 1
        assert min(fork["fork_se"], fork["pull_se"], fork["fork_chance"]) >= 0
        assert fork["id"] in [other["id"] for other in fork["alternatives"]]
        for other in fork["alternatives"]:
            assert other["p"] >= 0.05 or other["id"] == fork["id"]
            assert sum(other["outcomes"]) == pytest.approx(1)
            assert other["text"] == classics.tokenizer.decode([other["id"]])
        alternatives += len(fork["alternatives"])
    assert told["computed"] <= 4 * 6 * alternatives
    last = told["positions"][-1]
    he = next(other for other in last["alternatives"] if other["id"] == last["id"])
    assert he["outcomes"] == [1, 0, 0]  # it stands in the alternative's own text
    first = document(capsys, "forks", TEXT, *ASKED, "--prompt", "8")
    assert [fork["position"] for fork in first["positions"]] == list(range(8, len(ids)))


def test_one_roll_has_no_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    told = document(capsys, "forks", "It is he", "--outcome", "he", "--rolls", "1", "-n", "2", "--seed", "1")
    assert told["outcomes"] == ["he", "other"]
    assert all(fork["fork_se"] is None and fork["pull_se"] is None for fork in told["positions"])


def test_of_a_session(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "a.remix")
    document(capsys, "generate", "It is", "-n", "5", "--seed", "9", "--set", "top_k=5", "--session", path)
    document(capsys, "generate", "It is", "-n", "5", "--seed", "10", "--set", "top_k=5", "--session", path)
    told = document(capsys, "forks", "--session", path, "--outcome", "a", "--rolls", "2", "-n", "2")
    made = document(capsys, "generate", "It is", "-n", "5", "--seed", "10", "--set", "top_k=5")
    assert told["ids"] == made["prompt_ids"] + made["samples"][0]["ids"]
    assert told["positions"][0]["position"] == len(made["prompt_ids"])
    assert (told["settings"]["top_k"], told["seed"]) == (5, 10)
    first = document(capsys, "forks", "--session", path, "--branch", "1", "--outcome", "a", "--rolls", "1", "-n", "1",
                     "--seed", "4", "--coin", "gumbel", "--set", "top_k=3")
    assert first["ids"] == [*made["prompt_ids"], *document(
        capsys, "generate", "It is", "-n", "5", "--seed", "9", "--set", "top_k=5")["samples"][0]["ids"]]
    assert (first["settings"]["top_k"], first["seed"], first["coin"]) == (3, 4, "gumbel")


def test_what_is_printed_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "forks", TEXT, *ASKED)
    assert (status, err) == (0, "")
    assert "most hangs on position" in out
    assert "4 rolls of 6 tokens for each alternative, seeds from 4; " in out


@pytest.mark.parametrize(("arguments", "says"), [
    ([TEXT], "name 1 to 8 outcomes"), (["--outcome", "a"], "give exactly one"),
    ([TEXT, "--outcome", "a=("], "not a regular expression"), ([TEXT, "--outcome", "a", "--branch", "2"], "--session"),
    ([TEXT, "--outcome", "a", "--prompt", "99"], "no token stands at position 99"),
    (["--session", "nothing.remix", "--outcome", "a"], "nothing.remix"),
    ([TEXT, "--outcome", "a", "--alternatives", "0"], "0.0 is not in the range"),
    ([TEXT, "--outcome", "a", "--seed", str(2**63 - 1)], "leaves no room for 32 rolls"),
])
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, out, err = run(capsys, "forks", *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert says in err
