"""`gpt2-remix compare` as docs/command-line.md promises it."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest

from gpt2_remix.engine.models.opening import Model
from tests.engine.cli.test_cli import document, run

LANES = ["temperature=0.7,top_p=0.9", "temperature=1.2", "temperature=0"]
ISSUE = ["It is a truth", *(part for lane in LANES for part in ("--lane", lane)), "-n", "60", "--seed", "3"]


@pytest.mark.parametrize("coin", ["interval", "gumbel"])
def test_lanes_are_what_generate_gives(capsys: pytest.CaptureFixture[str], coin: str) -> None:
    record = document(capsys, "compare", *ISSUE, "--coin", coin)
    assert record["seed"] == 3
    for text, lane in zip(LANES, record["lanes"], strict=True):
        alone = document(capsys, "generate", ISSUE[0], "-n", "60", "--seed", "3", "--set", text, "--coin", coin)
        assert lane["ids"] == alone["samples"][0]["ids"]
        for ours, theirs in zip(lane["steps"], alone["samples"][0]["steps"], strict=True):
            assert ours == theirs | {name: pytest.approx(theirs[name], rel=1e-4) for name in
                                     ("p_raw", "p_final", "surprisal", "entropy")}
        assert lane["settings"] == alone["settings"]
        assert record["prompt_ids"] == alone["prompt_ids"]
    if coin == "interval":
        for steps in zip(*(lane["steps"] for lane in record["lanes"]), strict=True):
            assert len({step["u"] for step in steps}) == 1


def test_statistics_and_divergence_follow_from_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    record = document(capsys, "compare", *ISSUE)
    lanes = record["lanes"]
    for lane in lanes:
        surprisal = sum(step["surprisal"] for step in lane["steps"]) / 60
        assert lane["stats"]["mean_surprisal"] == pytest.approx(surprisal)
        assert lane["stats"]["perplexity"] == pytest.approx(2**surprisal)
        assert lane["stats"]["mean_entropy"] == pytest.approx(sum(step["entropy"] for step in lane["steps"]) / 60)
        assert lane["stats"]["distinct_1"] == len(set(lane["ids"])) / 60
        assert lane["stats"]["distinct_2"] == len(set(zip(lane["ids"], lane["ids"][1:], strict=False))) / 59
        grams = [tuple(lane["ids"][n : n + 4]) for n in range(57)]
        assert lane["stats"]["repeated_4gram_fraction"] == pytest.approx(1 - len(set(grams)) / 57)
    start = len(record["prompt_ids"])
    for a, row in enumerate(record["divergence"]):
        for b, position in enumerate(row):
            assert position == record["divergence"][b][a]
            same = [x == y for x, y in zip(lanes[a]["ids"], lanes[b]["ids"], strict=True)]
            assert position == (None if all(same) else start + same.index(False))


def test_own_coins_and_own_prefixes(capsys: pytest.CaptureFixture[str], classics: Model) -> None:
    lanes = ["--lane", "temperature=1", "--lane", '"Call me Ishmael" temperature=1']
    record = document(capsys, "compare", "It is", *lanes, "-n", "5", "--seed", "3", "--own-coins")
    assert [lane["seed"] for lane in record["lanes"]] == [3, 4]
    record = document(capsys, "compare", "It is", *lanes, "-n", "5", "--seed", "3")
    first, second = record["lanes"]
    assert second["prompt_ids"] == classics.tokenizer.encode("Call me Ishmael")
    assert second["offset"] == len(first["prompt_ids"]) - len(second["prompt_ids"])
    assert [step["u"] for step in first["steps"]] == [step["u"] for step in second["steps"]]


def test_base_settings_and_presets_hold_for_every_lane(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "It is", "--set", "top_k=5", "--lane", "temperature=0.5", "--lane", "greedy", "-n", "3"]
    record = document(capsys, *arguments)
    assert [lane["settings"]["top_k"] for lane in record["lanes"]] == [5, 0]
    assert record["lanes"][1]["settings"]["temperature"] == 0


def test_repeat_is_mean_and_spread_over_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    lanes = [part for lane in LANES for part in ("--lane", lane)]
    record = document(capsys, "compare", "It is", *lanes, "-n", "12", "--seed", "5", "--repeat", "4")
    assert record["seeds"] == [5, 6, 7, 8]
    for place in range(3):
        values = []
        for seed in record["seeds"]:
            once = document(capsys, "compare", "It is", *lanes, "-n", "12", "--seed", str(seed))
            values.append(once["lanes"][place]["stats"]["mean_surprisal"])
        mean = sum(values) / 4
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / 3)
        assert record["lanes"][place]["stats"]["mean_surprisal"] == pytest.approx(
            {"mean": mean, "spread": spread}, rel=1e-4
        )  # batches of another size round otherwise
    assert record["lanes"][0]["left_lane_1_after"] == [None] * 4


@pytest.mark.parametrize("extra", [[], ["--repeat", "2"]])
def test_formats(capsys: pytest.CaptureFixture[str], extra: list[str]) -> None:
    arguments = ["compare", "It is", "--lane", "nucleus", "--lane", "greedy", "-n", "6", "--seed", "1", *extra]
    code, out, _ = run(capsys, *arguments, "--format", "csv")
    assert code == 0
    rows = list(csv.reader(io.StringIO(out)))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert rows[1][1] == "top_p=0.95"
    out = run(capsys, *arguments, "--format", "md")[1]
    assert out.startswith("| lane | leaves lane 1 ")
    assert json.loads(run(capsys, *arguments, "--format", "json")[1]) == document(capsys, *arguments)
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "mean surprisal" in out


@pytest.mark.parametrize(("arguments", "said"), [
    (["x", "--lane", "temperature=1"], "2 to 16 lanes"),
    (["x", *["--lane", "temperature=1"] * 17], "17 were given"),
    (["x", "--lane", "temperature=1", "--lane", "temprature=1"], "did you mean temperature"),
    (["x", "--lane", "temperature=1", "--lane", "banned=8193"], "ids are 0 to 8192"),
    (["x", "--ids", "3", "--lane", "top_k=1", "--lane", "top_k=2"], "both given"),
    (["x", "--lane", "top_k=1", "--lane", '"open top_k=2'], "not closed"),
    (["x", "--lane", "top_k=1", "--lane", "top_k=2", "--seed", str(2**63 - 1), "--own-coins"], "out of range"),
    (["x", "--lane", "top_k=1", "--lane", "top_k=2", "--json", "--format", "csv"], "give one of them"),
])
def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    code, out, err = run(capsys, "compare", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("chain", ["temperature=1", "temperature=0.7,top_p=0.9", "top_k=30,frequency_penalty=0.5"])
def test_the_gumbel_coin_is_recomputed_by_an_outside_program(capsys: pytest.CaptureFixture[str], chain: str) -> None:
    """From what `next --all --json` prints and docs/coins.md's formula, with numpy alone."""
    made = document(capsys, "generate", "It is a truth", "-n", "6", "--seed", "11", "--coin", "gumbel", "--set", chain)
    ids = made["prompt_ids"]
    for step in made["samples"][0]["steps"]:
        if "frequency_penalty" in chain and step["position"] > len(made["prompt_ids"]):
            break  # `next` takes everything that stands before as the prefix
        given = ",".join(map(str, ids))
        record = document(capsys, "next", "--ids", given, "--set", chain, "--all")
        final = np.zeros(8193)
        for candidate in record["candidates"]:
            final[candidate["id"]] = candidate["p_final"]
        bits = np.random.Philox(key=11, counter=[0, step["position"], 0, 2])
        luck = np.random.Generator(bits).random(8193)
        with np.errstate(divide="ignore"):
            scores = np.log(final) - np.log(-np.log(luck))
        assert int(np.argmax(scores)) == step["id"]
        assert luck[step["id"]] == step["u"]
        ids = [*ids, step["id"]]
