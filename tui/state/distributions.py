"""The distributions at hand: logits by place, and what the chain made of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, TypeAlias

from gpt2_remix.engine.sampling.settings import Settings

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.generation.backend import Logits
    from gpt2_remix.engine.sampling.context import SamplingContext
    from gpt2_remix.engine.sampling.distribution import Distribution

Luck: TypeAlias = tuple[int, int, int]
"""Seed, position and roll, which matter to a chain that flips a coin of its own."""


class DistributionCache:
    """Logits and distributions by place; the least recently used go first.

    A place is whatever tells the tokens that stand before: a node of a tree, or a lane's version and position.
    """

    def __init__(self, places: int, distributions: int) -> None:
        self._places = places
        self._distributions = distributions
        self._logits: OrderedDict[Hashable, Logits] = OrderedDict()
        self._made: OrderedDict[tuple[Hashable, Settings, Luck | None], Distribution] = OrderedDict()

    def remember(self, place: Hashable, logits: Logits) -> None:
        """Keep the logits of a place."""
        self._logits[place] = logits
        self._logits.move_to_end(place)
        while len(self._logits) > self._places:
            self._logits.popitem(last=False)

    def remember_distribution(self, place: Hashable, dist: Distribution) -> None:
        """Keep a distribution that the chain already ran on."""
        self.remember(place, dist.logits)
        if not dist.settings.flips:
            self._keep((place, dist.settings, None), dist)

    def knows(self, place: Hashable) -> bool:
        """Whether the logits of a place are at hand; those asked for stay longest."""
        if place not in self._logits:
            return False
        self._logits.move_to_end(place)
        return True

    def get(
        self, place: Hashable, settings: Settings, context: Callable[[], SamplingContext], *, account: bool = False
    ) -> Distribution | None:
        """The distribution of a place under settings; None while its logits are not at hand.

        Args:
            place: of the logits.
            settings: of the chain.
            context: makes the context of the place; asked for where the settings look back or flip.
            account: whether it is to hold what each rule of the chain left.

        Raises:
            EngineError: the settings leave no token, or the logits are not finite.
        """
        from gpt2_remix.engine.sampling.distribution import distribution

        known_context = context() if settings.flips or settings.looks_back else None
        luck = None
        if settings.flips and known_context is not None:
            luck = (known_context.seed, known_context.coin_position, known_context.roll)
        key = (place, settings, luck)
        known = self._made.get(key)
        if known is None or (account and known.stages is None):
            logits = self._logits.get(place)
            if logits is None:
                return known
            known = distribution(logits, settings, known_context, account=account)
        self._keep(key, known)
        return known

    def forget(self) -> None:
        """Drop everything: another network would give it otherwise."""
        self._logits.clear()
        self._made.clear()

    def _keep(self, key: tuple[Hashable, Settings, Luck | None], dist: Distribution) -> None:
        self._made[key] = dist
        self._made.move_to_end(key)
        while len(self._made) > self._distributions:
            self._made.popitem(last=False)
