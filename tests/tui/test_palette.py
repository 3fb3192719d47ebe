"""What people look for in the command palette."""

from __future__ import annotations

import pytest

from gpt2_remix.tui.commands import Actions
from tests.tui.conftest import Drive


async def found(drive: Drive, *words: str) -> dict[str, list[str]]:
    async with drive() as driver:
        provider = Actions(driver.playground)
        hits = {}
        for word in words:
            scored = [(hit.score, str(hit.text)) async for hit in provider.search(word)]
            hits[word] = [title for _, title in sorted(scored, reverse=True)]
        return hits


async def test_the_words_that_people_look_for_find_something(drive: Drive) -> None:
    wanted = {
        "least likely": "the least likely candidate", "surprisal": "heat: surprisal", "random": "flip again",
        "dice": "flip again", "faster": "faster", "save": "name the session", "font": "letter size",
        "prompt": "edit the prefix", "temperature": "sampling settings", "generate": "run", "undo": "undo",
        "exit": "quit", "dark": "theme lecture", "load": "sessions", "alternatives": "branch",
        "greedy": "preset greedy",
        "screenshot": "export", "forbid": "ban the selected candidate", "probability": "heat: probability",
    }
    hits = await found(drive, *wanted)
    for word, title in wanted.items():
        assert title in hits[word], (word, hits[word])


async def test_what_nothing_is_about_finds_nothing(drive: Drive) -> None:
    assert await found(drive, "xyzzyq", "  ") == {"xyzzyq": [], "  ": []}


@pytest.mark.parametrize("key", ["u", "ctrl+r"])
async def test_at_the_end_of_history_undo_says_so(drive: Drive, key: str) -> None:
    async with drive() as driver:
        await driver.press(key)
        assert "nothing to" in driver.workspace.said


async def test_the_least_likely_candidate(drive: Drive) -> None:
    async with drive() as driver:
        await driver.press("p", "p")
        driver.playground.cursor.least_likely()
        token = driver.view.list.selected_token
        dist = driver.dist
        assert token is not None
        assert dist.final[token] == dist.final[dist.final > 0].min()
