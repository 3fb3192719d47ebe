"""A lesson recorded by doing it: played back it comes to the same text, whatever was done."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.state.lesson import Lesson, LessonStep, read_lesson
from tests.tui.conftest import Drive, Driver


def done(driver: Driver, place: int) -> bool:
    """Whether the lesson's step with this number is done."""
    run = driver.workspace.lesson
    return run.place == place and driver.app.lessons.idle and not run.busy


async def press(driver: Driver, *keys: str) -> None:
    """Press keys, and wait until whatever screen is on top has settled."""
    for key in keys:
        await driver.pilot.press(key)
        await driver.until(lambda: driver.app.lessons.doing.top.settled and driver.playground.activity.run is None)


async def say(driver: Driver, words: str) -> None:
    """Say something of what was done."""
    await driver.pilot.press("L")
    await driver.until(lambda: isinstance(driver.app.screen, AskScreen))
    await driver.pilot.press(*words, "enter")
    await driver.until(lambda: driver.app.screen is driver.playground)


async def saved(driver: Driver, path: Path) -> Lesson:
    """End the recording and read what was written."""
    driver.app.recorder.toggle()
    await driver.until(lambda: isinstance(driver.app.screen, AskScreen))
    await driver.pilot.press(*["delete"] * 20, *["backspace"] * 30, *str(path.with_suffix("")), "enter")
    await driver.until(lambda: driver.workspace.lesson.recording is None and path.exists())
    return read_lesson(path)


async def played(drive: Drive, lesson: Lesson) -> list[int]:
    """The text at the lesson's end, played with nobody there."""
    async with drive(settle=False, prefix=None, seed=None, lesson=lesson, alone=True) as driver:
        driver.app.animation_level = "none"
        run = driver.workspace.lesson
        for place in range(len(lesson.steps)):
            await driver.until(partial(done, driver, place))
            assert driver.app.lessons.problem == ""
            driver.app.lessons.go_on()
        await driver.until(lambda: run.over)
        return driver.tree.ids()


async def record(
    drive: Drive, path: Path, keys: list[str], settings: Settings | None = None
) -> tuple[list[int], Lesson]:
    """What was done, as a lesson, and the text that it came to."""
    async with drive(settings=settings) as driver:
        driver.app.animation_level = "none"
        driver.app.recorder.toggle()
        await press(driver, *keys)
        ids = driver.tree.ids()
        return ids, await saved(driver, path)


@pytest.mark.parametrize("keys", [
    "space space space", "space down enter space r r space left left r space", "space space u r space",
    "3 b left r space", "space P space escape space", "P a 1 enter space space", "P a escape space space",
    "P space a 1 enter r space", "P a 2 enter v escape space", "p space h home right right r t space l space",
], ids=str)
async def test_played_back_it_comes_to_the_same_text(drive: Drive, tmp_path: Path, keys: str) -> None:
    pressed = [{"[": "left_square_bracket"}.get(key, key) for key in keys.split()]
    ids, lesson = await record(drive, tmp_path / "mine.toml", pressed)
    assert await played(drive, lesson) == ids
    if keys == "space space space":
        assert [step.flip for step in lesson.steps] == [3]
        assert lesson.steps[0].seed == 7


@pytest.mark.parametrize("seed", range(2))
async def test_so_do_random_keys_with_settings_that_look_back(drive: Drive, tmp_path: Path, seed: int) -> None:
    keys = random.Random(seed).choices(
        ["space", "r", "left", "left", "end", "u", "ctrl+r", "down", "enter", "h", "p", "b", "right_square_bracket"],
        k=25)
    ids, lesson = await record(drive, tmp_path / "mine.toml", keys,
                               Settings(presence_penalty=1.0, repetition_penalty=1.2, top_k=50))
    assert await played(drive, lesson) == ids


async def test_what_is_said_ends_a_step_and_lanes_are_recorded(drive: Drive, tmp_path: Path) -> None:
    async with drive() as driver:
        driver.app.recorder.toggle()
        await press(driver, "space")
        bar = driver.workspace.lesson
        await say(driver, "Why?")
        await press(driver, "c", "space", "space", "c", "space")
        assert "Recording" in bar.words()
        lesson = await saved(driver, tmp_path / "my-own.toml")
        ids = driver.tree.ids()
    assert (lesson.title, lesson.steps[0].question, lesson.steps[0].flip) == ("My own", "Why?", 1)
    compared = [step for step in lesson.steps if step.show == "compare"]
    assert [(len(step.lanes or ()), step.flip) for step in compared] == [(2, 2)]
    assert await played(drive, lesson) == ids


async def test_the_file_is_new_and_a_recording_that_is_not_saved_is_kept(drive: Drive, tmp_path: Path) -> None:
    taken = tmp_path / "taken.toml"
    taken.write_text("mine")
    async with drive() as driver:
        driver.app.recorder.toggle()
        await press(driver, "space")
        await say(driver, "One")
        driver.app.recorder.toggle()
        await driver.until(lambda: isinstance(driver.app.screen, AskScreen))
        await driver.pilot.press(*["backspace"] * 30, *str(taken), "enter")
        await driver.pilot.pause()
        assert "already" in str(driver.app.screen.query_one("#problem").render())
        await driver.pilot.press("escape")
        app = driver.app
    assert "lesson-1.toml" in app.parting
    assert read_lesson(Path(app.parting.split(" is in ")[1])).steps[0] == LessonStep(
        prefix="It is a truth universally acknowledged", seed=7, coin="interval", settings=Settings(), heat="surprisal",
        show="playground", flip=1, caption="One")
    assert taken.read_text() == "mine"
