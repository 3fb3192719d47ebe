"""What the commands make, kept in a session as branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.files import has_many_names, real_path
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.interrupts import undisturbed
from gpt2_remix.engine.models.opening import Model, locate
from gpt2_remix.engine.models.record import record_of, words_of_change
from gpt2_remix.engine.models.weights_hash import weights_sha256
from gpt2_remix.engine.session.export.elsewhere import kept_elsewhere
from gpt2_remix.engine.session.journal import Changes, Journal, Session
from gpt2_remix.engine.session.locks import holding
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.outline import check_known
from gpt2_remix.engine.session.store import DamagedError, Store, is_unwritten, read
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.display import show_text


@contextmanager
def kept_in(
    path: Path | None, model: Model, seed: int, say: Callable[[str], object]
) -> Iterator[Session | None]:
    """A session to put branches into; None where no file is named.

    It is written however the block ends: what was made before ctrl+c, a closed pipe or a failure is kept, in another
    file where this one takes no more. `say` takes a line where another model goes on than the one that made it.

    Raises:
        InputError: it is open in a window, damaged, no session, or holds ids that this model does not have.
        EngineError: it cannot be written; the line says where it is instead.
    """
    if path is None:
        yield None
        return
    path = real_path(path)
    with holding(path):
        fresh = not path.exists() or is_unwritten(path)
        session = Session(Tree(seed=seed)) if fresh else _to_go_on_with(path)
        tree = session.tree
        check_known(tree, model.info.name, model.info.vocab_size)
        journal = Journal(session) if fresh else Journal.of_saved(session)
        located = locate(model.info.name)
        record = record_of(located, model.info, weights_sha256(located.folder))
        if tree.models and not tree.models[tree.model].same(record):
            say(words_of_change(tree.models[tree.model], record))
        tree.use_model(record)
        try:
            yield session
        finally:
            with undisturbed():
                if not session.words:
                    session.words = " ".join(show_text(model.tokenizer.decode(tree.ids(12)), keep="").split())
                if len(tree.nodes) > 1 or not fresh:
                    _write(session, path, journal.changes(whole=fresh))


def _to_go_on_with(path: Path) -> Session:
    """A session that can be written to. Raises InputError."""
    if has_many_names(path):
        raise InputError(f"{path} has more than one name on this disk (hard links), and what is written under one of "
                         "them is missing under the others; go on in a copy (cp)")
    try:
        return read(path)
    except DamagedError as error:
        raise InputError(f"{error}; open it with gpt2-remix --session {path}, which recovers it") from None


def _write(session: Session, path: Path, changes: Changes | None) -> None:
    if changes is None:
        return
    try:
        store = Store(path)
        try:
            store.write(changes)
        finally:
            store.close()
    except EngineError as error:
        raise EngineError(f"{error}; {kept_elsewhere(session, path)}") from None


def stream_of(session: Session | None) -> Tree | None:
    """The stream in view, to go on from; None where there is none."""
    return None if session is None or not len(session.tree) else session.tree


@contextmanager
def keeping(session: Session | None, lanes: Sequence[Lane], *, goes_on: bool) -> Iterator[None]:
    """Put what lanes generate in the block into a session, however the block ends; the last one is in view.

    Args:
        goes_on: whether they go on from the stream in view; else each begins with a prefix of its own.
    """
    try:
        yield
    finally:
        if session is not None:
            _graft(session.tree, [lane for lane in lanes if lane.steps], goes_on=goes_on)


def _graft(tree: Tree, lanes: Sequence[Lane], *, goes_on: bool) -> None:
    end = tree.view.head
    for lane in lanes:
        start = len(lane) - len(lane.steps)
        prompt = [] if goes_on else [Step(n, token, "prompt") for n, token in enumerate(lane.ids(start))]
        leaf = tree.graft(tree.graft(end if goes_on else ROOT, prompt), lane.steps)
        tree.change(record=len(tree) > 0, head=leaf, cursor=start)
