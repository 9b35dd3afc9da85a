"""Doors out of service: a lost file opens none of them, and stops no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.state.service import OutOfService
from gateway.vault.statefile import Damage, StateFile, json_object

DOORS = ("gate", "yard", "vault")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[LedgerReader]:
    """The gate is out of service, the yard is in service again, of the vault nothing is known."""
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    out, back = EventType.DOOR_OUT_OF_SERVICE, EventType.DOOR_IN_SERVICE
    for kind, door, reason in (
        (out, "yard", "x"),
        (back, "yard", ""),
        (out, "gate", "old"),
        (out, "gate", "broken hinge"),
        (out, "gone", "a door that the configuration has no more"),
    ):
        ledger.append_sync(NewEvent(kind, door, {"reason": reason}))
    ledger.close()
    reader = LedgerReader(tmp_path / "ledger.db")
    yield reader
    reader.close()


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0" * 512, b"\n", b"{", b'{"gate": "bro', b"[]", b"7", b"\xff\xfe", b"[" * 99_999],
)
def test_an_empty_or_damaged_doors_json_stops_no_other_door(
    tmp_path: Path, records: LedgerReader, raw: bytes
) -> None:
    """A7: it stopped every door; and the door out of service must not open by it."""
    path = tmp_path / "doors.json"
    path.write_bytes(raw)
    told: list[Damage] = []
    found = OutOfService(path, told.append).restore(records, DOORS)
    assert found == {"gate": "broken hinge"} and len(told) == 1
    assert "doors.json" in told[0].detail and told[0].done == "from_log"
    assert (tmp_path / told[0].aside).read_bytes() == raw
    assert json.loads(path.read_text()) == found  # mended: the next start reads it
    assert OutOfService(path, told.append).restore(records, DOORS) == found and len(told) == 1


def test_the_version_before_counts_for_doors_of_which_the_log_knows_nothing(
    tmp_path: Path, records: LedgerReader
) -> None:
    """A log that was begun anew knows none of them; a stale file must not open the gate."""
    path = tmp_path / "doors.json"
    StateFile(path, json_object).write(b'{"vault": "flood", "yard": "long ago"}')
    path.write_bytes(b"")
    found = OutOfService(path).restore(records, DOORS)
    assert found == {"gate": "broken hinge", "vault": "flood"}


def test_a_doors_json_that_was_removed_opens_no_door(tmp_path: Path, records: LedgerReader) -> None:
    found = OutOfService(tmp_path / "doors.json").restore(records, DOORS)
    assert found == {"gate": "broken hinge"}


async def test_what_is_put_is_kept_over_a_restart(tmp_path: Path, records: LedgerReader) -> None:
    path = tmp_path / "doors.json"
    one = OutOfService(path)
    one.restore(records, DOORS)
    await one.put("yard", "flood")
    await one.put("gate", "")
    path_of_nobody = OutOfService(tmp_path / "none" / "doors.json")
    with pytest.raises(OSError):
        await path_of_nobody.put("yard", "flood")
    assert OutOfService(path).restore(records, DOORS) == {"yard": "flood"}
