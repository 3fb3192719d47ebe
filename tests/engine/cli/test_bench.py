"""`gpt2-remix bench`: runs, on any model, and says what it measured."""

from __future__ import annotations

import pytest

from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.models.benchmark import measure
from tests.engine.cli.test_cli import document, run
from tests.kinds import Checkpoint


@pytest.mark.slow
def test_bench_of_a_model_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bench", "--model", "classics", "--precision", "int8")
    assert code == 0
    assert "int8 on cpu" in out
    assert "█" in out
    record = document(capsys, "bench", "--model", "classics")
    assert [found["precision"] for found in record["runs"]] == ["fp32", "int8"]
    assert record["read_bytes_per_s"] > 1e8
    for found in record["runs"]:
        assert found["parameters"] == 5388032
        assert all(row["value"] > 0 for row in found["results"])
        assert {row["unit"] for row in found["results"]} == {"tok/s", "ms"}


def test_a_short_context_is_measured_too(checkpoint: Checkpoint) -> None:
    found = list(measure(open_backend("tiny", checkpoint()), 1e9))
    assert found[0].name == "prefill of 14 tokens"
    assert all(row.value > 0 for row in found)
