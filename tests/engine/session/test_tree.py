
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.tree import Tree


def sampled(position: int, token: int, roll: int = 0, seed: int = 7) -> Step:
    return Step(position, token, "sampled", u=0.5, roll=roll, seed=seed, coin="interval", settings=Settings(),
                surprisal=1.0)


def grown(tokens: list[int]) -> Tree:
    tree = Tree(seed=7)
    tree.set_prompt([10, 11])
    for token in tokens:
        tree.append(sampled(len(tree), token))
    return tree


def test_flipping_in_the_middle_keeps_the_old_continuation() -> None:
    tree = grown([1, 2, 3])
    tree.choose(sampled(3, 9, roll=tree.next_roll(3)), cursor=3)
    assert tree.ids() == [10, 11, 1, 9]
    assert tree.leaf_count == 2
    assert tree.go_sibling(3, 1)
    assert tree.ids() == [10, 11, 1, 2, 3]
    assert tree.next_roll(3) == 2


def test_picking_a_token_that_stands_there_brings_its_continuation_back() -> None:
    tree = grown([1, 2, 3])
    tree.pick(Step(2, 5, "picked"), cursor=3)
    assert tree.ids() == [10, 11, 5]
    tree.pick(Step(2, 1, "picked"), cursor=3)
    assert tree.ids() == [10, 11, 1, 2, 3]
    assert len(tree.nodes) == 1 + 5 + 1


def test_what_another_model_made_is_another_node() -> None:
    """fp32, undo, int8: the flip is the same, the probabilities that decided it are not."""
    tree = Tree(seed=7)
    tree.use_model(ModelRecord("classics", precision="fp32"))
    tree.set_prompt([10, 11])
    made = tree.append(sampled(2, 5))
    tree.undo()
    tree.use_model(ModelRecord("classics", precision="int8"))
    again = tree.append(replace(sampled(2, 5), surprisal=1.25))
    assert again != made
    assert [tree.models[tree.nodes[node].model].precision for node in (made, again)] == ["fp32", "int8"]
    assert [tree.nodes[node].step.surprisal for node in (made, again)] == [1.0, 1.25]  # type: ignore[union-attr]
    tree.undo()
    tree.use_model(ModelRecord("classics", precision="fp32"))
    assert tree.append(sampled(2, 5)) == made
    for precision in ("fp32", "int8"):
        tree.use_model(ModelRecord("classics", precision=precision))
        node = tree.pick(Step(2, 6, "picked", settings=Settings(), surprisal=2.0), cursor=3)
        assert tree.models[tree.nodes[node].model].precision == precision


def test_the_first_token_can_be_replaced() -> None:
    tree = grown([1])
    tree.pick(Step(0, 99, "picked"), cursor=1)
    assert tree.ids() == [99]
    assert len(tree.siblings(0)) == 2


def test_prefixes_share_what_they_have_in_common() -> None:
    tree = grown([1])
    tree.set_prompt([10, 12])
    assert tree.ids() == [10, 12]
    assert tree.prompt_length() == 2
    assert len(tree.siblings(1)) == 2
    assert tree.undo()
    assert tree.ids() == [10, 11, 1]


def test_the_same_flip_is_the_same_node() -> None:
    tree = grown([1, 2])
    tree.undo()
    tree.append(sampled(3, 2))
    assert len(tree.nodes) == 5
    tree.undo()
    tree.append(sampled(3, 2, seed=8))
    assert len(tree.nodes) == 6


def test_undo_and_redo_cover_settings_and_a_new_change_ends_redo() -> None:
    tree = grown([1])
    tree.change(settings=Settings(temperature=0.5))
    assert tree.undo()
    assert tree.view.settings == Settings()
    assert tree.redo()
    assert tree.view.settings.temperature == 0.5
    tree.undo()
    tree.append(sampled(3, 4))
    assert not tree.redo()


def test_a_run_is_one_undo_step() -> None:
    tree = grown([])
    tree.checkpoint()
    for token in (1, 2, 3):
        tree.append(sampled(len(tree), token), record=False)
    tree.undo()
    assert tree.ids() == [10, 11]
    tree.redo()
    assert tree.ids() == [10, 11, 1, 2, 3]


def test_log_probability_counts_what_was_chosen_and_not_what_was_given() -> None:
    tree = grown([1, 2, 3])
    assert tree.nodes[tree.view.head].log_p == pytest.approx(-3 * 0.6931471805599453)
    assert tree.nodes[tree.view.head].depth == 5


def test_measuring_refuses_another_step() -> None:
    tree = grown([])
    with pytest.raises(ValueError, match="another step"):
        tree.set_probabilities(tree.path[0], Step(0, 5, "prompt"))


@given(st.integers(-5, 50))
def test_the_cursor_stays_in_the_stream(position: int) -> None:
    tree = grown([1, 2])
    tree.move(position)
    assert 0 <= tree.view.cursor <= 4


class TreeMachine(RuleBasedStateMachine):
    """Any order of actions: the tree only grows, and what is on screen is a path of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = grown([])
        self.most = 0

    @rule(token=st.integers(0, 3))
    def append(self, token: int) -> None:
        self.tree.append(sampled(len(self.tree), token))

    @rule(token=st.integers(0, 3), place=st.floats(0, 1))
    def pick(self, token: int, place: float) -> None:
        position = int(place * len(self.tree))
        self.tree.pick(Step(position, token, "picked"), cursor=position + 1)

    @rule(token=st.integers(0, 3), place=st.floats(0, 1))
    def flip(self, token: int, place: float) -> None:
        position = int(place * len(self.tree))
        before = self.tree.next_roll(position)
        self.tree.choose(sampled(position, token, roll=before), cursor=position)
        assert self.tree.next_roll(position) == before + 1

    @rule(tokens=st.lists(st.integers(0, 3), min_size=1, max_size=4))
    def prefix(self, tokens: list[int]) -> None:
        self.tree.set_prompt(tokens)
        assert self.tree.ids() == tokens

    @rule(offset=st.sampled_from([-1, 1]), place=st.floats(0, 1))
    def sibling(self, offset: int, place: float) -> None:
        self.tree.go_sibling(int(place * len(self.tree)), offset)

    @rule()
    def undo_and_redo(self) -> None:
        view = self.tree.view
        if self.tree.undo():
            assert self.tree.redo()
            assert self.tree.view == view

    @rule()
    def undo(self) -> None:
        self.tree.undo()

    @invariant()
    def grows(self) -> None:
        assert len(self.tree.nodes) >= self.most
        self.most = len(self.tree.nodes)

    @invariant()
    def path_is_a_path(self) -> None:
        tree = self.tree
        assert list(tree.path) == tree.path_to(tree.view.head)
        assert [tree.nodes[node].depth for node in tree.path] == list(range(1, len(tree) + 1))
        assert 0 <= tree.view.cursor <= len(tree)

    @invariant()
    def leaves_are_counted(self) -> None:
        leaves = self.tree.leaves()
        assert len(leaves) == self.tree.leaf_count == len(set(leaves))
        if len(self.tree):
            assert leaves[self.tree.branch_number() - 1] == self.tree.leaf_below(self.tree.view.head)

    @invariant()
    def children_know_their_parents(self) -> None:
        for node in self.tree.nodes:
            assert node.id == ROOT or node.id in self.tree.nodes[node.parent or ROOT].children


TestTreeMachine = TreeMachine.TestCase
