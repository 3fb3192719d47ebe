"""Random sessions for tests: trees of every shape that the app can make."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from gpt2_remix.engine.generation.step import Hindsight, Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.tree import Tree

CHAINS = (Settings(), Settings(temperature=0.7, top_p=0.9), Settings(banned=(3, 5), logit_bias=((7, -2.5),)))
MODEL = ModelRecord("classics", 5388032, "fp32", 8193, 512, (4, 256, 4), "ab" * 32)


def grown(seed: int, size: int, *, words: str = "It is", vocabulary: int = 8193) -> Session:
    """A session that came about by random actions; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    tree = Tree(seed=int(rng.integers(2**40)), settings=CHAINS[int(rng.integers(3))])
    tree.use_model(MODEL)
    tree.set_prompt([int(t) for t in rng.integers(0, vocabulary, 3)], record=False)
    while len(tree.nodes) < size:
        act = rng.random()
        position = int(rng.integers(0, len(tree) + 1))
        u = float(rng.random())
        step = Step(len(tree), int(rng.integers(vocabulary)), "sampled", u=u, roll=0, seed=tree.view.seed,
                    coin=tree.view.coin, settings=tree.view.settings, p_raw=float(rng.random()),
                    p_final=float(rng.random()), rank=int(rng.integers(vocabulary)),
                    surprisal=float(rng.exponential(4)), entropy=float(rng.exponential(4)),
                    mu=float(rng.normal()) if rng.random() < 0.1 else None)
        if act < 0.05:
            ids = tuple(int(t) for t in rng.integers(0, vocabulary, 6))
            question = Hindsight(ids, 2, CHAINS[int(rng.integers(3))], int(rng.integers(2**40)), "né")
            tree.append(at(step, step.position, offset=3 - len(tree), coin="gumbel", seed=question.seed,
                           hindsight=question))
        elif act < 0.7:
            by_hand = tree.view.coin == "interval" and rng.random() < 0.1
            tree.append(at(step, step.position, seed=None) if by_hand else step)
        elif act < 0.8:
            tree.choose(at(step, position, roll=int(rng.integers(1, 9))), cursor=position)
        elif act < 0.85:
            token = int(rng.integers(vocabulary))
            tree.pick(Step(position, token, "picked", settings=tree.view.settings, p_raw=0.25, p_final=1.0, rank=3,
                           surprisal=2.0, entropy=1.5), cursor=position + 1)
        elif act < 0.9:
            tree.change(settings=CHAINS[int(rng.integers(3))], coin="gumbel" if rng.random() < 0.5 else "interval")
        elif act < 0.93:
            tree.undo()
        elif act < 0.95:
            tree.redo()
        elif act < 0.97:
            tree.move(position)
        else:
            node = int(rng.integers(1, len(tree.nodes)))
            tree.annotate(node, name=f"né {node}", star=bool(rng.random() < 0.5), note="a\nnote <b>")
    if rng.random() < 0.3:
        tree.use_model(ModelRecord("gpt2", 124439808, "fp32", 50257, 1024, (12, 768, 12)))
    return Session(tree, f"name {seed}" if seed % 2 else "", 1.7e9 + seed / 7, words)


def at(step: Step, position: int, **changes: Any) -> Step:
    from dataclasses import replace

    return replace(step, position=position, **changes)


sessions = st.builds(grown, st.integers(0, 10**6), st.integers(2, 120), words=st.text(max_size=20))


def same(a: Session, b: Session) -> None:
    """Assert that two sessions hold the same."""
    assert (a.name, a.created, a.words) == (b.name, b.created, b.words)
    assert a.tree.models == b.tree.models
    assert len(a.tree.nodes) == len(b.tree.nodes)
    for node in range(len(a.tree.nodes)):
        assert a.tree.leaf_below(node) == b.tree.leaf_below(node)  # where going back up and down again leads
    for x, y in zip(a.tree.nodes, b.tree.nodes, strict=True):
        assert (x.id, x.parent, x.step, x.depth, x.children, x.model, x.born) == (
            y.id, y.parent, y.step, y.depth, y.children, y.model, y.born)
        assert abs(x.log_p - y.log_p) < 1e-6 * (1 + abs(x.log_p))
    assert a.tree.annotations == b.tree.annotations
    assert a.tree.history() == b.tree.history()
    assert a.tree.history_place == b.tree.history_place
    assert a.tree.view == b.tree.view
    assert a.tree.ids() == b.tree.ids()
    assert a.tree.splits == b.tree.splits
