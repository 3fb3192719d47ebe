"""What if: a text that nobody sampled, generated again with luck in hindsight after one change."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gpt2_remix.engine.errors import InputError
from gpt2_remix.engine.generation.backend import Backend, check_ids
from gpt2_remix.engine.generation.decode import advance
from gpt2_remix.engine.generation.hindsight import hindsight_script, impossible
from gpt2_remix.engine.generation.lane import Lane
from gpt2_remix.engine.generation.step import Hindsight, Step
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import Tokenizer


@dataclass(slots=True)
class WhatIf:
    """A text, and what the same luck gives after a change.

    Attributes:
        question: the text, and what its luck was drawn for.
        script: its tokens from the prompt on, as steps with that luck; those that are impossible are picked.
        ids: the changed text so far.
        steps: of it, from the prompt on.
        done: whether it has come to its end.
    """

    question: Hindsight
    script: list[Step] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    done: bool = False

    @property
    def impossible(self) -> list[int]:
        """The positions where no luck can have chosen the token that stands there: it stays."""
        return impossible(self.script)

    @property
    def same(self) -> int:
        """How many tokens from the prompt on stay what they were, at their positions."""
        start = self.question.prompt
        return sum(old == new for old, new in zip(self.question.ids[start:], self.ids[start:], strict=False))

    @property
    def divergence(self) -> int | None:
        """The first position with another token, in the prompt too; None for none."""
        return first_difference(self.question.ids, self.ids)

    @property
    def again(self) -> int | None:
        """The position from which both agree to the end, after they differed; None where they do not."""
        if self.divergence is None or len(self.ids) != len(self.question.ids):
            return None
        differ = [n for n, (old, new) in enumerate(zip(self.question.ids, self.ids, strict=True)) if old != new]
        return differ[-1] + 1 if differ[-1] + 1 < len(self.ids) else None


def first_difference(old: Sequence[int], new: Sequence[int]) -> int | None:
    """The first position at which two texts differ, or one of them has ended; None where they are the same."""
    for position, (a, b) in enumerate(zip(old, new, strict=False)):
        if a != b:
            return position
    return None if len(old) == len(new) else min(len(old), len(new))


def check_changes(changes: Mapping[int, int], size: int, vocabulary: int) -> None:
    """Raise InputError for a position outside a text of so many tokens, or an id outside the vocabulary."""
    for position, token in changes.items():
        if not 0 <= position < size:
            raise InputError(f"position {position} is outside the text; its positions are 0 to {size - 1}")
        check_ids([token], vocabulary)


def what_if(
    backend: Backend, question: Hindsight, tokenizer: Tokenizer, *, change: Mapping[int, int] | None = None,
    to: Settings | None = None, other: tuple[Backend, Tokenizer] | None = None,
) -> Generator[WhatIf]:
    """Generate a text again, from its prompt on, with luck in hindsight.

    Yields the same `WhatIf` again as it grows: first with its script, then after each token.

    Args:
        backend, tokenizer: of the network that the luck is drawn for.
        question: the text, its prompt, settings and seed.
        change: other tokens, by position.
        to: other settings, from the prompt on.
        other: another network, that generates.

    Raises:
        InputError: an id or a position is outside, a setting too, or the settings leave no token somewhere.
        EngineError: a network failed.
    """
    changes = dict(change or {})
    size, settings = len(question.ids), to or question.settings
    check_changes(changes, size, (other or (backend, tokenizer))[0].info.vocab_size)
    if not 0 <= question.prompt <= size:
        raise InputError(f"the prompt cannot have {question.prompt} tokens; the text has {size}")
    run_on, words = other or (backend, tokenizer)
    check_ids(question.ids, run_on.info.vocab_size)
    settings.check_vocabulary(run_on.info.vocab_size)
    found = WhatIf(question)
    found.script = list(hindsight_script(backend, question, tokenizer))
    start = [changes.get(n, token) for n, token in enumerate(question.ids[: question.prompt])]
    script = {step.position: replace(step, settings=settings) for step in found.script}
    script |= {position: Step(position, token, "picked", settings=settings)
               for position, token in changes.items() if position >= question.prompt}
    lane = Lane(start, settings, question.seed, "gumbel", limit=size - len(start), prompt=len(start), script=script)
    found.ids, found.steps = lane.tokens, lane.steps
    yield found
    while advance(run_on, [lane], words, (backend, tokenizer)):
        if lane.tokens[-1] == words.end_of_text != question.ids[len(lane.tokens) - 1]:
            break  # it ends where the text went on
        yield found
    found.done = True
    yield found
