"""Lessons on the real app: recorded without a terminal, played in one, taken over and gone on with."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import pyte
import pytest

from gpt2_remix.engine.program import command
from gpt2_remix.tui.compare.screen import CompareScreen
from gpt2_remix.tui.stage.screen import StageScreen
from gpt2_remix.tui.state import preferences
from gpt2_remix.tui.state.lesson import Lesson, find_lesson, read_lesson
from gpt2_remix.tui.state.stage import PACES
from tests.kinds import Emulate
from tests.tui.conftest import Drive, Driver

NAMES = ["coin", "temperatures", "cut", "luck", "remix", "guess"]


def last_screen(cast: Path) -> list[str]:
    """What a terminal shows at the end of a recording."""
    head, *events = (json.loads(line) for line in cast.read_text("utf-8").splitlines())
    assert (head["version"], head["title"] != "") == (2, True)
    screen = pyte.Screen(head["width"], head["height"])
    stream = pyte.Stream(screen)
    times = []
    for when, kind, data in events:
        assert kind == "o"
        times.append(when)
        stream.feed(data)
    assert times == sorted(times)
    return [line.rstrip() for line in screen.display]


def recorded(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real program without a terminal."""
    return subprocess.run(command("tui", "play", *arguments), capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_recording_ends_where_the_lesson_ends_the_same_every_time(
    name: str, tmp_path: Path, emulate: Emulate
) -> None:
    lesson = find_lesson(name)
    made = recorded(name, "--cast", str(tmp_path / "a.cast"), "--pictures", str(tmp_path / "seen"))
    assert made.returncode == 0, made.stderr
    assert len(list((tmp_path / "seen").glob("*.svg"))) == len(lesson.steps)
    assert recorded(name, "--cast", str(tmp_path / "b.cast")).returncode == 0
    first, second = ((tmp_path / name).read_text("utf-8").splitlines() for name in ("a.cast", "b.cast"))
    assert [(a, b) for a, b in zip(first, second, strict=True) if a != b] == []
    shown = last_screen(tmp_path / "a.cast")
    words = " ".join(lesson.steps[-1].question.split() or lesson.steps[-1].caption.split())
    assert words[:30] in " ".join(" ".join(shown).replace("█", " ").split())
    assert not list((tmp_path / "home").rglob("*.remix"))  # nothing of it among a person's sessions

    terminal = emulate("play", name, size=(100, 30), TEXTUAL_ANIMATIONS="none")
    for place, step in enumerate(lesson.steps, start=1):
        count = f"{place} of {len(lesson.steps)}"
        if step.play is not None:
            terminal.until_all(f"then: enter    L: over to you   {count}",
                               "ten-sided" if step.play == "dice" else "hands for")
            terminal.process.write(b"42\r" if step.play == "dice" else b"3 2 1\r")
        terminal.until_all(f"space: go on   L: over to you   {count}")
        seen = terminal.text
        terminal.process.write(b" ")
    terminal.until_all("That was", "space: done")
    # Between the status line and the lesson's bar, whose words have more room with nobody there, and so have lanes.
    last = 17 if name in ("temperatures", "luck") else 27
    assert [line.rstrip() for line in seen.split("\n")[1:last]] == shown[1:last]
    terminal.process.write(b" q")
    assert terminal.finish() == 0


async def stepped(driver: Driver, place: int) -> None:
    """The lesson's step with this number is done."""
    run = driver.workspace.lesson
    await driver.until(lambda: run.place == place and driver.app.lessons.idle and not run.busy)
    await driver.pilot.pause()  # what it said is a message to the app before it is a toast


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
async def test_a_person_takes_over_at_each_step_and_the_lesson_goes_on(drive: Drive, name: str) -> None:
    lesson = find_lesson(name)
    assert await end_of(drive, lesson, takes_over=False) == await end_of(drive, lesson, takes_over=True)


async def end_of(drive: Drive, lesson: Lesson, *, takes_over: bool) -> tuple[list[int], list[type]]:
    """The text and the screens at the end of a lesson, taken over at each of its steps or at none."""
    async with drive(settle=False, prefix=None, seed=None, lesson=lesson) as driver:
        driver.app.animation_level = "none"
        run = driver.workspace.lesson
        for n, step in enumerate(lesson.steps):
            if step.play is not None:
                await driver.until(partial(is_asked, driver, n))
                await driver.pilot.press(*("42" if step.play == "dice" else "3 2 1"), "enter")
            await stepped(driver, n)
            if takes_over and n + 1 < len(lesson.steps):
                await driver.pilot.press("r")
                await driver.until(lambda: run.taken)
                assert "Do what you like" in run.words()
                if step.show != "compare" and not isinstance(driver.app.screen, CompareScreen):
                    await driver.pilot.press("escape" if isinstance(driver.app.screen, StageScreen) else "P")
                await driver.pilot.press("L")
                await driver.until(lambda: not run.taken)
            else:
                await driver.pilot.press("space")
        await driver.until(lambda: run.over)
        return driver.tree.ids(), [type(screen) for screen in driver.app.screen_stack]


def is_asked(driver: Driver, place: int) -> bool:
    """Whether the room is asked something in a lesson's step."""
    screen = driver.app.screen
    if driver.workspace.lesson.place != place or not isinstance(screen, StageScreen) or not screen.plays.typing:
        return False
    return bool(screen.plays.asks()) and screen.telling.dist is not None


async def test_a_lesson_left_leaves_everything_as_it_is(drive: Drive) -> None:
    async with drive(settle=False, prefix=None, seed=None, lesson=find_lesson("remix")) as driver:
        await stepped(driver, 0)
        await driver.pilot.press("space")
        await stepped(driver, 1)
        ids = driver.tree.ids()
        assert driver.workspace.preferences.heat == "verbatim"
        await driver.pilot.press("escape")
        await driver.until(lambda: not driver.workspace.lesson.on)
        assert driver.tree.ids() == ids
        assert driver.workspace.preferences.heat == "surprisal"  # a person's own again
        await driver.press("space")
        assert len(driver.tree) == len(ids) + 1


async def test_esc_on_the_stage_ends_the_lesson_first_and_leaves_the_stage_then(drive: Drive) -> None:
    async with drive(settle=False, prefix=None, seed=None, lesson=find_lesson("coin")) as driver:
        await stepped(driver, 0)
        stage, ids = driver.on(StageScreen), driver.tree.ids()
        await driver.pilot.press("z", "escape")
        assert not stage.alone
        assert (driver.workspace.lesson.on, driver.workspace.lesson.taken) == (True, False)
        await driver.pilot.press("escape")
        assert driver.app.screen is stage
        assert not driver.workspace.lesson.on
        assert driver.tree.ids() == ids
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.app.screen is driver.playground)


