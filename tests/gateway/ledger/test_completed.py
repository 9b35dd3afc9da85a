"""Every record of a type that the criteria's file names holds the criteria, whoever noted it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from demo.rig import example_config
from gateway import config
from gateway.config import criteria
from gateway.config.criteria import Criteria
from gateway.daemon.openlog import open_log
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent

CTPAT = criteria.standard()
TYPES = sorted(key for key in CTPAT.evidence if "." in key and "/" not in key)
KINDS = sorted(key for key in CTPAT.evidence if key.startswith("review.recorded/"))


async def written(tmp_path: Path, *events: NewEvent) -> list[dict[str, object]]:
    path = tmp_path / "ledger.db"
    with closing(Ledger.open(path, gateway="g", complete=CTPAT.completed)) as ledger:
        for event in events:
            told = await ledger.append(event)
            assert told.data.get("criteria") == _held(path, told.seq).get("criteria")
    with closing(LedgerReader(path)) as reader:
        assert reader.verify().ok
        return [dict(event.data) for event in reader.after(1, 1000)]


def _held(path: Path, seq: int) -> dict[str, object]:
    with closing(LedgerReader(path)) as reader:
        event = reader.get(seq)
    assert event is not None
    return dict(event.data)


def test_the_file_names_types_that_there_are() -> None:
    assert set(TYPES) <= {kind.value for kind in EventType}
    assert {"people.revoked", "requirement.set", "door.forced", "threat.changed"} <= set(TYPES)


@pytest.mark.parametrize("kind", TYPES)
async def test_criteria_named_in_the_file_stand_in_the_record(tmp_path: Path, kind: str) -> None:
    (data,) = await written(tmp_path, NewEvent(EventType(kind), "x", {"by": "t"}))
    assert data["criteria"] == list(CTPAT.evidence[kind])
    assert data["criteria_edition"] == CTPAT.label


@pytest.mark.parametrize("key", KINDS)
async def test_a_review_is_evidence_by_its_kind(tmp_path: Path, key: str) -> None:
    kind = key.partition("/")[2]
    (data,) = await written(tmp_path, NewEvent(EventType.REVIEW_RECORDED, kind, {"kind": kind}))
    assert data["criteria"] == list(CTPAT.evidence[key])


async def test_an_event_that_names_its_criteria_keeps_them(tmp_path: Path) -> None:
    given = NewEvent(EventType.FREIGHT_INSPECTED, "freight-1", {"criteria": ["5.4"]})
    none = NewEvent(EventType.DOOR_OPENED, "main")  # of a type that is evidence for none
    first, second = await written(tmp_path, given, none)
    assert first == {"criteria": ["5.4"]} and second == {}


async def test_a_camera_that_fails_is_evidence_for_more_than_a_lock(tmp_path: Path) -> None:
    camera = NewEvent(EventType.DEVICE_OFFLINE, "cam", {"kind": "camera"})
    lock = NewEvent(EventType.DEVICE_OFFLINE, "lock", {"kind": "lock"})
    first, second = await written(tmp_path, camera, lock)
    assert (first["criteria"], second["criteria"]) == (["9.8", "9.14"], ["9.8"])


def test_a_site_without_criteria_writes_none() -> None:
    event = NewEvent(EventType.DOOR_FORCED, "main")
    assert Criteria().completed(event) is event


def test_a_site_names_criteria_of_a_kind(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[evidence]\n"requirement.set/background" = ["11.2"]\n')
    found = criteria.load(criteria.STANDARD, own)
    done = found.completed(NewEvent(EventType.REQUIREMENT_SET, "e1", {"kind": "background"}))
    assert done.data["criteria"] == ["11.1", "11.2", "12.1"]


def test_commands_write_through_the_same_door(site_settings: config.Settings) -> None:
    with closing(open_log(site_settings)) as ledger:
        event = ledger.append_sync(NewEvent(EventType.PEOPLE_REVOKED, "e1"))
    assert event.data["criteria"] == ["10.1"]
    json.dumps(dict(event.data))


@pytest.fixture
def site_settings(tmp_path: Path) -> config.Settings:
    return config.load(example_config(tmp_path))
