"""What the commands make, kept in a session as branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.opening import Model, locate
from gpt2_remix.engine.models.record import record_of
from gpt2_remix.engine.models.weights_hash import weights_sha256
from gpt2_remix.engine.session.folder import holding
from gpt2_remix.engine.session.journal import Journal, Session
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.outline import highest_id
from gpt2_remix.engine.session.store import DamagedError, Store, is_unwritten, read
from gpt2_remix.engine.session.tree import Tree


@contextmanager
def kept_in(path: Path | None, model: Model, seed: int) -> Iterator[Session | None]:
    """A session to put branches into, written when the block ends well; None where no file is named.

    Raises:
        InputError: it is open in a window, damaged, no session, or holds ids that this model does not have.
        EngineError: it cannot be written.
    """
    if path is None:
        yield None
        return
    with holding(path):
        fresh = not path.exists() or is_unwritten(path)
        try:
            session = Session(Tree(seed=seed)) if fresh else read(path)
        except DamagedError as error:
            raise InputError(f"{error}; open it with gpt2-remix --session {path}, which recovers it") from None
        tree = session.tree
        if highest_id(tree) >= model.info.vocab_size:
            raise InputError(f"{path} holds ids that {model.info.name} does not have; name its own model with --model")
        journal = Journal(session) if fresh else Journal.of_saved(session)
        located = locate(model.info.name)
        tree.use_model(record_of(located, model.info, weights_sha256(located.folder)))
        yield session
        if not session.words:
            from gpt2_remix.engine.tokens.display import show_text

            session.words = " ".join(show_text(model.tokenizer.decode(tree.ids(12)), keep="").split())
        changes = journal.changes(whole=fresh)
        if changes is not None:
            store = Store(path)
            try:
                store.write(changes)
            finally:
                store.close()


def stream_of(session: Session | None) -> Tree | None:
    """The stream in view, to go on from; None where there is none."""
    return None if session is None or not len(session.tree) else session.tree


def keep_lanes(session: Session | None, lanes: Sequence[Lane], *, goes_on: bool) -> None:
    """Put what lanes generated into a session; the last one is in view.

    Args:
        goes_on: whether they went on from the stream in view; else each begins with a prefix of its own.
    """
    if session is None:
        return
    tree = session.tree
    end = tree.view.head
    for lane in lanes:
        start = len(lane) - len(lane.steps)
        prompt = [] if goes_on else [Step(n, token, "prompt") for n, token in enumerate(lane.ids(start))]
        leaf = tree.graft(tree.graft(end if goes_on else ROOT, prompt), lane.steps)
        tree.change(record=len(tree) > 0, head=leaf, cursor=start)
