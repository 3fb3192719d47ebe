"""Small things on screen that were wrong once."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import MouseDown
from textual.widgets._footer import FooterKey

from gpt2_remix.engine.tokens.display import show_token
from gpt2_remix.engine.words import counted
from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.tree.screen import TreeScreen
from gpt2_remix.tui.widgets.footer import Keys, fitting
from gpt2_remix.tui.workers.engine import Run
from tests.kinds import Emulate
from tests.tui.conftest import Drive


def test_one_is_one() -> None:
    assert (counted(1, "token"), counted(0, "token"), counted(2000, "branch", "branches")) == (
        "1 token", "0 tokens", "2,000 branches"
    )


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=15), st.integers(20, 200))
def test_keys_are_shown_whole_in_order_and_the_way_out_always(widths: list[tuple[int, bool]], room: int) -> None:
    shown = fitting(widths, room)
    assert all(is_shown for is_shown, (_, always) in zip(shown, widths, strict=True) if always)
    if sum(width for width, always in widths if always) <= room:
        assert sum(width for is_shown, (width, _) in zip(shown, widths, strict=True) if is_shown) <= room
    optional = [is_shown for is_shown, (_, always) in zip(shown, widths, strict=True) if not always]
    assert optional == sorted(optional, reverse=True)


@pytest.mark.parametrize("width", [80, 93, 110, 120, 200])
async def test_no_key_of_the_footer_is_cut(drive: Drive, width: int) -> None:
    """q qui, what."""
    async with drive(size=(width, 36)) as driver:
        for keys in ("", "s", "escape t", "escape g"):
            for key in keys.split():
                await driver.tap(key)
            await driver.pilot.pause()
            footer = driver.app.screen.query_one(Keys)
            shown = [key for key in footer.children if isinstance(key, FooterKey)]
            assert max(key.region.right for key in shown) <= width + 1
            assert {"?", "q"} <= {key.key_display for key in shown}
            assert all(key.region.width >= len(key.description) for key in shown)


async def test_keys_do_nothing_where_nobody_sees_what_they_do(drive: Drive) -> None:
    async with drive(size=(60, 20)) as driver:
        for key in ("space", "g", "e", "c", "T", "x", "5", "b"):
            await driver.tap(key)
        await driver.settled()
        assert driver.app.screen is driver.playground
        assert len(driver.tree) == 8
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: not driver.playground.has_class("small"))
        await driver.press("space")
        assert len(driver.tree) == 9


async def test_a_click_on_the_mark_folds_a_row(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("2", "b")
        await driver.pilot.press("T")
        outline = driver.on(TreeScreen).outline
        await driver.until(lambda: len(outline.rows) == 3)
        place = next(n for n, row in enumerate(outline.rows) if row.fold == "▾")
        await driver.pilot.click(outline, offset=(2, 1 + place))
        await driver.until(lambda: len(outline.rows) == 1)
        await driver.pilot.click(outline, offset=(2, 1 + place))
        await driver.until(lambda: len(outline.rows) == 3)


async def test_toasts_do_not_pile_up(drive: Drive) -> None:
    """Four { hid the line that they change."""
    async with drive() as driver:
        for _ in range(4):
            await driver.press("{")
        assert not driver.notices()  # the legend under the text says it
        for _ in range(4):
            await driver.press("u")
        assert driver.notices() == driver.workspace.said != ""


async def test_more_room_is_used(drive: Drive) -> None:
    async with drive(size=(200, 60)) as driver:
        assert driver.playground.query_one("#right").size.width > 60


def test_a_rate_is_that_of_late() -> None:
    run = Run(cast(Any, None), None, started=0.0, measured=deque())
    for tick in range(41):  # nothing for two seconds, then 44 a second
        now = tick / 10
        run.made = max(0, round((now - 2) * 44))
        rate = run.rate(now)
    assert rate == pytest.approx(44, rel=0.05)


def test_a_skin_tone_is_drawn_by_its_code() -> None:
    assert show_token("👍🏽") == "👍‹1f3fd›"


def test_without_colours_the_highlighted_entry_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert RemixApp(Options()).has_class("-no-color")


@pytest.mark.slow
def test_a_terminal_that_cannot_is_told(emulate: Emulate) -> None:
    app = emulate("It is", TERM="dumb")
    assert app.finish() == 2
    assert b"TERM=dumb" in app.raw
    assert b"\x1b[?1049h" not in app.raw


async def test_a_toast_covers_no_more_than_the_footer() -> None:
    """They lay on the settings, the coin and the source of a verbatim span."""
    from textual.widgets._toast import Toast

    app = RemixApp(Options(prefix="It is", seed=7))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.workspace.say("nothing to undo: this is how the session began")
        while not app.screen.query(Toast) or not app.screen.query_one(Toast).region.height:
            await pilot.pause(0.01)
        region = app.screen.query_one(Toast).region
        assert (region.y, region.height) == (23, 1)


async def test_a_click_on_what_has_just_gone_is_none(drive: Drive) -> None:
    """AttributeError: 'NoneType' object has no attribute 'region' (seed 7 of tests.fuzz, now and then)."""
    async with drive() as driver:
        text = driver.playground.panes.text
        region, parent = text.region, text._parent  # noqa: SLF001
        text._parent = None  # noqa: SLF001  # as between its removal and the next frame
        try:
            event = MouseDown(None, region.x + 1, region.y + 1, 0, 0, 1, False, False, False)
            await driver.app.on_event(event)
        finally:
            text._parent = parent  # noqa: SLF001
        await driver.press("space")
        assert len(driver.tree) == 9


@pytest.mark.parametrize(("keys", "word"), [("ctrl+e", "export"), ("ctrl+o", "open"), ("space w", "choose")])
async def test_enter_stands_in_the_footer_of_a_dialog(drive: Drive, keys: str, word: str) -> None:
    """Fields and lists take it themselves, and hid what it does."""
    async with drive() as driver:
        await driver.press(*keys.split()[:-1])
        await driver.pilot.press(keys.split()[-1])
        footer = driver.app.screen.query_one(Keys)
        await driver.until(lambda: footer.children)
        shown = {key.key: key.description for key in footer.children if isinstance(key, FooterKey)}
        assert shown["enter"] == word


async def test_the_coins_border_cuts_no_word(drive: Drive) -> None:
    async with drive(seed=6068) as driver:
        coin = driver.playground.panes.coin
        assert len(str(coin.border_subtitle)) <= coin.outer_size.width - 6
