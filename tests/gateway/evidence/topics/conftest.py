"""The gate that the tests of topics act at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.evidence.topics.gate import Gate
from tests.gateway.evidence.topics.written import Written


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(tmp_path: Path) -> Written:
    """A log to write and look at."""
    return Written(tmp_path)
