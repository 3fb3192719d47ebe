"""What a tree is made of: nodes, what a person says of them, and the view that one looks at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import CoinKind, Settings

ROOT = 0
LOG_2 = math.log(2)


@dataclass(slots=True)
class Node:
    """A step in the tree.

    Attributes:
        parent: the node before it; None for the root, which holds no step.
        depth: how many tokens the path to it has.
        given: how many of these are given ones (a prompt's).
        log_p: natural logarithm of the raw probability of what was sampled and picked on that path, given the prompt.
        visited: the child through which the stream last went, so that coming back finds the same continuation.
        model: the index in `Tree.models` of the model that it was made with.
        born: when, in seconds since 1970.
    """

    id: int
    parent: int | None
    step: Step | None
    depth: int = 0
    log_p: float = 0.0
    children: list[int] = field(default_factory=list)
    visited: int | None = None
    model: int = 0
    born: float = 0.0
    given: int = 0

    def bits_after(self, above: Node) -> float | None:
        """The mean surprisal in bits of what was sampled and picked after a node above; None where nothing was."""
        count = self.depth - above.depth - (self.given - above.given)
        return (above.log_p - self.log_p) / LOG_2 / count if count else None


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a person says of a node: a name, a star, a note; hidden branches are left out of lists."""

    name: str = ""
    star: bool = False
    hidden: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What is on screen. `cursor` is a position: len(path) means the token that is not chosen yet."""

    head: int
    cursor: int
    settings: Settings
    seed: int
    coin: CoinKind


def seed_of(nodes: Sequence[Node], head: int, view: View) -> int:
    """The seed with which the stream to a node goes on: its newest flip's; past the stream in view, the view's."""
    node = nodes[head]
    while node.id != view.head and node.parent is not None:
        if node.step is not None and node.step.seed is not None:
            return node.step.seed
        node = nodes[node.parent]
    return view.seed
