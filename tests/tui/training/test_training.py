"""Training on a text from the app: a real process in the background, its screen, and the switch to what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.models.provenance import read_record
from gpt2_remix.tui.state.training import POINTS, Training, TrainOptions, folder_for, read_train_options
from gpt2_remix.tui.training.new import TextFiles, TrainScreen
from gpt2_remix.tui.training.screen import TrainingScreen
from tests.kinds import known
from tests.tui.conftest import Drive, Driver

WORDS = "the quick brown fox jumps over the lazy dog and runs away from it at once, said nobody in particular. "


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a text."""
    (tmp_path / "a fox.txt").write_text("\n".join(f"{n} {WORDS}" for n in range(400)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def fill(driver: Driver, **fields: str) -> None:
    """Write into the form's fields."""
    await driver.until(lambda: isinstance(driver.app.screen, TrainScreen))
    for name, value in fields.items():
        driver.app.screen.query_one(f"#{name}", Input).value = value
        await driver.pilot.pause()


@pytest.mark.slow
async def test_train_explore_meanwhile_and_switch_with_a_key(drive: Drive, here: Path) -> None:
    async with drive() as driver:
        await driver.pilot.press("M")
        await fill(driver, files="'a fox.txt'", minutes="0.1")
        assert driver.app.screen.query_one("#out", Input).value == "a-fox-model"
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, TrainingScreen))
        trainings = driver.app.workspace.trainings
        await driver.pilot.press("escape")
        before = len(driver.tree)
        await driver.press("space", "space")
        assert len(driver.tree) == before + 2
        assert trainings.going
        await driver.until(lambda: "training" in driver.playground.status)
        await driver.pilot.press("M")
        await driver.until(lambda: isinstance(driver.app.screen, TrainingScreen))
        await driver.until(lambda: driver.training.over, seconds=120)
        training = driver.training
        assert (training.problem, training.whole, training.has_model) == ("", True, True)
        assert known(training.held_out) < 5
        assert training.losses[0][1] > training.losses[-1][1]
        assert "M switches to it" in driver.notices()
        await driver.pilot.press("escape")
        await driver.until(lambda: "M: the new model" in driver.playground.status)
        await driver.pilot.press("M")
        await driver.until(lambda: driver.exploration.info and driver.info.name.endswith("a-fox-model"))
        await driver.settled()
        assert "the new model" not in driver.playground.status
        assert driver.decode(driver.tree.ids(before)).startswith("It is a truth")
        await driver.until(lambda: driver.app.settled)
        assert [document.title for document in known(driver.workspace.index).documents] == ["a fox"]
        assert known(driver.workspace.index).tokens is not None  # it remembers its files: the passage can be shown


@pytest.mark.slow
async def test_stopped_it_keeps_what_it_has_and_goes_on(drive: Drive, here: Path) -> None:
    async with drive() as driver:
        driver.app.workspace.trainings.begin(TrainOptions((str(here / "a fox.txt"),), here / "fox", 2.0))
        driver.playground.places.last_training()
        training = driver.training
        await driver.until(lambda: training.looks, seconds=120)
        await driver.pilot.press("ctrl+x")
        assert training.stopping
        await driver.until(lambda: training.over, seconds=120)
        assert (training.problem, training.whole, training.opened) == ("", False, False)
        step = read_record(here / "fox")["step"]
        assert step > 0
        await driver.pilot.press("r")
        second = driver.training
        await driver.until(lambda: second.step > step, seconds=120)
        assert second.losses[0] == pytest.approx(tuple(read_record(here / "fox")["history"][0][n] for n in (0, 2)))
        await driver.pilot.press("ctrl+x")
        await driver.until(lambda: second.over, seconds=120)
        assert read_record(here / "fox")["step"] > step


@pytest.mark.slow
async def test_the_app_ends_and_the_training_ends_well_by_itself(drive: Drive, here: Path) -> None:
    async with drive() as driver:
        driver.app.workspace.trainings.begin(TrainOptions((str(here / "a fox.txt"),), here / "fox", 2.0))
        training = driver.training
        await driver.until(lambda: training.looks, seconds=120)
        process = driver.app.workspace.trainings.process
    assert "go on: gpt2-remix train --out" in driver.app.parting
    assert known(process).wait(60) in (0, 130)
    record = read_record(here / "fox")
    assert not record["done"]
    assert record["step"] >= training.step
    assert not list((here / "fox").glob("*.part"))


@pytest.mark.slow
async def test_what_only_the_process_finds_out_is_a_line_and_the_wish_can_be_mended(drive: Drive, here: Path) -> None:
    (here / "utf16.txt").write_bytes(WORDS.encode("utf-16") * 50)
    async with drive() as driver:
        await driver.pilot.press("M")
        await fill(driver, files="utf16.txt", minutes="1")
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.app.workspace.trainings.training and driver.training.over)
        assert "UTF-16" in driver.training.problem
        assert "UTF-16" in driver.notices()
        assert not (here / "utf16-model").exists()
        await driver.until(lambda: "n" in driver.app.screen.active_bindings)
        await driver.pilot.press("n")
        await driver.until(lambda: isinstance(driver.app.screen, TrainScreen))
        assert "utf16.txt" in driver.app.screen.query_one("#files", Input).value


