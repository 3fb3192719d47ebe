"""Dialogs, models, themes, terminal sizes, what is remembered, and what cannot be used."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import Input, OptionList, Static, TabbedContent

from gpt2_remix.tui.app import RemixApp
from gpt2_remix.tui.dialogs.modal import Modal
from gpt2_remix.tui.dialogs.prefix import PrefixScreen
from gpt2_remix.tui.models.screen import ModelScreen
from gpt2_remix.tui.state import preferences as config
from gpt2_remix.tui.state.options import Options
from gpt2_remix.tui.widgets.data_area import DataArea
from tests.kinds import Checkpoint, known
from tests.tui.conftest import Drive, Driver


def says(screen: PrefixScreen, words: str) -> bool:
    """Whether a dialog complains with these words."""
    return words in str(screen.query_one("#problem", Static).content)


async def editing(driver: Driver) -> PrefixScreen:
    await driver.pilot.press("e")
    await driver.until(lambda: isinstance(driver.app.screen, PrefixScreen) and isinstance(driver.app.focused, DataArea))
    return driver.on(PrefixScreen)


async def test_the_prefix_as_text(drive: Drive) -> None:
    async with drive() as driver:
        screen = await editing(driver)
        await driver.pilot.press("end", *" once")
        await driver.until(lambda: screen.ids and len(screen.ids) == 9)
        assert "9 tokens" in str(screen.query_one("#split").border_title)
        await driver.press("ctrl+s")
        assert driver.decode(driver.tree.ids()) == "It is a truth universally acknowledged once"
        await driver.press("u")
        assert len(driver.tree) == 8


async def test_the_prefix_as_ids(drive: Drive) -> None:
    async with drive() as driver:
        screen = await editing(driver)
        await driver.pilot.press("ctrl+t")
        await driver.until(lambda: screen.as_ids and screen.query_one("#as-ids", DataArea).has_focus)
        area = screen.query_one("#as-ids", DataArea)
        assert area.text.startswith("1026, 318")
        for text, said in (("91, x", "not a list"), ("91, 8193", "ids are 0 to 8192")):
            area.text = text
            await driver.until(partial(says, screen, said))
            await driver.pilot.press("ctrl+s")
            assert driver.app.screen is screen
        area.text = "91 860 287"
        await driver.until(lambda: screen.ids == [91, 860, 287])
        await driver.press("ctrl+s")
        assert driver.tree.ids() == [91, 860, 287]


async def test_what_is_pasted_is_offered_as_a_prefix(drive: Drive) -> None:
    from textual.events import Paste

    async with drive() as driver:
        driver.app.screen.post_message(Paste("To be, or not to be"))
        await driver.until(lambda: isinstance(driver.app.screen, PrefixScreen))
        screen = driver.on(PrefixScreen)
        await driver.until(lambda: screen.ids and driver.decode(screen.ids).startswith("To be"))
        await driver.press("ctrl+s")
        assert driver.decode(driver.tree.ids()) == "To be, or not to be"


async def test_an_empty_prefix_and_a_cancelled_one(drive: Drive) -> None:
    async with drive() as driver:
        screen = await editing(driver)
        screen.query_one("#as-text", DataArea).text = ""
        await driver.until(lambda: screen.ids == [])
        await driver.press("ctrl+s")
        assert driver.tree.ids() == [8192]
        await editing(driver)
        await driver.pilot.press(*"xyz")
        await driver.press("escape")
        assert driver.tree.ids() == [8192]


async def test_ids_that_no_text_gives_open_as_ids(drive: Drive) -> None:
    async with drive(ids=[162, 3]) as driver:
        screen = await editing(driver)
        assert screen.query_one(TabbedContent).active == "tab-ids"


HOSTILE = (
    "\x1b[31mred\x1b[0m", "[bold]x[/]", "a\tb", "שלום عالم", "a\u200bb\u202ec", "日本\U0001f600", "\x00\x07\x9b",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_prefixes_are_data(drive: Drive, text: str) -> None:
    async with drive(prefix=text) as driver:
        assert driver.decode(driver.tree.ids()) == text
        await driver.press("space", "home", "right", "r")
        await editing(driver)
        await driver.pilot.pause()
        shown = "".join(
            segment.text for strip in driver.app.screen._compositor.render_strips() for segment in strip  # noqa: SLF001
        )
        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
        assert "\u202e" not in shown
        await driver.press("escape")


async def test_the_command_palette_has_every_action(drive: Drive) -> None:
    async with drive() as driver:
        commands = [command.title for command in driver.app.get_system_commands(driver.playground)]
        assert len(commands) == len(set(commands))
        wanted = ("step", "run", "branch", "undo", "choose a model", "preset greedy", "theme paper", "quit", "help")
        assert set(wanted) <= set(commands)


async def test_themes_change_at_once_and_are_remembered(drive: Drive) -> None:
    async with drive() as driver:
        for name in driver.workspace.themes:
            driver.app.theme = name
            await driver.pilot.pause()
            assert known(driver.workspace.palette.text.bgcolor).name == driver.workspace.themes[name].colors["surface"]
        last = driver.app.theme
    assert json.loads(config.config_file().read_text())["theme"] == last
    async with drive() as driver:
        assert driver.app.theme == last


async def test_an_unknown_theme_says_so(drive: Drive) -> None:
    async with drive(theme="papre") as driver:
        assert "did you mean paper" in driver.notices()
        assert driver.app.theme == "lecture"


async def test_settings_are_remembered(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("p", "h", "greater_than_sign")
        settings = driver.exploration.settings
    async with drive(speed=None) as driver:
        assert driver.exploration.settings == settings
        assert driver.app.workspace.preferences.heat == "entropy"
    async with drive(settings=replace(settings, top_k=3)) as driver:
        assert driver.exploration.settings.top_k == 3


MIXED = b'{"theme": 3, "heat": "x", "settings": {"top_p": 7}, "new": 1}'


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", MIXED])
async def test_damaged_settings_are_one_line(drive: Drive, content: bytes) -> None:
    path = config.config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    async with drive() as driver:
        assert str(path) in driver.notices()
        assert driver.dist is not None


async def test_a_home_that_cannot_be_written(drive: Drive, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = own_home / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(blocked))
    async with drive() as driver:
        await driver.press("p")
        await driver.until(lambda: "cannot be kept" in driver.notices())
        await driver.press("space")
        assert len(driver.tree) == 9


@pytest.mark.parametrize("size", [(1, 1), (79, 24), (80, 23), (2, 50), (200, 3)])
async def test_terminals_that_are_too_small_and_back(drive: Drive, size: tuple[int, int]) -> None:
    async with drive() as driver:
        await driver.press("space", "t")
        ids = driver.tree.ids()
        await driver.pilot.resize_terminal(*size)
        await driver.until(lambda: driver.playground.has_class("small"))
        await driver.until(lambda: driver.playground.query_one("#too-small").display)
        await driver.pilot.press("space", "e", "escape", "question_mark", "escape", "left")
        await driver.pilot.resize_terminal(120, 36)
        await driver.until(lambda: not driver.playground.has_class("small"))
        await driver.settled()
        assert driver.tree.ids()[: len(ids)] == ids


async def test_a_model_in_a_folder_and_back(drive: Drive, checkpoint: Checkpoint) -> None:
    folder = checkpoint(vocab_size=400, n_positions=64)
    async with drive() as driver:
        await driver.press("space")
        ids = driver.tree.ids()
        await driver.pilot.press("m")
        await driver.until(lambda: isinstance(driver.app.screen, ModelScreen))
        await driver.until(lambda: driver.app.screen.query_one(OptionList).option_count > 3)
        driver.app.screen.query_one(Input).focus()
        driver.app.screen.query_one(Input).value = str(folder)
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.exploration.info and driver.info.vocab_size == 400)
        await driver.settled()
        decoded = driver.decode(driver.tree.ids())
        assert decoded == "It is a truth universally acknowledged"
        await driver.press("space", "space")
        driver.open_model("classics")
        await driver.until(lambda: driver.app.explorations.current.ready and driver.info.name == "classics")
        await driver.settled()
        assert driver.tree.ids() == ids


async def test_a_model_that_cannot_be_loaded_leaves_the_other_running(drive: Drive, checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    (folder / "model.safetensors").write_bytes(b"nonsense" * 100)
    async with drive() as driver:
        driver.open_model(str(folder))
        await driver.until(lambda: "not a safetensors file" in driver.notices())
        await driver.press("space")
        assert len(driver.tree) == 9
        driver.open_model("gtp2")
        await driver.until(lambda: "did you mean gpt2" in driver.notices())


async def test_a_first_model_that_cannot_be_loaded_leaves_a_working_app(drive: Drive, checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    (folder / "config.json").write_text("{")
    async with drive(model=str(folder)) as driver:
        await driver.until(lambda: "is not JSON" in driver.notices())
        assert "m chooses another" in driver.notices()
        await driver.pilot.press("space", "g", "r", "b", "enter", "left", "u", "e", "slash", "escape", "t", "t")
        driver.open_model("classics")
        await driver.settled()
        assert driver.decode(driver.tree.ids()) == "It is a truth universally acknowledged"


async def test_a_padded_vocabulary_has_ids_without_text(drive: Drive, checkpoint: Checkpoint) -> None:
    folder = checkpoint(vocab_size=50304, n_embd=8, n_head=2, n_layer=1)
    async with drive(model=str(folder), ids=[91, 50300]) as driver:
        await driver.settled()
        assert driver.tree.ids() == [91, 50300]
        assert "[50300]" in driver.exploration.words([50300])
        await driver.pilot.press("slash", *"50301")
        await driver.until(lambda: driver.playground.panes.view.list.selected_token == 50301)
        await driver.press("enter")
        assert driver.tree.ids() == [91, 50300, 50301]


async def test_a_tiny_vocabulary_that_cannot_hold_the_prefix_says_so(drive: Drive, checkpoint: Checkpoint) -> None:
    async with drive(model=str(checkpoint()), prefix="naïve") as driver:
        await driver.settled()
        assert "give token ids" in driver.notices()
        assert driver.tree.ids() == [96]


async def test_damaged_weights_with_a_sound_tokenizer_first(drive: Drive, checkpoint: Checkpoint) -> None:
    folder = checkpoint(vocab_size=400)
    (folder / "model.safetensors").write_bytes(b"")
    async with drive(model=str(folder)) as driver:
        await driver.until(lambda: "not a safetensors file" in driver.notices())
        driver.open_model("classics")
        await driver.settled()
        await driver.press("space")
        assert len(driver.tree) == 9


async def test_pressing_everything_at_once(drive: Drive) -> None:
    keys = "space g r b enter left right home end up down t e escape s left right escape h x plus minus less_than_sign"
    keys += " greater_than_sign p u ctrl+r slash escape 1 2 b left_square_bracket right_square_bracket g u g m escape"
    async with drive(speed=300.0) as driver:
        await driver.tap(*keys.split())
        await driver.until(lambda: driver.app._typing.idle)  # noqa: SLF001
        if driver.playground.activity.running:
            driver.playground.runs.pause()
        await driver.settled()
        assert driver.app.is_running


ANY_KEYS = (
    "space g left right up down enter r b 3 2 c w t T s e u slash l h x plus minus p m home end tab shift+tab a d v "
    "k o i n H asterisk escape escape escape escape ctrl+r ctrl+s ctrl+o ctrl+e ctrl+t ctrl+x ctrl+p question_mark "
    "pagedown left_square_bracket right_square_bracket pageup backspace less_than_sign greater_than_sign B "
    "M left_curly_bracket right_curly_bracket"
)


async def test_a_palette_that_is_closed_at_once_does_no_harm(drive: Drive) -> None:
    """Its search may begin when its list is gone already."""
    async with drive() as driver:
        driver.app.simulate_key("ctrl+p")
        await driver.until(lambda: isinstance(driver.app.screen, CommandPalette))
        palette = driver.on(CommandPalette)
        await driver.until(lambda: palette.query("CommandList"))
        await palette.query("CommandList").remove()
        search = palette.run_worker(vars(CommandPalette._gather_commands)["__wrapped__"](palette, "s"), group="late")  # noqa: SLF001
        await driver.until(lambda: search.is_finished)
        assert search.error is not None
        assert driver.app._exception is None  # noqa: SLF001


@pytest.mark.parametrize("opens", ["o", "ctrl+s", "m", "ctrl+e", "ctrl+o", "w"])
async def test_what_ends_a_dialog_twice_at_once_ends_only_it(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opens: str
) -> None:
    monkeypatch.chdir(tmp_path)  # an export is written there
    async with drive() as driver:
        await driver.press("space")
        for key in ("enter", "escape"):
            await driver.pilot.press(opens)
            await driver.until(lambda: isinstance(driver.app.screen, Modal))
            under = driver.app.screen_stack[-2]
            ends = driver.app.screen
            driver.app.simulate_key(key)
            driver.app.simulate_key(key)
            await driver.pilot.pause()
            if driver.app.screen is ends:  # enter does nothing here
                await driver.pilot.press("escape")
            await driver.until(lambda ends=ends: ends not in driver.app.screen_stack)  # type: ignore[misc]
            assert under in driver.app.screen_stack
            assert driver.app._exception is None  # noqa: SLF001
            await driver.until(lambda: driver.playground.settled)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_no_keys_in_any_order_on_any_screen_end_the_app(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)  # exports are written there
    rng, keys = random.Random(seed), ANY_KEYS.split()
    async with drive(speed=200.0) as driver:
        for n in range(120):
            driver.app.simulate_key(rng.choice(keys))
            await asyncio.sleep(0.01)  # keys come one after the other, whatever goes on
            assert driver.app._exception is None, f"key {n} on {driver.app.screen}"  # noqa: SLF001
            if n % 30 == 29:
                await driver.pilot.resize_terminal(*rng.choice([(80, 24), (120, 36), (60, 10), (200, 50)]))
        assert driver.app.is_running


def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    from textual.filter import NoColor

    monkeypatch.setenv("NO_COLOR", "1")
    app = RemixApp(Options())
    assert any(isinstance(own, NoColor) for own in app._filters)  # noqa: SLF001
