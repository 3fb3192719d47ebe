"""The list of candidates at the cursor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gpt2_remix.engine.sampling.settings import CHAIN, Settings
from gpt2_remix.tui.playground.views.candidates import HEADING
from gpt2_remix.tui.widgets.bars import why_cut
from tests.tui.conftest import Drive


@given(st.sampled_from(CHAIN), st.integers(0, 18), st.integers(3, 60))
def test_the_rule_that_cut_a_token_fits_beside_it(rule: str, free: int, bar: int) -> None:
    why = why_cut(rule, free, bar)
    assert cell_len(why) == free + 1 + bar
    assert "░" in why
    assert rule in why or why.endswith("…")


async def test_cut_candidates_have_raw_and_final_figures_in_columns(drive: Drive) -> None:
    """A cut one showed its raw figure in the column of the final ones."""
    async with drive(settings=Settings(top_k=3)) as driver:
        listed, dist = driver.view.list, driver.dist
        assert str(listed.border_title).endswith(HEADING)
        for place in range(6):
            token = int(dist.order(6)[place])
            text = listed.render_line(place).text
            columns = text[text.index("  ") :].split()
            raw, final = columns[-2:]
            assert float(raw) == round(float(dist.raw[token]) * 100, 2 if dist.raw[token] < 0.1 else 1)
            assert (final == "–") == (place >= 3)
            assert ("top_k" in text) == (place >= 3)
            if place < 3:
                assert abs(float(final) - dist.final[token] * 100) < 0.051
    async with drive() as driver:
        assert HEADING not in str(driver.view.list.border_title)


async def test_what_is_not_in_view_is_counted_without_the_rows_that_are(drive: Drive) -> None:
    """Where the taken token stood in the last row, the token that it hid was counted as seen."""
    async with drive() as driver:
        await driver.press("down", "pagedown", "pagedown", "enter", "left")
        listed, dist = driver.view.list, driver.dist
        rows = [listed.render_line(y).text for y in range(listed.size.height)]
        assert "●" in rows[-1]
        taken = driver.tree.ids()[-1]
        shown = [*map(int, dist.order(len(rows) - 1)), taken]
        mass, others = listed.visible_mass()
        assert abs(mass - float(dist.final[shown].sum())) < 1e-9
        assert others == dist.kept - len(shown)


async def test_a_candidate_far_down_stays_selected_when_the_distribution_changes(drive: Drive) -> None:
    """Only the first 512 were in order then: IndexError (seed 9109 of tests.fuzz)."""
    async with drive() as driver:
        driver.playground.cursor.least_likely()
        await driver.press("s", "left", "right", "escape")
        assert driver.view.list.selected == driver.info.vocab_size - 1
        assert driver.view.list.selected_token is not None
        await driver.press("x", "plus", "minus")
