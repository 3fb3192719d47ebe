"""Recording a lesson by doing it: from what has changed since the last look to the fields of a lesson's steps.

A step that only repeats what was done need not give what was there: undone flips count as rolls, and other branches
hold luck of their own. So the recorder knows what playing the steps would give (`_text`, `_rolls`), and where that is
something else it says which token it was (`pick`), or begins anew with the text as it is. No widget.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit

from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.settings import CoinKind, Settings
from gpt2_remix.tui.state.lesson import FIELDS, MOST_FLIPS

ORDER = tuple(FIELDS)

AT_ONCE = 0.5
"""Seconds of a step that says nothing."""

SECONDS = 20.0
"""Seconds that a room takes for what is said, to begin with: the lesson's minutes are to be corrected by hand."""

BRANCH = "runs.branch"
"""What a key does that grows branches."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a lesson's steps can change, at one moment.

    Attributes:
        ids: the stream's token ids.
        prompt: how many of them are prompt.
        born: the steps that were made since the last look, in the order of their birth, each with those before it.
        settings, seed, coin, heat: what the next token depends on, and the colouring.
        show: the place that is shown.
        lanes: the settings of the lanes, where they are shown.
        length: how many new tokens the lanes have.
        play: what the room plays.
    """

    ids: list[int]
    prompt: int
    born: Sequence[tuple[tuple[Step, ...], Step]]
    settings: Settings
    seed: int
    coin: CoinKind
    heat: str
    show: str
    lanes: tuple[str, ...] = ()
    length: int = 0
    play: str | None = None


