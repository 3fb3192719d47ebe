"""The settings of the next flip, by keys, mouse and typing; presets, bans, biases."""

from __future__ import annotations

import pytest
from textual.events import MouseScrollUp
from textual.geometry import Offset
from textual.widgets import Static

from gpt2_remix.engine.sampling.distribution import distribution
from gpt2_remix.engine.sampling.presets import find_preset
from gpt2_remix.engine.sampling.settings import CHAIN, Settings
from gpt2_remix.tui.dialogs.ask import AskScreen
from gpt2_remix.tui.widgets.settings_list import SettingsList
from tests.kinds import known
from tests.tui.conftest import Drive
from tests.tui.playground.test_screen import PROMPT


async def test_texts_are_typed_in_the_panel(drive: Drive) -> None:
    """[ moved the rule, and letters and spaces were keys of the screen."""
    async with drive() as driver:
        sampler = driver.app.screen.query_one(SettingsList)
        await driver.press("s")
        for typed, wanted in (('["b r", "é"]', ("b r", "é")), ('":"', (":",)), ("198;25", (198, 25))):
            sampler.select("dry_breakers")
            await driver.type(typed)
            await driver.press("enter")
            assert driver.exploration.settings.dry_breakers == wanted
        assert driver.exploration.settings.order == CHAIN
        assert len(driver.tree) == 8
        sampler.select("dry_base")
        await driver.press("left_square_bracket")
        assert driver.exploration.settings.order != CHAIN


async def test_settings_by_keys_typing_and_mouse_without_running_the_network(drive: Drive) -> None:
    async with drive() as driver:
        before, logits = driver.exploration.computed, driver.dist.logits
        await driver.press("s", "left", "left")
        assert driver.exploration.settings.temperature == 0.9
        await driver.press("0", "full_stop", "5", "enter")
        assert driver.exploration.settings.temperature == 0.5
        await driver.press("down", "down", "down", "4", "0", "enter")
        assert driver.exploration.settings == Settings(temperature=0.5, top_k=40)
        assert driver.dist.kept == 40
        assert driver.dist.logits is logits
        await driver.press("escape")
        await driver.pilot._post_mouse_events([MouseScrollUp], SettingsList, offset=Offset(3, 0), button=0)  # noqa: SLF001
        await driver.until(lambda: driver.exploration.settings == Settings(temperature=0.55, top_k=40))
        assert driver.exploration.computed == before
        await driver.press("u", "u", "u", "u", "u")
        assert driver.exploration.settings == Settings()
        assert driver.tree.ids() == PROMPT


async def test_steps_are_switched_off_and_moved_and_say_what_they_leave(drive: Drive) -> None:
    chain = Settings(temperature=3.0, top_p=0.7)
    async with drive(settings=chain) as driver:
        sampler, computed = driver.playground.query_one(SettingsList), driver.exploration.computed

        def note(name: str) -> str:
            return next(setting.note for setting in sampler.settings if setting.name == name)

        await driver.press("s")
        expected = distribution(driver.dist.logits, chain, account=True)
        kept = known(expected.stages)[1].kept
        assert note("top_p").startswith(f"{kept:,}")
        assert f"{known(expected.stages)[1].mass_removed:.0%}" in note("top_p")
        await driver.press("o")
        assert driver.exploration.settings.off == ("temperature",)
        assert note("temperature") == "off"
        assert driver.dist.kept < kept
        await driver.press("o", *["left_square_bracket"] * 3)
        assert driver.exploration.settings.order.index("temperature") == CHAIN.index("temperature") - 3
        assert sampler.selected == "temperature"
        await driver.press(*["right_square_bracket"] * 9)
        assert driver.exploration.settings.active() == ("top_p", "temperature")
        assert driver.dist.kept < kept
        await driver.press("home", "o")
        help = str(driver.playground.query_one("#setting-help", Static).render())
        assert "not a rule of the chain" in help  # where one looks; a toast covered the settings
        assert not driver.notices()
        assert driver.exploration.computed == computed


async def test_an_own_preset_is_saved_by_name_and_deleted_from_the_palette(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("s", "left", "left", "n")
        await driver.pilot.press(*"greedy", "enter")
        assert isinstance(driver.app.screen, AskScreen)
        await driver.pilot.press(*["backspace"] * 6, *"mine", "enter")
        await driver.settled()
        assert find_preset("mine").settings == Settings(temperature=0.9)
        assert [preset.name for preset in driver.app.workspace.presets][-1] == "mine"
        commands = {command.title: command for command in driver.app.get_system_commands(driver.app.screen)}
        commands["delete preset mine"].callback()
        await driver.until(lambda: driver.app.workspace.presets[-1].shipped)


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("temperature", "-3", "out of range"),
        ("temperature", "..", "not a number"),
        ("top_k", "1.5", "whole number"),
        ("top_p", "9", "0 to 1"),
        ("seed", "-1", "not a seed"),
        ("seed", "9" * 30, "out of range"),
        ("speed", "0", "not a speed"),
        ("banned", "9999", "ids are 0 to 8192"),
        ("logit_bias", "5", "not a list"),
        ("branch_length", "0", "1 to 1000"),
        ("coin", "1", "change this one"),
    ],
)
async def test_bad_values_are_refused_in_one_line(drive: Drive, name: str, typed: str, said: str) -> None:
    async with drive() as driver:
        view = driver.tree.view
        driver.playground.query_one(SettingsList).post_message(SettingsList.Typed(name, typed))
        await driver.until(lambda: said in driver.notices())
        assert driver.tree.view == view


async def test_every_setting_steps_up_and_down(drive: Drive) -> None:
    async with drive() as driver:
        sampler = driver.playground.query_one(SettingsList)
        await driver.press("s")
        for setting in list(sampler.settings):
            seen = {(driver.tree.view, driver.workspace.preferences)}
            for direction in (1, -1, -1):
                sampler.post_message(SettingsList.Changed(setting.name, direction))
                await driver.pilot.pause()
                seen.add((driver.tree.view, driver.workspace.preferences))
            lists = ("banned", "logit_bias", "dry_breakers")  # they have no next value
            assert len(seen) > 1 or setting.name in lists, setting.name
        await driver.settled()
        assert driver.dist.final.sum() == pytest.approx(1)


async def test_bans_and_biases_from_the_candidates(drive: Drive) -> None:
    async with drive() as driver:
        first = driver.playground.panes.view.list.selected_token
        await driver.press("x")
        assert driver.exploration.settings.banned == (first,)
        assert driver.dist.removed_by(known(first)) == "banned"
        await driver.press("u", "plus", "plus", "minus")
        assert driver.exploration.settings.logit_bias[0][1] == 1.0


async def test_presets_go_round(drive: Drive) -> None:
    async with drive() as driver:
        seen = set()
        for _ in driver.workspace.presets:
            await driver.press("p")
            seen.add(driver.exploration.settings)
        assert len(seen) == len(driver.workspace.presets)
