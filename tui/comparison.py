"""The state that the compare screen shows, without a widget: lanes, where they agree, and the distributions at hand.

Places are counted from the end of the prefix: place 0 is a lane's first new token. Lanes whose prefixes have different
lengths line up there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from engine.compare.statistics import Parting, StreamStats, parting
from engine.generation.step import Step
from engine.sampling.settings import CoinKind, Settings

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from engine.generation.backend import Logits
    from engine.generation.decode import Lane
    from engine.sampling.context import SamplingContext
    from engine.sampling.distribution import Distribution
    from tui.exploration import Exploration

MOST_LANES = 16
KEPT_LOGITS = 96
"""Places of lanes whose logits stay at hand (200 KB each at 50,257 tokens)."""

_versions = count(1)

FIRST_LANES = (Settings(temperature=0.7), Settings(temperature=1.2))
"""What is compared where nothing was chosen yet."""


@dataclass(slots=True)
class LaneState:
    """One lane of the comparison.

    Attributes:
        settings: of its chain.
        prefix: what it starts from, as ids.
        prompt: how many of these are the prefix of the stream, for the settings that tell it from new text.
        seed: its own; None for the common one.
        own_prefix: the text of a prefix of its own; None for the common one.
        label: what it shows in its title where that is not its settings.
        script: luck and picks that are taken again (see `engine.generation.decode.Lane`).
        steps, stats: its new tokens.
        stop: why it ended; None while it can go on.
        rate: tokens a second in the last run; None before the first.
        number: gives it its colour, and its coins where each lane has its own; stays when others go.
        version: another number whenever its past changes, so that nothing is mixed up.
    """

    settings: Settings
    prefix: list[int]
    prompt: int
    seed: int | None = None
    own_prefix: str | None = None
    label: str = ""
    script: Mapping[int, Step] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    stats: StreamStats = field(default_factory=StreamStats)
    stop: str | None = None
    rate: float | None = None
    number: int = 0
    version: int = field(default_factory=lambda: next(_versions))

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return self.label or self.settings.changed().replace(",", " ") or "pure sampling"

    @property
    def new_ids(self) -> list[int]:
        """Its new tokens."""
        return [step.token for step in self.steps]

    def append(self, steps: Sequence[Step]) -> None:
        """More new tokens."""
        for step in steps:
            self.steps.append(step)
            self.stats.add(step)

    def restart(self, **changes: Any) -> None:
        """Forgets its new tokens, and changes fields."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.steps, self.stats, self.stop = [], StreamStats(), None
        self.version = next(_versions)


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
        parent: the tree's node that the common prefix ends at; None where it is not in the tree.
    """

    def __init__(
        self, *, seed: int, coin: CoinKind, common: list[int], common_prompt: int, parent: int | None,
        title: str = "compare",
    ) -> None:  # fmt: skip
        self.title = title
        self.lanes: list[LaneState] = []
        self.seed = seed
        self.coin: CoinKind = coin
        self.own_coins = False
        self.base = 0
        self.cursor = 0
        self.selected = 0
        self.parent = parent
        self.common, self.common_prompt = common, common_prompt
        self._logits: OrderedDict[tuple[int, int], Logits] = OrderedDict()
        self._dists: OrderedDict[tuple[int, int], Distribution] = OrderedDict()
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
            self.base = len(lane.prefix)
        self.lanes.insert(len(self.lanes) if place is None else place, lane)
        self.selected = self.lanes.index(lane)
        return lane

    def remove(self, place: int) -> None:
        """Takes a lane away."""
        del self.lanes[place]
        self.selected = max(0, min(self.selected, len(self.lanes) - 1))
        self.cursor = min(self.cursor, len(self))

    def seed_of(self, place: int) -> int:
        """The seed of a lane's flips."""
        lane = self.lanes[place]
        return lane.seed if lane.seed is not None else self.seed + (lane.number if self.own_coins else 0)

    def offset(self, lane: LaneState) -> int:
        """What is added to a lane's positions for its coins."""
        return self.base - len(lane.prefix)

    def restart(self, **changes: Any) -> None:
        """All lanes begin again, with fields of the comparison changed; a script is luck of another time and goes."""
        for name, value in changes.items():
            setattr(self, name, value)
        for lane in self.lanes:
            lane.restart(script={}, label="")
        self.base = len(self.lanes[0].prefix) if self.lanes else 0
        self.cursor = 0

    def set_common(self, ids: list[int]) -> None:
        """Another prefix for all lanes that have none of their own; they are to be restarted."""
        self.common, self.common_prompt, self.parent = ids, len(ids), None
        for lane in self.lanes:
            if lane.own_prefix is None:
                lane.prefix, lane.prompt = ids, len(ids)

    def behind(self) -> list[int]:
        """The lanes that have fewer tokens than the longest and can go on."""
        longest = len(self)
        return [n for n, lane in enumerate(self.lanes) if len(lane.steps) < longest and lane.stop is None]

    def engine_lane(self, place: int, end_of_text: int | None, limit: int | None) -> Lane:
        """A lane as the engine takes it, from where it stands; `limit` is that of new tokens from here."""
        from engine.generation.decode import Lane, mu_after

        lane = self.lanes[place]
        mu = mu_after(lane.steps[-1], lane.settings) if lane.steps else None
        return Lane(lane.prefix + lane.new_ids, lane.settings, self.seed_of(place), self.coin, end_of_text=end_of_text,
                    limit=limit, prompt=lane.prompt, offset=self.offset(lane), mu=mu, script=lane.script)  # fmt: skip

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

    def parting(self, place: int) -> Parting:
        """How a lane and lane 1 part and meet."""
        return parting(self.lanes[0].new_ids, self.lanes[place].new_ids)

    def choices(self, first: int, end: int) -> list[int]:
        """For each place how many different tokens the lanes hold there; 0 where fewer than two lanes hold one."""
        found = []
        for n in range(first, end):
            tokens = [lane.steps[n].token for lane in self.lanes if n < len(lane.steps)]
            found.append(len(set(tokens)) if len(tokens) > 1 else 0)
        return found

    # Distributions

    def remember(self, lane: LaneState, place: int, logits: Logits) -> None:
        """Keeps the logits for the token at a place of a lane."""
        self._logits[lane.version, place] = logits
        self._logits.move_to_end((lane.version, place))
        while len(self._logits) > KEPT_LOGITS:
            self._logits.popitem(last=False)

    def remember_distribution(self, lane: LaneState, place: int, dist: Distribution) -> None:
        """Keeps a distribution that the chain already ran on."""
        self.remember(lane, place, dist.logits)
        self._keep((lane.version, place), dist)

    def knows(self, lane: LaneState, place: int) -> bool:
        """Whether these logits are at hand."""
        return (lane.version, place) in self._logits

    def step_at(self, lane: LaneState, place: int) -> Step | None:
        """The step at a place of a lane."""
        return lane.steps[place] if place < len(lane.steps) else None

    def moment(self, number: int, place: int, end_of_text: int | None) -> SamplingContext:
        """Where in its stream a place of a lane is."""
        from engine.generation.decode import mu_after
        from engine.sampling.context import SamplingContext

        lane = self.lanes[number]
        position = len(lane.prefix) + place
        step = self.step_at(lane, place) or lane.script.get(position + self.offset(lane))
        settings = self.settings_at(lane, place)
        before = lane.steps[place - 1] if place else None
        seed = step.seed if step is not None and step.seed is not None else self.seed_of(number)
        ids = lane.prefix + lane.new_ids[:place] if settings.looks_back else ()
        return SamplingContext(position, ids, lane.prompt, end_of_text, seed, step.roll if step is not None else 0,
                      self.offset(lane), mu_after(before, settings))  # fmt: skip

    def settings_at(self, lane: LaneState, place: int) -> Settings:
        """The settings under which the token at a place was chosen, or would be."""
        step = self.step_at(lane, place) or lane.script.get(len(lane.prefix) + place + self.offset(lane))
        return step.settings if step is not None and step.settings is not None else lane.settings

    def distribution(self, number: int, place: int, end_of_text: int | None) -> Distribution | None:
        """The distribution at a place of a lane; None while its logits are not at hand. Raises EngineError."""
        from engine.sampling.distribution import distribution

        lane = self.lanes[number]
        key = (lane.version, place)
        known = self._dists.get(key)
        if known is None or known.settings != self.settings_at(lane, place):
            logits = self._logits.get(key)
            if logits is None:
                return None
            known = distribution(logits, self.settings_at(lane, place), self.moment(number, place, end_of_text))
        self._keep(key, known)
        return known

    def _keep(self, key: tuple[int, int], dist: Distribution) -> None:
        self._dists[key] = dist
        self._dists.move_to_end(key)
        while len(self._dists) > 2 * MOST_LANES:
            self._dists.popitem(last=False)


