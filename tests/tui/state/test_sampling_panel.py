
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from gpt2_remix.engine.errors import EngineError
from gpt2_remix.engine.sampling.fields import LISTS, NUMBERS
from gpt2_remix.engine.sampling.presets import SHIPPED
from gpt2_remix.engine.sampling.settings import CHAIN, SEED_LIMIT, Settings
from gpt2_remix.engine.session.nodes import View
from gpt2_remix.tui.state import sampling_panel as panel
from gpt2_remix.tui.state.preferences import SPEEDS, Preferences
from gpt2_remix.tui.style.status_bar import status_line
from tests.kinds import known

VIEW = View(0, 0, Settings(banned=(5,)), 7, "interval")
NAMES = [setting.name for setting in panel.chain_rows(VIEW, Preferences(), SHIPPED, None)]


@given(st.sampled_from(NAMES), st.lists(st.sampled_from([-1, 1]), max_size=12))
def test_any_steps_keep_every_setting_usable(name: str, directions: list[int]) -> None:
    view, kept = VIEW, Preferences()
    for direction in directions:
        try:
            change = panel.stepped(name, direction, view, kept, SHIPPED)
        except EngineError:
            assert name in ("banned", "logit_bias", "dry_breakers")
            continue
        view = View(0, 0, change.settings or view.settings, view.seed if change.seed is None else change.seed,
                    change.coin or view.coin)
        kept = change.preferences or kept
    assert len(panel.chain_rows(view, kept, SHIPPED, None)) == len(NAMES)
    assert 0 <= view.seed < SEED_LIMIT


@given(st.sampled_from(NAMES), st.text(alphabet="0123456789.:;-", max_size=8))
def test_any_typed_value_is_taken_or_refused_with_a_reason(name: str, text: str) -> None:
    said = "taken"
    try:
        change = panel.typed(name, text, VIEW, Preferences())
        assert change.of_view or change.preferences is not None
    except EngineError as error:
        said = str(error)
    assert said


def test_the_seed_stops_at_its_limits() -> None:
    last = View(0, 0, Settings(), SEED_LIMIT - 1, "interval")
    assert panel.stepped("seed", 1, last, Preferences(), SHIPPED).seed == SEED_LIMIT - 1


LADDER = [(20.0, 50.0, 10.0), (7.0, 10.0, 5.0), (None, None, 100.0), (0.5, 1.0, 0.2), (0.1, 0.2, 0.1)]


@pytest.mark.parametrize(("speed", "up", "down"), LADDER)
def test_speeds_go_up_and_down_the_ladder(speed: float | None, up: float | None, down: float | None) -> None:
    assert panel.next_speed(speed, 1) == up
    assert panel.next_speed(speed, -1) == down
    assert panel.next_speed(SPEEDS[-1], 1) is None


def test_every_setting_of_the_chain_has_a_row() -> None:
    assert {number.name for number in NUMBERS} | (set(LISTS) - {"chain", "off"}) <= set(NAMES)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([-1, 1])), max_size=20))
def test_steps_move_and_switch_without_getting_lost(moves: list[tuple[str, int]]) -> None:
    view = VIEW
    for name, direction in moves:
        with suppress(EngineError):
            for change in (panel.shifted(name, direction, view, Preferences()),
                           panel.switched(name, view, Preferences())):
                assert change.settings is not None
                view = View(0, 0, change.settings, 7, "interval")
        assert sorted(view.settings.order) == sorted(CHAIN)


def test_moving_there_and_back_is_the_default_order_again() -> None:
    later = View(0, 0, known(panel.shifted("top_k", 1, VIEW, Preferences()).settings), 7, "interval")
    assert later.settings.order.index("top_k") == CHAIN.index("top_k") + 1
    assert panel.shifted("top_k", -1, later, Preferences()).settings == VIEW.settings


def test_what_is_on_stands_in_the_panel_at_a_glance() -> None:
    view = View(0, 0, Settings(dry_multiplier=0.8), 7, "interval")
    assert "dry_multiplier" in [setting.name for setting in panel.shown(view, Preferences(), SHIPPED)]
    assert "dry_multiplier" not in [setting.name for setting in panel.shown(VIEW, Preferences(), SHIPPED)]


@given(st.lists(st.text("abc ", min_size=1, max_size=12), min_size=1, max_size=6), st.integers(14, 90))
def test_parts_of_the_status_line_are_shown_whole_or_not_at_all(parts: list[str], width: int) -> None:
    line = status_line(Text(" gpt2-remix"), parts, width).plain
    assert len(line) <= width
    shown = max(n for n in range(1, len(parts) + 1) if n == 1 or 11 + len("   ".join(parts[:n])) + 2 <= width)
    if 11 + len("   ".join(parts[:shown])) + 2 <= width:
        assert line.endswith("   ".join(parts[:shown]) + " ")
        assert len(line) == width


def test_how_a_training_and_the_saving_go_stays_where_there_is_little_room() -> None:
    """Beside "branch 4 of 5" a training's progress had no room, and then "saved" neither."""
    parts = ["53 tokens", "paused", "branch 4 of 5", "training 5%", "saved"]
    line = status_line(Text(" gpt2-remix  classics 5.4M fp32"), parts, 80, 2).plain
    assert line.split("fp32")[1].strip().split("   ") == ["53 tokens", "paused", "training 5%", "saved"]
    assert status_line(Text("a long name of a model"), parts, 34, 2).plain.endswith("53 tokens ")
