"""The tree as a place to work: its segments and branches, in what order, and how to find something in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import SEED_LIMIT
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.words import counted

Order = Literal["tree", "probability", "length", "time"]
ORDERS: tuple[Order, ...] = ("tree", "probability", "length", "time")


@dataclass(frozen=True, slots=True)
class Segment:
    """The tokens between two splits: the first and the last node, and how deep it is nested."""

    first: int
    last: int
    depth: int


def segments(tree: Tree, *, hidden: bool = False) -> list[Segment]:
    """The tree as segments, each before those that follow it; what is hidden is left out with all below it."""
    found: list[Segment] = []
    marks, nodes = tree.annotations, tree.nodes
    concealed = {node for node, mark in marks.items() if mark.hidden}
    stack = [(child, 0) for child in reversed(nodes[ROOT].children)]
    while stack:
        first, depth = stack.pop()
        if first in concealed and not hidden:
            continue
        last = first
        while len(children := nodes[last].children) == 1 and children[0] not in concealed:
            last = children[0]
        found.append(Segment(first, last, depth))
        stack.extend((child, depth + 1) for child in reversed(children))
    return found


def nodes_of(tree: Tree, segment: Segment) -> list[int]:
    """The nodes of a segment, in order."""
    path = []
    node = segment.last
    while node != segment.first:
        path.append(node)
        parent = tree.nodes[node].parent
        assert parent is not None
        node = parent
    return [segment.first, *reversed(path)]


def shown_leaves(tree: Tree) -> list[int]:
    """The ends of the branches that are not hidden, in the order of `Tree.leaves`."""
    hidden = {node for node, mark in tree.annotations.items() if mark.hidden}
    if not hidden:
        return tree.leaves()
    return [leaf for leaf in tree.leaves() if hidden.isdisjoint(tree.path_to(leaf))]


def leaves_below(tree: Tree, node: int) -> list[int]:
    """The last node of every branch through a node, but for the hidden ones."""
    return [leaf for leaf in shown_leaves(tree) if leaf != node and (node == ROOT or tree.below(node, leaf))]


def unused_seeds(tree: Tree, count: int) -> list[int]:
    """Seeds for new branches, so that each has luck of its own: the smallest above the current one that no step holds.

    Past the largest seed they begin at 0.
    """
    above = (seed % SEED_LIMIT for seed in range(tree.view.seed + 1, tree.view.seed + SEED_LIMIT))
    return list(islice((seed for seed in above if seed not in tree.seeds), count))


def fell_again(tree: Tree, step: Step) -> bool:
    """Whether the coin of a step of the stream, flipped again, fell on the token on which it had fallen before."""
    others = (tree.nodes[node].step for node in tree.siblings(step.position))
    return step.roll > 0 and any(
        other is not None and (other.token, other.seed, other.coin, other.roll, other.origin)
        == (step.token, step.seed, step.coin, step.roll - 1, "sampled") for other in others
    )


def walk(tree: Tree) -> Iterator[tuple[list[int], int]]:
    """Paths (node ids from the first token on) that together hold every node, and from where on each is new."""
    stack: list[tuple[int, int]] = [(child, 0) for child in reversed(tree.nodes[ROOT].children)]
    while stack:
        node, fresh = stack.pop()
        path = tree.path_to(node)
        while children := tree.nodes[path[-1]].children:
            stack.extend((child, len(path)) for child in reversed(children[1:]))
            path.append(children[0])
        yield path, fresh


def sorted_leaves(tree: Tree, order: Order, *, hidden: bool = False) -> list[int]:
    """The ends of the branches: in the tree's order, the most probable (a token), the longest or the newest first."""
    leaves = tree.leaves() if hidden else shown_leaves(tree)
    if order == "tree":
        return leaves
    nodes = tree.nodes
    keys: dict[str, Callable[[int], float]] = {
        "probability": lambda leaf: nodes[leaf].log_p / max(1, nodes[leaf].depth),
        "length": lambda leaf: nodes[leaf].depth,
        "time": lambda leaf: nodes[leaf].born,
    }
    return sorted(leaves, key=keys[order], reverse=True)


