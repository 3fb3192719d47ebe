"""The topics of the help, put together from the keymaps, from what each pane says of itself, and from what the settings
and the statistics say of themselves, which `--help` and the documentation say in the same words."""

from __future__ import annotations

from dataclasses import replace

from gpt2_remix.engine.sampling.fields import LISTS, NUMBERS, help_of
from gpt2_remix.tui import keymap
from gpt2_remix.tui.compare.keymap import KEYMAP as COMPARE_KEYMAP
from gpt2_remix.tui.compare.lane_column import STATISTICS, LaneColumn, LaneStats
from gpt2_remix.tui.dialogs.help import STORY, HelpScreen, Topic
from gpt2_remix.tui.dialogs.what_if import WhatIfScreen
from gpt2_remix.tui.playground.branches import Branches
from gpt2_remix.tui.playground.keymap import KEYMAP
from gpt2_remix.tui.playground.trace_line import TraceLine
from gpt2_remix.tui.playground.views import VIEWS
from gpt2_remix.tui.stage.bars import StageBars
from gpt2_remix.tui.stage.interval import StageCoin
from gpt2_remix.tui.stage.keymap import KEYMAP as STAGE_KEYMAP
from gpt2_remix.tui.stage.plays import Plays
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.state.sampling_panel import GENERAL_HELP
from gpt2_remix.tui.training.new import TrainScreen
from gpt2_remix.tui.tree.keymap import KEYMAP as TREE_KEYMAP
from gpt2_remix.tui.tree.screen import TreeScreen
from gpt2_remix.tui.widgets.coin import Coin
from gpt2_remix.tui.widgets.lesson_bar import LessonBar
from gpt2_remix.tui.widgets.settings_list import SettingsList
from gpt2_remix.tui.widgets.token_text import TokenText

CHAIN_HELP = """\
What the network gives goes through these rules, one after the other, before the coin is flipped. In the sampling panel
(s) stands beside each how many tokens it left at the cursor, and how much of the probability it took away.
"""

VIEW_TRIES = {
    "candidates": (("↓ enter", "pick another token than the coin's: the text goes on from there"),
                   ("/", "type a word and see how probable it is"),
                   ("x", "ban the selected token; + and - make it likelier and less likely"),
                   ("l", "the same as a plot"), ("z z", "the list alone on the screen")),
    "futures": (("↓", "unfold a continuation; enter takes it over as a branch"),
                ("/", "type a pattern, as Romeo|Juliet: how probable is it within these tokens?"),
                (") (", "look further ahead, or less far"), ("esc", "stop"), ("s", "top_k 40 closes the bars sooner")),
    "forks": (("F", "name outcomes: a proposal, or words of your own"), ("n N", "J first: from fork to fork"),
              ("↓ enter", "read what came of another token; k keeps it as a branch"),
              ("h", "the heat forks: where it was decided")),
    "plot": (("s", "set top_p to 0.9, or top_k to 40: a dashed line says where it cuts"),
             ("l", "the list of candidates again")),
}

TEXT = Topic("text", TokenText.HELP, lead=STORY, tries=(
    ("space", "flip the coin once: one more token; g goes on by itself"),
    ("← r", "go to a token, and flip its coin again"),
    ("↓ enter", "take the coin's place: pick another candidate at the cursor"),
    ("b", "branches: how else could it have gone on?"),
    ("h", "colour the text by what the network thought of it"),
    ("e", "a sentence of your own"), ("P", "the stage, for a room"),
))
COIN = Topic("coin", f"{Coin.HELP} {Coin.KEPT_HELP}", (
    ("r", "flip it again (or click on it): the marker moves, and a sibling is born"),
    ("[ ]", "back and forth between what both rolls gave"),
    ("s", "another seed is another luck; coin changes from interval to gumbel"),
))
SAMPLING = Topic("sampling", SettingsList.HELP, (
    ("s →", "raise the temperature: the bars grow alike; 0 takes the likeliest"),
    ("p", "the next preset: greedy, creative, …"),
    ("w", "marks: which tokens would these settings not have chosen?"),
    ("c", "several settings side by side, on the same coins"),
), tuple(GENERAL_HELP.items()))
CHAIN = Topic("chain", CHAIN_HELP,
              lines=tuple((name, help_of(name)) for name in (*(number.name for number in NUMBERS), *LISTS)))
HEAT = Topic("heat", "The background of each token, and the strip below the text with one column for a stretch of it. "
             "A click on the strip goes there.", (("h", "the next heat"), ("{ }", "verbatim: shorter, longer spans")),
             tuple((heat.name, heat.help) for heat in HEATS.values()))
