"""Views of the position under the cursor."""

from __future__ import annotations

from textual.widget import Widget

from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.playground.views.plot import DistributionPlot
from tests.kinds import known
from tests.tui.conftest import Drive, Driver


async def test_the_plot_and_the_list_take_turns(drive: Drive) -> None:
    async with drive(settings=Settings(top_k=9)) as driver:
        await driver.press("l")
        plot = driver.playground.query_one(DistributionPlot)
        assert plot.display
        assert not driver.playground.panes.view.list.display
        shown = "\n".join(plot.render_line(y).text for y in range(plot.size.height))
        assert "╎top_k" in shown
        assert "rank 1" in shown
        await driver.press("slash", "escape")
        assert driver.playground.panes.view.list.display


async def test_search_finds_tokens_by_text_and_by_id(drive: Drive) -> None:
    async with drive() as driver:
        await driver.pilot.press("slash")
        await driver.pilot.press(*"mother")
        await driver.pilot.pause()
        names = driver.playground.panes.view
        assert "mother" in names.name_of(known(names.list.selected_token))
        await driver.press("enter")
        assert "mother" in driver.exploration.name(driver.tree.step(8).token)
        await driver.pilot.press("slash", *"860")
        await driver.pilot.pause()
        assert names.list.selected_token == 860
        await driver.press("escape")
        assert not names.searching
        await driver.pilot.press("slash", *"zzzzqq")
        await driver.pilot.pause()
        selected: int | None = names.list.selected_token
        assert selected is None
        await driver.press("escape")


async def test_candidates_scroll_to_any_rank(drive: Drive) -> None:
    async with drive() as driver:
        candidates = driver.playground.panes.view
        candidates.action_row(5000)
        await driver.pilot.pause()
        assert driver.dist.rank(known(candidates.list.selected_token)) == 5000
        candidates.action_row(10**6)
        await driver.pilot.pause()
        assert driver.dist.rank(known(candidates.list.selected_token)) == 8192


def alone(driver: Driver) -> Widget | None:
    """The pane that has the screen to itself."""
    return driver.playground.panes.alone


async def test_each_pane_can_be_alone_on_the_screen(drive: Drive) -> None:
    async with drive() as driver:
        panes, size = driver.playground.panes, driver.app.size
        before = {pane: pane.region for pane in panes.all}
        for pane in panes.all:
            await driver.press("z")
            assert alone(driver) is pane
            assert pane.region.width == size.width
            assert pane.region.height == size.height - 2  # the status line and the footer stay
            assert [other for other in panes.all if other.region and other is not pane] == []
        await driver.press("z")
        assert alone(driver) is None
        assert {pane: pane.region for pane in panes.all} == before
        await driver.press("z", "escape")
        assert alone(driver) is None


async def test_what_is_asked_for_is_never_hidden_by_a_pane_alone(drive: Drive) -> None:
    async with drive() as driver:
        panes = driver.playground.panes
        await driver.press("z")
        await driver.press("l")
        assert alone(driver) is None
        driver.playground.looking.view("candidates")  # after the plot come the futures, which would be searched for
        await driver.press("z", "z")
        assert alone(driver) is panes.view
        await driver.press("l")
        assert alone(driver) is panes.view
        await driver.press("s")
        assert alone(driver) is None
        assert panes.sampler.focused
        await driver.press("z")
        assert alone(driver) is panes.sampler
        await driver.press("escape")
        assert alone(driver) is None
        await driver.press("t", "z")
        assert alone(driver) is panes.branches
        await driver.press("t")
        assert alone(driver) is None
        assert panes.text_pane.region
