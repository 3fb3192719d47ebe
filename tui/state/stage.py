"""The story of one token as the stage tells it: ask, vector, chain, coin, token; at what pace, and what each shows.

Plain data, no widget. `scene_of` says what is seen at a moment: nothing in it is ahead of the story, so that whatever
draws a scene cannot show a token before its coin has fallen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpt2_remix.engine.generation.step import Step

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

Phase = Literal["ask", "vector", "chain", "coin", "token"]

PHASES: tuple[Phase, ...] = ("ask", "vector", "chain", "coin", "token")

PARTS: dict[Phase, float] = {"ask": 0.1, "vector": 0.25, "chain": 0.15, "coin": 0.3, "token": 0.2}
"""The share of a step's time that each phase has."""

CAPTIONS: dict[Phase, str] = {
    "ask": "the network reads the text",
    "vector": "every token gets a probability",
    "chain": "what the settings cut falls",
    "coin": "a coin falls on the interval",
    "token": "the token under it joins the text",
}

LANDED = 0.7
"""The part of the last phase after which the token has reached the text."""

SWINGS = 2
"""How often the marker runs there and back before it comes to rest."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the story is told.

    Attributes:
        name: in words.
        short: the same where there is little room.
        seconds: a step takes; None where each phase waits for a key, 0 for as fast as it goes, without phases.
    """

    name: str
    short: str
    seconds: float | None


PACES: tuple[Pace, ...] = (
    Pace("a key for each phase", "by key", None), Pace("10 s a step", "10 s", 10), Pace("5 s a step", "5 s", 5),
    Pace("3 s a step", "3 s", 3), Pace("2 s a step", "2 s", 2), Pace("a step a second", "1 s", 1),
    Pace("2 steps a second", "½ s", 0.5), Pace("full speed", "full", 0),
)
"""From the slowest to the fastest."""

USUAL_PACE = 3

BY_KEY = 1.2
"""Seconds that a phase moves for where a key begins it."""


@dataclass(slots=True)
class Story:
    """A token's story as far as it has been told.

    Attributes:
        position: of the token.
        roll: of its coin; None for the next one.
        phase: that is told, None before the first.
        share: how much of the phase has been told, 0 to 1.
        step: what the coin chooses; None before its phase. What is drawn gets it from `scene_of` alone.
        u: of the flip, where dice gave it.
    """

    position: int
    roll: int | None = None
    phase: Phase | None = None
    share: float = 0.0
    step: Step | None = None
    u: float | None = None

    @property
    def told(self) -> bool:
        """Whether it has come to its end."""
        return self.phase == "token" and self.share >= 1

    @property
    def moving(self) -> bool:
        """Whether a phase is being told."""
        return self.phase is not None and self.share < 1


@dataclass(frozen=True, slots=True)
class Scene:
    """What is seen at a moment.

    Attributes:
        phase: that is told; None before the first.
        dist: the vector; None before it is there.
        rise: how far the bars have risen, 0 to 1.
        cut: how far the chain has been told, 0 (raw probabilities) to 1 (final ones).
        cut_into_shares: whether the interval is cut into the tokens' shares.
        marker: where the marker stands on the interval, None before it runs.
        luck: the flip once its coin has come to rest.
        hit: the token once the coin has come to rest and its phase has begun.
        landed: whether it has joined the text.
    """

    phase: Phase | None = None
    dist: Distribution | None = None
    rise: float = 0.0
    cut: float = 0.0
    cut_into_shares: bool = False
    marker: float | None = None
    luck: Step | None = None
    hit: int | None = None
    landed: bool = False


NOTHING = Scene()
"""Before the story begins."""


def phases_of(dist: Distribution | None) -> tuple[Phase, ...]:
    """The phases that have something to tell: without a rule nothing is cut, and a greedy setting flips no coin."""
    if dist is None:
        return PHASES
    chain: tuple[Phase, ...] = ("chain",) if dist.settings.active() else ()
    coin: tuple[Phase, ...] = () if dist.settings.greedy else ("coin",)
    return ("ask", "vector", *chain, *coin, "token")


def seconds_of(phase: Phase, pace: Pace, phases: tuple[Phase, ...]) -> float:
    """How long a phase is told."""
    if pace.seconds is None:
        return BY_KEY if phase != "ask" else 0.0
    return pace.seconds * PARTS[phase] / sum(PARTS[told] for told in phases)


def scene_of(story: Story, dist: Distribution | None) -> Scene:
    """What is seen of a story; `dist` is the distribution that its token is chosen from, None while that is not known.
    """
    phase, share = story.phase, story.share
    if phase is None or phase == "ask" or dist is None:
        return Scene(phase)
    order = PHASES.index(phase)
    rise = _eased(share) if phase == "vector" else 1.0
    cut = 0.0 if phase == "vector" else _eased(share) if phase == "chain" else 1.0
    if order < PHASES.index("coin") or story.step is None:
        return Scene(phase, dist, rise, cut)
    step, rests = story.step, phase == "token" or share >= 1
    flipped = step.origin == "sampled" and not dist.settings.greedy
    interval = flipped and step.coin == "interval" and step.u is not None
    marker = None
    if interval:
        assert step.u is not None
        marker = step.u if rests else swing(share, step.u)
    hit = step.token if phase == "token" else None
    return Scene(phase, dist, rise, cut, True, marker, step if flipped and rests else None, hit,
                 phase == "token" and share >= LANDED)


def swing(share: float, u: float) -> float:
    """Where the marker is: it runs there and back, slower and slower, and comes to rest at u."""
    way = (2 * SWINGS + u) * _eased(share) % 2
    return min(way, 2 - way, 1 - 1e-9)


def _eased(share: float) -> float:
    """Fast at first, then slower: a share of the time as a share of the way."""
    return 1 - (1 - min(1.0, max(0.0, share))) ** 3
