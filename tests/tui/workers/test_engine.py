"""The engine's worker: it answers whoever asked, drops what is meant for another network, and outlives failures."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.opening import LoadOptions
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.messages import LogitsReady, ModelReady, PromptScored, RequestFailed, Stepped
from gpt2_remix.tui.workers.engine import EngineWorker, hindmost
from gpt2_remix.tui.workers.requests import LogitsRequest, RunRequest, ScoreRequest
from tests.tui.conftest import Drive
from tests.tui.workers.answers import Answers

PROMPT = [1026, 318, 257]


@pytest.fixture
def app() -> Answers:
    """Takes what is told the app."""
    return Answers()


@pytest.fixture
def worker(app: Answers) -> Iterator[EngineWorker]:
    """A worker that works."""
    made = EngineWorker(app.post)
    thread = threading.Thread(target=made.loop)
    thread.start()
    yield made
    made.close()
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture
def network(worker: EngineWorker, app: Answers) -> int:
    """The number of the embedded model's network, which runs."""
    worker.open("classics", LoadOptions())
    return app.next(ModelReady).network


def test_each_request_is_answered_to_whoever_asked(worker: EngineWorker, app: Answers, network: int) -> None:
    first, second = Answers(), Answers()
    worker.submit(LogitsRequest(network, first.post, [("here", PROMPT), ("there", PROMPT[:2])]))
    worker.submit(ScoreRequest(network, second.post, PROMPT, [(1, Step(1, PROMPT[1], "prompt"))]))
    answers = [first.next(LogitsReady) for _ in "12"]
    assert [answer.place for answer in answers] == ["here", "there"]
    assert {answer.network for answer in answers} == {network}
    assert second.next(PromptScored).steps[0][1].p_raw is not None
    assert app.everything() == first.everything() == []


def test_requests_for_a_network_of_before_are_dropped(worker: EngineWorker, app: Answers, network: int) -> None:
    worker.open("classics", LoadOptions())
    new = app.next(ModelReady).network
    assert new != network
    stale, fresh = Answers(), Answers()
    worker.submit(LogitsRequest(network, stale.post, [(0, PROMPT)]))
    worker.submit(LogitsRequest(new, fresh.post, [(0, PROMPT)]))
    assert fresh.next(LogitsReady).network == new
    assert stale.everything() == []


def test_a_failure_is_told_to_whoever_asked_and_hurts_nobody_else(worker: EngineWorker, network: int) -> None:
    wrong, right = Answers(), Answers()
    lane = Lane(list(PROMPT), Settings(), seed=7, limit=5)
    worker.submit(RunRequest(network, right.post, 3, [lane], None))
    worker.submit(LogitsRequest(network, wrong.post, [(0, [99_999])]))
    failed = wrong.next(RequestFailed)
    assert failed.kind is LogitsRequest
    assert "outside the vocabulary" in failed.reason
    made = 0
    while made < 5:
        message = right.next(Stepped)
        made += len(message.lanes[0])
        worker.handled()
    assert message.ended == "length"


def test_a_run_is_replaced_stopped_and_told_apart(worker: EngineWorker, network: int) -> None:
    answers = Answers()
    for number in (1, 2):
        worker.submit(RunRequest(network, answers.post, number, [Lane(list(PROMPT), Settings(), seed=number)], None))
    while answers.next(Stepped).number != 2:
        worker.handled()
    worker.handled()
    worker.cancel(RunRequest)
    assert not worker.works_on(RunRequest)


def test_a_run_whose_screen_is_gone_ends(worker: EngineWorker, network: int) -> None:
    asked = threading.Event()

    def gone(message: object) -> bool:
        asked.set()
        return False

    worker.submit(RunRequest(network, gone, 1, [Lane(list(PROMPT), Settings(), seed=1)], None))
    assert asked.wait(60)
    answers = Answers()
    worker.submit(RunRequest(network, answers.post, 2, [Lane(list(PROMPT), Settings(), seed=1, limit=1)], None))
    assert answers.next(Stepped).number == 2


def test_lanes_that_are_behind_catch_up_first() -> None:
    ahead, behind = Lane([1, 2, 3, 4], Settings(), 1), Lane([1, 2], Settings(), 1)
    assert hindmost([ahead, behind]) == [behind]
    lined_up = replace(behind, offset=2)
    assert hindmost([ahead, lined_up]) == [ahead, lined_up]


async def test_the_memory_of_an_app_that_was_closed_is_given_back(drive: Drive) -> None:
    async with drive():
        pass  # the first one's objects are left out of collections
    async with drive() as driver:
        await driver.press("space")
        backend = weakref.ref(driver.backend)
    async with drive():
        pass
    del driver
    gc.collect()
    assert backend() is None
