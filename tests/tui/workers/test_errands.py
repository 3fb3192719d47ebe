"""Errands: done in order off the asker's thread, answered with their message or why they failed."""

from __future__ import annotations

import threading

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.tui.messages import ErrandFailed, Found
from gpt2_remix.tui.workers.errands import Errands
from tests.tui.workers.answers import Answers


def test_errands_are_done_in_order_in_another_thread() -> None:
    answers, threads = Answers(), set[int]()
    errands = Errands(answers.post)

    def errand(n: int) -> Found:
        threads.add(threading.get_ident())
        return Found([n], "")

    for n in range(5):
        errands.submit(lambda n=n: errand(n), answers.post)  # type: ignore[misc]
    assert [answers.next(Found).nodes for _ in range(5)] == [[n] for n in range(5)]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    errands.close(10)


def test_what_fails_is_said_by_name_and_the_next_errand_is_done() -> None:
    answers = Answers()
    errands = Errands(answers.post)

    def fails() -> Found:
        raise EngineError("the disk is full")

    def breaks() -> Found:
        raise KeyError("x")

    errands.submit(fails, answers.post, "copy")
    errands.submit(breaks, answers.post, "list")
    errands.submit(lambda: Found([1], ""), answers.post)
    first, second = answers.next(ErrandFailed), answers.next(ErrandFailed)
    assert (first.what, first.reason) == ("copy", "the disk is full")
    assert (second.what, second.reason.startswith("unexpected KeyError")) == ("list", True)
    assert answers.next(Found).nodes == [1]
    errands.close(10)
