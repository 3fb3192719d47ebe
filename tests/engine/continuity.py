"""What holds of every session, however it was grown: it replays, and no step was chosen without its stream's state."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import pytest

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.outline import walk
from gpt2_remix.engine.session.replay import replay
from gpt2_remix.engine.session.tree import Tree


def assert_replays(
    model: Model, tree: Tree, how: Sequence[str] = (), models: Collection[int] | None = None
) -> None:
    """Assert that every sampled token (that some of the tree's models made) comes again from its record."""
    wanted = range(len(tree.models)) if models is None else models
    sampled = sum(node.step is not None and node.step.origin == "sampled" and node.model in wanted
                  for node in tree.nodes)
    for found in replay(model.backend, tree, model.tokenizer, wanted):
        assert found.different == [], (found.different, how)
    assert (found.replayed, found.impossible) == (sampled, 0), how


def state_after(tree: Tree, node: int, settings: Settings) -> float | None:
    """Mirostat's state after a node, by its definition (Basu et al. 2021), from the stretch of sampled tokens before.

    It begins anew after given tokens and wherever tau or eta changes; a token that a person picked leaves it.
    """
    tau, eta = settings.mirostat_tau, settings.mirostat_eta
    stretch: list[Step] = []
    while (step := tree.nodes[node].step) is not None and step.settings is not None:
        own = step.settings
        if (own.mirostat_tau, own.mirostat_eta) != (tau, eta) or "mirostat" in (*own.off, *settings.off):
            break
        stretch.append(step)
        node = tree.nodes[node].parent or ROOT
    mu: float | None = None
    for step in reversed(stretch):
        if step.origin == "sampled" and step.p_final:
            mu = (2 * tau if mu is None else mu) - eta * (-math.log2(step.p_final) - tau)
    return mu


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
            assert step.mu == pytest.approx(state_after(tree, node.parent or ROOT, step.settings)), ("mu", where)
    for path, _ in walk(tree):
        seen: set[tuple[object, ...]] = set()
        for step in (tree.nodes[node].step for node in path):
            assert isinstance(step, Step)
            if step.origin == "sampled":
                coin = (step.seed, step.coin_position, step.roll, step.coin)
                assert coin not in seen, ("the same coin twice", coin, how)
                seen.add(coin)
