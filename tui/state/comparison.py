"""The state that the compare screen shows, without a widget: lanes, where they agree, and the distributions at hand.

Places are counted from the end of the prefix: place 0 is a lane's first new token. Lanes whose prefixes have different
lengths line up there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpt2_remix.engine.compare.statistics import Divergence, compare_streams
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import CoinKind
from gpt2_remix.tui.state.distributions import DistributionCache
from gpt2_remix.tui.state.lanes import LaneSetup, LaneState, LaneStream

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.generation.backend import Logits
    from gpt2_remix.engine.generation.lane import Lane, NextToken
    from gpt2_remix.engine.sampling.distribution import Distribution
    from gpt2_remix.engine.tokens.tokenizer import Tokenizer

MOST_LANES = 16
KEPT_LOGITS = 96
"""Places of lanes whose logits stay at hand (200 KB each at 50,257 tokens)."""


class Comparison:
    """Lanes side by side.

    Attributes:
        title: what it is called on screen.
        lanes: the first is the one that the others are compared with.
        seed, coin, own_coins: the common luck; with own_coins lane i has seed + i.
        base: the length of the prefix that positions are counted from for the coins: lane 1's at the beginning.
        cursor: a place; as many as the longest lane has for the token that is not chosen yet.
        selected: the lane that keys act on.
        common, common_prompt: the prefix that lanes share, as ids, and how many of these are the stream's own prefix.
        before: the last step of the common prefix, where that is a stream of the tree.
        parent: the tree's node that the common prefix ends at; None where it is not in the tree.
    """

    def __init__(
        self, *, seed: int, coin: CoinKind, common: Sequence[int], common_prompt: int, parent: int | None,
        before: Step | None = None, title: str = "compare",
    ) -> None:
        self.title = title
        self.lanes: list[LaneState] = []
        self.seed = seed
        self.coin: CoinKind = coin
        self.own_coins = False
        self.base = 0
        self.cursor = 0
        self.selected = 0
        self.parent = parent
        self.common, self.common_prompt, self.before = common, common_prompt, before
        self._distributions = DistributionCache(KEPT_LOGITS, 2 * MOST_LANES)
        self._left: dict[tuple[int, int], tuple[int | None, int]] = {}

    def __len__(self) -> int:
        """How many places the longest lane has."""
        return max((len(lane.steps) for lane in self.lanes), default=0)

    @property
    def scripted(self) -> bool:
        """Whether luck is taken again: a counterfactual."""
        return any(lane.script for lane in self.lanes)

    # Lanes

    def add(self, lane: LaneState, place: int | None = None) -> LaneState:
        """Another lane, at the end where not told otherwise; it gets a number that no other has."""
        used = {other.number for other in self.lanes}
        lane.number = next(n for n in range(MOST_LANES + 1) if n not in used)
        if not self.lanes:
            self.base = self._base(lane)
        self.lanes.insert(len(self.lanes) if place is None else place, lane)
        self.selected = self.lanes.index(lane)
        return lane

    def _base(self, first: LaneState | None = None) -> int:
        """What positions are counted from for the coins: where lane 1's prefix ends, as its own coins count."""
        first = first or (self.lanes[0] if self.lanes else None)
        if first is None:
            return 0
        return len(first.prefix) + (first.setup.before.offset if first.setup.before is not None else 0)

    def remove(self, place: int) -> None:
        """Take a lane away."""
        del self.lanes[place]
        self.selected = max(0, min(self.selected, len(self.lanes) - 1))
        self.cursor = min(self.cursor, len(self))

    def seed_of(self, place: int) -> int:
        """The seed of a lane's flips."""
        lane = self.lanes[place]
        return lane.setup.seed if lane.setup.seed is not None else self.seed + (lane.number if self.own_coins else 0)

    def offset(self, lane: LaneState) -> int:
        """What is added to a lane's positions for its coins."""
        return self.base - len(lane.prefix)

    def restart(
        self, *, seed: int | None = None, coin: CoinKind | None = None, own_coins: bool | None = None
    ) -> None:
        """Begin again with all lanes and other luck; a script is luck of another time and goes."""
        self.seed = self.seed if seed is None else seed
        self.coin = self.coin if coin is None else coin
        self.own_coins = self.own_coins if own_coins is None else own_coins
        for lane in self.lanes:
            lane.restart(lane.setup.without_script())
        self.base = self._base()
        self.cursor = 0

    def set_common(self, ids: list[int]) -> None:
        """Another prefix for all lanes that have none of their own; they are to be restarted."""
        self.common, self.common_prompt, self.before, self.parent = ids, len(ids), None, None
        for lane in self.lanes:
            if lane.setup.own_prefix is None:
                lane.setup = self.on_common(lane.setup)

    def on_common(self, setup: LaneSetup) -> LaneSetup:
        """A lane that starts from the prefix that lanes share."""
        return replace(setup, prefix=self.common, prompt=self.common_prompt, own_prefix=None, before=self.before)

    def behind(self) -> list[int]:
        """The lanes that have fewer tokens than the longest and can go on."""
        longest = len(self)
        return [n for n, lane in enumerate(self.lanes) if len(lane.steps) < longest and lane.stop is None]

    def stream(self, lane: LaneState, new: int | None = None) -> LaneStream:
        """A lane as a stream: with all its new tokens, or the first `new` of them."""
        return LaneStream(lane, self.offset(lane), len(lane.steps) if new is None else new)

    def engine_lane(self, place: int, end_of_text: int | None, limit: int | None) -> Lane:
        """A lane as the engine takes it, from where it stands; `limit` is that of new tokens from here."""
        from gpt2_remix.engine.generation.lane import lane_at

        lane = self.lanes[place]
        stream = self.stream(lane)
        return lane_at(stream, len(stream), lane.settings, seed=self.seed_of(place), coin=self.coin,
                       end_of_text=end_of_text, limit=limit, script=lane.script)

    # Where they agree

    def left_at(self, place: int) -> int | None:
        """Where a lane leaves lane 1, as far as both go; None where it does not."""
        first, other = self.lanes[0], self.lanes[place]
        key = (first.version, other.version)
        left, start = self._left.get(key, (None, 0))
        if left is None:  # what was compared before agreed
            end = min(len(first.steps), len(other.steps))
            left = next((n for n in range(start, end) if first.steps[n].token != other.steps[n].token), None)
            self._left[key] = (left, end)
        return left

    def divergence(self, place: int) -> Divergence:
        """How a lane and lane 1 part and meet."""
        return compare_streams(self.lanes[0].new_ids, self.lanes[place].new_ids)

    def choices(self, first: int, end: int) -> list[int]:
        """For each place how many different tokens the lanes hold there; 0 where fewer than two lanes hold one."""
        found = []
        for n in range(first, end):
            tokens = [lane.steps[n].token for lane in self.lanes if n < len(lane.steps)]
            found.append(len(set(tokens)) if len(tokens) > 1 else 0)
        return found

    # Distributions

    def remember(self, lane: LaneState, place: int, logits: Logits) -> None:
        """Keep the logits for the token at a place of a lane."""
        self._distributions.remember((lane.version, place), logits)

    def remember_distribution(self, lane: LaneState, place: int, dist: Distribution) -> None:
        """Keep a distribution that the chain already ran on."""
        self._distributions.remember_distribution((lane.version, place), dist)

    def knows(self, lane: LaneState, place: int) -> bool:
        """Whether these logits are at hand."""
        return self._distributions.knows((lane.version, place))

    def step_at(self, lane: LaneState, place: int) -> Step | None:
        """The step at a place of a lane."""
        return lane.steps[place] if place < len(lane.steps) else None

    def choice_at(self, number: int, place: int, tokenizer: Tokenizer | None, context_length: int) -> NextToken:
        """What the token at a place of a lane was chosen with, or would be."""
        from gpt2_remix.engine.generation.lane import NextToken, next_token
        from gpt2_remix.engine.generation.stream import context_at

        lane = self.lanes[number]
        step = self.step_at(lane, place)
        if step is None:
            return next_token(self.engine_lane(number, None, None), tokenizer, context_length)
        settings = step.settings or lane.settings
        context = context_at(self.stream(lane), step.position, settings, seed=self.seed_of(number),
                             tokenizer=tokenizer, context_length=context_length)
        return NextToken(settings, step.coin or self.coin, context)

    def distribution(
        self, number: int, place: int, tokenizer: Tokenizer | None, context_length: int
    ) -> Distribution | None:
        """The distribution at a place of a lane; None while its logits are not at hand. Raises EngineError."""
        lane = self.lanes[number]
        choice = self.choice_at(number, place, tokenizer, context_length)
        return self._distributions.get((lane.version, place), choice.settings, lambda: choice.context)
