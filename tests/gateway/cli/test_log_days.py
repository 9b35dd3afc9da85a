"""`garita log export --since --until`: days of the site, in the log's UTC."""

from __future__ import annotations

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import typer

from gateway.cli.logfilter import begin


@pytest.mark.parametrize(
    ("zone", "given", "text"),
    [
        ("America/Tijuana", "2026-11-25", "2026-11-25T08:00:00.000Z"),
        ("America/Tijuana", "2026-07-01", "2026-07-01T07:00:00.000Z"),  # summer
        ("America/Tijuana", "2026-11-01", "2026-11-01T07:00:00.000Z"),  # the clocks go back
        ("America/Tijuana", "2026-11-02", "2026-11-02T08:00:00.000Z"),
        ("Asia/Tokyo", "2026-11-25", "2026-11-24T15:00:00.000Z"),
        ("UTC", "2026-11-25", "2026-11-25T00:00:00.000Z"),
        ("Asia/Tokyo", "2026-11-25T05:00", "2026-11-25T05:00:00.000Z"),
        ("Asia/Tokyo", "2026-11-25T05:00-08:00", "2026-11-25T13:00:00.000Z"),
        ("Asia/Tokyo", "", ""),
    ],
)
def test_a_day_begins_at_midnight_of_the_site(zone: str, given: str, text: str) -> None:
    settings = SimpleNamespace(site=SimpleNamespace(zone=ZoneInfo(zone)))
    assert begin(settings, given) == text  # type: ignore[arg-type]


def test_what_is_no_day_is_refused_and_not_compared_as_text() -> None:
    settings = SimpleNamespace(site=SimpleNamespace(zone=ZoneInfo("UTC")))
    with pytest.raises(typer.Exit) as ended:
        begin(settings, "lately")  # type: ignore[arg-type]
    assert ended.value.exit_code == 2