def find_text(tree: Tree, piece: Callable[[int], bytes], text: str, limit: int = 1000) -> list[int]:
    """The nodes at which a text begins, on any branch, without regard to the case of ASCII letters.

    Args:
        piece: a token's bytes.
    """
    wanted = text.encode().lower()
    found: dict[int, None] = {}
    if not wanted:
        return []
    for path, fresh in walk(tree):
        first = max(0, fresh - len(wanted))  # a match may begin before the split
        starts: list[int] = []
        whole = bytearray()
        for node in path[first:]:
            starts.append(len(whole))
            step = tree.nodes[node].step
            whole += piece(step.token).lower() if step is not None else b""
        place = bytes(whole).find(wanted)
        token = 0
        while place >= 0:
            while token + 1 < len(starts) and starts[token + 1] <= place:
                token += 1
            found[path[first + token]] = None
            if len(found) >= limit:
                return list(found)
            place = bytes(whole).find(wanted, place + 1)
    return list(found)


def least_likely(tree: Tree, count: int) -> list[int]:
    """The sampled and picked nodes with the highest surprisal, the highest first."""
    steps = [(node.step.surprisal, node.id) for node in tree.nodes[1:]
             if node.step is not None and node.step.origin != "prompt" and node.step.surprisal is not None]
    return [node for _, node in sorted(steps, key=lambda pair: (-pair[0], pair[1]))[:count]]


def with_origin(tree: Tree, origin: str) -> list[int]:
    """The nodes of one origin, in the order of their birth."""
    return [node.id for node in tree.nodes if (step := node.step) is not None and step.origin == origin]


def unknown_to(tree: Tree, name: str, vocab_size: int) -> str:
    """What is said of a session whose tokens a model does not all know; "" where it knows them."""
    unknown = [node.step.token for node in tree.nodes if node.step is not None and node.step.token >= vocab_size]
    if not unknown:
        return ""
    made_with = tree.models[tree.model].name if tree.models else ""
    by = f", made with {made_with}," if made_with not in ("", name) else ""
    return (f"this session{by} holds {counted(len(unknown), 'token')} that {name} does not know: "
            f"id {max(unknown)} is past {vocab_size - 1}, its last")


def check_known(tree: Tree, name: str, vocab_size: int) -> None:
    """Refuse to go on with a session in a model that does not know its tokens. Raises InputError."""
    if words := unknown_to(tree, name, vocab_size):
        raise InputError(f"{words}; go on with the model that made it")


def annotated(tree: Tree) -> list[int]:
    """The nodes with a name, a star or a note."""
    return sorted(node for node, mark in tree.annotations.items() if mark.name or mark.star or mark.note)


def split_of(tree: Tree, first: int, second: int) -> tuple[list[Step], list[Step], int]:
    """Two branches after what they share: the steps of each, and the node that they split after (the root: nothing)."""
    a, b = tree.path_to(first), tree.path_to(second)
    shared = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    tails = [[step for node in path[shared:] if (step := tree.nodes[node].step) is not None] for path in (a, b)]
    return tails[0], tails[1], a[shared - 1] if shared else ROOT


def branch_only(tree: Tree, leaf: int) -> Tree:
    """A tree that holds nothing but the path to a node."""
    path = tree.path_to(leaf)
    made = Tree(seed=tree.view.seed, settings=tree.view.settings, coin=tree.view.coin)
    made.models, made.model = list(tree.models), tree.model
    for old in path:
        node = tree.nodes[old]
        assert node.step is not None
        number = made.grow(len(made.nodes) - 1, node.step, node.model, node.born)
        if old in tree.annotations:
            made.annotations[number] = tree.annotations[old]
    made.change(record=False, head=len(path), cursor=min(tree.view.cursor, len(path)))
    return made
