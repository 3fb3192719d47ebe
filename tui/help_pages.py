"""The pages of the help, put together from the keymaps and from what each pane says of itself."""

from __future__ import annotations

from gpt2_remix.tui.compare.keymap import KEYMAP as COMPARE_KEYMAP
from gpt2_remix.tui.compare.lane_column import LaneColumn
from gpt2_remix.tui.dialogs.help import HelpScreen, Paragraph, Part
from gpt2_remix.tui.dialogs.what_if import WhatIfScreen
from gpt2_remix.tui.keymap import help_of
from gpt2_remix.tui.playground.branches import Branches
from gpt2_remix.tui.playground.keymap import KEYMAP
from gpt2_remix.tui.playground.trace_line import TraceLine
from gpt2_remix.tui.playground.views import VIEWS
from gpt2_remix.tui.stage.bars import StageBars
from gpt2_remix.tui.stage.interval import StageCoin
from gpt2_remix.tui.stage.keymap import KEYMAP as STAGE_KEYMAP
from gpt2_remix.tui.state.heats import HEATS
from gpt2_remix.tui.training.new import TrainScreen
from gpt2_remix.tui.tree.keymap import KEYMAP as TREE_KEYMAP
from gpt2_remix.tui.tree.screen import TreeScreen
from gpt2_remix.tui.widgets.coin import Coin
from gpt2_remix.tui.widgets.lesson_bar import LessonBar
from gpt2_remix.tui.widgets.settings_list import SettingsList
from gpt2_remix.tui.widgets.token_text import TokenText

HEAT_HELP = "h goes through them. " + " ".join(f"{heat.name}: {heat.help}." for heat in HEATS.values())

PANES: tuple[Part, ...] = (
    Paragraph("text", TokenText.HELP),
    Paragraph("heat", HEAT_HELP),
    Paragraph("verbatim", TraceLine.HELP),
    *(Paragraph(view.name, view.help) for view in VIEWS),
    Paragraph("coin", Coin.HELP),
    Paragraph("sampling", SettingsList.HELP),
    Paragraph("branches", Branches.HELP),
    Paragraph("what if", WhatIfScreen.HELP),
    Paragraph("lessons", LessonBar.HELP),
    Paragraph("tree screen", TreeScreen.HELP),
    Paragraph("training", TrainScreen.HELP),
)

STAGE: tuple[Part, ...] = (Paragraph("candidates", StageBars.HELP), Paragraph("coin", StageCoin.HELP),
                           Paragraph("lessons", LessonBar.HELP))
COINS: Part = Paragraph("what each coin keeps equal", Coin.KEPT_HELP)
LANES: tuple[Part, ...] = (Paragraph("lanes", LaneColumn.HELP), Paragraph("statistics", LaneColumn.STATISTICS_HELP))


def pages() -> dict[str, tuple[Part, ...]]:
    """What the help of each screen holds."""
    compare = help_of(COMPARE_KEYMAP)
    return {
        "playground": (help_of(KEYMAP), *PANES, COINS, Paragraph("keys of the compare screen (c)"), compare, *LANES),
        "compare": (compare, *LANES, COINS),
        "stage": (help_of(STAGE_KEYMAP), *STAGE),
        "tree": (help_of(TREE_KEYMAP), Paragraph("tree", TreeScreen.HELP)),
    }


def help_screen(page: str) -> HelpScreen:
    """The help of a screen."""
    return HelpScreen(page, pages()[page])
