"""The mailbox: one place for each kind of request, and waiting for more."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.tui.workers.mailbox import Mailbox


def test_a_new_request_replaces_the_one_that_waits() -> None:
    mailbox = Mailbox()
    mailbox.put("a", 1)
    mailbox.put("b", 2)
    mailbox.put("a", 3)
    assert (mailbox.get("a"), mailbox.take("a"), mailbox.take("a"), mailbox.get("b")) == (3, 3, None, 2)


def test_only_the_request_that_is_meant_is_let_go_of() -> None:
    mailbox, old, new = Mailbox(), [1], [1]
    mailbox.put("a", new)
    assert not mailbox.drop("a", old)  # another one took its place meanwhile
    assert mailbox.get("a") is new
    assert mailbox.drop("a", new)
    assert not mailbox.drop("a")


acts_on = st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "take", "drop"]), st.integers())


@given(st.lists(acts_on, max_size=30))
def test_it_holds_what_a_dictionary_would(acts: list[tuple[str, str, int]]) -> None:
    mailbox, expected = Mailbox(), dict[str, list[int]]()
    for kind, act, value in acts:
        if act == "put":
            expected[kind] = [value]
            mailbox.put(kind, expected[kind])
        elif act == "take":
            assert mailbox.take(kind) is expected.pop(kind, None)
        else:
            assert mailbox.drop(kind) == (expected.pop(kind, None) is not None)
    assert all(mailbox.get(kind) is expected.get(kind) for kind in "abc")


def test_whoever_waits_is_woken_by_a_request_and_by_closing() -> None:
    mailbox, done = Mailbox(), list[str]()

    def work() -> None:
        while mailbox.wait(lambda: 0 if mailbox.get("a") is not None else None):
            done.append(mailbox.take("a"))

    thread = threading.Thread(target=work)
    thread.start()
    for word in ("one", "two"):
        mailbox.put("a", word)
        with mailbox.lock:
            assert mailbox.lock.wait_for(lambda: mailbox.get("a") is None, 10)
    mailbox.close()
    thread.join(10)
    assert not thread.is_alive()
    assert set(done) == {"one", "two"}
    assert mailbox.closed
