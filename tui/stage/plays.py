"""What a room plays: it guesses the next token, rolls dice for u, or votes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpt2_remix.engine.errors import EngineError, InputError
from gpt2_remix.engine.generation.step import Step
from gpt2_remix.engine.sampling.dice import MOST_DIGITS, span_of, u_of
from gpt2_remix.tui.stage.bars import BarRow, rows_of, with_hands
from gpt2_remix.tui.stage.host import Host
from gpt2_remix.tui.stage.telling import Telling
from gpt2_remix.tui.state.room import LETTERS, bits_of, parse_tally, shuffled, winner

if TYPE_CHECKING:  # numpy is not on the path to the first frame
    from gpt2_remix.engine.sampling.distribution import Distribution

Kind = Literal["guess", "dice", "vote"]

MOST_TYPED = 40

EXAMPLE = (5, 0, 2, 1, 0, 3, 0, 1)
"""Hands as a room may raise them."""

KEYS = "qzL"
"""Letters that are the stage's keys while hands are typed, too."""


def example(letters: str) -> str:
    """How hands for some answers are typed."""
    return " ".join(map(str, EXAMPLE[: len(letters)]))


@dataclass(slots=True)
class Play:
    """A play that goes on.

    Attributes:
        kind: which.
        typed: hands or digits so far.
        words: whether the candidates' words stand beside their letters, in a guess.
        answers: the tokens that letters stand for, in their order.
        hands: that were counted, once they were.
        said: what came of it, or what was wrong with what was typed.
    """

    kind: Kind
    typed: str = ""
    words: bool = False
    answers: tuple[int, ...] = ()
    hands: tuple[int, ...] = ()
    said: str = ""

    @property
    def open(self) -> bool:
        """Whether the room is still asked."""
        return not self.hands


