"""What replay finds in records that were changed, and what it can do where two models made a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gpt2_remix.engine.compare.lanes import run_together
from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.generation.lane import lane_at
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.settings import CoinKind, Settings
from gpt2_remix.engine.session.export.render import page_size, page_with_candidates
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.replay import Replayed, candidates, replay
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, without_texts
from tests.kinds import Checkpoint

TOKENS = without_texts(1)


def replayed(backend: Backend, tree: Tree, models: Any = (0,), tokens: Tokenizer = TOKENS) -> Replayed:
    *_, found = replay(backend, tree, tokens, models)
    return found


def extend(tree: Tree, backend: Backend, count: int, settings: Settings | None = None, coin: CoinKind = "interval",
           tokens: Tokenizer = TOKENS) -> None:
    lane = lane_at(tree, len(tree), settings or Settings(), seed=7, coin=coin, limit=count)
    for _ in run_together(backend, [lane], tokens):
        pass
    tree.change(head=tree.graft(tree.view.head, lane.steps))


@pytest.mark.parametrize("coin", ["interval", "gumbel"])
@pytest.mark.parametrize(
    "change",
    [
        lambda step: {"seed": step.seed + 1}, lambda step: {"roll": step.roll + 1},
        lambda step: {"offset": step.offset - 1}, lambda step: {"u": step.u * 0.999},
        lambda step: {"coin": "gumbel" if step.coin == "interval" else "interval"},
    ],
    ids=["seed", "roll", "offset", "u", "coin"],
)
def test_a_record_whose_luck_is_not_that_of_its_seed(
    classics: Model, coin: CoinKind, change: Callable[[Step], dict[str, Any]]
) -> None:
    """The recorded u was taken as it stood, so that a wrong seed, roll or offset went unseen."""
    tree = Tree(seed=7)
    tree.use_model(ModelRecord("classics", vocab_size=8193))
    tree.set_prompt(classics.tokenizer.encode("It is a truth"), record=False)
    extend(tree, classics.backend, 12, coin=coin, tokens=classics.tokenizer)
    assert replayed(classics.backend, tree, tokens=classics.tokenizer).different == []
    node = tree.nodes[9]
    assert node.step is not None
    node.step = replace(node.step, **change(node.step))
    found = replayed(classics.backend, tree, tokens=classics.tokenizer).different
    assert [other["node"] for other in found] == [9]
    assert found[0]["u"] == node.step.u != found[0]["recomputed_u"]


def test_a_greedy_step_is_compared_in_its_token_alone(classics: Model) -> None:
    tree = Tree(seed=7)
    tree.use_model(ModelRecord("classics", vocab_size=8193))
    tree.set_prompt([1026], record=False)
    extend(tree, classics.backend, 5, Settings(temperature=0.0), tokens=classics.tokenizer)
    step = tree.nodes[3].step
    assert step is not None
    tree.nodes[3].step = replace(step, seed=99)
    assert replayed(classics.backend, tree, tokens=classics.tokenizer).different == []


def test_what_another_vocabulary_made_stops_nothing(checkpoint: Checkpoint) -> None:
    """Replay and the page with candidates go on with all that this network can give."""
    large = open_backend("large", checkpoint("large"))
    small = open_backend("small", checkpoint("small", vocab_size=60))
    tree = Tree(seed=7)
    tree.use_model(ModelRecord("small", vocab_size=60))
    tree.set_prompt([5, 6, 7], record=False)
    extend(tree, small, 10)
    tree.change(head=tree.parent_of(8))
    tree.use_model(ModelRecord("large", vocab_size=97))
    extend(tree, large, 6, Settings(banned=tuple(range(60))))  # ids that the small one does not have
    foreign = len(tree)
    for position in range(len(tree), foreign + 40):  # until they stand outside its window of 32
        tree.append(Step(position, 9, "picked", settings=Settings()))
    tree.use_model(ModelRecord("small", vocab_size=60))
    extend(tree, small, 4)
    by_small = sum(node.model == 0 and node.step is not None and node.step.origin == "sampled" for node in tree.nodes)
    found = replayed(small, tree)
    assert (found.replayed, found.different, found.other_models, found.impossible) == (by_small, [], 6, 0)
    found = replayed(large, tree, models=[1])
    assert (found.replayed, found.different, found.other_models, found.impossible) == (6, [], by_small, 0)
    # Asked for what the other one made, it says of each that it cannot.
    found = replayed(small, tree, models=[0, 1])
    assert (found.replayed, found.different, found.impossible) == (by_small, [], 6)
    known = dict(candidates(small, tree, TOKENS, 3))
    assert len(known) == len(tree.nodes) - 1
    for node in tree.nodes[1:]:
        assert bool(known[node.id]) == (node.model == 0), node.id
    *steps, page = page_with_candidates(Session(tree), small, Pieces())  # type: ignore[arg-type]
    assert steps == [""] * page_size(Session(tree), None)
    assert "[80]" in page or "[6" in page
    # Of a large session the network is run for what stands first on the page, and no more.
    with pytest.MonkeyPatch.context() as patch:
        for module in ("render", "html"):
            patch.setattr(f"gpt2_remix.engine.session.export.{module}.MOST_HOVERED", 5)
        before = small.computed
        *steps, page = page_with_candidates(Session(tree), small, Pieces())  # type: ignore[arg-type]
        assert (steps, page_size(Session(tree), None)) == ([""] * 5, 5)
        assert small.computed - before <= len(tree)
        assert f"of the first 5 of {len(tree.nodes) - 1} tokens" in page


class Pieces:
    """All that a page asks of a tokenizer."""

    end_of_text = 1

    def token_bytes(self, token: int) -> bytes:
        return b"x" if token < 60 else b""

    def shown_bytes(self, token: int) -> bytes:
        return self.token_bytes(token) or f"[{token}]".encode()

    def decode_bytes(self, ids: Any) -> bytes:
        return b"".join(map(self.token_bytes, ids))

    def decode(self, ids: Any) -> str:
        return self.decode_bytes(ids).decode()