class LessonRecorder:
    """The steps so far, and the one that is being done.

    Attributes:
        steps: those that are done, each as its fields.
    """

    def __init__(self, seen: Seen, decode: Callable[[Sequence[int]], str], encode: Callable[[str], list[int]]) -> None:
        self.steps: list[dict[str, Any]] = []
        self._decode, self._encode = decode, encode
        self._seen = seen
        self._text: list[int] = []
        self._given = 0  # how many of them are prompt
        self._branched = False  # whether it is that of a branch, whose seed depends on those of the session
        self._rolls: dict[tuple[Hashable, ...], int] = {}
        self._do = ""
        self._played = False  # whether the next token is the one of a play
        self._current: dict[str, Any] = {}
        self._begin_anew(seen.ids)
        self._set("seed", seen.seed)
        self._set("coin", seen.coin)
        self._set("set", seen.settings.changed())
        self._set("heat", seen.heat)
        self._show(seen)

    @property
    def count(self) -> int:
        """How many steps there are, the one that is being done included."""
        return len(self.steps) + bool(self._current)

    # Looking

    def before(self, do: str, seen: Seen) -> None:
        """Take what was done until now; something else is going to be done."""
        self.look(seen)
        self._do = do

    def look(self, seen: Seen) -> None:
        """Take what was done since the last look."""
        before, self._seen = self._seen, seen
        branched = self._do == BRANCH and bool(seen.born)
        if seen.show == "compare" and (self._branched or seen.ids != self._text):
            self._begin_anew(seen.ids)
        if (seen.show, seen.lanes) != (before.show, before.lanes):
            self._show(seen)
        if not branched and seen.seed != before.seed:
            self._set("seed", seen.seed)
        if seen.coin != before.coin:
            self._set("coin", seen.coin)
        if seen.settings != before.settings:
            self._set("set", seen.settings.changed())
        if seen.heat != before.heat:
            self._set("heat", seen.heat)
        if seen.play is not None and seen.play != before.play:
            self._leave_play()
            self._set("play", seen.play)
            self._played = True
        if seen.show == "compare":
            grown = before.length if (before.show, before.lanes) == (seen.show, seen.lanes) else 0
            self._flip(max(0, seen.length - grown))
        elif branched:
            self._branches(seen)
        else:
            self._tokens(seen)
        if seen.play is None:
            self._leave_play()
        if not self._branched and seen.ids != self._text:
            self._begin_anew(seen.ids)

    def say(self, words: str) -> None:
        """End the step with what is said when it is done; what ends in ? asks the room."""
        self._current["question" if words.rstrip().endswith("?") else "caption"] = words.strip()
        self._end()

    def _show(self, seen: Seen) -> None:
        if seen.show == "compare":
            self._set("lanes", list(seen.lanes))
        self._set("show", seen.show)

    def _leave_play(self) -> None:
        """What the room was asked and did not answer was not done."""
        if self._played:
            self._played = False
            for step in (self._current, *self.steps[-1:]):
                if step.pop("play", None) is not None:
                    break

    def _tokens(self, seen: Seen) -> None:
        ids = seen.ids
        for steps, step in seen.born:
            before = [step.token for step in steps]
            position = len(before)
            if step.origin == "prompt" or [*before, step.token] != ids[: position + 1]:
                continue  # it was undone, or left behind: playing the steps never makes it
            if self._branched:
                self._begin_anew(before)
                self._set("seed", seen.seed)
            if before != self._text[:position]:
                return  # another branch
            last = position == len(self._text)
            if self._played and last:
                self._played = False
                self._would_give(steps, step)  # where it was a coin's, that one has been flipped
            else:
                self._token(seen, steps, step, last=last)
            self._text = [*before, step.token]

    def _token(self, seen: Seen, before: Sequence[Step], step: Step, *, last: bool) -> None:
        position = len(before)
        if not last and seen.show == "stage" and position != len(self._text) - 1:
            self._begin_anew([step.token for step in before])  # the stage flips its last token again, and no other one
            last = True
        if step.origin == "sampled" and step.by_hand and last:
            self._set("dice", [step.u])
            self._flip(1)
            return
        again = step.origin == "sampled" and self._would_give(before, step)
        if again and last:
            self._flip(1)
            return
        if seen.show != "stage":
            self._set("go", position)
        if again:
            self._set("again", True)
        else:
            self._set("pick", self._named(step.token))

    def _would_give(self, before: Sequence[Step], step: Step) -> bool:
        """Whether a flip after this text, played back, has the seed, the coin and the roll of this one, and is flipped
        among the same probabilities."""
        seen = self._seen
        given, made = before[: self._given], before[self._given :]
        key = (tuple(step.token for step in given), *((step.token, step.origin, step.roll) for step in made), seen.seed,
               seen.coin)
        roll = self._rolls.get(key, 0)
        self._rolls[key] = roll + 1
        alike = seen.prompt == self._given or not seen.settings.looks_back
        return alike and (step.seed, step.coin, step.roll) == (seen.seed, seen.coin, roll)

    def _branches(self, seen: Seen) -> None:
        parent = seen.born[0][0]
        ids = [step.token for step in parent]
        if ids != self._text[: len(ids)]:
            self._begin_anew(ids)
        if len(parent) < len(self._text):
            self._set("go", len(parent))
        self._set("branch", sum(before == parent for before, _ in seen.born))
        self._branched, self._do = True, ""

    # Writing

    def _begin_anew(self, ids: Sequence[int]) -> None:
        if not set(self._current) - {"prefix", "ids"}:
            self._current = {}
        text = self._decode(ids)
        if self._encode(text) == [*ids]:
            self._set("prefix", text)
        else:
            self._set("ids", [*ids])
        self._text, self._given, self._branched = [*ids], len(ids), False

    def _named(self, token: int) -> str | int:
        text = self._decode([token])
        return text if self._encode(text) == [token] else token

    def _flip(self, count: int) -> None:
        while count:
            now = self._current["flip"] if next(reversed(self._current), "") == "flip" else 0
            more = min(count, MOST_FLIPS - now)
            if now and more:
                self._current["flip"] += more
            elif not now:
                self._set("flip", more)
            else:
                self._end()
            count -= more

    def _set(self, field: str, value: Any) -> None:
        """Put a field into the step that is being done; into the next one, where that has come as far."""
        place = ORDER.index(field)
        if any(ORDER.index(name) >= place for name in self._current):
            self._end()
        self._current[field] = value

    def _end(self) -> None:
        if self._current:
            step = {name: self._current[name] for name in ORDER if name in self._current}
            if not {"caption", "question"} & set(step):
                step["pause"] = AT_ONCE
            self.steps.append(step)
            self._current = {}

    def to_toml(self, title: str) -> str:
        """The lesson as a file; what is being done is its last step."""
        self._end()
        said = [step for step in self.steps if "pause" not in step]
        document = tomlkit.document()
        document.add("title", tomlkit.item(title))
        document.add("minutes", tomlkit.item(max(1, round(len(said) * SECONDS / 60))))
        document.add("about", tomlkit.item(f"Recorded: {len(self.steps)} steps."))
        tables = tomlkit.aot()
        for step in self.steps:
            tables.append(_table(step))
        document.add("steps", tables)
        return tomlkit.dumps(document)


def _table(step: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for name, value in step.items():
        table.add(name, value)
    return table