def begin(exploration: Exploration, position: int, before: Comparison | None) -> Comparison:
    """A comparison that continues the stream from a position, with the lanes of the one before.

    Where there is none: the settings of now beside pure sampling, or two temperatures where nothing was set.
    """
    tree, view = exploration.tree, exploration.tree.view
    prefix = tree.ids(position) or ([exploration.tokenizer.end_of_text] if exploration.tokenizer else [])
    prompt = min(tree.prompt_length(), position) or len(prefix)
    made = Comparison(seed=view.seed, coin=view.coin, common=prefix, common_prompt=prompt,
                      parent=tree.parent_of(position) if position else None)  # fmt: skip
    known = [lane for lane in before.lanes if not lane.script] if before is not None else []
    if before is not None and len(known) > 1:
        made.own_coins = before.own_coins
        for lane in known:
            own = lane.own_prefix is not None
            made.add(LaneState(lane.settings, lane.prefix if own else prefix, lane.prompt if own else prompt,
                               lane.seed, lane.own_prefix))  # fmt: skip
    else:
        plain = view.settings == Settings()
        for settings in FIRST_LANES if plain else (view.settings, Settings()):
            made.add(LaneState(settings, prefix, prompt))
    made.selected = 0
    return made


def counterfactual(
    exploration: Exploration, *, start: int, label: str, prefix: list[int] | None = None, first: Step | None = None,
    settings: Settings | None = None,
) -> Comparison:  # fmt: skip
    """The stream as it is, and the same luck after one change.

    Args:
        start: the position from which the two are laid side by side; what stands before is the prefix of both.
        label: what was changed, in a few words.
        prefix: another prefix for the second; both then line up at the end of their prefixes.
        first: another step at `start`.
        settings: others than the recorded ones, from `start` on.
    """
    from dataclasses import replace

    from engine.compare.lanes import again

    tree, view = exploration.tree, exploration.tree.view
    ids, steps = tree.ids(start), tree.steps(start)
    prompt = min(tree.prompt_length(), start) or len(ids)
    made = Comparison(seed=view.seed, coin=view.coin, common=ids, common_prompt=prompt,
                      parent=tree.parent_of(start) if start else None, title="the same luck")  # fmt: skip
    luck = again(steps, settings)
    # What stands there is offset already where it came from another comparison.
    shift = steps[0].offset if steps else 0
    old = LaneState(view.settings, ids, prompt, label="as it was", script=again(steps))
    made.add(old)
    made.base = len(ids) + shift
    old.append(steps)
    changed = prefix if prefix is not None else ids
    own = exploration.tokenizer.decode(prefix) if prefix is not None and exploration.tokenizer else None
    new = LaneState(settings or view.settings, changed, len(changed) if prefix is not None else prompt, label=label,
                    own_prefix=own, script=luck)  # fmt: skip
    made.add(new)
    if first is not None:
        position = len(changed)
        new.script = {**luck, position + made.offset(new): replace(first, position=position, offset=made.offset(new))}
    made.selected = 1
    made.cursor = 0
    return made


