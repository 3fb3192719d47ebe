"""Exact futures: the tree of continuations, the heaviest open path expanded first, and what that proves.

Every path is decided or open, and together they weigh 1; so of any event that can be read off a continuation, the
decided paths bound the probability from both sides, at any moment and without sampling. What beam search looks for is
found on the way, with what is left as proof.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from gpt2_remix.engine.outlook.automaton import Automaton
from gpt2_remix.engine.outlook.paths import (
    FEW,
    NO,
    STUCK,
    UNDECIDED,
    YES,
    Children,
    Continuation,
    Floats,
    Ints,
    Path,
    Question,
)
from gpt2_remix.engine.outlook.patterns import Pattern
from gpt2_remix.engine.outlook.words import prepare_table, state_after, word_table
from gpt2_remix.engine.sampling.chain.truncation import next_mu
from gpt2_remix.engine.sampling.coin import descending
from gpt2_remix.engine.sampling.settings import Settings
from gpt2_remix.engine.tokens.tokenizer import Tokenizer, whole_characters

MOST_KEPT = 4_000_000
"""Open paths that are kept; past that only the FEW heaviest of each expansion are, and the others stay open."""

MOST_TIMEOUTS = 20
"""Searches that ran into the time limit; after them no path is searched any more."""

SMALL = 1e-7
"""What the paths that go on with one word weigh at least to be told apart."""

SHOWN = 24
"""Tokens that are known of each expanded path, the heaviest first."""

ANYTHING = -1
"""In place of an automaton's state: a match may come, or have come, of which only a search can tell."""


