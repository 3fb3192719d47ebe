"""The state that the playground shows, without a widget: the tree, the tokenizer, and the distributions at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt2_remix.engine.generation.backend import ModelInfo, window_start
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import CoinKind, Settings
from gpt2_remix.engine.session.nodes import ROOT
from gpt2_remix.engine.session.tree import Tree
from gpt2_remix.engine.tokens.display import decode_token, show_text, show_token
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, split_characters
from gpt2_remix.tui.state.distributions import DistributionCache
from gpt2_remix.tui.state.room import Score

if TYPE_CHECKING:
    from gpt2_remix.engine.generation.backend import Logits
    from gpt2_remix.engine.sampling.context import SamplingContext
    from gpt2_remix.engine.sampling.distribution import Distribution
    from gpt2_remix.tui.state.comparison import Comparison

KEPT_LOGITS = 64
"""Positions whose logits stay at hand, so that looking back asks nobody (200 KB each at 50,257 tokens)."""

KEPT_DISTRIBUTIONS = 4


class Exploration:
    """One model's tree and what is known about it.

    Attributes:
        tree: all steps.
        tokenizer, info: None until the model is there.
        network: the number of the network that runs; 0 before the first.
        computed: tokens that the network was run on, as last told.
        comparison: the newest one; it stays as it is while its screen is closed.
        score: what guesses of the next token took, on the stage.
        dice: the u of the next flips at the stream's end, given by hand.
    """

    def __init__(self, *, seed: int, settings: Settings, coin: CoinKind, tree: Tree | None = None) -> None:
        # Not `or`: a tree whose view stands at the root has no stream, but may hold branches.
        self.tree = Tree(seed=seed, settings=settings, coin=coin) if tree is None else tree
        self.tokenizer: Tokenizer | None = None
        self.info: ModelInfo | None = None
        self.network = 0
        self.computed = 0
        self.comparison: Comparison | None = None
        self.dice: list[float] = []
        self.score = Score()
        self._distributions = DistributionCache(KEPT_LOGITS, KEPT_DISTRIBUTIONS)

    @property
    def model(self) -> str:
        """The model's name; "" while it is not there."""
        return self.info.name if self.info else ""

    @property
    def ready(self) -> bool:
        """Whether its network can be run."""
        return self.info is not None and self.tokenizer is not None

    @property
    def settings(self) -> Settings:
        """The chain's current settings."""
        return self.tree.view.settings

    @property
    def cursor(self) -> int:
        """The position under the cursor; the stream's length for the token that is not chosen yet."""
        return self.tree.view.cursor

    def remember(self, node: int, logits: Logits) -> None:
        """Keep the logits for the token after a node; asked for twice, they are the same."""
        if not self.knows_node(node):
            self._distributions.remember(node, logits)

    def remember_distribution(self, node: int, dist: Distribution) -> None:
        """Keep a distribution that the chain already ran on."""
        self._distributions.remember_distribution(node, dist)

    def knows(self, position: int) -> bool:
        """Whether the logits of a position are at hand."""
        return self.knows_node(self.tree.parent_of(position))

    def knows_node(self, node: int) -> bool:
        """Whether the logits for the token after a node are at hand."""
        return self._distributions.knows(node)

    def place_after(self, node: int | None) -> int | None:
        """The position of the token after a node of the stream (its end where None); None where it holds no such node.
        """
        tree = self.tree
        place = len(tree) if node is None else tree.nodes[node].depth
        there = node in (None, ROOT) or (place <= len(tree) and tree.path[place - 1] == node)
        return place if there else None

    def next_roll(self, position: int) -> int:
        """The roll of the next flip at a position; at the stream's end the first, which redo or space take again."""
        return self.tree.next_roll(position) if position < len(self.tree) else 0

    def context(
        self, position: int, roll: int | None = None, settings: Settings | None = None, u: float | None = None
    ) -> SamplingContext:
        """The context of a position, for the flip that stands there or would come next.

        Args:
            position: 0 ... the stream's length.
            roll: of the flip; of the token that stands there, or of the next flip, where None.
            settings: the current ones where None.
            u: of the flip, where a person gives it.
        """
        from gpt2_remix.engine.generation.stream import by_hand, context_at

        tree, settings = self.tree, self.settings if settings is None else settings
        if roll is None and not (position < len(tree) and tree.step(position).origin == "sampled"):
            roll = self.next_roll(position)
        context = context_at(
            tree,
            position,
            settings,
            seed=tree.view.seed,
            roll=roll,
            context_length=self.info.context if self.info else 0,
            tokenizer=self.tokenizer,
        )
        return context if u is None else by_hand(context, u)

    def distribution(
        self, position: int, roll: int | None = None, *, u: float | None = None, account: bool = False
    ) -> Distribution | None:
        """The distribution of a position under the current settings; None while its logits are not at hand.

        With `account` it holds what each rule of the chain left. `roll` and `u` matter to a chain that flips a
        coin of its own.

        Raises:
            EngineError: the settings leave no token, or the logits are not finite.
        """
        return self._distributions.get(self.tree.parent_of(position), self.settings,
                                       lambda: self.context(position, roll, u=u), account=account)

    def use_network(self, network: int, info: ModelInfo, tokenizer: Tokenizer) -> None:
        """Go on with another network: what the one before gave is dropped."""
        self.network, self.info, self.tokenizer = network, info, tokenizer
        self._distributions.forget()

    def window(self, position: int) -> int:
        """The first position that the network sees when it chooses the token at a position."""
        return window_start(position, self.info.context) if self.info else 0

    def piece(self, token: int) -> bytes:
        """A token's bytes, `[id]` for ids without text."""
        found = self.tokenizer.token_bytes(token) if self.tokenizer else b""
        return found or f"[{token}]".encode()

    def name(self, token: int) -> str:
        """A token on its own, as drawn."""
        return show_token(decode_token(self.tokenizer.token_bytes(token) if self.tokenizer else b"", token))

    def words(self, tokens: Sequence[int]) -> str:
        """Several tokens as one line of text."""
        return self.line(tokens).strip() or "·"

    def line(self, tokens: Sequence[int]) -> str:
        """The same with the spaces around it."""
        text = "".join(split_characters([self.piece(token) for token in tokens]))
        return show_text(text, keep="")

    def without_probabilities(self) -> list[tuple[int, Step]]:
        """The prompt steps of the stream whose probabilities are not known yet, with their nodes."""
        tree = self.tree
        found = []
        for node in tree.path:
            step = tree.nodes[node].step
            if step is None or step.origin != "prompt":
                break
            if step.entropy is None:
                found.append((node, step))
        return found
