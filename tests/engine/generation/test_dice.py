"""Dice: the u of a flip given by a person, in commands, records and what comes after them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.cli.run import run
from gpt2_remix.engine.compare.lanes import run_together
from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import logits_at
from gpt2_remix.engine.generation.counterfactual import rechoose, script_of
from gpt2_remix.engine.generation.lane import lane_at
from gpt2_remix.engine.generation.stream import Prefix
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.dice import parse_dice, span_of, u_of
from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.store import read
from tests.engine.cli.test_cli import document

PREFIX = "It is a truth"
DICE = [0.6, 0.02, 0.75]


def by_brute_force(model: Model, settings: Settings, dice: list[float]) -> list[int]:
    """The tokens whose shares of the unit interval hold u: laid out by probability, summed until u is exceeded."""
    ids = model.tokenizer.encode(PREFIX)
    for u in dice:
        logits = logits_at(model.backend, [(ids, len(ids))], model.tokenizer.end_of_text)[0]
        final = distribution(logits, settings).final
        order = sorted(range(final.size), key=lambda token: (-final[token], token))
        ids = [*ids, order[int(np.argmax(np.cumsum(final[order]) > u))]]
    return ids[-len(dice) :]


def test_dice_choose_what_lies_under_their_u(
    capsys: pytest.CaptureFixture[str], classics: Model, tmp_path: Path
) -> None:
    path = str(tmp_path / "a.remix")
    made = document(capsys, "generate", PREFIX, "-n", "5", "--seed", "7", "--set", "temperature=0.8", "--dice",
                    "0.6,0.02,0.75", "--session", path)
    steps = made["samples"][0]["steps"]
    assert [step["id"] for step in steps[:3]] == by_brute_force(classics, Settings(temperature=0.8), DICE)
    assert [step["u"] for step in steps[:3]] == DICE
    before = ",".join(map(str, made["prompt_ids"] + made["samples"][0]["ids"][:3]))
    plain = document(capsys, "generate", "--ids", before, "-n", "2", "--seed", "7", "--set", "temperature=0.8")
    assert plain["samples"][0]["ids"] == made["samples"][0]["ids"][3:]  # later positions have the seed's own coins
    kept = read(Path(path)).tree
    assert [kept.step(n).seed for n in range(len(kept) - 5, len(kept))] == [None, None, None, 7, 7]
    replayed = document(capsys, "replay", path)
    assert (replayed["replayed"], replayed["different"]) == (5, [])
    again = str(tmp_path / "b.remix")
    assert run_ok("export", path, "--format", "json", "-o", str(tmp_path / "a.json"))
    assert run_ok("import", str(tmp_path / "a.json"), "-o", again)
    assert [read(Path(again)).tree.step(n) for n in range(len(kept))] == [kept.step(n) for n in range(len(kept))]


def run_ok(*arguments: str) -> bool:
    from gpt2_remix.engine.cli.options import FrontEnd, commands

    def no_picture(path: Path, leaf: int | None) -> str:
        raise AssertionError

    return run(commands, [*arguments], FrontEnd(no_picture)) == 0


def test_every_lane_and_sample_has_the_same_dice(capsys: pytest.CaptureFixture[str]) -> None:
    made = document(capsys, "compare", PREFIX, "-n", "3", "--seed", "1", "--own-coins", "--dice", "0.5,0.9",
                    "--lane", "temperature=1", "--lane", "temperature=1")
    first, second = ([step["u"] for step in lane["steps"]] for lane in made["lanes"])
    assert first[:2] == second[:2] == [0.5, 0.9]
    assert first[2] != second[2]
    samples = document(capsys, "generate", PREFIX, "-n", "2", "--seed", "1", "--samples", "2", "--dice", "0.5")
    assert [sample["steps"][0]["u"] for sample in samples["samples"]] == [0.5, 0.5]


@pytest.mark.parametrize("given", ["1", "-0.1", "nan", "x", "", "0.5;0.6", "inf"])
def test_what_is_no_roll_is_a_line(capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert not run_ok("generate", "It is", "--dice", given)
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert "dice" in said


def test_the_race_takes_no_dice(capsys: pytest.CaptureFixture[str]) -> None:
    assert not run_ok("generate", "It is", "--dice", "0.5", "--coin", "gumbel")
    assert "the Gumbel coin has luck for every token" in capsys.readouterr().err


def test_the_same_luck_after_a_change_has_the_same_dice(classics: Model) -> None:
    """A what-if flips a rolled u again as it flips a seed's."""
    prefix = Prefix(classics.tokenizer.encode(PREFIX))
    lane = lane_at(prefix, len(prefix), Settings(), seed=7, limit=6, dice=DICE)
    assert list(run_together(classics.backend, [lane], classics.tokenizer)) == [1] * 6
    cold = Settings(temperature=0.3)
    changed = lane_at(prefix, len(prefix), cold, seed=8, limit=6, script=script_of(lane.steps, cold))
    assert list(run_together(classics.backend, [changed], classics.tokenizer)) == [1] * 6
    assert [step.u for step in changed.steps] == [step.u for step in lane.steps]
    assert [step.seed for step in changed.steps] == [None, None, None, 7, 7, 7]
    same = lane_at(prefix, len(prefix), Settings(), seed=8, limit=6, script=script_of(lane.steps))
    assert list(run_together(classics.backend, [same], classics.tokenizer)) == [1] * 6
    assert same.steps == lane.steps
    whole = [prefix.step(n) for n in range(len(prefix))] + lane.steps
    chosen = dict(rechoose(classics.backend, whole, Settings(), tokenizer=classics.tokenizer))
    assert [chosen[step.position] for step in lane.steps] == [step.token for step in lane.steps]


def test_two_rolls_of_the_same_token_are_two_steps(classics: Model) -> None:
    prefix = Prefix(classics.tokenizer.encode(PREFIX))
    lane = lane_at(prefix, len(prefix), Settings(), seed=7, limit=1, dice=DICE)
    list(run_together(classics.backend, [lane], classics.tokenizer))
    step = lane.steps[0]
    assert step.same_flip(replace(step))
    assert not step.same_flip(replace(step, u=0.6001))


@given(st.text("0123456789", min_size=1, max_size=15), st.sampled_from("0123456789"))
def test_each_digit_leaves_a_tenth(digits: str, more: str) -> None:
    low, high = span_of(digits)
    assert low == u_of(digits) == float(f"0.{digits}") < high <= 1
    if len(digits) < 15:
        inner = span_of(digits + more)
        assert low <= inner[0] < inner[1] <= high
        assert round((high - low) / (inner[1] - inner[0])) == 10


def test_rolls_are_read_as_they_are_written() -> None:
    assert parse_dice("0.6,0.02 0.75") == (0.6, 0.02, 0.75)
    assert json.dumps(parse_dice("0, 1e-3")) == "[0.0, 0.001]"
    with pytest.raises(InputError, match="1"):
        parse_dice("0.5,1")
