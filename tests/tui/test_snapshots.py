"""What the screens look like, at two sizes.

After a wanted change: pytest tests/tui/test_snapshots.py --snapshot-update
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, TextArea

from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.compare.screen import CompareScreen
from gpt2_remix.tui.dialogs.token import TokenScreen
from gpt2_remix.tui.stage.screen import StageScreen
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.training.new import TextFiles
from gpt2_remix.tui.tree.screen import TreeScreen
from tests.kinds import SnapCompare

PREFIX = "It is a truth universally acknowledged"
SIZES = [(80, 24), (120, 36)]


def app_with(**options: Any) -> RemixApp:
    given: dict[str, Any] = {"prefix": PREFIX, "seed": 7, "speed": 10000.0} | options
    return RemixApp(Options(**given))


def doing(*keys: str, then: Callable[[RemixApp], object] | None = None) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys, each when the one before has had its effect."""

    async def run(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, RemixApp)

        def settled() -> bool:
            top = app.screen_stack[-1]
            screen = top if isinstance(top, (CompareScreen, StageScreen)) else None
            if screen is not None:
                return screen.settled
            return app.settled and not app.workspace.autosave.busy

        for key in (None, *keys):
            if key is not None:
                await pilot.press(key)
            end = time.monotonic() + 60
            while not settled():
                assert time.monotonic() < end
                await pilot.pause(0.01)
            await pilot.pause()
        end = time.monotonic() + 60
        while then is not None and not then(app):
            assert time.monotonic() < end
            await pilot.pause(0.01)
        app.clear_notifications()
        for field in app.screen.query(Input):
            field.cursor_blink = False
        for _ in range(3):
            await pilot.pause()

    return run


@pytest.mark.parametrize("size", SIZES)
def test_opened_on_a_prefix(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=doing())


@pytest.mark.parametrize("size", SIZES)
def test_after_some_steps_the_coin_shows_where_it_fell(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=doing(*["space"] * 6))


@pytest.mark.parametrize("size", SIZES)
def test_branches_grown_from_the_middle(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    keys = [*["space"] * 6, "left", "left", "left", "3", "b", "t"]
    assert snap_compare(app_with(), terminal_size=size, run_before=doing(*keys))


def test_cut_candidates_name_their_step(snap_compare: SnapCompare) -> None:
    settings = Settings(temperature=0.8, top_k=6, top_p=0.9, banned=(13,))
    assert snap_compare(app_with(settings=settings), terminal_size=(80, 24), run_before=doing("space"))


def test_a_picked_token_and_a_changed_setting(snap_compare: SnapCompare) -> None:
    keys = ["space", "down", "down", "enter", "space", "s", "left", "left", "left", "left"]
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing(*keys))


def test_gumbel_race(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(coin="gumbel"), terminal_size=(80, 24), run_before=doing("space", "space"))


def test_search(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("slash", *"the"))


@pytest.mark.parametrize("size", SIZES)
def test_what_to_begin_with(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    def still(app: RemixApp) -> bool:
        app.screen.query_one(TextArea).cursor_blink = False
        return True

    assert snap_compare(app_with(prefix=None), terminal_size=size, run_before=doing(*"The whale", then=still))


def test_a_number_before_a_key(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("1", "0", "0"))


def test_a_setting_is_found_by_its_name(snap_compare: SnapCompare) -> None:
    keys = ["s", "slash", *"top-k", "enter", "4"]
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing(*keys))


def test_another_token_for_what_if(snap_compare: SnapCompare) -> None:
    def asked(app: RemixApp) -> bool:
        return isinstance(app.screen, TokenScreen)

    keys = ["space", "space", "w", "up", "enter"]
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing(*keys, then=asked))


def test_a_large_terminal(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(), terminal_size=(200, 60), run_before=doing(*["space"] * 5, "p", "left"))


def test_the_palette_finds_what_people_call_it(snap_compare: SnapCompare) -> None:
    def found(app: RemixApp) -> bool:
        return bool(app.screen.query(OptionList)) and app.screen.query_one(OptionList).option_count > 0

    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("ctrl+p", *"dice", then=found))


def test_prefix_editor(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("e", *" and"))


def test_help(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("question_mark"))


def test_model_chooser(snap_compare: SnapCompare) -> None:
    def listed(app: RemixApp) -> bool:
        return bool(app.screen.query(OptionList)) and app.screen.query_one(OptionList).option_count > 3

    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("m", then=listed))


