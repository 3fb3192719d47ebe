"""What is known of the forks of a text, as the screen shows it, and outcomes that are worth asking for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.outlook.forks import Fork, ForkQuestion

MOST_FORK = 0.3
"""The fork beyond chance at which the heat's scale ends."""

SURE = 2.0
"""Standard errors by which a fork must exceed chance to be one that a person is taken to."""

SPEAKERS = 4


@dataclass(slots=True)
class ForksSeen:
    """What is known of the stream's forks, by node: another branch keeps its own.

    Attributes:
        question: what was asked last; None before that.
        forks: the positions that are done, by the node that stands there.
        done, rolls: how many rolls are done, of how many.
        computed, seconds: what it has cost.
        running: whether it goes on.
    """

    question: ForkQuestion | None
    forks: dict[int, Fork]
    done: int = 0
    rolls: int = 0
    computed: int = 0
    seconds: float = 0.0
    running: bool = False

    @property
    def names(self) -> list[str]:
        """The outcomes, "other" included."""
        return [] if self.question is None else [*(one.name for one in self.question.outcomes), "other"]

    def value(self, node: int) -> float | None:
        """What of a position's fork exceeds chance; None where it is not known."""
        fork = self.forks.get(node)
        return None if fork is None or fork.measured is None else fork.measured.beyond_chance

    def certain(self, node: int) -> bool:
        """Whether a position is a fork for sure."""
        fork = self.forks.get(node)
        if fork is None or fork.measured is None:
            return False
        measured = fork.measured
        return measured.fork - measured.chance > SURE * (measured.fork_se or 0.0) and measured.fork > 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """Outcomes that may be asked for: a line for a list, and each as NAME=REGEX."""

    title: str
    outcomes: tuple[str, ...]


SENTENCE = Proposal("how the sentence ends: . ? !", ("period=[.]", "question=[?]", "shout=[!]"))


def proposals(text: str, training: Mapping[str, str]) -> list[Proposal]:
    """Outcomes that a text suggests.

    Args:
        text: the stream's.
        training: what of the stream stands word for word in training texts, by their titles.
    """
    found = []
    speakers = speakers_of(text)
    if len(speakers) > 1:
        found.append(Proposal(f"who speaks next: {', '.join(speakers)}",
                              tuple(f"{name}=\\b{re.escape(name)}:" for name in speakers)))
    for title, passage in training.items():
        if passage.strip():
            name = re.sub(r"[^\w .,'-]", " ", title).strip() or "source"
            words = f"{name}={re.escape(passage.strip())}"
            found.append(Proposal(f"whether it comes to {title}'s “{passage.strip()}”", (words,)))
    if (last := re.search(r"(\w{3,})\W*$", text)) is not None:
        found.append(Proposal(f"whether it comes to its end, “{last[1]}”", (f"its end=\\b{re.escape(last[1])}\\b",)))
    return [*found, SENTENCE]


def speakers_of(text: str) -> list[str]:
    """Who speaks in a play: names that stand before a colon at the beginning of a line, the latest first."""
    names = re.findall(r"^([A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*){0,2}):", text, re.MULTILINE)
    return list(dict.fromkeys(reversed(names)))[:SPEAKERS]


def stacked(shares: Sequence[float], width: int) -> list[int]:
    """Cells for each share of a bar; together as wide as it, the largest remainders rounded up."""
    exact = [share * width for share in shares]
    cells = [int(cell) for cell in exact]
    left = max(0, round(sum(exact)) - sum(cells))
    for place in sorted(range(len(cells)), key=lambda n: cells[n] - exact[n])[:left]:
        cells[place] += 1
    return cells
