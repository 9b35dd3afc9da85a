"""The cursor lies behind the truth or at it, never before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import EventType, NewEvent
from gateway.uplink.cursor import Cursor
from gateway.vault.statefile import Damage


@pytest.fixture
def records(tmp_path: Path) -> Iterator[LedgerReader]:
    """A log with three records."""
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    for _ in range(2):
        ledger.append_sync(NewEvent(EventType.DOOR_OPENED, "gate"))
    reader = LedgerReader(tmp_path / "ledger.db")
    yield reader
    reader.close()
    ledger.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mqtt.cursor"


def test_it_is_found_again_after_a_restart(records: LedgerReader, path: Path) -> None:
    cursor = Cursor(path)
    cursor.load(records)
    assert cursor.seq == 0
    cursor.save()
    assert not path.exists()  # nothing was published yet
    cursor.seq = 2
    cursor.save()
    again = Cursor(path)
    again.load(records)
    assert again.seq == 2
    chain = str(records.after(0, 1)[0].data["chain"])
    assert path.read_text().split() == [chain, "2"]  # 0.1.0 reads it


WRONG = ["", "x", "{chain}", "{chain} x", "{chain} 4", "{chain} -1", "other 2", "{chain} 2 3", "\0"]


@pytest.mark.parametrize("text", [*WRONG, "é 2"])
def test_one_that_is_damaged_or_of_another_log_counts_as_none(
    records: LedgerReader, path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    chain = str(records.after(0, 1)[0].data["chain"])
    path.write_text(text.format(chain=chain), encoding="utf-8")
    cursor = Cursor(path)
    cursor.load(records)
    assert cursor.seq == 0 and "everything is published again" in caplog.text
    cursor.seq = 3
    cursor.save()
    assert path.read_text().split() == [chain, "3"]


def test_one_that_cant_be_saved_is_tried_again(
    records: LedgerReader,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(handle: int) -> None:
        raise OSError(28, "No space left on device")

    cursor = Cursor(path)
    cursor.load(records)
    cursor.seq = 1
    with monkeypatch.context() as full:
        full.setattr("gateway.vault.files.os.fsync", no_room)  # a full disk can't be had here
        cursor.save()
    assert "can't be saved" in caplog.text
    cursor.save()
    assert path.read_text().split()[1] == "1"


def test_of_a_damaged_one_the_version_before_counts(records: LedgerReader, path: Path) -> None:
    cursor = Cursor(path)
    cursor.load(records)
    for seq in (1, 2):
        cursor.seq = seq
        cursor.save()
    path.write_bytes(path.read_bytes()[:10])
    told: list[Damage] = []
    again = Cursor(path, told.append)
    again.load(records)
    assert again.seq == 1 and [d.done for d in told] == ["previous"]


def test_without_a_log_nothing_is_saved(path: Path) -> None:
    cursor = Cursor(path)
    cursor.seq = 5
    cursor.save()
    assert not path.exists()
