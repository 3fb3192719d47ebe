"""Forks in the app: the form, the heat, the view, rolls, jumps."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from gpt2_remix.engine.generation.stream import StepList
from gpt2_remix.engine.outlook.forks import ForkQuestion, find_forks
from gpt2_remix.engine.outlook.outcomes import parse_outcome
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.dialogs.forks import ForksScreen
from gpt2_remix.tui.dialogs.rolls import RollsScreen
from gpt2_remix.tui.playground.views.forks import ForksView
from gpt2_remix.tui.state.forks import MOST_FORK, proposals, speakers_of, stacked
from gpt2_remix.tui.state.heats import HEATS, HeatSource
from tests.kinds import known
from tests.tui.conftest import Drive, Driver

SETTINGS = Settings(top_p=0.9)


def view_of(driver: Driver) -> ForksView:
    return driver.playground.panes.view.forks


def lines(driver: Driver) -> list[str]:
    view = view_of(driver)
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


async def ask(driver: Driver, outcome: str = "the=the") -> None:
    await driver.pilot.press("F")
    screen = driver.on(ForksScreen)
    for name, value in (("outcome-0", outcome), ("rolls", "4"), ("tokens", "5")):
        screen.query_one(f"#{name}", Input).value = value
    screen.query_one("#outcome-0").focus()
    await driver.pilot.press("enter")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_what_is_shown_is_what_the_engine_finds(drive: Drive, size: tuple[int, int]) -> None:
    async with drive(settings=SETTINGS, size=size) as driver:
        await driver.steps(5)
        ids, nodes = driver.tree.ids(), len(driver.tree.nodes)
        await ask(driver)
        await driver.settled()
        question = ForkQuestion((parse_outcome("the=the"),), SETTINGS, 7, rolls=4, length=5)
        *_, found = find_forks(driver.backend, StepList(driver.tree.steps()), question,
                               tokenizer=known(driver.exploration.tokenizer), first=8)
        seen = driver.playground.forks.seen
        assert [seen.forks[driver.tree.path[n]].measured for n in range(8, 13)] == [
            fork.measured for fork in found.positions]
        assert (driver.tree.ids(), len(driver.tree.nodes)) == (ids, nodes)
        heat = HEATS[driver.workspace.preferences.heat]
        assert heat.name == "forks"
        values = heat.values(HeatSource(driver.tree.steps(), 0, None, driver.playground.forks.value))
        assert values[:8] == [None] * 8
        assert values[8:] == [min(1.0, known(fork.measured).beyond_chance / MOST_FORK) for fork in found.positions]
        assert driver.playground.panes.view.current == "forks"
        measured = known(known(view_of(driver).fork).measured)
        assert f"fork {measured.fork:.2f}" in lines(driver)[0]
        assert "the" in lines(driver)[2]
        assert "rolls · " in view_of(driver).summary()
        await driver.press("space")
        driver.playground.cursor.move_to(13)
        await driver.settled()
        assert "no forks are known here" in "".join(lines(driver))


async def test_a_roll_is_read_and_kept_as_a_branch_that_replays(drive: Drive) -> None:
    async with drive(settings=SETTINGS) as driver:
        await driver.steps(3)
        old = driver.tree.ids()
        await ask(driver)
        await driver.settled()
        driver.playground.cursor.move_to(9)
        await driver.settled()
        fork = known(view_of(driver).fork)
        await driver.pilot.press("down", "up", "enter")
        screen = driver.on(RollsScreen)
        await driver.pilot.press("right", "right", "left")
        assert "roll 2 of 4 · seed 9" in str(screen.query_one("#which").render())
        other = fork.alternatives[view_of(driver).selected]
        await driver.pilot.press("k")
        await driver.until(lambda: driver.tree.ids() == [*old[:9], other.token, *other.texts[1]])
        await driver.settled()
        steps = driver.tree.steps(9)
        assert [step.origin for step in steps] == ["picked"] + ["sampled"] * (len(steps) - 1)
        assert {step.seed for step in steps[1:]} == {9}


async def test_a_search_is_stopped_by_the_same_key(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(12)
        await driver.pilot.press("F")
        screen = driver.on(ForksScreen)
        screen.query_one("#outcome-0", Input).value = "a"
        screen.query_one("#rolls", Input).value = "256"
        screen.query_one("#tokens", Input).value = "200"
        screen.query_one("#outcome-0").focus()
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.playground.forks.seen.computed > 0)
        await driver.pilot.press("F")
        await driver.settled()
        assert not driver.playground.forks.running
        assert driver.playground.forks.seen.done < driver.playground.forks.seen.rolls


async def test_a_network_that_is_replaced_ends_the_search(drive: Drive) -> None:
    """Its requests went with it, and the search was said to go on for ever."""
    async with drive() as driver:
        await driver.steps(12)
        await driver.pilot.press("F")
        screen = driver.on(ForksScreen)
        for name, value in (("outcome-0", "a"), ("rolls", "256"), ("tokens", "200")):
            screen.query_one(f"#{name}", Input).value = value
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.playground.forks.seen.computed > 0)
        network = driver.exploration.network
        driver.playground.places.precision()
        await driver.until(lambda: driver.exploration.network != network)
        await driver.settled()
        assert not driver.playground.forks.running


async def test_what_is_no_outcome_is_said_in_the_form(drive: Drive) -> None:
    async with drive() as driver:
        await driver.steps(2)
        await driver.pilot.press("F")
        screen = driver.on(ForksScreen)
        for value, says in (("a=(", "not a regular expression"), ("", "name 1 to 8"), ("other=a", "what is left")):
            screen.query_one("#outcome-0", Input).value = value
            screen.query_one("#outcome-0").focus()
            await driver.pilot.press("enter")
            await driver.pilot.pause()
            assert says in str(screen.query_one("#problem").render())
        screen.query_one("#outcome-0", Input).value = "a"
        screen.query_one("#rolls", Input).value = "0"
        await driver.pilot.press("enter")
        await driver.pilot.pause()
        assert "rolls: a whole number from 1 to 256" in str(
            screen.query_one("#problem").render())
        await driver.pilot.press("escape")
        await driver.settled()


async def test_proposals_fill_the_form(drive: Drive) -> None:
    async with drive(prefix="ROMEO:\nAy me!\n\nJULIET:\nO Romeo!\n\n") as driver:
        await driver.pilot.press("F", "down", "enter")
        screen = driver.on(ForksScreen)
        assert screen.query_one("#outcome-0", Input).value == "JULIET=\\bJULIET:"
        assert screen.query_one("#outcome-1", Input).value == "ROMEO=\\bROMEO:"
        await driver.pilot.press("escape")


async def test_a_text_that_stands_in_the_training_text_proposes_its_words(drive: Drive) -> None:
    async with drive(prefix="It is a truth universally acknowledged, that a single man in possession") as driver:
        await driver.pilot.press("F")
        found = driver.on(ForksScreen)._proposals  # noqa: SLF001
        assert any("possession" in one.outcomes[0] and "Pride and Prejudice" in one.title for one in found)
        await driver.pilot.press("escape")


async def test_jumps_go_to_uncertain_forked_and_picked_tokens(drive: Drive) -> None:
    async with drive(settings=SETTINGS) as driver:
        await driver.steps(9)
        await driver.press("left", "down", "enter")  # one is picked
        await ask(driver)
        await driver.settled()
        tree = driver.tree
        entropies = sorted(((known(tree.step(n).entropy), n) for n in range(len(tree))), reverse=True)
        uncertain = sorted(n for _, n in entropies[: max(1, round(len(tree) * 0.2))])
        await driver.press("home")
        for place in [n for n in uncertain if n > 0]:
            await driver.press("n")
            assert driver.exploration.cursor == place
        await driver.press("n")
        assert "no uncertain token after this one" in driver.notices()
        await driver.press("J", "home", "n")
        forked = [n for n, node in enumerate(tree.path) if driver.playground.forks.seen.certain(node)]
        assert driver.exploration.cursor == (forked[0] if forked else 0)
        await driver.press("J", "end", "N")
        assert tree.step(driver.exploration.cursor).origin == "picked"


def test_speakers_and_stacks() -> None:
    found = speakers_of("ROMEO:\nx\nJULIET:\nFirst Citizen:\nROMEO:\nnot: this\n")
    assert found == ["ROMEO", "First Citizen", "JULIET"]
    titles = [proposal.title for proposal in proposals("nobody speaks.", {"A = B": "the words"})]
    assert titles == ["whether it comes to A = B's “the words”", "whether it comes to its end, “speaks”",
                      "how the sentence ends: . ? !"]
    for proposal in proposals("R:\nx\nJ:\nnobody speaks (now)!", {"A = B": "(the"}):
        assert [parse_outcome(one).name for one in proposal.outcomes] == [
            one.partition("=")[0] for one in proposal.outcomes]
    assert stacked([0.5, 0.25, 0.25], 10) == [5, 3, 2]
    assert stacked([1.0, 0.0], 7) == [7, 0]
    assert sum(stacked([1 / 3] * 3, 10)) == 10
