"""A lesson with an error says file, line, field and what is expected."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.state.lesson import FIELDS, find_lesson, read_lesson, shipped
from tests.engine.cli.test_cli import document, run

HEAD = 'title = "A"\nminutes = 5\nabout = "B"\n\n'


def lesson(tmp_path: Path, steps: str, head: str = HEAD) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(head + steps, "utf-8")
    return path


@pytest.mark.parametrize(("steps", "line", "field", "said"), [
    ('[[steps]]\nseed = "x"\n', 6, "seed", "a whole number"),
    ("[[steps]]\nseed = -1\n", 6, "seed", "a whole number"),
    ('[[steps]]\ncaption = "a"\n\n[[steps]]\n# more\nset = "temprature=1"\n', 10, "set", "temperature"),
    ('[[steps]]\ncaption = "a"\n[[steps]]\ncpation = "b"\n', 8, "cpation", "caption"),
    ("[[steps]]\nflip = 1000\n", 6, "flip", "from 1 to 200"),
    ("[[steps]]\nflip = true\n", 6, "flip", "a whole number"),
    ("[[steps]]\ndice = [0.5, 1.0]\n", 6, "dice", "0 up to 1"),
    ("[[steps]]\nids = []\n", 6, "ids", "a list of token ids"),
    ('[[steps]]\nids = [1, "2"]\n', 6, "ids", "a whole number"),
    ('[[steps]]\nshow = "stge"\n', 6, "show", "stage"),
    ('[[steps]]\nplay = "chess"\n', 6, "play", "guess, dice, vote"),
    ("[[steps]]\npause = -1\n", 6, "pause", "a number from 0 to 600"),
    ('[[steps]]\nprefix = "a"\nids = [1]\n', 6, "prefix", "beside ids"),
    ('[[steps]]\nlanes = ["temperature=1", "temperature=2"]\n', 6, "lanes", 'show = "compare"'),
    ('[[steps]]\nshow = "compare"\nlanes = ["temperature=1"]\n', 7, "lanes", "2 to 8"),
    ('[[steps]]\nshow = "compare"\nlanes = ["nuclear", "greedy"]\n', 7, "lanes", "nucleus"),
    ('[[steps]]\npreset = "nothing like it"\n', 6, "preset", "preset"),
    ('[[steps]]\nshow = "playground"\nplay = "guess"\n', 7, "play", "on the stage"),
    ("[[steps]]\nuntil = 3\n", 6, "until", "step, pick"),
    ('[["steps"]]\nflip = 1\n[["steps"]]\nseed = -1\n', 8, "seed", "a whole number"),
    ('steps = [{caption = "a, seed = 3"},\n {flip = 1, seed = -1}]\n', 6, "seed", "a whole number"),
    ('[[steps]]\ncaption = """\nseed = 3\n[[steps]]\n"""\nseed = -1\n', 10, "seed", "a whole number"),
    ("[[steps]]\ncaption = \'\'\'\nseed = 3\'\'\'  # seed = 4\n\"seed\" = -1\n", 8, "seed", "a whole number"),
    ('[[steps]]\nlanes = ["a", "b"]\nseed = -1\n', 6, "lanes", "no preset 'a'"),
    ("[steps]\nflip = 1\n", 5, "steps", "at least one step"),
    ("[[steps]]\ndice = [[0.1]]\n", 6, "dice", "a number from 0 up to 1, such as 0.6, and this is [[0.1]]"),
    ("[[steps]]\ndice = [2024-01-01]\n", 6, "dice", "and this is [2024-01-01]"),
    ("[[steps]]\nseed = {a = 1}\n", 6, "seed", "and this is {a = 1}"),
    ("[[steps]]\nseed = [{a = 1}]\n", 6, "seed", "and this is [{a = 1}]"),
    ("steps = []\n", 5, "steps", "at least one step"), ("", 1, "steps", "at least one step"),
])
def test_an_error_names_its_place(tmp_path: Path, steps: str, line: int, field: str, said: str) -> None:
    path = lesson(tmp_path, steps)
    with pytest.raises(InputError) as error:
        read_lesson(path)
    assert str(error.value).startswith(f"{path}, line {line}, {field}: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("head", "line", "said"), [
    ("title = 3\nminutes = 5\nabout = ''\n", "1, title", "a text"),
    ("minutes = 5\nabout = ''\n", "1, title", "missing"),
    ("title = 'a'\nminutes = 'five'\nabout = ''\n", "2, minutes", "a number"),
    ("title = 'a'\nminutes = 5\nabout = ''\nauthor = 'b'\n", "4, author", "no field"),
    ("title = 'a\n", "1", "no TOML"), ("title = 'a'\n\n]\n", "3", "expected lines such as seed = 7"),
    (f"title = 'a'\nminutes = {'9' * 5000}\n", "2", "too long"), (f"title = {'[' * 5000}", "1", "nested too deep"),
])
def test_an_error_before_the_steps_names_its_place(tmp_path: Path, head: str, line: str, said: str) -> None:
    path = lesson(tmp_path, "\n[[steps]]\ncaption = 'c'\n", head)
    with pytest.raises(InputError) as error:
        read_lesson(path)
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert said in str(error.value)


@given(st.sampled_from(sorted(FIELDS)), st.sampled_from(["1e999", "nan", "''", "[[1]]", "{a = 1}", "2024-01-01",
                                                         "[{}]", "9999999999999999999", "'\\u0000'", "[nan]", "true"]))
def test_no_value_of_a_field_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: str
) -> None:
    path = tmp_path_factory.mktemp("lesson") / "mine.toml"
    path.write_text(f"{HEAD}[[steps]]\n{field} = {value}\n", "utf-8")
    with suppress(InputError):
        read_lesson(path)


def test_lessons_are_found_by_name_and_by_file(tmp_path: Path) -> None:
    assert find_lesson("coin").title == "91, 860, 287: flipping a biased coin"
    mine = lesson(tmp_path, '[[steps]]\nset = "temperature=0.5"\ncaption = "c"\n')
    assert find_lesson(str(mine)).steps[0].settings == Settings(temperature=0.5)
    with pytest.raises(InputError, match="did you mean coin"):
        find_lesson("coins")
    with pytest.raises(InputError, match=r"none\.toml"):
        find_lesson(str(tmp_path / "none.toml"))


def test_six_ship_and_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = document(capsys, "play")
    assert [one["name"] for one in listed] == ["coin", "temperatures", "cut", "luck", "remix", "guess"]
    assert all(set(one) == {"name", "title", "minutes"} for one in listed)
    assert all(step.caption or step.question for one in shipped() for step in one.steps)
    code, out, _ = run(capsys, "play")
    assert code == 0
    assert all(one["title"] in out for one in listed)


@pytest.mark.parametrize(("arguments", "said"), [
    (["none"], "there is no lesson"), (["coin", "--json"], "--json lists"), (["--cast", "a.cast"], "name the lesson"),
    (["coin"], "needs a terminal"), (["coin", "--cast", "nowhere/at/all.cast"], "nowhere"),
])
def test_what_play_cannot_do_is_a_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    code, _, error = run(capsys, "play", *arguments)
    assert code == 2
    assert error.count("\n") == 1
    assert said in error
