"""What holds of every session, however it was grown: it replays, and no step was chosen without its stream's state."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.generation.step import Step
from engine.generation.stream import mu_after
from engine.models.opening import Model
from engine.session.nodes import ROOT
from engine.session.outline import walk
from engine.session.replay import replay
from engine.session.tree import Tree


def assert_replays(model: Model, tree: Tree, how: Sequence[str] = ()) -> None:
    """Assert that every sampled token comes again from its record."""
    for found in replay(model.backend, tree, model.tokenizer.end_of_text, range(len(tree.models))):
        assert found.different == [], (found.different, how)


def assert_continuous(tree: Tree, how: Sequence[str] = (), starts: Collection[Step] = ()) -> None:
    """Assert that each step went on from the state that its stream had: mirostat's, and the coins' offset.

    `starts` are steps whose offset may be another one: the first of lanes that were lined up with others.
    """
    for node in tree.nodes[1:]:
        step = node.step
        parent = tree.nodes[node.parent or ROOT].step
        assert step is not None
        if step.origin == "prompt":
            continue
        assert step.settings is not None
        where = (node.id, step, parent, how)
        beside = [tree.nodes[child].step for child in tree.nodes[node.parent or ROOT].children]
        lined_up = {other.offset for other in beside if other is not None and other in starts}
        if parent is not None and parent.origin != "prompt":
            assert step.offset in {parent.offset, *lined_up}, ("offset", where)
        if step.settings.mirostat_tau:
            assert step.mu == mu_after(parent, step.settings), ("mu", where)
    for path, _ in walk(tree):
        seen: set[tuple[object, ...]] = set()
        for step in (tree.nodes[node].step for node in path):
            assert isinstance(step, Step)
            if step.origin == "sampled":
                coin = (step.seed, step.position + step.offset, step.roll, step.coin)
                assert coin not in seen, ("the same coin twice", coin, how)
                seen.add(coin)
