"""Models whose files do not hold what config.json says, in the app."""

from __future__ import annotations

import pytest

from tests.conftest import edit_json
from tests.kinds import Checkpoint
from tests.tui.conftest import Drive


@pytest.mark.parametrize("changes", [{"vocab_size": 2**31 - 1}, {"n_layer": 3_000_000}, {"n_positions": 2**31 - 1}])
async def test_absurd_numbers_are_one_line(drive: Drive, checkpoint: Checkpoint, changes: dict[str, int]) -> None:
    """A name was made for each of two billion tokens, before anything was looked at."""
    folder = checkpoint()
    edit_json(folder / "config.json", **changes)
    async with drive(model=str(folder)) as driver:
        await driver.until(lambda: "do not belong together" in driver.workspace.said)
        assert not driver.exploration.ready
