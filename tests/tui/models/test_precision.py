"""Weights in int8 or fp32: chosen by size, by the command line, by key; sessions keep theirs."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.gpt2 import measure, opening
from gpt2_remix.engine.gpt2.kernels import compiled
from gpt2_remix.engine.models import names
from gpt2_remix.engine.models.opening import LoadOptions, open_model
from gpt2_remix.engine.session.replay import replay
from tests.tui.conftest import Drive


async def test_a_key_changes_the_weights_and_keeps_the_tree(drive: Drive) -> None:
    async with drive() as app:
        await app.settled()
        await app.pilot.press("space", "space")
        await app.settled()
        before = app.tree.ids()
        assert app.info.precision == "fp32"
        await app.pilot.press("W")
        await app.until(lambda: app.exploration.info is not None and app.info.precision == "int8")
        await app.settled()
        assert app.tree.ids() == before
        assert "int8" in app.app.workspace.said
        await app.pilot.press("space")
        await app.settled()
        made = [app.tree.models[node.model].precision for node in app.tree.nodes if node.step is not None]
        assert made[-1] == "int8"
        assert made[-2] == "fp32"
        await app.pilot.press("W")
        await app.until(lambda: app.exploration.info is not None and app.info.precision == "fp32")


async def test_large_models_get_what_measures_faster_and_it_is_said(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LARGE", 1_000_000)
    monkeypatch.setattr(measure, "faster_precision", lambda _: ("int8", 3.0))
    async with drive() as app:
        await app.settled()
        assert app.info.precision == "int8"
        assert "int8" in app.app.workspace.said
        assert "int8" in app.playground.status


async def test_a_session_keeps_its_precision_and_no_size_is_blamed(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "a.remix"
    async with drive(session=path, load=LoadOptions(precision="int8")) as app:
        await app.pilot.press("space")
        await app.settled()
        await app.until(lambda: app.app.workspace.autosave.state(app.exploration) == "saved")
    async with drive(session=path, prefix=None) as app:
        assert app.info.precision == "int8"
        assert len(app.tree) == 9
        assert "measured" not in app.app.workspace.said
        assert len(app.tree.models) == 1


@pytest.mark.parametrize("asked", ["fp32", "int8"])
async def test_the_command_line_decides(drive: Drive, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setattr(opening, "LARGE", 1_000_000)
    async with drive(load=LoadOptions(precision=asked)) as app:
        await app.settled()
        assert app.info.precision == asked
        assert names.EMBEDDED in app.exploration.model


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As at the very first start: no kernels are compiled yet."""
    monkeypatch.setattr(compiled, "_loaded", {})
    monkeypatch.setenv("GPT2_REMIX_KERNELS", str(tmp_path / "kernels"))


@pytest.mark.slow
async def test_the_first_start_works_at_once_and_changes_over(drive: Drive, uncompiled: None) -> None:
    """It runs in numpy while the kernels are compiled, goes on with them in the middle of a run, and replays."""
    async with drive() as app:
        await app.settled()
        assert app.info.form == "numpy"
        assert "numpy" in app.playground.status
        await app.pilot.press("g")
        await app.until(lambda: app.info.form == "kernels 1")
        assert "compiled" in app.app.workspace.said
        running, before = app.playground.activity.running, len(app.tree)
        assert running
        await app.until(lambda: len(app.tree) > before + 20)
        await app.pilot.press("space")
        await app.settled()
        assert "numpy" not in app.playground.status
        forms = [app.tree.models[node.model].form for node in app.tree.nodes
                 if node.step is not None and node.step.origin == "sampled"]
        assert forms == sorted(forms, reverse=True)  # numpy, then kernels: no step of one under the other's name
        assert set(forms) == {"numpy", "kernels 1"}
        model = open_model("classics")
        *_, found = replay(model.backend, app.tree, model.tokenizer, range(len(app.tree.models)))
        assert found.different == []
        assert found.other_form == forms.count("numpy")


async def test_a_compiler_that_fails_leaves_numpy_and_says_so(
    drive: Drive, uncompiled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(stop: Any) -> Any:
        raise EngineError("the kernels could not be compiled (no space left)")

    monkeypatch.setattr(compiled, "compile_kernels", fails)
    async with drive() as app:
        await app.until(lambda: "no space left" in app.app.workspace.said)
        await app.settled()
        await app.pilot.press("space")
        await app.settled()
        assert app.info.form == "numpy"
        await app.pilot.press("W")  # int8 needs them
        await app.until(lambda: app.app.workspace.said.count("no space left") or "int8" in app.app.workspace.said)
        await app.pilot.press("space")
        await app.settled()


async def test_no_network_changes_under_a_comparison(
    drive: Drive, uncompiled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes that lie side by side come from one network: the change waits until they are closed."""
    ready = Event()
    compile_kernels = compiled.compile_kernels

    def later(stop: Any) -> Any:
        ready.wait(60)
        monkeypatch.undo()  # what is compiled already
        return compile_kernels(stop)

    monkeypatch.setattr(compiled, "compile_kernels", later)
    monkeypatch.setattr("gpt2_remix.tui.app.CHANGE_AGAIN", 0.05)
    async with drive() as app:
        await app.settled()
        await app.pilot.press("c")
        await app.lanes_settled()
        put_off: list[object] = []
        set_timer = app.app.set_timer

        def counted(delay: float, callback: Any = None, **options: Any) -> Any:
            put_off.append(callback)
            return set_timer(delay, callback, **options)

        app.app.set_timer = counted  # type: ignore[method-assign]
        ready.set()
        await app.lane_press("space")
        await app.until(lambda: len(put_off) >= 2)
        assert app.info.form == "numpy"
        await app.pilot.press("escape")
        await app.until(lambda: app.info.form == "kernels 1")
