"""Any session, grown by any actions of the engine under any settings, replays with 0 differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt2_remix.engine.compare.lanes import LaneSpec, lane_starts, run_together, start_lanes
from gpt2_remix.engine.generation.backend import logits_at
from gpt2_remix.engine.generation.counterfactual import script_of
from gpt2_remix.engine.generation.decode import choose_token, pick_token
from gpt2_remix.engine.generation.lane import Lane, lane_at
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.generation.stream import context_at
from gpt2_remix.engine.gpt2.opening import open_backend
from gpt2_remix.engine.models.opening import Model
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import COINS, CoinKind, Settings
from gpt2_remix.engine.session.journal import Session
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.outline import unused_seeds
from gpt2_remix.engine.session.recording import keeping
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.tokenizer import without_texts
from tests.engine.continuity import assert_continuous, assert_replays

END = 1

chains = st.builds(
    Settings,
    temperature=st.sampled_from([0.0, 0.6, 1.0, 1.0, 1.4]),
    top_k=st.sampled_from([0, 0, 8]),
    repetition_penalty=st.sampled_from([1.0, 1.0, 1.3]),
    presence_penalty=st.sampled_from([0.0, 0.0, 3.0]),
    frequency_penalty=st.sampled_from([0.0, 0.0, 0.5]),
    no_repeat_ngram_size=st.sampled_from([0, 0, 2]),
    dry_multiplier=st.sampled_from([0.0, 0.0, 0.8]),
    xtc_probability=st.sampled_from([0.0, 0.0, 0.5]),
    mirostat_tau=st.sampled_from([0.0, 3.0]),
    min_new_tokens=st.sampled_from([0, 5]),
)

actions = st.lists(
    st.one_of(
        st.tuples(st.just("settings"), chains, st.sampled_from(COINS)),
        st.tuples(st.just("step"), st.integers(1, 3)),
        st.tuples(st.just("run"), st.integers(1, 12)),
        st.tuples(st.just("flip"), st.floats(0, 1)),
        st.tuples(st.just("pick"), st.floats(0, 1), st.integers(0, 96)),
        st.tuples(st.just("branch"), st.floats(0, 1), st.integers(1, 3)),
        st.tuples(st.just("move"), st.floats(0, 1)),
        st.tuples(st.sampled_from(["undo", "redo"])),
        st.tuples(st.just("prefix"), st.lists(st.integers(2, 96), min_size=1, max_size=6)),
        st.tuples(st.just("compare"), st.lists(st.tuples(chains, st.lists(st.integers(2, 96), min_size=1, max_size=9)),
                                               min_size=2, max_size=3)),
        st.tuples(st.just("generate"), chains, st.integers(0, 9)),
        st.tuples(st.just("what_if"), st.floats(0, 1), chains, st.integers(0, 96)),
        st.tuples(st.just("model"), st.integers(0, 1)),
    ),
    min_size=3, max_size=14,
)


@pytest.fixture(scope="module")
def models(tiny: Path, tiny_of_60: Path) -> list[Model]:
    """Two networks, of two vocabularies, whose context is soon full and whose coins do not hang on the last bits."""
    return [Model(open_backend(folder.name, folder), without_texts(END)) for folder in (tiny, tiny_of_60)]


class Grower:
    """Does to a tree what the app and the commands do, by the engine's functions alone."""

    def __init__(self, models: list[Model], seed: int) -> None:
        self.models = models
        self.tree = Tree(seed=seed)
        self.model(0)
        self.tree.set_prompt([5, 6, 7], record=False)
        self.starts: set[Step] = set()

    def do(self, act: tuple[Any, ...]) -> None:
        getattr(self, act[0])(*act[1:])
        if any(token >= self.now.info.vocab_size for token in self.tree.ids()):
            self.model(0)  # what was undone, say, brought back what the smaller one does not know

    def model(self, number: int) -> None:
        """Another network goes on, where it has the ids of the stream in view."""
        wanted = self.models[number]
        if all(token < wanted.info.vocab_size for token in self.tree.ids()):
            self.now = wanted
            self.tree.use_model(ModelRecord(wanted.info.name, 1, "fp32", wanted.info.vocab_size, 32))

    def at(self, share: float) -> int:
        return min(len(self.tree), int(share * (len(self.tree) + 1)))

    def dist(self, position: int, roll: int) -> tuple[Distribution, Any]:
        tree, view, info = self.tree, self.tree.view, self.now.info
        context = context_at(tree, position, view.settings, seed=view.seed, roll=roll, tokenizer=self.now.tokenizer,
                             context_length=info.context)
        logits = logits_at(self.now.backend, [(tree.ids(), position)], END)[0]
        return distribution(logits, view.settings, context), context

    def run_lanes(self, lanes: list[Lane]) -> None:
        for _ in run_together(self.now.backend, lanes, self.now.tokenizer):
            pass

    def settings(self, chain: Settings, coin: CoinKind) -> None:
        self.tree.change(settings=chain, coin=coin)

    def step(self, count: int) -> None:
        for _ in range(count):
            dist, context = self.dist(len(self.tree), 0)
            self.tree.choose(choose_token(dist, context, self.tree.view.coin), cursor=len(self.tree))

    def run(self, count: int) -> None:
        tree, view = self.tree, self.tree.view
        lane = lane_at(tree, len(tree), view.settings, seed=view.seed, coin=view.coin, limit=count)
        self.run_lanes([lane])
        tree.change(head=tree.graft(view.head, lane.steps), cursor=len(tree))

    def flip(self, share: float) -> None:
        position = self.at(share)
        dist, context = self.dist(position, self.tree.next_roll(position))
        self.tree.choose(choose_token(dist, context, self.tree.view.coin), cursor=position)

    def pick(self, share: float, token: int) -> None:
        position = self.at(share)
        dist, context = self.dist(position, self.tree.next_roll(position))
        self.tree.pick(pick_token(dist, token % dist.size, context), cursor=position + 1)

    def branch(self, share: float, count: int) -> None:
        tree, view, position = self.tree, self.tree.view, self.at(share)
        parent = tree.parent_of(position)
        lanes = [lane_at(tree, position, view.settings, seed=seed, coin=view.coin, limit=6)
                 for seed in unused_seeds(tree, count)]
        self.run_lanes(lanes)
        for lane in lanes:
            tree.change(head=tree.graft(parent, lane.steps), cursor=position)

    def move(self, share: float) -> None:
        self.tree.change(head=self.tree.parent_of(self.at(share)))

    def undo(self) -> None:
        self.tree.undo()

    def redo(self) -> None:
        self.tree.redo()

    def prefix(self, ids: list[int]) -> None:
        self.tree.set_prompt([token % self.now.info.vocab_size for token in ids])

    def compare(self, wanted: list[tuple[Settings, list[int]]]) -> None:
        """As `gpt2-remix compare --session` does."""
        size = self.now.info.vocab_size
        prefixes = [[token % size for token in ids] for _, ids in wanted]
        lanes = start_lanes(lane_starts([LaneSpec(chain) for chain, _ in wanted], prefixes),
                            seed=self.tree.view.seed, coin=self.tree.view.coin, limit=5)
        with keeping(Session(self.tree), lanes, goes_on=False):
            self.run_lanes(lanes)
        self.starts.update(lane.steps[0] for lane in lanes if lane.steps)

    def generate(self, chain: Settings, count: int) -> None:
        """As `gpt2-remix generate --session` does where it goes on from the stream in view."""
        tree = self.tree
        lanes = [lane_at(tree, len(tree), chain, seed=tree.view.seed, limit=count)]
        with keeping(Session(tree), lanes, goes_on=True):
            self.run_lanes(lanes)

    def what_if(self, share: float, chain: Settings, token: int) -> None:
        """The same luck after another token, and past it other settings; kept as a branch."""
        tree, view, position = self.tree, self.tree.view, self.at(share)
        if position < tree.prompt_length():
            return
        dist, context = self.dist(position, tree.next_roll(position))
        script = script_of(tree.steps(position), chain)
        script[position] = pick_token(dist, token % dist.size, context)
        lane = lane_at(tree, position, chain, seed=view.seed, coin=view.coin, limit=8, script=script)
        self.run_lanes([lane])
        # Each coin keeps its own place, also where the streams that were put together count differently.
        self.starts.update(lane.steps)
        tree.change(head=tree.graft(tree.parent_of(position) if position else ROOT, lane.steps), cursor=position)


@pytest.mark.slow
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(actions, st.integers(0, 2**32))
def test_whatever_was_done_replays(models: list[Model], acts: Any, seed: int) -> None:
    """By each of the models that it was done with; the other's tokens stop none of them."""
    grower = Grower(models, seed)
    for act in acts:
        grower.do(act)
    for number, record in enumerate(grower.tree.models):
        made_by = next(model for model in models if model.info.name == record.name)
        assert_replays(made_by, grower.tree, acts, [number])
    assert_continuous(grower.tree, acts, grower.starts)