async def test_the_form_says_what_is_wrong_and_stays(drive: Drive, here: Path) -> None:
    async with drive() as driver:
        await driver.pilot.press("M")
        for files, said in (("nowhere.txt", "does not exist"), ("'open", "quotation mark"), ("", "name a text file")):
            await fill(driver, files=files)
            await driver.pilot.press("enter")
            assert said in str(driver.app.screen.query_one("#problem").render())
        await driver.pilot.press("escape")
        assert driver.app.screen is driver.playground
        assert driver.app.workspace.trainings.training is None


async def test_files_are_taken_and_left_out_in_the_list(drive: Drive, here: Path) -> None:
    async with drive() as driver:
        await driver.pilot.press("M")
        await driver.until(lambda: isinstance(driver.app.screen, TrainScreen))
        tree = driver.app.screen.query_one(TextFiles)
        await driver.until(lambda: tree.root.children)
        await driver.pilot.press("tab", "tab", "tab")
        while known(known(tree.cursor_node).data).path.name != "a fox.txt":
            await driver.pilot.press("down")
        await driver.pilot.press("enter")
        field = driver.app.screen.query_one("#files", Input)
        await driver.until(lambda: field.value == "'a fox.txt'")
        await driver.pilot.press("space")
        await driver.until(lambda: field.value == "")
        await driver.pilot.press("enter")
        await driver.until(lambda: field.value == "'a fox.txt'")
        await driver.pilot.press("enter")  # on a chosen file: begin
        await driver.until(lambda: not isinstance(driver.app.screen, TrainScreen))
        assert driver.training.options.files


@pytest.mark.parametrize(("files", "out", "minutes", "said"), [
    ("'a fox.txt'", "m", "", "no number of minutes"), ("'a fox.txt'", "m", "-1", "no number of minutes"),
    ("'a fox.txt'", "m", "nan", "no number of minutes"), ("'a fox.txt'", " ", "1", "name a folder"),
    ("'a fox.txt'", ".", "1", "not empty"), ("'a fox.txt'", "a fox.txt", "1", "is a file"),
    (".", "m", "1", "is a folder"), ("'a fox.txt' 'a fox.txt'", "m", "1", "given twice"),
    ("*.md", "m", "1", "does not exist"),
])
def test_wishes_that_cannot_be_are_refused(here: Path, files: str, out: str, minutes: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        read_train_options(files, out, minutes)
    assert len(str(refused.value).splitlines()) == 1


def test_patterns_titles_and_names(here: Path) -> None:
    (here / "two=three.txt").write_text(WORDS)
    wish = read_train_options("*.txt", "m", "0,5")
    assert wish.files == (str(here / "a fox.txt"), str(here / "two=three.txt"))
    assert (wish.out, wish.minutes) == (here / "m", 0.5)
    assert read_train_options("'The Fox=a fox.txt'", "m", "5").files == (f"The Fox={here / 'a fox.txt'}",)
    assert folder_for("'a fox.txt' other.txt", here) == "a-fox-model"
    (here / "a-fox-model").mkdir()
    assert folder_for("'a fox.txt'", here) == "a-fox-model-2"
    assert folder_for("'open", here) == "open-model"


def test_a_long_training_keeps_a_bounded_number_of_points() -> None:
    training = Training(TrainOptions(("a.txt",), Path("m"), 100.0), 1)
    for n in range(20_000):
        seconds = n * 0.3
        training.take({"event": "report", "step": n, "seconds": seconds, "left": 6000 - seconds, "loss": 3.0,
                       "rate": 1.0, "fraction": seconds / 6000, "held_out": 3.5 if n % 500 == 0 else None})
    assert POINTS / 2 < len(training.losses) <= POINTS + 1
    assert len(training.looks) == 40


@pytest.mark.slow
async def test_stopped_at_once_it_leaves_nothing_and_complains_of_nothing(drive: Drive, here: Path) -> None:
    async with drive() as driver:
        driver.app.workspace.trainings.begin(TrainOptions((str(here / "a fox.txt"),), here / "fox", 2.0))
        driver.playground.places.last_training()
        training = driver.training
        await driver.until(lambda: isinstance(driver.app.screen, TrainingScreen))
        await driver.pilot.press("ctrl+x")
        await driver.until(lambda: training.over)
        assert (training.problem, training.has_model) == ("", False)
        assert "stopped before it began" in str(driver.app.screen.query_one("#figures").render())
        assert not (here / "fox").exists()
