"""Records by pages and figures, over a log of which a part is in archives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.config.criteria import standard
from gateway.desk.auditor import figures, filters, look
from gateway.desk.auditor.filters import FilterError, Wanted
from gateway.ledger import LedgerReader, archiver
from gateway.ledger.event import Event, EventType, NewEvent
from tests.gateway.ledger.test_archive import EVER, Log

BEGIN = datetime(2026, 10, 5, tzinfo=UTC)
COUNT = 900
KINDS = (
    (EventType.ACCESS_GRANTED, "main", {"person": {"id": "e1"}, "criteria": ["9.4"]}),
    (EventType.ACCESS_DENIED, "yard", {"person": {"id": "e2"}, "door": "yard"}),
    (EventType.VISIT_ARRIVED, "visit-7", {"visit": 7, "criteria": ["10.2"]}),
    (EventType.FREIGHT_SPOT_DRAWN, "freight-3", {"freight": 3, "criteria": ["5.29"]}),
    (EventType.PEOPLE_REVOKED, "e1", {"by": "t", "why": 'the "yard"'}),
    (EventType.VISIT_DEPARTED, "visit-71", {"visit": 71, "criteria": ["10.2"]}),
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives and steps of a few hundred records, in place of many thousands."""
    monkeypatch.setattr(archiver, "STEP", 256)
    monkeypatch.setattr(archiver, "MOST", 256)
    monkeypatch.setattr(archiver, "STAYS", 100)
    for module in (look, figures):
        monkeypatch.setattr(module, "CHUNK", 100)


@pytest.fixture(params=["whole", "archived"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerReader]:
    """A record each ten minutes; two of them, written by a clock that was wrong for a moment, say
    1970 and 2100."""
    log = Log(tmp_path)

    async def fill() -> None:
        for n in range(COUNT):
            kind, subject, data = KINDS[n % len(KINDS)]
            at = BEGIN + timedelta(minutes=10 * n)
            at = {250: at.replace(year=1970), 450: at.replace(year=2100)}.get(n, at)
            await log.ledger.append(NewEvent(kind, subject, data, time=at))
        await log.sign()
        if request.param == "archived":
            while await log.archive(EVER):
                pass

    asyncio.run(fill())
    with closing(log.reader()) as found:
        assert (log.rows() < COUNT) == (request.param == "archived")
        yield found
    log.ledger.close()


DAYS = Wanted(since="2026-10-07T00:00:00.000Z", until="2026-10-09T00:00:00.000Z")
ASKED = {
    "all": Wanted(),
    "door": Wanted(door="yard"),
    "person": Wanted(person="e1"),
    "visit": Wanted(visit=7),
    "truck": Wanted(truck=3),
    "criterion": Wanted(criteria=("5.8",)),
    "two criteria": Wanted(criteria=("9.4", "10.2")),
    "kind": Wanted(type="access"),
    "days": DAYS,
    "refused on days": Wanted(type="access.denied", since=DAYS.since, until=DAYS.until),
    "since": Wanted(since="2026-10-08T06:00:00.000Z"),
    "until": Wanted(until="2026-10-06T18:00:00.000Z"),
    "none": Wanted(person="nobody"),
}


def expected(reader: LedgerReader, wanted: Wanted) -> list[int]:
    """The records that fit; the first one, which was written today, is too far from its day."""
    found = [event.seq for event, _ in reader.walk() if wanted.fits(event)]
    return [seq for seq in reversed(found) if seq > 1 or not wanted.since]


def paged(reader: LedgerReader, wanted: Wanted, **limits: object) -> list[Event]:
    found: list[Event] = []
    before = 0
    for _ in range(1000):
        part = look.page(reader, wanted, before=before, **limits)  # type: ignore[arg-type]
        assert not before or part.before < before
        found += part.events
        before = part.before
        if not before:
            return found
    raise AssertionError("pages without end")


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("count", [1000, 7])
def test_pages_have_the_records_that_fit_each_once_the_newest_first(
    reader: LedgerReader, asked: str, count: int
) -> None:
    wanted = ASKED[asked]
    found = [event.seq for event in paged(reader, wanted, count=count)]
    assert found == expected(reader, wanted)
    assert bool(found) == (asked != "none")


def test_a_page_ends_in_time_and_says_where_to_look_further(reader: LedgerReader) -> None:
    ticks = iter(range(100_000))
    wanted = Wanted(person="e1")
    first = look.page(reader, wanted, count=1000, longest_s=1, clock=lambda: next(ticks))
    assert first.before and len(first.events) < len(expected(reader, wanted))
    found = paged(reader, wanted, longest_s=1, clock=lambda: next(ticks))
    assert [event.seq for event in found] == expected(reader, wanted)


def test_a_wrong_clock_of_a_moment_hides_no_day(reader: LedgerReader) -> None:
    for day in range(1, 6):
        begin = f"2026-10-{5 + day:02}T00:00:00.000Z"
        end = f"2026-10-{6 + day:02}T00:00:00.000Z"
        assert len(paged(reader, Wanted(since=begin, until=end))) in (143, 144)


def test_figures_count_what_their_filters_find(reader: LedgerReader) -> None:
    found = figures.counted(reader, DAYS)
    assert found.whole and found.total == len(expected(reader, DAYS))
    for kind, count in found.types.items():
        wanted = Wanted(type=kind, since=DAYS.since, until=DAYS.until)
        assert count == len(expected(reader, wanted)), kind
    for number, count in found.criteria.items():
        wanted = Wanted(criteria=(number,), since=DAYS.since, until=DAYS.until)
        assert count == len(expected(reader, wanted)), number
    assert found.doors["yard"] == {"access.denied": found.types["access.denied"]}
    assert "5.8" in found.criteria  # an old record, by today's number


def test_figures_that_take_too_long_are_none(reader: LedgerReader) -> None:
    ticks = iter(range(100_000))
    assert not figures.counted(reader, Wanted(), longest_s=1, clock=lambda: next(ticks)).whole


def test_a_filter_that_can_fit_nothing_names_its_field() -> None:
    doors = {"main": None}
    settings = SimpleNamespace(
        criteria=standard(),
        site=SimpleNamespace(doors=doors, zone=UTC),
        people_path=Path("/nowhere/people.db"),
    )
    for field, given in (
        ("type", {"type": "zzz"}),
        ("criterion", {"criteria": ["99.9"]}),
        ("door", {"door": "nowhere"}),
        ("person", {"person": "nobody"}),
        ("visit", {"visit": 9}),
        ("freight", {"truck": 9}),
        ("since", {"since": "lately"}),
        ("until", {"since": "2026-10-06", "until": "2026-10-05"}),
    ):
        with pytest.raises(FilterError) as refused:
            filters.wanted(settings, lambda text: False, **given)  # type: ignore[arg-type]
        assert refused.value.field == field
        assert refused.value.nobody == (field in ("person", "visit", "freight"))


def test_the_place_of_a_moment_is_near_its_records(reader: LedgerReader) -> None:
    last = reader.last_seq
    for day in range(6, 11):
        moment = f"2026-10-{day:02}T00:00:00.000Z"
        seq = look.place(reader, moment, 1, last)
        near = [event.time for event in reader.after(max(0, seq - 12), 24)]
        assert any(one >= moment for one in near) and any(one < moment for one in near)
