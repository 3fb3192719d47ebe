"""The small network."""

from __future__ import annotations

import pytest

from gpt2_remix.engine.gpt2.backend import LocalBackend
from tests.engine.outlook.small import network


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> LocalBackend:
    """A random network of eleven tokens."""
    return network(tmp_path_factory.mktemp("small"))
