"""Errors are one line: that is made sure of where they are made, and tested here alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2_remix.engine.errors import EngineError, InputError


@pytest.mark.parametrize("kind", [EngineError, InputError])
@given(text=st.text())
def test_an_error_is_one_line_whatever_it_was_made_from(kind: type[EngineError], text: str) -> None:
    said = str(kind(f"what is wrong\n\n{text}\r\n; what to do"))
    assert len(said.splitlines()) == 1
    assert said.startswith("what is wrong ")
    assert said.endswith("; what to do")
