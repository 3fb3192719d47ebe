"""Weights in int8 or fp32: chosen by size, by the command line, by key; sessions keep theirs."""

import pytest

from engine import models
from engine.gpt2 import measure, opening
from engine.models import LoadOptions


async def test_a_key_changes_the_weights_and_keeps_the_tree(drive) -> None:
    async with drive() as app:
        await app.settled()
        await app.pilot.press("space", "space")
        await app.settled()
        before = app.tree.ids()
        assert app.exploration.info.precision == "fp32"
        await app.pilot.press("W")
        await app.until(lambda: app.exploration.info is not None and app.exploration.info.precision == "int8")
        await app.settled()
        assert app.tree.ids() == before
        assert "int8" in app.app.said
        await app.pilot.press("space")
        await app.settled()
        made = [app.tree.models[node.model].precision for node in app.tree.nodes if node.step is not None]
        assert made[-1] == "int8"
        assert made[-2] == "fp32"
        await app.pilot.press("W")
        await app.until(lambda: app.exploration.info is not None and app.exploration.info.precision == "fp32")


async def test_large_models_get_what_measures_faster_and_it_is_said(drive, monkeypatch) -> None:
    monkeypatch.setattr(opening, "LARGE", 1_000_000)
    monkeypatch.setattr(measure, "faster_precision", lambda _: ("int8", 3.0))
    async with drive() as app:
        await app.settled()
        assert app.exploration.info.precision == "int8"
        assert "int8" in app.app.said
        assert "int8" in app.playground._status.plain


async def test_a_session_keeps_its_precision_and_no_size_is_blamed(drive, tmp_path) -> None:
    path = tmp_path / "a.remix"
    async with drive(session=path, load=LoadOptions(precision="int8")) as app:
        await app.pilot.press("space")
        await app.settled()
        await app.until(lambda: app.app.keeper.state(app.exploration) == "saved")
    async with drive(session=path, prefix=None) as app:
        assert app.exploration.info.precision == "int8"
        assert len(app.tree) == 9
        assert "measured" not in app.app.said
        assert len(app.tree.models) == 1


@pytest.mark.parametrize("asked", ["fp32", "int8"])
async def test_the_command_line_decides(drive, monkeypatch, asked) -> None:
    monkeypatch.setattr(opening, "LARGE", 1_000_000)
    async with drive(load=LoadOptions(precision=asked)) as app:
        await app.settled()
        assert app.exploration.info.precision == asked
        assert models.EMBEDDED in app.exploration.model