def test_characters_over_several_tokens(snap_compare: SnapCompare) -> None:
    text = "日本語 naïve \U0001f600 \x1b[31m\ttab\nline שלום"
    assert snap_compare(app_with(prefix=text), terminal_size=(80, 24), run_before=doing("home", "right"))


@pytest.mark.parametrize("theme", ["paper", "okabe", "chalk", "phosphor"])
def test_themes(snap_compare: SnapCompare, theme: str) -> None:
    assert snap_compare(app_with(theme=theme), terminal_size=(80, 24), run_before=doing(*["space"] * 5))


@pytest.mark.parametrize("size", SIZES)
def test_lanes_side_by_side(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    keys = ["c", "d", "p", *["space"] * 9, "tab", "left", "left"]
    assert snap_compare(app_with(), terminal_size=size, run_before=doing(*keys))


def test_statistics_of_lanes(snap_compare: SnapCompare) -> None:
    keys = ["c", *["space"] * 9, "v"]
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing(*keys))


def test_lane_editor(snap_compare: SnapCompare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("c", "s"))


def test_what_if_marks_and_counterfactual(snap_compare: SnapCompare) -> None:
    keys = [*["space"] * 9, *["left"] * 4, "down", "w", "down", "enter"]
    assert snap_compare(app_with(coin="gumbel"), terminal_size=(80, 24), run_before=doing(*keys))


def test_the_distribution_as_a_plot(snap_compare: SnapCompare) -> None:
    settings = Settings(temperature=0.8, top_k=40, top_p=0.9)
    assert snap_compare(app_with(settings=settings), terminal_size=(80, 24), run_before=doing("space", "l"))


def test_the_tree_screen(snap_compare: SnapCompare) -> None:
    def steady(app: RemixApp) -> bool:
        for node in app.playground.exploration.tree.nodes:
            node.born = 0.0  # an age is another one each time
        screen = app.screen
        assert isinstance(screen, TreeScreen)
        screen.show_rows()
        return True

    keys = [*["space"] * 8, *["left"] * 3, "3", "b", "T", "down", "asterisk"]
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing(*keys, then=steady))


def test_export_dialog(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.chdir("/")
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("space", "ctrl+e"))


def test_too_small(snap_compare: SnapCompare) -> None:
    async def wait(pilot: Pilot[None]) -> None:
        await pilot.pause()

    assert snap_compare(app_with(), terminal_size=(60, 15), run_before=wait)


@pytest.mark.parametrize("size", SIZES)
def test_the_token_that_left_the_training_text(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    app = app_with(prefix="Sir Walter Elliot, of Kellynch", settings=Settings(temperature=0))
    keys = ["h", "h", "h", *["space"] * 3]
    assert snap_compare(app, terminal_size=size, run_before=doing(*keys))


def test_the_form_of_a_training(snap_compare: SnapCompare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("letters.txt", "novel.txt"):
        (tmp_path / "texts" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "texts" / name).write_text("once upon a time")
    monkeypatch.chdir(tmp_path / "texts")
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=doing("M", then=lists_files))


def lists_files(app: RemixApp) -> bool:
    return len(app.screen.query_one(TextFiles).root.children) == 2


STAGE = {
    "a vector": ["space", "space"], "a coin at rest": ["space"] * 4, "a token told": ["space"] * 5,
    "a guess with its words": ["a", "w", "1", "2"], "dice": ["d", "6", "0"], "a vote": ["v", "3"],
}
"""Moments on the stage, at a key for each phase."""


@pytest.mark.parametrize("size", [(60, 18), *SIZES])
@pytest.mark.parametrize("moment", STAGE)
def test_the_stage(snap_compare: SnapCompare, moment: str, size: tuple[int, int]) -> None:
    keys = ["P", *["less_than_sign"] * 9, *STAGE[moment]]
    app = app_with(prefix="It is a truth universally acknowledged, that a single", settings=Settings(top_p=0.6))
    app.animation_level = "none"
    assert snap_compare(app, terminal_size=size, run_before=doing(*keys))


@pytest.mark.parametrize("theme", ["chalk", "okabe", "paper", "phosphor"])
def test_the_stage_in_every_theme(snap_compare: SnapCompare, theme: str) -> None:
    keys = ["P", *["less_than_sign"] * 9, *["space"] * 5]
    app = app_with(theme=theme, settings=Settings(top_p=0.6))
    app.animation_level = "none"
    assert snap_compare(app, terminal_size=(60, 18), run_before=doing(*keys))