class Plays:
    """What a, d and v do, and what is typed then.

    Attributes:
        play: the one that goes on, or whose outcome is on the screen; None for none.
    """

    HELP = """\
    The room against the network. In a guess letters stand for likely tokens, in no order that tells anything, and the
    last one for all others; the hands that are typed are counted, one more for each letter so that none is impossible,
    and when the coin has fallen one sees how many bits the room needed, and how many the network: the fewer the better
    it knew. Dice are the digits of u: each leaves a tenth of what was left. In a vote the room takes the coin's place.
    """

    def __init__(self, host: Host, telling: Telling) -> None:
        self._host = host
        self._telling = telling
        self.play: Play | None = None
        telling.when_told, telling.when_begun = self._told, self._begun

    # How they begin and end

    def guess(self) -> None:
        """Ask the room which token comes next; its letters tell nothing until the reveal."""
        self._begin("guess")

    def dice(self) -> None:
        """Let the room roll u with ten-sided dice."""
        if refusal := self.refusal("dice"):
            self._host.workspace.say(refusal)
        else:
            self._begin("dice")

    def refusal(self, kind: str) -> str:
        """Why something cannot be played now, "" where it can."""
        exploration = self._host.exploration
        if kind != "dice":
            return ""
        if exploration.tree.view.coin == "gumbel":
            return ("dice roll the interval coin's u, and this is the race: change the coin in the settings (esc, "
                    "then s)")
        if exploration.settings.greedy:
            return "at temperature 0 no coin is flipped: raise it, or switch the preset with p"
        return "xtc flips a coin of its own beside the dice: switch it off first" if exploration.settings.flips else ""

    def vote(self) -> None:
        """Let the room choose among the candidates; the coin's choice is shown beside it."""
        self._begin("vote")

    def _begin(self, kind: Kind) -> None:
        telling = self._telling
        if telling.running:
            telling.pause()
        if telling.moving:
            self._host.workspace.say("one moment: this token is still on its way")
            return
        if self.play is not None and self.play.open and self.play.kind == kind:
            self.leave()
            return
        self._host.make_room(kind)
        self.play = Play(kind)
        telling.restart()
        telling.go_to("ask")
        self.ready()

    def taken_back(self) -> None:
        """A token was taken back: what it took to guess it, or one after it, no longer counts."""
        exploration = self._host.exploration
        path = (*exploration.tree.path[:-1], exploration.tree.parent_of(0)) if len(exploration.tree) else ()
        score = exploration.score
        score.guesses = {place: guess for place, guess in score.guesses.items() if place in path}

    def leave(self) -> None:
        """Play no longer; the text stays as it is."""
        if self.play is not None:
            self.play = None
            self._telling.restart()

    def ready(self) -> None:
        """As soon as the distribution is known, letters stand for candidates."""
        play, dist = self.play, self._telling.dist
        if play is None or not play.open or dist is None or play.answers:
            return
        if play.kind == "dice":
            if self._telling.story.phase == "ask":
                self._telling.go_to("chain")
            return
        play.answers = self._answers(play.kind, dist)
        if play.kind == "vote":
            self._telling.go_to("chain")

    def _answers(self, kind: Kind, dist: Distribution) -> tuple[int, ...]:
        count = max(2, min(self._host.shown - (kind == "guess"), len(LETTERS) - 1, dist.kept))
        likely = [int(token) for token in dist.order(count)]
        return tuple(shuffled(likely, self._telling.story.position) if kind == "guess" else likely)

    # What is typed

    @property
    def typing(self) -> bool:
        """Whether keys go into what is typed."""
        return self.play is not None and self.play.open

    def type(self, character: str) -> bool:
        """Take a character; whether it was one for this."""
        play = self.play
        if play is None or not play.open:
            return False
        letters = self._letters(play)
        if play.kind == "dice":
            if character in ".," and play.typed in ("", "0"):
                play.typed = ""  # whoever types 0.6 means it
                self._host.changed()
                return True
            fits = character.isdecimal() and character.isascii() and len(play.typed) < MOST_DIGITS
        elif play.answers and character.isalpha() and character.upper() not in letters and character not in KEYS:
            play.said = f"there is no {character.upper()}; the letters are {letters[0]} to {letters[-1]}"
            self._host.changed()
            return True
        else:
            fits = (character.isdecimal() and character.isascii()) or character in " ," or character.upper() in letters
        if fits and len(play.typed) < MOST_TYPED:
            play.typed += character.upper()
            play.said = ""
            self._host.changed()
        return fits

    def raise_hand(self, row: int) -> None:
        """One hand more for an answer."""
        play = self.play
        if play is None or not play.open or play.kind == "dice":
            return
        letters = self._letters(play)
        try:
            hands = parse_tally(play.typed, letters) if play.typed.strip() else [0] * len(letters)
        except InputError as error:
            play.said = str(error)
        else:
            if row < len(hands):
                hands[row] += 1
                play.typed, play.said = " ".join(map(str, hands)), ""
        self._host.changed()

    def erase(self) -> None:
        """Take the last character back."""
        if self.play is not None and self.play.open:
            self.play.typed = self.play.typed[:-1]
            self._host.changed()

    def show_words(self) -> None:
        """Show the words beside the letters of a guess, or hide them."""
        if self.play is not None and self.hides_words:
            self.play.words = not self.play.words
            self._host.changed()

    @property
    def hides_words(self) -> bool:
        """Whether a guess goes on, whose words can be shown or hidden."""
        return self.play is not None and self.play.kind == "guess" and self.play.open

    def _letters(self, play: Play) -> str:
        return LETTERS[: len(play.answers) + (play.kind == "guess")]

    def enter(self) -> None:
        """Count what was typed: reveal, flip, or pick."""
        play, dist = self.play, self._telling.dist
        if play is None or not play.open or dist is None:
            return
        try:
            if play.kind == "dice":
                self._roll(play)
            else:
                play.hands, play.said = tuple(parse_tally(play.typed, self._letters(play))), ""
                if play.kind == "guess":
                    self._telling.space()
                else:
                    self._elect(play, dist)
        except InputError as error:
            play.said = str(error)
        except EngineError as error:
            self._host.workspace.say(str(error), error=True)
        self._host.changed()

    def _roll(self, play: Play) -> None:
        from gpt2_remix.engine.generation.decode import choose_token

        if not play.typed:
            raise InputError("roll a ten-sided die and type its digit")
        exploration, story, u = self._host.exploration, self._telling.story, u_of(play.typed)
        dist = exploration.distribution(story.position, 0, u=u)
        if dist is not None:
            story.u = u
            step = choose_token(dist, exploration.context(story.position, 0, u=u), "interval")
            play.hands = (1,)
            play.said = f"u = 0.{play.typed}, rolled by the room"
            self._telling.place(step)

    def _elect(self, play: Play, dist: Distribution) -> None:
        from gpt2_remix.engine.generation.decode import choose_token, pick_token

        exploration, story = self._host.exploration, self._telling.story
        context = exploration.context(story.position)
        coin = choose_token(dist, context, exploration.tree.view.coin)
        place = winner(play.hands)
        chosen = play.answers[place]
        tie = ", the likelier of a tie" if play.hands.count(play.hands[place]) > 1 else ""
        count = f"{play.hands[place]:,} of {sum(play.hands):,}{tie}"
        name, other = exploration.name(chosen), exploration.name(coin.token)
        same = "and so the coin" if coin.token == chosen else f"the coin {other}"
        play.said = f"the room {name} ({count}), {same}"
        self._telling.place(pick_token(dist, chosen, context))

    # What comes of it

    def _told(self, step: Step) -> None:
        """A token has joined the text: what a guess needed."""
        play = self.play
        if play is None or play.open:
            return
        if play.kind == "guess":
            dist = self._telling.dist
            if dist is not None and step.origin == "sampled":
                guess = bits_of(dist, play.answers, play.hands, step.token)
                score, tree = self._host.exploration.score, self._host.exploration.tree
                score.guesses[tree.parent_of(step.position)] = guess
                all_of_them = f"; {score.words()}" if len(score.guesses) > 1 else ""
                play.said = f"room {guess.room:.1f} bits, network {guess.network:.1f}{all_of_them}"

    def _begun(self) -> None:
        """Another story begins: the outcome of the play before goes."""
        if self.play is not None and not self.play.open:
            self.play = None

    # What is shown

    def rows(self, dist: Distribution, count: int, hit: int | None) -> tuple[BarRow, ...]:
        """The candidates as rows; the answers where the room is asked for one."""
        name = self._host.exploration.name
        play = self.play
        if play is None or not play.answers:
            return rows_of(dist, count, name, hit)
        rows = tuple(
            BarRow(token, self._counted(play, place, name(token)), float(dist.raw[token]), float(dist.final[token]),
                   dist.removed_by(token)) for place, token in enumerate(play.answers)
        )
        if play.kind == "vote" and hit is not None and hit not in play.answers:
            rows = (*rows[: count - 1], BarRow(hit, name(hit), float(dist.raw[hit]), float(dist.final[hit])))
        return rows

    @staticmethod
    def _counted(play: Play, place: int, name: str) -> str:
        """An answer, once they were counted with the share of its hands."""
        return with_hands(name, play.hands, place)

    def asks(self) -> str:
        """What the room is asked, or what came of it."""
        play = self.play
        if play is None:
            return ""
        if play.said and play.hands:
            return play.said
        if not play.open:
            return ""
        typed = f"{play.typed}▏  "  # first: it is seen however narrow the terminal is
        if play.said:
            return f"{typed}{play.said}"
        if play.kind == "dice":
            span = span_of(play.typed)
            width = max(1, len(play.typed))
            where = f"u is {span[0]:.{width}f} to {span[1]:.{width}f}" if play.typed else "u is 0 to 1"
            return f"0.{typed}{where}: roll a ten-sided die"
        if play.kind == "guess":
            letters = self._letters(play)
            if not play.answers:
                return "what comes next?"
            more = "" if play.words else " (w: words)"
            return f"{typed}hands for {letters[0]} to {letters[-1]}, as {example(letters)}: what's next?{more}"
        return f"{typed}hands for each, as {example(self._letters(play))}: which one?"

    def settled(self, dist: Distribution) -> int | None:
        """The token that the dice have decided on already, whatever comes; None while they have not."""
        from gpt2_remix.engine.sampling.coin import choose_interval, interval_span

        if self.play is None or self.play.kind != "dice" or not self.play.typed:
            return None
        low, high = span_of(self.play.typed)
        token = choose_interval(dist.final, low)
        return token if interval_span(dist.final, token)[1] >= high else None