class Futures:
    """What is known of the continuations so far; grows by `explore`.

    Attributes:
        question: what is asked.
        root: of the tree.
        computed: how many distributions were evaluated.
        decided: what the decided paths weigh; `open` is the rest, and both sum to 1.
        timeouts: how many searches of the pattern ran into the time limit.
        closed: whether there is nothing left to expand.
    """

    def __init__(
        self, question: Question, settings: Settings, tokenizer: Tokenizer, vocabulary: int, ids: Sequence[int],
        mu: float | None = None,
    ) -> None:
        self.question = question
        self._settings = settings
        self.computed = 0
        self.timeouts = 0
        self._tokenizer, self._vocabulary = tokenizer, vocabulary
        self._automaton = Automaton(question.find, tokenizer, vocabulary) if question.find else None
        self._decided = self._yes = self._no = self._never = 0.0
        self._find = (0.0, 1.0)
        self._words: defaultdict[str, float] = defaultdict(float)
        self._unread: defaultdict[str, float] = defaultdict(float)  # weight of what may become a word that begins so
        self._uppers: dict[str, float] = {}
        self._best: list[tuple[float, int, tuple[int, ...]]] = []
        self._queue: list[tuple[float, int, Children, int]] = []
        self._number = count()
        self._kept = 0
        word, reading = state_after(tokenizer, ids) if question.words else ("", None)
        self.root = Path(None, -1, 1.0, 0, found=UNDECIDED if question.find else NO, word=word, reading=reading,
                         variants=((1.0, mu),))
        self._waiting: list[Path] = [self.root]
        self._expanding: list[Path] = []
        if question.words:
            self._unread[""] = 1.0

    def begin(self) -> Iterator[None]:
        """See what is known before the first token, in parts.

        A pattern that matches nothing at all matches at once, and one that takes more tokens than there are never does.
        """
        find, root = self.question.find, self.root
        if find is None or self._automaton is None:
            return
        yield from self._automaton.prepare(0, self.question.depth)
        if self._automaton.nullable:
            root.state = ANYTHING
            if self._searched(find.certain, ""):
                root.found, self._yes = YES, 1.0
        elif not self._automaton.can_match(0, self.question.depth):
            root.found, self._no = NO, 1.0
        if root.found != UNDECIDED and not self.question.words:
            self._decided, self._waiting = 1.0, []
            self._best = [(1.0, 0, ())]

    # What is known

    @property
    def closed(self) -> bool:
        """Whether there is nothing left to expand."""
        return not self._queue and not self._waiting and not self._expanding

    @property
    def decided(self) -> float:
        """What the decided paths weigh."""
        return 1.0 if self.closed and not self._never else min(1.0, self._decided)

    @property
    def open(self) -> float:
        """What the other paths weigh."""
        return 1.0 - self.decided

    @property
    def find(self) -> tuple[float, float] | None:
        """Bounds of the probability that the text of the next `depth` tokens contains a match."""
        if self.question.find is None:
            return None
        lower, upper = self._find
        upper = min(upper, max(self._yes, 1.0 - self._no))
        self._find = max(lower, min(self._yes, upper)), upper  # rounding moves neither of them back
        return self._find

    def words(self, most: int) -> list[tuple[str, float, float]]:
        """The words that may come next: (word, lower, upper bound of its probability), by lower, then upper bound."""
        heaviest = heapq.nlargest(most * 2 + 20, self._words.items(), key=lambda item: item[1])
        bounds = [(word, min(1.0, lower), self._upper(word, lower)) for word, lower in heaviest]
        return sorted(bounds, key=lambda item: (-item[1], -item[2], item[0]))[:most]

    def _upper(self, word: str, lower: float) -> float:
        upper = min(1.0, lower + sum(max(0.0, self._unread.get(word[:n], 0.0)) for n in range(len(word) + 1)))
        self._uppers[word] = max(lower, min(upper, self._uppers.get(word, 1.0)))
        return self._uppers[word]

    def continuations(self, most: int) -> list[Continuation]:
        """The heaviest decided paths, as many as are kept at most."""
        return [Continuation(ids, p) for p, _, ids in sorted(self._best, key=lambda item: (-item[0], item[2]))[:most]]

    # Growing

    def waiting(self, most: int) -> list[Path]:
        """The heaviest open paths, to be expanded."""
        batch, self._waiting = self._waiting, []
        while self._queue and len(batch) < most:
            _, _, children, rank = heapq.heappop(self._queue)
            batch.append(self._child(children, children.at(rank)))
            if rank + 1 < len(children.tokens):
                self._push(children, rank + 1)
        self._expanding = list(batch)
        return batch

    def _push(self, children: Children, rank: int) -> None:
        weight = float(children.weights[children.at(rank)])
        heapq.heappush(self._queue, (-weight, next(self._number), children, rank))

    def _child(self, children: Children, place: int) -> Path:
        above, token, weight = children.path, int(children.tokens[place]), float(children.weights[place])
        word, reading = above.word, above.reading
        if reading is not None:
            read = word_table(self._tokenizer, self._vocabulary, reading).readings[int(children.groups[place])]
            word = ("" if read.fresh else word) + read.letters
            reading = None if read.ended else read.state
        variants = tuple((share * float(final[token]), next_mu(mu, self._settings, float(final[token])))
                         for share, final, mu in children.parts if final[token] > 0)
        key = above.key if children.small[place] else "" if reading is not None and reading.carried else word
        child = Path(above, token, weight, above.depth + 1, above.data + self._tokenizer.token_bytes(token),
                     int(children.found[place]), int(children.states[place]), word, reading, key, variants)
        above.below[token] = child
        return child

    def prepare(self, path: Path) -> Iterator[None]:
        """Make, in parts, what expanding a path needs of the vocabulary; it can be stopped in between."""
        if path.reading is not None:
            yield from prepare_table(self._tokenizer, self._vocabulary, path.reading)
        if self._automaton is not None and path.found == UNDECIDED and path.state != ANYTHING:
            yield from self._automaton.prepare(path.state, self.question.depth - path.depth)

    def expand(self, path: Path, parts: list[tuple[float, Floats, float | None]]) -> None:
        """Take a path's next distribution over.

        Args:
            path: whose.
            parts: (weight, [vocabulary] final probabilities, mirostat's state) of each way in which it came about; the
                weights sum to the path's. Empty where its settings leave no token: it stays open.
        """
        self.computed += 1
        self._expanding.remove(path)
        if not parts:
            self._never += path.weight
            return
        whole: Floats = np.zeros(self._vocabulary)
        for share, final, _ in parts:
            whole += share * final
        tokens = np.flatnonzero(whole)
        weights = whole[tokens]
        path.heaviest = [(int(tokens[n]), float(weights[n])) for n in descending(weights, SHOWN)]
        last = path.depth + 1 == self.question.depth
        ends = tokens == self._tokenizer.end_of_text
        found, states = self._look(path, tokens, weights, ends, last)
        groups, read, small = self._read(path, tokens, weights)
        sure = (found == NO) | (found == YES)
        if self.question.find is None and not self.question.words:
            done = ends | last
        else:
            done = sure & (read | ends if self.question.words else np.True_)
        self._decide(path, tokens[done], weights[done])
        left = ~done
        stuck = left & (last | ends)
        self._never += float(weights[stuck].sum())
        left &= ~stuck
        if left.any():
            places = self._worth_keeping(weights, np.flatnonzero(left))
            self._push(Children(path, tokens[places], weights[places], found[places], states[places], groups[places],
                                 small[places], parts if self._settings.mirostat_tau else []), 0)

    def _worth_keeping(self, weights: Floats, places: Ints) -> Ints:
        if self._kept + places.size > MOST_KEPT:
            whole = float(weights[places].sum())
            places = places[descending(weights[places], FEW)]
            self._never += whole - float(weights[places].sum())
        self._kept += places.size
        return places

    def _decide(self, path: Path, tokens: Ints, weights: Floats) -> None:
        self._decided += float(weights.sum())
        least = self._best[0][0] if len(self._best) >= self.question.keep else 0.0
        heavy = np.flatnonzero(weights > least)
        heavy = heavy[np.argsort(-weights[heavy], kind="stable")][: self.question.keep]
        ids = tuple(path.ids) if heavy.size else ()
        for n in heavy:
            heapq.heappush(self._best, (float(weights[n]), -next(self._number), (*ids, int(tokens[n]))))
            if len(self._best) > self.question.keep:
                heapq.heappop(self._best)

    # The pattern

    def _look(
        self, path: Path, tokens: Ints, weights: Floats, ends: NDArray[np.bool_], last: bool
    ) -> tuple[NDArray[np.int8], Ints]:
        """What each token makes of the pattern, and the automaton's state after it."""
        found = np.full(tokens.size, path.found, np.int8)
        states = np.full(tokens.size, path.state, np.int64)
        find = self.question.find
        if find is None or self._automaton is None or path.found != UNDECIDED:
            return found, states
        table = None if path.state == ANYTHING else self._automaton.table(path.state)
        closing = ends | last
        if table is None:
            states[:] = ANYTHING
            to_search = closing | (find.looks_ahead != "far")
        else:
            match = table.match[tokens]
            states = table.state[tokens].astype(np.int64)
            left = self.question.depth - path.depth - 1
            found[(closing & ~match) | self._automaton.lost(path.state, left)[tokens]] = NO
            states[match] = ANYTHING
            to_search = match & (closing | (find.looks_ahead != "far"))
        for n in np.flatnonzero(to_search):
            found[n] = self._found(find, path.data, int(tokens[n]), closing=bool(closing[n]))
        self._yes += float(weights[found == YES].sum())
        self._no += float(weights[found == NO].sum())
        return found, states

    def _found(self, find: Pattern, data: bytes, token: int, *, closing: bool) -> int:
        """What is known of the pattern after a token; where the text ends with it, that is all there is to know."""
        if token != self._tokenizer.end_of_text:
            data += self._tokenizer.token_bytes(token)
        if closing:
            answer = self._searched(lambda text: find.search(text) is not None, data.decode("utf-8", errors="replace"))
            return STUCK if answer is None else YES if answer else NO
        text = data[: whole_characters(data)].decode("utf-8", errors="replace")
        return YES if self._searched(find.certain, text) else UNDECIDED

    def _searched(self, search: Callable[[str], bool], text: str) -> bool | None:
        if self.timeouts >= MOST_TIMEOUTS:
            return None
        try:
            return search(text)
        except TimeoutError:
            self.timeouts += 1
            return None

    # The word

    def _read(self, path: Path, tokens: Ints, weights: Floats) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
        """The reading of each token, whether the word is whole after it, and whether it weighs too little to be told
        apart from the others that go on with this path's word."""
        none = np.zeros(tokens.size, np.bool_)
        if path.reading is None:
            return np.zeros(tokens.size, np.int64), ~none, none
        table = word_table(self._tokenizer, self._vocabulary, path.reading)
        groups = table.group[tokens].astype(np.int64)
        sums = np.bincount(groups, weights=weights, minlength=len(table.readings))
        small = ~table.ended & (sums < SMALL)
        self._unread[path.key] += float(sums[small].sum()) - path.weight
        for place in np.flatnonzero((sums > 0) & ~small):
            reading, weight = table.readings[int(place)], float(sums[place])
            word = ("" if reading.fresh else path.word) + reading.letters
            if reading.ended:
                self._words[word] += weight
            elif not reading.over:  # else the text has ended, and has no next word
                self._unread["" if reading.state.carried else word] += weight
        return groups, table.ended[groups], small[groups]