def of_branches(exploration: Exploration, first: int, second: int) -> Comparison:
    """Two branches of the tree side by side, from where they split; both can go on, each with its own luck."""
    from engine.compare.lanes import again
    from engine.session.outline import split_of

    tree, view = exploration.tree, exploration.tree.view
    tails = split_of(tree, first, second)
    node = tails[2]
    shared = [step.token for known in tree.path_to(node) if (step := tree.nodes[known].step) is not None]
    given = [0, 0]  # tokens of each tail that are its own prefix
    for n, tail in enumerate(tails[:2]):
        given[n] = next((k for k, step in enumerate(tail) if step.origin != "prompt"), len(tail))
    prefixes = [shared + [step.token for step in tail[:start]] for tail, start in zip(tails[:2], given, strict=True)]
    own = any(given)
    made = Comparison(seed=view.seed, coin=view.coin, common=prefixes[0], common_prompt=len(prefixes[0]),
                      parent=None if own else node, title="two branches")  # fmt: skip
    tokenizer = exploration.tokenizer
    for tail, start, prefix, leaf in zip(tails[:2], given, prefixes, (first, second), strict=True):
        steps = tail[start:]
        name = tree.marks[leaf].name if leaf in tree.marks else ""
        words = exploration.words([step.token for step in steps[:8]])
        text = tokenizer.decode(prefix) if own and tokenizer is not None else None
        prompt = len(prefix) if own else next(
            (n for n, known in enumerate(tree.path_to(node)) if (s := tree.nodes[known].step) and s.origin != "prompt"),
            len(prefix),
        )  # fmt: skip
        lane = LaneState(view.settings, prefix, prompt, label=name or words, own_prefix=text, script=again(steps))
        made.add(lane)
        if len(made.lanes) == 1:
            made.base = len(prefix) + (steps[0].offset if steps else 0)
        lane.append(steps)
    made.selected = made.cursor = 0
    return made
