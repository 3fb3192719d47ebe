"""A lane of a comparison, without a widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from gpt2_remix.engine.compare.statistics import StreamStats
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import Settings

_versions = count(1)


@dataclass(frozen=True, slots=True)
class LaneSetup:
    """What a lane starts from, and how it is sampled.

    Attributes:
        settings: of its chain.
        prefix: what it starts from, as ids.
        prompt: how many of these are the prefix of the stream, for the settings that tell it from new text.
        seed: its own; None for the common one.
        own_prefix: the text of a prefix of its own; None for the common one.
        before: the step that its first new token comes after, where it goes on from a stream of the tree.
        label: what it shows in its title where that is not its settings.
        script: luck and picks that are taken again (see `engine.generation.lane.Lane`).
    """

    settings: Settings
    prefix: Sequence[int]
    prompt: int
    seed: int | None = None
    own_prefix: str | None = None
    before: Step | None = None
    label: str = ""
    script: Mapping[int, Step] = field(default_factory=dict)

    def without_script(self) -> LaneSetup:
        """The same lane with luck of its own."""
        return replace(self, script={}, label="")


@dataclass(slots=True)
class LaneState:
    """One lane of the comparison.

    Attributes:
        setup: what it starts from.
        steps, stats: its new tokens.
        stop: why it ended; None while it can go on.
        number: gives it its colour, and its coins where each lane has its own; stays when others go.
        version: another number whenever its past changes, so that nothing is mixed up.
    """

    setup: LaneSetup
    steps: list[Step] = field(default_factory=list)
    stats: StreamStats = field(default_factory=StreamStats)
    stop: str | None = None
    number: int = 0
    version: int = field(default_factory=lambda: next(_versions))

    @property
    def settings(self) -> Settings:
        """Of its chain."""
        return self.setup.settings

    @property
    def prefix(self) -> Sequence[int]:
        """What it starts from, as ids."""
        return self.setup.prefix

    @property
    def script(self) -> Mapping[int, Step]:
        """Luck and picks that are taken again."""
        return self.setup.script

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return self.setup.label or self.settings.changed().replace(",", " ") or "pure sampling"

    @property
    def new_ids(self) -> list[int]:
        """Its new tokens."""
        return [step.token for step in self.steps]

    def append(self, steps: Sequence[Step]) -> None:
        """Add new tokens."""
        for step in steps:
            self.steps.append(step)
            self.stats.add(step)

    def restart(self, setup: LaneSetup | None = None) -> None:
        """Forget its new tokens, and start from something else where told."""
        self.setup = setup or self.setup
        self.steps, self.stats, self.stop = [], StreamStats(), None
        self.version = next(_versions)


@dataclass(frozen=True, slots=True)
class LaneStream:
    """A lane as a stream (see `engine.generation.stream.Stream`): its prefix and `new` of its new tokens.

    Attributes:
        lane: the lane.
        offset: added to positions for the coins of its new tokens.
        new: how many of its new tokens it has.
    """

    lane: LaneState
    offset: int
    new: int

    def __len__(self) -> int:
        return len(self.lane.prefix) + self.new

    def step(self, position: int) -> Step:
        """See `Stream.step`."""
        lane, start = self.lane, len(self.lane.prefix)
        if position >= start:
            return lane.steps[position - start]
        known = lane.setup.before if position == start - 1 else None
        return replace(known or Step(position, lane.prefix[position], "prompt"), offset=self.offset)

    def ids(self, end: int | None = None, start: int = 0) -> list[int]:
        """See `Stream.ids`."""
        return [*self.lane.prefix, *(step.token for step in self.lane.steps[: self.new])][start:end]

    def prompt_length(self) -> int:
        """See `Stream.prompt_length`."""
        return self.lane.setup.prompt


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """What a person wants a lane to be; None for the seed and the prefix that all lanes share."""

    settings: Settings
    prefix: str | None = None
    seed: int | None = None
