"""Replay: recomputes every sampled token of a session from its record, and candidates for exports.

A token is the same where its coin, flipped again from seed, position and roll, has the recorded u and chooses it from
the recomputed distribution. Networks on other machines, or in batches of another size, differ in the last bits: where
the recorded token's share of the coin begins or ends within ROUNDING of the coin, both are right, and that is counted
apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Backend
from gpt2_remix.engine.generation.counterfactual import replay_choice
from gpt2_remix.engine.generation.hindsight import LuckInHindsight, chance_of, scores_in_hindsight
from gpt2_remix.engine.generation.score import each_logits
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.generation.stream import StepList, recorded_context
from gpt2_remix.engine.sampling import coin as coins
from gpt2_remix.engine.sampling.distribution import Distribution, distribution
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.session.outline import walk
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.tokenizer import Tokenizer

ROUNDING = 2e-5
"""Of a probability, or of a log-probability in the Gumbel coin's race."""

SAME_CHANCE = 1e-3
"""Of the u of luck in hindsight, which depends on the network's numbers."""

SAME_SHARE = 1e-4
"""The part of a probability by which another form, or a batch of another size, may find it larger or smaller."""


@dataclass(slots=True)
class Replayed:
    """What has come of a replay so far.

    Attributes:
        nodes: all steps of the session.
        replayed: sampled tokens that were recomputed.
        different: those that came out otherwise: node, position, recorded and recomputed token, and with `u` and
            `recomputed_u` the recorded token's chance, which seed, position and roll alone decide.
        within_rounding: how many came out otherwise by less than ROUNDING, and count as the same.
        other_models: how many sampled tokens another model made; they were left out.
        other_form: how many of the replayed tokens were computed in another form: last bits differ, in int8 more.
        impossible: how many this network cannot give a distribution for, since ids that it does not have stand before
            them, in their settings, or are the token itself; they were left out.
    """

    nodes: int
    replayed: int = 0
    different: list[dict[str, Any]] = field(default_factory=list)
    within_rounding: int = 0
    other_models: int = 0
    other_form: int = 0
    impossible: int = 0


def distributions(
    backend: Backend, tree: Tree, path: Sequence[int], first: int, tokenizer: Tokenizer
) -> Iterator[tuple[int, Step, Distribution | None]]:
    """The distribution that each node of a path was chosen from, from place `first` on: (node, step, distribution).

    Under the settings that the step records (none for given tokens). None where the backend's network can give none:
    ids that it does not have stand in its window, or in the settings. Raises EngineError.
    """
    stream = StepList([step for node in path if (step := tree.nodes[node].step) is not None])
    size, ids = backend.info.vocab_size, stream.ids()
    foreign = [position for position, token in enumerate(ids) if token >= size]
    known = [token if token < size else 0 for token in ids]  # what comes of it is left out
    for position, logits in each_logits(backend, known, tokenizer.end_of_text, first):
        step = stream.step(position)
        chain = step.settings or Settings()
        context = recorded_context(stream, position, chain, tokenizer=tokenizer,
                                   context_length=backend.info.context)
        dist = None
        place = bisect_left(foreign, context.window)
        if place == len(foreign) or foreign[place] >= position:
            with suppress(InputError):  # an id in the settings, or a rule that leaves no token of this network's
                dist = distribution(logits, chain, context)
        yield path[position], step, dist


def replay(backend: Backend, tree: Tree, tokenizer: Tokenizer, models: Collection[int]) -> Iterator[Replayed]:
    """Recompute every sampled token that was made with some of the tree's models; yield after each branch."""
    found = Replayed(len(tree.nodes) - 1)
    lucks = LuckInHindsight(backend, tokenizer)
    other_forms = {n for n, model in enumerate(tree.models) if model.form != backend.info.form}
    for path, fresh in walk(tree):
        wanted = [n for n in range(fresh, len(path)) if _sampled(tree, path[n])]
        found.other_models += sum(tree.nodes[path[n]].model not in models for n in wanted)
        wanted = [n for n in wanted if tree.nodes[path[n]].model in models]
        if not wanted:
            continue
        for node, step, dist in distributions(backend, tree, path[: wanted[-1] + 1], wanted[0], tokenizer):
            if not _sampled(tree, node) or tree.nodes[node].model not in models:
                continue
            if dist is None or step.token >= dist.size:
                found.impossible += 1
                continue
            try:
                token, u, luck = _again(dist, step, lucks, _model_of(tree, node))
            except InputError:
                found.impossible += 1
                continue
            found.replayed += 1
            found.other_form += tree.nodes[node].model in other_forms
            close = step.hindsight is not None and step.u is not None and abs(u - step.u) < SAME_CHANCE
            same_luck = u == step.u or close or dist.settings.greedy
            if token == step.token and same_luck:
                continue
            if same_luck and within_rounding(dist, step, token, luck):
                found.within_rounding += 1
            else:
                found.different.append({"node": node, "position": step.position, "recorded": step.token,
                                        "recomputed": token, "u": step.u, "recomputed_u": u})
        yield found
    yield found


