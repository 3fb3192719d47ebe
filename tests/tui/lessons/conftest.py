"""Lessons are played as fast as the stage goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpt2_remix.tui.state.stage import PACES


@pytest.fixture(autouse=True)
def pace(own_home: Path) -> None:
    """The pace that the person used last."""
    settings = own_home / "config" / "gpt2-remix" / "settings.json"
    settings.write_text(json.dumps({"toured": True, "pace": PACES[-1].name}), "utf-8")
