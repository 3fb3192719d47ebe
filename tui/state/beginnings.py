"""Where comparisons come from: lanes from a position on, the same luck after one change, two branches of a tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.tui.state.comparison import Comparison
from gpt2_remix.tui.state.lanes import LaneSetup, LaneState

if TYPE_CHECKING:
    from gpt2_remix.engine.session.tree import Tree

    # numpy is not on the path to the first frame
    from gpt2_remix.tui.state.exploration import Exploration

FIRST_LANES = (Settings(temperature=0.7), Settings(temperature=1.2))
"""What is compared where nothing was chosen yet."""


def _start(tree: Tree, position: int) -> tuple[int, Step | None]:
    """How much of what stands before a position is the prefix; its last step, with the offset of the coins there."""
    from gpt2_remix.engine.generation.stream import context_at

    context = context_at(tree, position, tree.view.settings, seed=tree.view.seed, tokenizer=None, context_length=0)
    before = tree.step(position - 1) if position else None
    return context.prompt, None if before is None else replace(before, offset=context.offset)


def begin(exploration: Exploration, position: int, known: Comparison | None) -> Comparison:
    """A comparison that continues the stream from a position, with the lanes of the one before.

    Where there is none: the current settings beside pure sampling, or two temperatures where nothing was set.
    """
    tree, view = exploration.tree, exploration.tree.view
    prompt, before = _start(tree, position)
    prefix = tree.ids(position)
    if not prefix:
        prefix = [exploration.tokenizer.end_of_text] if exploration.tokenizer else []
        prompt = len(prefix)
    made = Comparison(seed=view.seed, coin=view.coin, common=prefix, common_prompt=prompt, before=before,
                      parent=tree.parent_of(position) if position else None)
    lanes = [lane for lane in known.lanes if not lane.script] if known is not None else []
    if known is not None and len(lanes) > 1:
        made.own_coins = known.own_coins
        for lane in lanes:
            own = lane.setup.own_prefix is not None
            made.add(LaneState(lane.setup if own else made.on_common(lane.setup)))
    else:
        plain = view.settings == Settings()
        for settings in FIRST_LANES if plain else (view.settings, Settings()):
            made.add(LaneState(LaneSetup(settings, prefix, prompt, before=before)))
    made.selected = 0
    return made


def counterfactual(
    exploration: Exploration, *, start: int, label: str, prefix: list[int] | None = None, first: Step | None = None,
    settings: Settings | None = None, luck: Sequence[Step] = (),
) -> Comparison:
    """The stream as it is, and the same luck after one change.

    Args:
        start: the position from which the two are laid side by side; what stands before is the prefix of both.
        label: what was changed, in a few words.
        prefix: another prefix for the second; both then line up at the end of their prefixes.
        first: another step at `start`.
        settings: others than the recorded ones, from `start` on.
        luck: in hindsight, for tokens that no coin chose; those of the stream that a coin chose keep theirs.
    """
    from gpt2_remix.engine.generation.counterfactual import script_of

    tree, view = exploration.tree, exploration.tree.view
    ids, steps = tree.ids(start), tree.steps(start)
    prompt, before = _start(tree, start)
    made = Comparison(seed=view.seed, coin=view.coin, common=ids, common_prompt=prompt, before=before,
                      parent=tree.parent_of(start) if start else None, title="the same luck")
    old = LaneState(LaneSetup(view.settings, ids, prompt, before=before, label="as it was", script=script_of(steps)))
    made.add(old)
    old.append(steps)
    if prefix is not None:
        own = exploration.tokenizer.decode(prefix) if exploration.tokenizer else ""
        moved = script_of(steps, settings, moved=len(prefix) - len(ids))
        made.add(
            LaneState(
                LaneSetup(settings or view.settings, prefix, len(prefix), label=label, own_prefix=own, script=moved)
            )
        )
    else:
        again = script_of(steps, settings)
        again |= {step.position: replace(step, settings=settings or step.settings) for step in luck
                  if tree.step(step.position).origin != "sampled"}
        if first is not None:
            again[start] = first
        made.add(LaneState(LaneSetup(settings or view.settings, ids, prompt, before=before, label=label, script=again)))
    made.selected = 1
    made.cursor = 0
    return made


def of_branches(exploration: Exploration, first: int, second: int) -> Comparison:
    """Two branches of the tree side by side, from where they split; both can go on, each with its own luck."""
    from gpt2_remix.engine.generation.counterfactual import script_of
    from gpt2_remix.engine.generation.stream import StepList
    from gpt2_remix.engine.session.outline import split_of

    tree, view, tokenizer = exploration.tree, exploration.tree.view, exploration.tokenizer
    *tails, node = split_of(tree, first, second)
    shared = StepList([step for known in tree.path_to(node) if (step := tree.nodes[known].step) is not None])
    # Where a branch has a prefix of its own, that of the other is its own too.
    given = [next((n for n, step in enumerate(tail) if step.origin != "prompt"), len(tail)) for tail in tails]
    own = any(given)
    made: Comparison | None = None
    for tail, start, leaf in zip(tails, given, (first, second), strict=True):
        steps = tail[start:]
        prefix = shared.ids() + [step.token for step in tail[:start]]
        before = tail[start - 1] if start else shared.step(len(shared) - 1) if len(shared) else None
        if before is not None and steps:
            before = replace(before, offset=steps[0].offset)
        prompt = len(prefix) if own else shared.prompt_length()
        if made is None:
            made = Comparison(seed=view.seed, coin=view.coin, common=prefix, common_prompt=prompt, before=before,
                              parent=None if own else node, title="two branches")
        name = tree.annotations[leaf].name if leaf in tree.annotations else ""
        label = name or exploration.words([step.token for step in steps[:8]])
        text = tokenizer.decode(prefix) if own and tokenizer is not None else None
        lane = LaneState(LaneSetup(view.settings, prefix, prompt, own_prefix=text, before=before, label=label,
                                   script=script_of(steps)))
        made.add(lane)
        lane.append(steps)
    assert made is not None
    made.selected = made.cursor = 0
    return made


def comparison_of(exploration: Exploration, lanes: Sequence[Settings] | None) -> Comparison:
    """Lanes side by side from the end of the text: those that a step names, or the usual ones."""
    made = begin(exploration, len(exploration.tree), None)
    if lanes is not None:
        first = made.lanes[0].setup
        for place in reversed(range(len(made.lanes))):
            made.remove(place)
        for settings in lanes:
            made.add(LaneState(LaneSetup(settings, first.prefix, first.prompt, before=first.before)))
        made.selected = 0
    return made