def _model_of(tree: Tree, node: int) -> str:
    """The name of the model that a node was made with, "" where that is not known."""
    place = tree.nodes[node].model
    return tree.models[place].name if place < len(tree.models) else ""


def _again(
    dist: Distribution, step: Step, lucks: LuckInHindsight, model: str
) -> tuple[int, float, NDArray[np.float64] | None]:
    """The token that a step's coin chooses, flipped again, the recorded token's chance, and the luck of the race.

    Raises InputError where its luck was drawn in hindsight for another network, or this one gives it none.
    """
    if step.hindsight is not None:
        if step.hindsight.model not in ("", model):
            raise InputError(f"its luck was drawn for {step.hindsight.model}")
        step = replace(step, hindsight=replace(step.hindsight, model=""))  # by another name of the same network
        assert step.hindsight is not None
        (luck,) = lucks.at([(step.hindsight, step.coin_position)])
        scores = scores_in_hindsight(dist.final, luck)
        return int(np.argmax(scores)), chance_of(float(luck[step.token])), luck
    token, u = replay_choice(dist, step, lucks)
    if step.coin != "gumbel":
        return token, u, None
    chances = _chances(step, dist.size)
    return token, float(chances[step.token]), _luck(chances)


def _chances(step: Step, vocabulary: int) -> NDArray[np.float64]:
    assert step.seed is not None
    return coins.gumbel_uniforms(step.seed, step.coin_position, step.roll, vocabulary)


def _luck(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        luck: NDArray[np.float64] = -np.log(-np.log(chances))
    return luck


def _sampled(tree: Tree, node: int) -> bool:
    step = tree.nodes[node].step
    return step is not None and step.origin == "sampled"


def within_rounding(
    dist: Distribution, step: Step, token: int, luck: NDArray[np.float64] | None = None
) -> bool:
    """Whether rounding alone can decide between the recorded token and the one that came out.

    Args:
        dist: recomputed.
        step: recorded.
        token: that came out.
        luck: [vocabulary], of the race, where it was drawn in hindsight.
    """
    if step.token >= dist.size:
        return False
    recorded, came = float(dist.final[step.token]), float(dist.final[token])
    if dist.settings.greedy:
        return bool(abs(float(dist.logits[step.token]) - float(dist.logits[token])) < ROUNDING * 10)
    if step.coin == "gumbel":
        scores = scores_in_hindsight(dist.final, _luck(_chances(step, dist.size)) if luck is None else luck)
        return bool(np.isfinite(scores[step.token]) and scores[token] - scores[step.token] < ROUNDING * 10)
    assert step.u is not None
    if recorded == 0 or came == 0:
        return False
    if abs(recorded - came) <= SAME_SHARE * max(recorded, came):
        return True  # which of two equal shares comes first on the interval is decided by their last bits
    start, end = coins.interval_span(dist.final, step.token)
    return min(abs(step.u - start), abs(step.u - end)) < ROUNDING


def candidates(
    backend: Backend, tree: Tree, tokenizer: Tokenizer, count: int, leaf: int | None = None
) -> Iterator[tuple[int, list[Candidate]]]:
    """The most probable candidates at every node (of the branch to `leaf`), under the settings it was chosen with.

    None for nodes that a model with another vocabulary made, or whose distribution this network cannot give.
    """
    own = [model.vocab_size in (0, backend.info.vocab_size) for model in tree.models]
    for path, fresh in walk(tree) if leaf is None else [(tree.path_to(leaf), 0)]:
        for node, _, dist in distributions(backend, tree, path, fresh, tokenizer):
            model = tree.nodes[node].model
            if dist is None or not (model >= len(own) or own[model]):
                yield node, []
                continue
            top = dist.order(count)
            yield node, [Candidate(int(token), float(dist.raw[token]), float(dist.final[token])) for token in top]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate as shown on hover: its token, raw and final probability."""

    token: int
    p_raw: float
    p_final: float


CandidatesOf = Callable[[int], Sequence[Candidate]]
"""The most probable candidates at a node's position; none where they are not known."""
