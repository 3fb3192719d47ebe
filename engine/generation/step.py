"""A step: one token of a stream and all that decided it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpt2_remix.engine.sampling.settings import CoinKind, Settings

if TYPE_CHECKING:  # numpy is not on the path to the app's first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

Origin = Literal["prompt", "sampled", "picked"]


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What luck in hindsight was drawn for (see `engine.generation.hindsight`): a text that it would have written.

    Attributes:
        ids: the whole text.
        prompt: how many of its tokens come before those that are asked about.
        settings: with which it would have written it.
        seed: which of many such lucks.
        model: the name of the network.
    """

    ids: tuple[int, ...]
    prompt: int
    settings: Settings
    seed: int
    model: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One token of a stream and all that decided it.

    Attributes:
        position: 0-based index in the sequence, prompt included.
        token: its id.
        origin: prompt, sampled, or picked (a person chose it).
        u: the coin's chance in [0, 1); None where no coin was flipped.
        roll: how often the coin of this position had been flipped again.
        seed, coin, settings: what the flip depended on; None for the prompt. A flip without a seed was made by hand:
            its u was rolled with dice, or typed.
        p_raw, p_final: its probability before and after the chain, fractions.
        rank: its place among the raw probabilities, 0 the highest.
        surprisal, entropy: -log2 p_raw and the raw distribution's entropy, in bits.
        window: position of the first token that the network saw when it gave the distribution.
        offset: what was added to the position for the coin, where streams with prefixes of different lengths share it.
        mu: mirostat's state when it was chosen, in bits; None where it began or was off.
        hindsight: the text whose luck chose it, where that was drawn in hindsight: at the position of its coin.
    """

    position: int
    token: int
    origin: Origin
    u: float | None = None
    roll: int = 0
    seed: int | None = None
    coin: CoinKind | None = None
    settings: Settings | None = None
    p_raw: float | None = None
    p_final: float | None = None
    rank: int | None = None
    surprisal: float | None = None
    entropy: float | None = None
    window: int = 0
    offset: int = 0
    mu: float | None = None
    hindsight: Hindsight | None = None

    @property
    def coin_position(self) -> int:
        """The coin that was flipped: that of another position where lanes are lined up, or tokens came before."""
        return self.position + self.offset

    @property
    def by_hand(self) -> bool:
        """Whether a person gave the u of its flip."""
        return self.origin == "sampled" and self.seed is None

    def same_flip(self, other: Step) -> bool:
        """Whether both came about the same way, so that one node can stand for both."""
        given = self.by_hand and self.u != other.u
        return not given and (
            self.token, self.origin, self.roll, self.seed, self.coin, self.settings, self.offset, self.hindsight) == (
            other.token, other.origin, other.roll, other.seed, other.coin, other.settings, other.offset,
            other.hindsight)


def with_probabilities(step: Step, dist: Distribution) -> Step:
    """The step with its token's place in a distribution filled in."""
    token = step.token
    return dataclasses.replace(
        step, p_raw=float(dist.raw[token]), p_final=float(dist.final[token]), rank=dist.rank(token),
        surprisal=dist.surprisal(token), entropy=dist.entropy_raw,
    )