async def test_a_step_on_the_stage_is_done_when_its_token_is_told(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "A"\nminutes = 1\nabout = "B"\n[[steps]]\nprefix = "It is"\nshow = "stage"\n'
                    'until = "step"\n[[steps]]\ncaption = "● is what the coin chose"\n')
    async with drive(settle=False, prefix=None, seed=None, lesson=read_lesson(path)) as driver:
        await stepped(driver, 0)
        stage = driver.on(StageScreen)
        stage.telling.change_pace(-len(PACES))
        for _ in range(3):
            await driver.pilot.press("space")
            await driver.until(lambda: not stage.telling.moving)
            assert driver.workspace.lesson.place == 0
        await driver.pilot.press("space")
        await stepped(driver, 1)
        assert len(driver.tree) == 3


async def test_what_a_step_cannot_do_is_said(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "A"\nminutes = 1\nabout = "B"\n[[steps]]\nids = [60000]\n[[steps]]\nprefix = "It is"\n')
    async with drive(settle=False, prefix=None, seed=None, lesson=read_lesson(path)) as driver:
        await stepped(driver, 0)
        assert "mine.toml, line 5, ids: " in driver.notices()
        await driver.pilot.press("space")
        await stepped(driver, 1)
        assert driver.decode(driver.tree.ids()) == "It is"


async def test_a_step_waits_for_what_the_person_is_to_do(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "A"\nminutes = 1\nabout = "B"\n'
                    '[[steps]]\nprefix = "It is"\nuntil = "pick"\n[[steps]]\ncaption = "c"\npause = 0.05\n')
    async with drive(settle=False, prefix=None, seed=None, lesson=read_lesson(path)) as driver:
        run = driver.workspace.lesson
        await stepped(driver, 0)
        await driver.settled()
        await driver.press("r")
        assert run.place == 0
        assert not run.taken
        await driver.press("enter")
        await driver.until(lambda: run.over)  # the next one pauses, and then it is over


async def test_lessons_begin_from_the_palette(drive: Drive) -> None:
    async with drive() as driver:
        commands = {line.title: line for line in driver.app.get_system_commands(driver.app.screen)}
        commands["lesson: One sentence, five temperatures"].callback()
        await stepped(driver, 0)
        driver.on(StageScreen)
        driver.on(StageScreen)
        for n in range(1, 6):
            await driver.pilot.press("space")
            await stepped(driver, n)
        driver.on(CompareScreen)
        assert len(driver.compare.comparison.lanes) == 5
        assert [len(lane.steps) for lane in driver.compare.comparison.lanes] == [16] * 5


@pytest.mark.parametrize(("wrong", "field", "said"), [
    ('pick = "two tokens"', "pick", "give one"), ("pick = 99999", "pick", "outside the vocabulary"),
    ('show = "stage"\npick = 99999', "pick", "outside the vocabulary"), ("go = 500", "go", "the text has 2 tokens"),
    ('set = "logit_bias=60000:5"', "set", "names id 60000, but"),
    ('show = "compare"\nlanes = ["temperature=1", "logit_bias=60000:5"]', "lanes", "names id 60000, but"),
    ('coin = "gumbel"\nplay = "dice"', "play", "this is the race"),
    ('coin = "gumbel"\ndice = [0.5]', "dice", "the interval coin"),
    ('show = "compare"\ndice = [0.5]', "dice", "lanes flip their own coins"),
    ('show = "stage"\nagain = true', "again", "flip = 1 comes first"),
], ids=str)
async def test_a_step_that_cannot_be_done_is_said_with_line_and_field(
    drive: Drive, tmp_path: Path, wrong: str, field: str, said: str
) -> None:
    """With somebody there, and with nobody."""
    alone = field in ("pick", "play", "dice")
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "A"\nminutes = 1\nabout = "B"\n[[steps]]\nprefix = "It is"\n{wrong}\n')
    line = 6 + wrong[: wrong.index(field)].count("\n")
    async with drive(settle=False, prefix=None, seed=None, lesson=read_lesson(path), alone=alone) as driver:
        await stepped(driver, 0)
        problem = driver.app.lessons.problem
        assert problem.startswith(f"{path}, line {line}, {field}: ")
        assert said in problem
        assert len(driver.tree) == 2
        assert problem in driver.notices()


@pytest.mark.parametrize(("what", "said"), [
    (["go = 500"], "line 6, go: the text has 2 tokens"),
    (["", "--model", "nope"], "gpt2-remix: there is no model 'nope'; known names"),
    (["", "--theme", "nope"], "there is no theme 'nope'"),
], ids=str)
def test_what_cannot_be_recorded_is_a_line_and_no_file(tmp_path: Path, what: list[str], said: str) -> None:
    """It was written all the same, with exit 0."""
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "A"\nminutes = 1\nabout = "B"\n[[steps]]\nprefix = "It is"\n{what[0]}\n')
    made = recorded(str(path), "--cast", str(tmp_path / "x.cast"), *what[1:])
    assert made.returncode == 2
    assert made.stderr.count("\n") == 1
    assert said in made.stderr
    assert not (tmp_path / "x.cast").exists()


async def test_in_a_comparison_a_step_picks_and_flips_again_in_the_text(drive: Drive, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "A"\nminutes = 1\nabout = "B"\n[[steps]]\nprefix = "It is"\nflip = 1\n'
                    '[[steps]]\nshow = "compare"\npick = " not"\n[[steps]]\nshow = "compare"\nflip = 1\n'
                    '[[steps]]\nagain = true\n')
    async with drive(settle=False, prefix=None, seed=None, lesson=read_lesson(path), alone=True) as driver:
        texts = []
        for place in range(4):
            await stepped(driver, place)
            assert driver.app.lessons.problem == ""
            texts.append(driver.decode(driver.tree.ids()))
            driver.app.lessons.go_on()
        assert texts[1] == texts[2] == "It is not"  # in place of the token under the cursor
        assert (len(driver.tree), driver.tree.step(2).origin) == (3, "sampled")


async def test_a_lesson_changes_nothing_that_is_remembered(drive: Drive) -> None:
    before = preferences.load()[0]
    async with drive(settle=False, prefix=None, seed=None, lesson=find_lesson("remix")) as driver:
        await stepped(driver, 0)
        await driver.press("x")
        assert driver.workspace.preferences.settings.banned  # of the lesson's text
    now = preferences.load()[0]  # quit in the middle of it
    assert (now.settings, now.heat, now.coin) == (before.settings, before.heat, before.coin)


async def test_a_person_takes_over_within_a_step_and_it_is_done_again(drive: Drive) -> None:
    lesson = find_lesson("coin")
    async with drive(settle=False, prefix=None, seed=None, lesson=lesson) as driver:
        run, place = driver.workspace.lesson, next(n for n, step in enumerate(lesson.steps) if step.flip > 4)
        for n in range(place):
            await stepped(driver, n)
            if n + 1 == place:
                driver.on(StageScreen).telling.change_pace(-4)  # then a step takes seconds
            await driver.tap("space")
        await driver.until(lambda: run.place == place and run.busy and driver.on(StageScreen).telling.story.moving)
        await driver.tap("r")
        await driver.until(lambda: run.taken and not run.busy)
        await driver.until(lambda: driver.app.lessons.idle)
        driver.on(StageScreen).telling.change_pace(4)
        await driver.pilot.press("L")
        await stepped(driver, place)
        ids = driver.tree.ids()
    async with drive(settle=False, prefix=None, seed=None, lesson=lesson) as driver:
        for n in range(place + 1):
            await stepped(driver, n)
            if n < place:
                await driver.pilot.press("space")
        assert driver.tree.ids() == ids


async def test_a_lesson_that_begins_ends_the_one_that_plays(drive: Drive) -> None:
    async with drive(settle=False, prefix=None, seed=None, lesson=find_lesson("remix")) as driver:
        await stepped(driver, 0)
        assert driver.workspace.preferences.heat == "verbatim"
        driver.workspace.lesson.on_begin(find_lesson("temperatures"))
        await stepped(driver, 0)
        driver.workspace.lesson.leave()
        assert driver.workspace.preferences.heat == "surprisal"
