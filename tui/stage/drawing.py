"""Drawing the stage: what of the story is seen, in each pane."""

from __future__ import annotations

from dataclasses import replace

from textual.geometry import Offset

from gpt2_remix.tui.stage.bars import BarsView, Names, others_of
from gpt2_remix.tui.stage.host import Host
from gpt2_remix.tui.stage.interval import IntervalView
from gpt2_remix.tui.stage.line import MENU, WHILE_TYPING, WORDS
from gpt2_remix.tui.stage.panes import Panes
from gpt2_remix.tui.stage.plays import Plays
from gpt2_remix.tui.stage.telling import Telling
from gpt2_remix.tui.state.stage import CAPTIONS, LANDED, Scene
from gpt2_remix.tui.widgets.token_text import TokenCell


class Drawing:
    """Draws the state as it is now. Idempotent."""

    def __init__(self, host: Host, panes: Panes, telling: Telling, plays: Plays) -> None:
        self._host = host
        self._panes = panes
        self._telling = telling
        self._plays = plays
        self._path: list[int] = []

    def text(self, scene: Scene) -> None:
        """The stream up to the token that is told, and that one once it has landed."""
        exploration, story, pane = self._host.exploration, self._telling.story, self._panes.text
        tree = exploration.tree
        landed = story.step if scene.landed and not story.told else None
        path = list(tree.path[: story.position + story.told])
        if path != self._path or landed or pane.count != len(path):
            common = next((n for n, (new, old) in enumerate(zip(path, self._path, strict=False)) if new != old),
                          min(len(path), len(self._path)))
            steps = [*(tree.step(n) for n in range(common, len(path))), *([landed] if landed else [])]
            pane.replace(common, [TokenCell(exploration.piece(step.token), step.origin, -1) for step in steps])
            self._path = path
        pane.set_cursor(pane.count, exploration.window(len(path)))

    def bars(self, scene: Scene) -> None:
        """The candidates, as far as they have been told."""
        exploration, play = self._host.exploration, self._plays.play
        dist = self._telling.dist
        hidden = play is not None and play.kind == "guess" and play.open
        self._panes.coin.set_class(hidden, "idle")  # the answers have its room
        if dist is None or (scene.dist is None and not hidden):
            empty = self._telling.problem or (self._nothing_yet if exploration.ready else "the network is loading…")
            if scene.phase == "ask":
                empty = CAPTIONS["ask"] + "…"
            self._panes.bars.show(BarsView(empty=empty))
            return
        rows = self._plays.rows(dist, self._panes.bars.room, scene.hit)
        names: Names = "names"
        if hidden and play is not None:
            rows, names = (*rows, others_of(rows)), "both" if play.words else "letters"
        elif play is not None and play.answers:
            names = "both"
            if play.kind == "guess":
                others = others_of(rows, play.hands)
                if scene.hit is not None and scene.hit not in play.answers:  # it is one of them
                    others = replace(others, token=scene.hit, name=f"{others.name} {exploration.name(scene.hit)}")
                rows = (*rows, others)
        selected = self._host.selected if self._host.can_pick else None
        if selected is not None:
            selected = min(selected, len(rows) - 1)
        self._panes.bars.show(BarsView(rows, scene, names, selected, told=not hidden))

    @property
    def _nothing_yet(self) -> str:
        """What stands in a pane that is alone on the screen, before there is anything to see in it."""
        return "space: what comes next?" if self._host.alone and self._telling.story.phase is None else ""

    def coin(self, scene: Scene) -> None:
        """The interval or the race, and what is said of it."""
        play, exploration = self._plays.play, self._host.exploration
        story = self._telling.story
        race = exploration.tree.view.coin == "gumbel" and story.u is None  # a u that is given is the interval's
        digits = play.typed if play is not None and play.kind == "dice" else None
        words = self._nothing_yet
        if (step := scene.luck) is not None and step.u is not None and not race:
            words = f"u = {step.u:.4f}" if not step.by_hand else f"u = {step.u:.15g}"
            if scene.hit is not None:
                words += f"  →  {exploration.name(scene.hit)}"
        elif scene.hit is not None and story.step is not None:
            name = exploration.name(scene.hit)
            picked = story.step.origin == "picked"
            words = f"{name} was picked, no coin" if picked else f"{name}, the likeliest" if not race else f"→  {name}"
        elif race and scene.luck is not None:
            words = "the highest sum of log p and luck wins"
        elif digits and (dist := self._telling.dist) is not None and (sure := self._plays.settled(dist)) is not None:
            words = f"{exploration.name(sure)}, whatever else is rolled: enter"
        self._panes.coin.show(IntervalView(scene, words, digits, race), exploration.name)

    def line(self, scene: Scene) -> None:
        """What is being told, or what the room is asked, and how it goes on."""
        telling, story = self._telling, self._telling.story
        if asked := self._plays.asks():
            typing = self._plays.typing
            menu = (*([WORDS] if typing and self._plays.hides_words else []), *WHILE_TYPING) if typing else MENU
            self._panes.line.show(asked, *(["enter  esc"] if typing else []), menu=menu)
            return
        phase = scene.phase
        told = self._host.exploration.settings.changed() or "pure sampling"
        if phase is not None and not story.told:
            told = CAPTIONS[phase]
        keys = "space: pause" if telling.running else "space: go" if phase is None or story.told else "space: on"
        pace, leave = telling.pace, "esc: all panes" if self._host.alone else "esc"
        self._panes.line.show(
            told, *(f"{keys}   < > {name}   {more}? {leave}"
                    for name, more in ((pace.name, "a d v: play   "), (pace.name, ""), (pace.short, ""))),
            f"{keys}   {pace.short}   ?", f"{keys}   {pace.short}", keys, "?")

    def flight(self, scene: Scene) -> None:
        """The token on its way from its share to the end of the text."""
        story = self._telling.story
        flies = scene.hit is not None and not scene.landed and not self._host.still and not self._host.alone
        if self._panes.flying.display != flies:
            self._panes.flying.display = flies
        if not flies or scene.hit is None:
            return
        text, coin = self._panes.text, self._panes.coin
        start = coin.region.offset + Offset(int((scene.marker or 0) * coin.region.width), 1)
        end = text.region.offset + text.offset_of(text.count) - text.scroll_offset
        share = min(1.0, story.share / LANDED)
        way = share * share * (3 - 2 * share)  # slowly off, slowly in
        self._panes.flying.styles.offset = (round(start.x + (end.x - start.x) * way),
                                            round(start.y + (end.y - start.y) * way))
        self._panes.flying.update(self._host.exploration.name(scene.hit))