VERBATIM = Topic("verbatim", TraceLine.HELP, (
    ("h", "until the heat is verbatim"), ("{", "shorter spans count too"),
    ("enter", "pick what the training text has (≡), and see where the network goes on with it"),
))
BRANCHES = Topic("branches", Branches.HELP, (
    ("5 b", "five branches from the cursor"), ("t", "see them; ↓ and enter go to one"),
    ("T", "the whole session as a tree"),
))
WHAT_IF = Topic("what if", WhatIfScreen.HELP, (
    ("w", "choose what is to be otherwise: settings, a token, the prefix"), ("p w", "another preset, then the marks"),
))
LESSONS = Topic("lessons", LessonBar.HELP, (("ctrl+p", "type lesson: each of them is there"),))
TREE = Topic("tree", TreeScreen.HELP)
TRAINING = Topic("training", TrainScreen.HELP, (("M", "train on a text of yours, or see how it goes"),))

LANES = Topic("lanes", LaneColumn.HELP, (
    ("space", "one token in every lane; g goes on by itself"), ("s", "other settings for the selected lane"),
    ("a", "one more lane"), ("← →", "where do the lanes part?"), ("z", "the selected lane alone on the screen"),
    ("k", "keep the lane as a branch of the tree"),
))
STATS = Topic("statistics", LaneStats.HELP, (("v", "show them in place of candidates and coin"),
                                             ("m", "many seeds: mean and spread of each")),
              tuple((label, meaning) for label, _, meaning in STATISTICS.values()))

LANES_AFAR = replace(LANES, tries=(("c", "several settings side by side; ? there says what can be tried"),))
STATS_AFAR = replace(STATS, tries=(("c", "several settings side by side, then v shows them"),))

LANE_COIN = replace(COIN, tries=(
    ("r", "other luck for all lanes: the next seed"), ("o", "coins of its own for each lane, or common ones"),
    ("i", "the kind of coin: interval, gumbel"),
))
LANE_SAMPLING = replace(SAMPLING, tries=(
    ("s", "settings of the selected lane: temperature=0.7 top_k=40 can be typed"), ("p", "the lane's next preset"),
    ("a", "one more lane, for other settings"),
))
LANE_HEAT = replace(HEAT, tries=())

ROOM = Topic("the room plays", Plays.HELP, (
    ("a", "guess: type the hands for A, B, C …, and enter"), ("d", "dice: type what is rolled, digit by digit"),
    ("v", "vote: type the hands, and enter picks what the room wants"),
))
STAGE_BARS = Topic("candidates", StageBars.HELP, (
    ("space", "the next phase"), ("<", "slower, down to a key for each phase; > faster"),
    ("↓ enter", "pick one in place of the coin"), ("z", "one pane alone on the screen"),
))
STAGE_COIN = Topic("coin", StageCoin.HELP, (("r", "flip it again"), ("d", "let the room roll it")))
STAGE_SAMPLING = replace(SAMPLING, tries=(
    ("p", "the next preset: greedy, creative, …"), ("esc", "the playground, where s has every setting"),
))
STAGE_TEXT = Topic("text", STORY, (("space", "the next phase, or a whole step"), ("g", "from token to token"),
                                   ("u", "take the last token back")))


def topics_of(page: str) -> tuple[Topic, ...]:
    """What the help of a screen holds; its keys first."""
    views = tuple(Topic(view.name, view.help, VIEW_TRIES.get(view.name, ())) for view in VIEWS)
    if page == "compare":
        return (_keys(COMPARE_KEYMAP), LANES, STATS, LANE_COIN, LANE_SAMPLING, CHAIN, LANE_HEAT)
    if page == "stage":
        return (_keys(STAGE_KEYMAP), STAGE_TEXT, STAGE_BARS, STAGE_COIN, STAGE_SAMPLING, CHAIN, ROOM, LESSONS)
    if page == "tree":
        return (_keys(TREE_KEYMAP), TREE)
    return (_keys(KEYMAP), TEXT, views[0], COIN, SAMPLING, CHAIN, HEAT, VERBATIM, *views[1:], BRANCHES, WHAT_IF,
            LANES_AFAR, STATS_AFAR, TREE, LESSONS, TRAINING)


def _keys(lines: tuple[keymap.Row, ...]) -> Topic:
    return Topic("keys", lines=keymap.help_of(lines))


def help_screen(page: str, here: str = "", chosen: str = "") -> HelpScreen:
    """The help of a screen, from the topic of the pane where the person is; of the chosen setting first."""
    topics = topics_of(page)
    if meaning := help_of(chosen) or GENERAL_HELP.get(chosen, ""):
        explained = replace(SAMPLING, lead=f"{chosen}: {meaning}.")
        topics = tuple(replace(explained, tries=topic.tries) if topic.name == SAMPLING.name else topic
                       for topic in topics)
    return HelpScreen(page, topics, here or topics[1].name)
