"""Instants as days of the site: on both sides of UTC, and when the clocks change."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.people.days import day_of, last_day_before
from gateway.people.sync.file import read_people
from gateway.people.sync.source import Source

TIJUANA, TOKYO = ZoneInfo("America/Tijuana"), ZoneInfo("Asia/Tokyo")
ZONES = [TIJUANA, TOKYO, ZoneInfo("UTC"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12")]


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize(
    "day",
    [
        date(2026, 12, 31),
        date(2026, 2, 28),
        date(2026, 3, 7),  # the clocks of Tijuana go forward on the 8th, back on 1 November
        date(2026, 3, 8),
        date(2026, 10, 31),
        date(2026, 11, 1),
    ],
)
def test_end_of_a_day_set_at_the_site_is_that_day(zone: ZoneInfo, day: date) -> None:
    """Active Directory stores "end of 31 December" as 00:00 of 1 January on the clock of whoever
    sets it: 08:00 UTC from Tijuana."""
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    assert last_day_before(midnight.astimezone(UTC), zone) == day
    assert last_day_before(midnight.astimezone(UTC) + timedelta(microseconds=1), zone) > day
    assert day_of(midnight.astimezone(UTC), zone) == day + timedelta(days=1)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
def test_nobody_passes_on_a_day_that_begins_after_the_end(end: datetime, zone: ZoneInfo) -> None:
    last = last_day_before(end, zone)
    begins = datetime.combine(last, datetime.min.time(), zone).astimezone(UTC)
    after = datetime.combine(last + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
    assert begins < end <= after


def test_the_ends_of_time_are_days_too() -> None:
    assert last_day_before(datetime.max.replace(tzinfo=UTC), TOKYO) == date.max
    assert day_of(datetime.min.replace(tzinfo=UTC), TIJUANA) == date.min
    assert last_day_before(datetime.min.replace(tzinfo=UTC), TIJUANA) == date.min
    for name in (day_of, last_day_before):
        with pytest.raises(ValueError, match="without its zone"):
            name(datetime(2026, 1, 1), TIJUANA)


def people(folder: Path, zone: ZoneInfo, **cells: str) -> Source:
    path = folder / "p.json"
    row = {"id": "e1", "name": "Ana", "credentials": [], "access_levels": [], **cells}
    path.write_text(json.dumps([row]))
    return read_people(path, levels=(), zone=zone)


@pytest.mark.parametrize(
    ("zone", "written", "first", "last"),
    [
        (TIJUANA, "2027-01-01T08:00:00Z", date(2027, 1, 1), date(2026, 12, 31)),
        (TIJUANA, "2027-01-01T07:59:59Z", date(2026, 12, 31), date(2026, 12, 31)),
        (TOKYO, "2026-12-31T15:00:00Z", date(2027, 1, 1), date(2026, 12, 31)),
        (TOKYO, "2027-01-01T00:00:00+09:00", date(2027, 1, 1), date(2026, 12, 31)),
        (TOKYO, "2026-12-31T16:00:00Z", date(2027, 1, 1), date(2027, 1, 1)),
        (TIJUANA, "2026-12-31 00:00:00", date(2026, 12, 31), date(2026, 12, 31)),
        (TIJUANA, "2026-12-31", date(2026, 12, 31), date(2026, 12, 31)),
    ],
)
def test_a_time_in_a_list_is_a_day_of_the_site(
    tmp_path: Path, zone: ZoneInfo, written: str, first: date, last: date
) -> None:
    found = people(tmp_path, zone, valid_until=written)
    assert found.errors == [] and found.people[0].valid_until == last
    found = people(tmp_path, zone, valid_from=written)
    assert found.errors == [] and found.people[0].valid_from == first


def test_a_time_of_day_without_its_zone_is_refused(tmp_path: Path) -> None:
    """Nobody can tell whether it is the site's clock or UTC."""
    found = people(tmp_path, TIJUANA, valid_until="2026-12-31T18:00:00")
    assert "a time without its zone" in str(found.errors[0])
    for wrong in ("31/12/2026", "2026-12-31T", "20261231T000000", "now", "2026-12-31T25:00:00Z"):
        assert people(tmp_path, TIJUANA, valid_until=wrong).errors
