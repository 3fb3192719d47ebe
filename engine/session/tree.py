"""The remix tree: every step of a session. Append, pick, flip again, branch, undo.

The tree only grows: nothing that a person saw is ever lost. A node is one step, a branch is a path from the root to
a leaf. What is on screen is a `View`: the node at the end of the stream, the cursor, and what the next flip
depends on. Undo and redo move between views. Plain Python, no tensors.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.models.record import ModelRecord
from gpt2_remix.engine.sampling.settings import CoinKind, Settings
from gpt2_remix.engine.session.nodes import LOG_2, ROOT, Annotation, Node, View, seed_of


class Tree:
    """All steps of a session, and the view that one looks at.

    Positions are 0-based and count prompt tokens. `splits` counts the branches born so far. Methods that change the
    view put the one before on the undo stack, unless `record=False`.

    Attributes:
        models, model: those that nodes were made with, and the index of the one that new nodes are made with.
        annotations: what a person says of nodes.
        touched: nodes whose step or annotation became another; whoever saves them empties it.
        seeds: those of all flips.
        turned: splits at which the stream last went another way (`Node.visited`); likewise.
        settled: how many views at the start of `history` are as they were when this was last set to its length.
    """

    def __init__(self, *, seed: int, settings: Settings | None = None, coin: CoinKind = "interval") -> None:
        self.nodes: list[Node] = [Node(ROOT, None, None)]
        self.splits = 0
        self._number = (0, ROOT, 0)
        self.view = View(ROOT, 0, settings or Settings(), seed, coin)
        self._path: list[int] = []
        self._past: list[View] = []
        self._future: list[View] = []
        self.models: list[ModelRecord] = []
        self.model = 0
        self.annotations: dict[int, Annotation] = {}
        self.touched: set[int] = set()
        self.turned: set[int] = set()
        self.seeds: set[int] = set()
        self.settled = 0

    # Reading

    def __len__(self) -> int:
        return len(self._path)

    @property
    def path(self) -> Sequence[int]:
        """Node ids from the first token to the head."""
        return self._path

    def step(self, position: int) -> Step:
        """The step at a position of the stream. Raises IndexError outside it."""
        step = self.nodes[self._path[position]].step
        assert step is not None
        return step

    def steps(self, start: int = 0) -> list[Step]:
        """The stream's steps from a position on."""
        return [self.step(position) for position in range(start, len(self._path))]

    def ids(self, end: int | None = None, start: int = 0) -> list[int]:
        """The stream's token ids, up to (not including) a position, and from one on."""
        return [step.token for node in self._path[start:end] if (step := self.nodes[node].step) is not None]

    def parent_of(self, position: int) -> int:
        """The node after which the token at a position was chosen."""
        return self._path[position - 1] if position else ROOT

    def siblings(self, position: int) -> Sequence[int]:
        """All nodes that were ever chosen at a position after the same tokens, in the order of their birth."""
        return self.nodes[self.parent_of(position)].children

    def prompt_length(self) -> int:
        """How many tokens at the start of the stream are prompt."""
        count = 0
        for node in self._path:
            step = self.nodes[node].step
            if step is None or step.origin != "prompt":
                break
            count += 1
        return count

    def next_roll(self, position: int) -> int:
        """The roll of the next flip at a position: 0, or one more than any sibling had with this seed and coin."""
        rolls = [
            step.roll for node in self.siblings(position)
            if (step := self.nodes[node].step) is not None and step.origin == "sampled"
            and step.seed == self.view.seed and step.coin == self.view.coin
        ]
        return max(rolls, default=-1) + 1

    def leaves(self) -> list[int]:
        """The last node of every branch, in the order in which a walk through the tree meets them."""
        found: list[int] = []
        stack = [ROOT]
        while stack:
            node = self.nodes[stack.pop()]
            if node.children:
                stack.extend(reversed(node.children))
            elif node.id != ROOT:
                found.append(node.id)
        return found

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undo to take back."""
        return bool(self._future)

    @property
    def leaf_count(self) -> int:
        """How many branches there are."""
        return self.splits

    def branch_number(self) -> int:
        """The place of the branch in view among all (1 the first), in the order of `leaves`."""
        leaf = self.leaf_below(self.view.head)
        splits, known, number = self._number
        if splits != self.splits or self.below(known, leaf) is None:
            number = self.leaves().index(leaf) + 1
        self._number = (self.splits, leaf, number)  # while no branch is born, a branch that grows keeps its number
        return number

    def path_to(self, node: int) -> list[int]:
        """Node ids from the first token to a node."""
        found: list[int] = []
        while node != ROOT:
            found.append(node)
            parent = self.nodes[node].parent
            assert parent is not None
            node = parent
        found.reverse()
        return found

    def leaf_below(self, node: int) -> int:
        """The end of the branch through a node that was visited last (or born first)."""
        while children := self.nodes[node].children:
            visited = self.nodes[node].visited
            node = visited if visited is not None else children[0]
        return node

    # Growing

    def add(self, parent: int, step: Step) -> int:
        """Add a step after a node, or find the child that came about the same way. Moves nothing.

        What another model made came about another way; given tokens are the same whoever gave their probabilities.
        """
        for child in self.nodes[parent].children:
            known = self.nodes[child]
            same_maker = step.origin == "prompt" or known.model == self.model
            if known.step is not None and same_maker and known.step.same_flip(step):
                return child
        return self.grow(parent, step, self.model, time.time())

    def grow(self, parent: int, step: Step, model: int, born: float) -> int:
        """Add a node whatever stands there already, as a saved session says that it was. Moves nothing."""
        above = self.nodes[parent]
        surprisal = 0.0 if step.origin == "prompt" or step.surprisal is None else step.surprisal
        log_p = above.log_p - surprisal * LOG_2
        given = above.given + (step.origin == "prompt")
        node = Node(len(self.nodes), parent, step, above.depth + 1, log_p, model=model, born=born, given=given)
        self.nodes.append(node)
        if step.seed is not None:
            self.seeds.add(step.seed)
        self.splits += bool(above.children) or parent == ROOT
        above.children.append(node.id)
        return node.id

    def append(self, step: Step, *, record: bool = True) -> int:
        """Add a step at the end of the stream; the cursor goes to it."""
        node = self.add(self.view.head, step)
        self.change(record=record, head=node, cursor=len(self._path))
        return node

    def choose(self, step: Step, *, cursor: int) -> int:
        """Put a step at its position; what stood there stays as a sibling with all that follows it.

        Where the same step was chosen before, its continuation comes back.
        """
        node = self.add(self.parent_of(step.position), step)
        self.change(head=self.leaf_below(node), cursor=cursor)
        return node

    def pick(self, step: Step, *, cursor: int) -> int:
        """Like choose, for a token that a person picked: an existing sibling with that token is taken as it is."""
        for node in self.siblings(step.position):
            known, maker = self.nodes[node].step, self.nodes[node].model
            if known and known.token == step.token and (known.origin == "prompt" or maker == self.model):
                self.change(head=self.leaf_below(node), cursor=cursor)
                return node
        return self.choose(step, cursor=cursor)

    def graft(self, parent: int, steps: Iterable[Step]) -> int:
        """Add steps one after the other below a node. Moves nothing; returns the last node."""
        for step in steps:
            parent = self.add(parent, step)
        return parent

    def set_prompt(self, ids: Sequence[int], *, record: bool = True) -> int:
        """Start the stream anew from a prefix. Tokens that an earlier prefix shares keep their nodes.

        The first prefix of a session is not recorded: before it there is nothing to go back to.
        """
        node = ROOT
        for position, token in enumerate(ids):
            node = self.add(node, Step(position, token, "prompt"))
        self.change(record=record, head=node, cursor=len(ids))
        return node

    def set_probabilities(self, node: int, step: Step) -> None:
        """Fill in what became known later about a step: the probabilities of a prompt token."""
        known = self.nodes[node].step
        if known is None or not known.same_flip(step):
            raise ValueError(f"node {node} holds another step")
        self.nodes[node].step = step
        self.touched.add(node)

    def annotate(
        self, node: int, *, name: str | None = None, star: bool | None = None, hidden: bool | None = None,
        note: str | None = None,
    ) -> Annotation:
        """Change what a person says of a node; None leaves a field as it is."""
        old = self.annotations.get(node, Annotation())
        new = Annotation(
            old.name if name is None else name, old.star if star is None else star,
            old.hidden if hidden is None else hidden, old.note if note is None else note,
        )
        if new == Annotation():
            self.annotations.pop(node, None)
        else:
            self.annotations[node] = new
        self.touched.add(node)
        return new

    def use_model(self, record: ModelRecord) -> None:
        """New nodes are made with this model from now on; what is known of it may grow (its hash)."""
        for place, known in enumerate(self.models):
            if known.same(record):
                self.models[place] = dataclasses.replace(
                    known, sha256=record.sha256 or known.sha256, function=record.function or known.function)
                self.model = place
                return
        if not self.models or len(self.nodes) > 1:
            self.models.append(record)
        else:
            self.models[-1] = record  # nothing was made with it
        self.model = len(self.models) - 1

    def copier(self) -> Callable[[], Tree]:
        """What makes a copy of the tree as it is now, in any thread, while it goes on growing.

        Steps are shared, since nobody changes them; nodes that come later are left out.
        """
        count, seed, splits, model = len(self.nodes), self.view.seed, self.splits, self.model
        models, annotations, views, place = (
            list(self.models),
            dict(self.annotations),
            self.history(),
            self.history_place,
        )

        def copy() -> Tree:
            made = Tree(seed=seed)
            made.nodes = [
                Node(n.id, n.parent, n.step, n.depth, n.log_p, [child for child in list(n.children) if child < count],
                     n.visited if n.visited is not None and n.visited < count else None, n.model, n.born)
                for n in self.nodes[:count]
            ]
            made.splits, made.models, made.model, made.annotations = splits, models, model, annotations
            made.seeds = {n.step.seed for n in made.nodes if n.step is not None and n.step.seed is not None}
            made.restore_history(views, place)
            return made

        return copy

    # The history of views

    def history(self, start: int = 0) -> list[View]:
        """All views from the first to the last that a redo would bring, from place `start` on."""
        later = [self.view, *reversed(self._future)]
        past = len(self._past)
        return [*self._past[start:], *later] if start <= past else later[start - past :]

    @property
    def history_place(self) -> int:
        """Where in `history` the current view stands."""
        return len(self._past)

    def restore_history(self, views: Sequence[View], place: int) -> None:
        """Take up a history at a place of it."""
        self._past = list(views[:place])
        self._future = list(reversed(views[place + 1 :]))
        self.settled = 0
        self._show(views[place])

    # Moving

    def change(
        self, *, record: bool = True, head: int | None = None, cursor: int | None = None,
        settings: Settings | None = None, seed: int | None = None, coin: CoinKind | None = None,
    ) -> None:
        """Change fields of the view; None leaves one as it is, but for a stream with luck of its own its seed."""
        old = self.view
        view = View(
            old.head if head is None else head, old.cursor if cursor is None else cursor,
            old.settings if settings is None else settings,
            seed if seed is not None else old.seed if head is None else seed_of(self.nodes, head, old),
            old.coin if coin is None else coin,
        )
        if view == self.view:
            return
        self.settled = min(self.settled, len(self._past))
        if record:
            self.checkpoint()
        self._show(view)

    def checkpoint(self) -> None:
        """Make what follows with `record=False` one undo step."""
        self._past.append(self.view)
        self._future.clear()

    def move(self, cursor: int) -> None:
        """Move the cursor, kept within the stream. Not an undo step of its own."""
        cursor = max(0, min(cursor, len(self._path)))
        self.change(record=False, cursor=cursor)

    def go(self, node: int, cursor: int | None = None) -> None:
        """Show the branch through a node, the cursor on that node unless told otherwise."""
        cursor = self.nodes[node].depth - 1 if cursor is None else cursor
        self.change(head=self.leaf_below(node), cursor=max(0, cursor))

    def go_sibling(self, position: int, offset: int) -> bool:
        """Show the sibling `offset` places on at a position (around the end). False where there is no other."""
        siblings = self.siblings(position)
        if position >= len(self._path) or len(siblings) < 2:
            return False
        place = siblings.index(self._path[position])
        self.go(siblings[(place + offset) % len(siblings)])
        return True

    def undo(self) -> bool:
        """Go back to the view before the last change. False where there is none."""
        if not self._past:
            return False
        self._future.append(self.view)
        self._show(self._past.pop())
        self.settled = min(self.settled, len(self._past))
        return True

    def redo(self) -> bool:
        """Take the last undo back. False where there is none."""
        if not self._future:
            return False
        self._past.append(self.view)
        self._show(self._future.pop())
        return True

    def _show(self, view: View) -> None:
        if view.head != self.view.head:
            fresh = self.below(self.view.head, view.head)
            if fresh is None:
                fresh = self._path = self.path_to(view.head)
            else:
                self._path.extend(fresh)
            for node in fresh:
                number = self.nodes[node].parent
                assert number is not None
                parent = self.nodes[number]
                if parent.visited != node and len(parent.children) > 1:
                    self.turned.add(number)
                parent.visited = node
        self.view = dataclasses.replace(view, cursor=max(0, min(view.cursor, len(self._path))))

    def below(self, top: int, node: int) -> list[int] | None:
        """The nodes after `top` down to `node`; None where it is not below."""
        found: list[int] = []
        depth = self.nodes[top].depth
        while self.nodes[node].depth > depth:
            found.append(node)
            parent = self.nodes[node].parent
            assert parent is not None
            node = parent
        return found[::-1] if node == top else None
