"""A session in memory, and the journal that says what is new in it since it was saved."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.session.nodes import Annotation, View
from gpt2_remix.engine.session.tree import Tree


@dataclass(slots=True)
class Session:
    """A session in memory: its tree, its name ("" for none), when it began (seconds since 1970), its first words."""

    tree: Tree
    name: str = ""
    created: float = field(default_factory=time.time)
    words: str = ""


class ChangedNode(NamedTuple):
    """A node to be written; the fields are those of `engine.session.nodes.Node`."""

    id: int
    parent: int
    step: Step
    model: int
    born: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in a session since it was last saved.

    Attributes:
        whole: whether this is everything, for an empty file.
        known: the newest node that the file holds before; 0 for none.
        nodes: new ones, and those whose step changed.
        marks: node and mark, None where it is gone.
        turns: split and the child through which the stream last went.
        models: all of them.
        history_from: the first place of the history that is another now.
        views: the history from there on.
        place: where in the history the current view stands.
        name, created, words: of the session.
    """

    whole: bool
    known: int
    nodes: list[ChangedNode]
    marks: list[tuple[int, Annotation | None]]
    turns: list[tuple[int, int]]
    models: list[ModelRecord]
    history_from: int
    views: list[View]
    place: int
    name: str
    created: float
    words: str


def turns(tree: Tree) -> dict[int, int]:
    """The splits at which the stream last went another way than through the first child, and through which it went."""
    return {node.id: node.visited for node in tree.nodes
            if node.visited is not None and node.visited != node.children[0]}


@dataclass(slots=True)
class Journal:
    """Says what changed in a session since it was last asked. Belongs to the thread that owns the tree.

    Attributes:
        saved: how many nodes were given out.
    """

    session: Session
    saved: int = 1
    _last: tuple[Any, ...] = ()

    @classmethod
    def of_saved(cls, session: Session) -> Journal:
        """For a session as its file holds it; made before anything is done with it, so that nothing new counts as kept.
        """
        tree = session.tree
        journal = cls(session, len(tree.nodes))
        journal._last = journal._now()
        tree.settled = tree.history_place
        tree.touched.clear()
        tree.turned.clear()
        return journal

    def _now(self) -> tuple[Any, ...]:
        session, tree = self.session, self.session.tree
        return (len(tree.nodes), tree.view, tree.history_place, tree.can_redo, session.name, session.words,
                tuple(tree.models))

    @property
    def pending(self) -> bool:
        """Whether there is something new."""
        return bool(self.session.tree.touched) or self._now() != self._last

    def changes(self, *, whole: bool = False) -> Changes | None:
        """What is new; None where nothing is."""
        tree = self.session.tree
        if whole:
            self.saved, tree.settled, self._last = 1, 0, ()
            tree.touched = set(tree.annotations)  # every node is a new one anyhow
            tree.turned = set(turns(tree))
        if not self.pending:
            return None
        self._last = self._now()
        touched, tree.touched = sorted(tree.touched), set()
        turned, tree.turned = sorted(tree.turned), set()
        ids = [node for node in touched if node < self.saved] + list(range(self.saved, len(tree.nodes)))
        nodes = [
            ChangedNode(node.id, node.parent, node.step, node.model, node.born)
            for node in map(tree.nodes.__getitem__, ids) if node.step is not None and node.parent is not None
        ]
        views = tree.history(tree.settled)
        found = Changes(
            whole=whole,
            known=self.saved - 1,
            nodes=nodes,
            marks=[(node, tree.annotations.get(node)) for node in touched],
            turns=[(node, child) for node in turned if (child := tree.nodes[node].visited) is not None],
            models=list(tree.models),
            history_from=tree.settled,
            views=views,
            place=tree.history_place,
            name=self.session.name,
            created=self.session.created,
            words=self.session.words,
        )
        self.saved = len(tree.nodes)
        tree.settled = tree.history_place  # views before it do not change without it sinking
        return found
