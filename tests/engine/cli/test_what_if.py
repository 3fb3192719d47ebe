"""`gpt2-remix what-if` as docs/command-line.md promises it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpt2_remix.engine.models.opening import Model
from tests.engine.cli.test_cli import document, run

TEXT = "The quick brown fox jumps over the lazy dog"


def test_what_if_json_is_the_contract(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    ids = classics.tokenizer.encode(TEXT)
    told = document(capsys, "what-if", TEXT, "--prompt", "2", "--change", "5=287", "--seed", "4")
    again = document(capsys, "what-if", "--ids", ",".join(map(str, ids)), "--prompt", "2", "--change", "5=287",
                     "--seed", "4")
    assert told | {"seconds": 0} == again | {"seconds": 0}
    assert (told["ids"], told["prompt"], told["seed"], told["impossible"], told["divergence"]) == (ids, 2, 4, [], 5)
    changed = told["changed"]
    assert changed["ids"][:6] == [*ids[:5], 287]
    assert len(changed["ids"]) == len(ids)
    assert [step["position"] for step in changed["steps"]] == list(range(2, len(ids)))
    assert [step["id"] for step in changed["steps"]] == changed["ids"][2:]
    assert told["same"] == sum(a == b for a, b in zip(ids[2:], changed["ids"][2:], strict=True))
    assert [step["u"] is None for step in changed["steps"]] == [n == 5 for n in range(2, len(ids))]


def test_a_token_by_its_text(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    (king,) = classics.tokenizer.encode(" king")
    by_text = document(capsys, "what-if", TEXT, "--prompt", "2", "--change", "5= king", "--seed", "4")
    by_id = document(capsys, "what-if", TEXT, "--prompt", "2", "--change", f"5={king}", "--seed", "4")
    assert by_text["changed"] == by_id["changed"]
    status, out, err = run(capsys, "what-if", TEXT, "--prompt", "2", "--change", "5= kingdomless", "--seed", "4")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "give one, with the space before it" in err


def test_settings_on_top_of_settings(capsys: pytest.CaptureFixture[str]) -> None:
    told = document(capsys, "what-if", TEXT, "--prompt", "1", "--set", "top_k=200", "--to", "temperature=0.5",
                    "--seed", "4")
    assert (told["settings"]["top_k"], told["to"]["top_k"], told["to"]["temperature"]) == (200, 200, 0.5)
    kept = document(capsys, "what-if", TEXT, "--prompt", "1", "--set", "top_k=200", "--seed", "4")
    assert kept["impossible"]
    assert (kept["to"], kept["divergence"], kept["again"]) == (None, None, None)
    assert kept["changed"]["ids"] == kept["ids"]


def test_another_model(capsys: pytest.CaptureFixture[str], tiny: Path, tiny_of_60: Path) -> None:
    told = document(capsys, "what-if", "--ids", "1,2,3,4,5,6", "--prompt", "2", "--model", str(tiny), "--to-model",
                    str(tiny_of_60), "--seed", "4")
    assert max(told["changed"]["ids"]) < 60


def test_what_is_printed_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "what-if", TEXT, "--prompt", "2", "--change", "5=287")
    assert status == 0
    assert err.startswith("gpt2-remix: seed ")
    assert "(changed)" in out
    assert "luck in hindsight, seed " in out
    assert "nothing changes" in run(capsys, "what-if", TEXT, "--prompt", "2", "--seed", "1")[1]


@pytest.mark.parametrize(("arguments", "says"), [
    ([TEXT], "Missing option '--prompt'"), ([TEXT, "--prompt", "99"], "--prompt 99 is more than the text has"),
    (["--prompt", "1"], "there is no text"), ([TEXT, "--prompt", "1", "--change", "5"], "write POSITION=ID"),
    ([TEXT, "--prompt", "1", "--change", "x=1"], "write POSITION=ID"),
    ([TEXT, "--prompt", "1", "--change", "5=9999"], "id 9999 is outside"),
    ([TEXT, "--prompt", "1", "--change", "500=9"], "position 500 is outside"),
    ([TEXT, "--prompt", "1", "--change", "2=9", "--change", "2=8"], "names a position twice"),
    ([TEXT, "--prompt", "1", "--to", "temperatur=1"], "there is no setting"),
    ([TEXT, "--prompt", "1", "--ids", "1"], "both given"),
    ([TEXT, "--prompt", "1", "--to-model", "nothing/"], "nothing"),
    ([TEXT, "--prompt", "1", "--seed", "-1"], "seed -1 is out of range"),
])
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, out, err = run(capsys, "what-if", *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert says in err
