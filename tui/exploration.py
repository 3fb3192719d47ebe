"""The state that the playground shows, without a widget: the tree, the tokenizer, and the distributions at hand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from engine.generation.backend import ModelInfo, window_start
from engine.generation.step import Step
from engine.sampling.settings import CoinKind, Settings
from engine.session.tree import Tree
from engine.tokens.display import decode_token, show_text, show_token
from engine.tokens.tokenizer import Tokenizer, split_characters

if TYPE_CHECKING:
    from engine.generation.backend import Logits
    from engine.sampling.context import SamplingContext
    from engine.sampling.distribution import Distribution
    from tui.comparison import Comparison

Key: TypeAlias = tuple[int, Settings, tuple[int, int, int] | None]
"""A distribution's node, settings, and the luck of its chain's own coin."""

KEPT_LOGITS = 64
"""Positions whose logits stay at hand, so that looking back asks nobody (200 KB each at 50,257 tokens)."""


class Exploration:
    """One model's tree and what is known about it.

    Attributes:
        tree: all steps.
        tokenizer, info: None until the model is there.
        computed: tokens that the network was run on, as last told.
        comparison: the newest one; it stays as it is while its screen is closed.
    """

    def __init__(self, *, seed: int, settings: Settings, coin: CoinKind, tree: Tree | None = None) -> None:
        # Not `or`: a tree whose view stands at the root has no stream, but may hold branches.
        self.tree = Tree(seed=seed, settings=settings, coin=coin) if tree is None else tree
        self.tokenizer: Tokenizer | None = None
        self.info: ModelInfo | None = None
        self.computed = 0
        self.comparison: Comparison | None = None
        self._logits: OrderedDict[int, Logits] = OrderedDict()
        self._dists: OrderedDict[Key, Distribution] = OrderedDict()

    @property
    def model(self) -> str:
        """The model's name; "" while it is not there."""
        return self.info.name if self.info else ""

    @property
    def settings(self) -> Settings:
        """The chain's settings of now."""
        return self.tree.view.settings

    @property
    def cursor(self) -> int:
        """The position under the cursor; the stream's length for the token that is not chosen yet."""
        return self.tree.view.cursor

    def remember(self, node: int, logits: Logits) -> None:
        """Keeps the logits for the token after a node."""
        self._logits[node] = logits
        self._logits.move_to_end(node)
        while len(self._logits) > KEPT_LOGITS:
            self._logits.popitem(last=False)

    def remember_distribution(self, node: int, dist: Distribution) -> None:
        """Keeps a distribution that the chain already ran on."""
        self.remember(node, dist.logits)
        if not dist.settings.flips:
            self._keep((node, dist.settings, None), dist)

    def knows(self, position: int) -> bool:
        """Whether the logits of a position are at hand."""
        return self.knows_node(self.tree.parent_of(position))

    def knows_node(self, node: int) -> bool:
        """Whether the logits for the token after a node are at hand; those asked for stay longest."""
        if node not in self._logits:
            return False
        self._logits.move_to_end(node)
        return True

    def moment(self, position: int, roll: int | None = None, settings: Settings | None = None) -> SamplingContext:
        """Where in the stream a position is, for the flip that stands there or would come next.

        Args:
            position: 0 ... the stream's length.
            roll: of the flip; of the token that stands there, or of the next flip, where None.
            settings: those of now where None.
        """
        from engine.generation.decode import mu_after
        from engine.sampling.context import SamplingContext

        tree, settings = self.tree, self.settings if settings is None else settings
        step = tree.step(position) if position < len(tree) else None
        before = tree.step(position - 1) if position else None
        flipped = step is not None and step.origin == "sampled" and roll is None
        seed = step.seed if flipped and step is not None and step.seed is not None else tree.view.seed
        if roll is None:
            roll = step.roll if flipped and step is not None else tree.next_roll(position)
        offset = step.offset if step is not None else before.offset if before is not None else 0
        return SamplingContext(
            position, tree.ids(position) if settings.looks_back else (), min(tree.prompt_length(), position),
            self.tokenizer.end_of_text if self.tokenizer else None, seed, roll, offset, mu_after(before, settings),
        )  # fmt: skip

    def distribution(
        self, position: int, roll: int | None = None, *, account: bool = False
    ) -> Distribution | None:
        """The distribution of a position under the settings of now; None while its logits are not at hand.

        With `account` it holds what each step of the chain left. `roll` matters to a chain that flips a coin of its
        own.

        Raises:
            EngineError: the settings leave no token, or the logits are not finite.
        """
        from engine.sampling.distribution import distribution

        node, settings = self.tree.parent_of(position), self.settings
        luck = None
        moment = None
        if settings.flips or settings.looks_back:
            moment = self.moment(position, roll)
            luck = (moment.seed, moment.coin_position, moment.roll) if settings.flips else None
        key = (node, settings, luck)
        known = self._dists.get(key)
        if known is None or (account and known.stages is None):
            logits = self._logits.get(node)
            if logits is None:
                return known
            known = distribution(logits, settings, moment, account=account)
        self._keep(key, known)
        return known

    def _keep(self, key: Key, dist: Distribution) -> None:
        self._dists[key] = dist
        self._dists.move_to_end(key)
        while len(self._dists) > 4:
            self._dists.popitem(last=False)

    def forget_logits(self) -> None:
        """Drops everything that another network would give otherwise."""
        self._logits.clear()
        self._dists.clear()

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
        return show_text(text.replace("\n", "↵"), keep="")

    def unmeasured(self) -> list[tuple[int, Step]]:
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
