"""The daemon's start: which language it speaks to people, and that its text log stays English."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from gateway import locale
from gateway.daemon.textlog import _in_english
from gateway.ledger import LedgerUnavailable
from gateway.locale import worded


@pytest.fixture(autouse=True)
def spanish() -> Iterator[None]:
    locale.use("es")
    yield
    locale.use("en")


def test_the_text_log_is_english_whatever_the_site_speaks() -> None:
    error = LedgerUnavailable(worded("{path}: there is no log yet", path="x"))
    assert str(error) == "x: todavía no hay bitácora"
    record = logging.LogRecord("n", logging.WARNING, "f", 1, "%s: %s", ("ledger", error), None)
    assert _in_english(record) and record.getMessage() == "ledger: x: there is no log yet"
