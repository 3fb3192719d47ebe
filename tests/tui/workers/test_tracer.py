"""The tracer: streams as they change, told whole where they must be, in the text that is wanted last."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.models.names import embedded_folder
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.trace.follow import Follower
from gpt2_remix.engine.trace.index import INDEX, read_index
from gpt2_remix.tui.messages import Indexed, Traced
from gpt2_remix.tui.state.verbatim import StreamTrace
from gpt2_remix.tui.workers.tracer import Edit, Text, Tracer
from tests.kinds import known
from tests.tui.workers.answers import Answers


@pytest.fixture
def app() -> Answers:
    return Answers()


@pytest.fixture
def tracer(app: Answers, classics: Model) -> Iterator[Tracer]:
    made = Tracer(app.post)
    thread = threading.Thread(target=made.loop)
    thread.start()
    made.open(Text("classics", "", embedded_folder(), classics.tokenizer, classics.info.vocab_size))
    assert app.next(Indexed).index is not None
    yield made
    made.close()
    thread.join(60)
    assert not thread.is_alive()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40), st.lists(st.integers(0, 8192), max_size=12)), min_size=1, max_size=12))
def test_whatever_becomes_of_a_stream_its_marks_are_those_of_the_whole(
    tracer: Tracer, app: Answers, edits: list[tuple[int, list[int]]]
) -> None:
    answers = Answers()
    trace = StreamTrace(lambda keep, ids, least: tracer.edit(Edit(answers.post, object, keep, ids, least)), 4)
    trace.restart(4)
    for keep, ids in edits:  # told one after the other: answers to those before come when others were told already
        trace.follow(min(keep, len(trace)), ids)
    while len(trace.marks) < len(trace):
        message = answers.next(Traced)
        trace.take(message.first, message.ids, message.marks, message.min_tokens)
    follower = Follower(known(read_index(embedded_folder() / INDEX, 8193)), 4)
    for token in trace.ids():
        follower.append(token)
    assert trace.marks == follower.marks


def test_a_text_that_cannot_be_read_is_said_and_another_one_is_read(tracer: Tracer, app: Answers, classics: Model,
                                                                    tmp_path: Path) -> None:
    bad = Text("classics", "", embedded_folder(), classics.tokenizer, 8193, (str(tmp_path / "missing.txt"),))
    tracer.open(bad)
    assert "missing.txt" in app.next(Indexed).problem
    (tmp_path / "a.txt").write_text("It was the best of times, it was the worst of times, it was the age of wisdom")
    tracer.open(Text("classics", "", embedded_folder(), classics.tokenizer, 8193, (str(tmp_path / "a.txt"),)))
    assert [document.title for document in known(app.next(Indexed).index).documents] == ["a"]
