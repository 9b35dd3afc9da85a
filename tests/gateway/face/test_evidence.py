"""Pictures of decisions: sealed, bounded, gone in time, and never in the gate's way."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.face.evidence import MAX_PICTURE, Evidence, EvidenceError, Kept, site_sealer
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault

SITE = SiteKey(bytes(range(32)))
VAULT = Vault(SITE)
DAY = date(2026, 11, 25)
JPEG = b"\xff\xd8" + b"not a photograph" * 100
UNKNOWN = site_sealer(SITE)


@pytest.fixture
def store(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path / "evidence", min_free=0)


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_a_picture_is_sealed_with_the_holders_key(store: Evidence, tmp_path: Path) -> None:
    key = VAULT.new_key("e1")
    sealer = VAULT.sealer("e1", key)
    assert store.keep("ab-7", DAY, JPEG, sealer, ("e1", key[0])) is Kept.KEPT
    assert store.holder("ab-7", DAY) == ("e1", key[0])
    assert store.open("ab-7", DAY, sealer) == JPEG
    (file,) = files(tmp_path)
    assert file.relative_to(tmp_path).as_posix() == "evidence/2026-11-25/ab-7.sealed"
    assert b"not a photograph" not in file.read_bytes() and file.stat().st_mode & 0o077 == 0
    for other in (UNKNOWN, VAULT.sealer("e1", VAULT.new_key("e1"))):
        with pytest.raises(EvidenceError, match="does not open"):
            store.open("ab-7", DAY, other)


def test_a_picture_moved_changed_or_cut_does_not_open(store: Evidence, tmp_path: Path) -> None:
    assert store.keep("ab-7", DAY, JPEG, UNKNOWN, None) is Kept.KEPT
    assert store.holder("ab-7", DAY) is None and store.open("ab-7", DAY, UNKNOWN) == JPEG
    (file,) = files(tmp_path)
    data = file.read_bytes()
    file.with_name("ab-8.sealed").write_bytes(data)  # under another event
    with pytest.raises(EvidenceError):
        store.open("ab-8", DAY, UNKNOWN)
    claimed = data.replace(b'"person": ""', b'"person": "e1"')
    cases = (
        data[:-1],
        data[:60],
        b"",
        b"\n",
        b"[]\n",
        claimed,
        b'{"person": 1}\n',
        os.urandom(4096),
    )
    for bad in cases:
        file.write_bytes(bad)
        with pytest.raises(EvidenceError):
            store.open("ab-7", DAY, UNKNOWN)
    with pytest.raises(EvidenceError, match="no picture"):
        store.open("ab-9", DAY, UNKNOWN)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "a.b", "x" * 81, "a\n", "é"])
def test_a_name_that_leads_elsewhere_is_refused(store: Evidence, tmp_path: Path, name: str) -> None:
    assert store.keep(name, DAY, JPEG, UNKNOWN, None) is Kept.FAILED
    assert files(tmp_path) == []


def test_too_large_too_many_twice(tmp_path: Path) -> None:
    store = Evidence(tmp_path / "evidence", max_total=4000, min_free=0)
    assert store.keep("a-1", DAY, bytes(MAX_PICTURE + 1), UNKNOWN, None) is Kept.TOO_LARGE
    assert store.keep("a-1", DAY, b"", UNKNOWN, None) is Kept.FAILED
    assert store.keep("a-1", DAY, JPEG, UNKNOWN, None) is Kept.KEPT
    assert store.keep("a-1", DAY, JPEG + b"2", UNKNOWN, None) is Kept.TWICE
    assert store.open("a-1", DAY, UNKNOWN) == JPEG
    assert store.keep("a-2", DAY, JPEG, UNKNOWN, None) is Kept.KEPT
    assert store.keep("a-3", DAY, JPEG, UNKNOWN, None) is Kept.FULL
    again = Evidence(tmp_path / "evidence", max_total=4000, min_free=0)  # counts what is there
    assert again.keep("a-3", DAY, JPEG, UNKNOWN, None) is Kept.FULL
    assert again.purge(date(2027, 1, 1), 7) == 2
    assert again.keep("a-3", DAY, JPEG, UNKNOWN, None) is Kept.KEPT


def test_a_disk_that_is_nearly_full_or_broken_takes_no_picture(tmp_path: Path) -> None:
    full = Evidence(tmp_path / "evidence", min_free=1 << 62)
    assert full.keep("a-1", DAY, JPEG, UNKNOWN, None) is Kept.FULL
    (tmp_path / "file").touch()
    assert Evidence(tmp_path / "file").keep("a-1", DAY, JPEG, UNKNOWN, None) is Kept.FAILED
    assert Evidence(tmp_path / "no" / "x").keep("a-1", DAY, JPEG, UNKNOWN, None) is Kept.FAILED


def test_what_a_crash_left_is_no_picture_and_is_written_over(
    store: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        assert store.keep("a-1", DAY, JPEG, UNKNOWN, None) is Kept.FAILED
    assert files(tmp_path) == []
    (tmp_path / "evidence" / "2026-11-25" / ".a-1.sealed.0123456789abcdef.part").write_bytes(
        b"half"
    )
    with pytest.raises(EvidenceError, match="no picture"):
        store.open("a-1", DAY, UNKNOWN)
    assert store.keep("a-1", DAY, JPEG, UNKNOWN, None) is Kept.KEPT
    assert store.open("a-1", DAY, UNKNOWN) == JPEG


def test_a_purge_takes_old_days_and_nothing_else(store: Evidence, tmp_path: Path) -> None:
    for number, day in enumerate((date(2026, 11, 17), date(2026, 11, 18), DAY)):
        assert store.keep(f"a-{number}", day, JPEG, UNKNOWN, None) is Kept.KEPT
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.sealed").touch()
    (tmp_path / "evidence" / "2020-01-01").symlink_to(outside)
    (tmp_path / "evidence" / "notes").mkdir()
    assert store.purge(DAY, 7) == 1  # 18 November is seven days old: kept
    assert store.purge(DAY, 7) == 0
    assert (outside / "x.sealed").exists() and (tmp_path / "evidence" / "notes").exists()
    assert store.open("a-1", date(2026, 11, 18), UNKNOWN) == JPEG
    assert Evidence(tmp_path / "none").purge(DAY, 7) == 0


@pytest.mark.parametrize("zone", ["America/Tijuana", "Asia/Tokyo", "UTC"])
def test_a_picture_is_kept_for_days_of_the_site(store: Evidence, zone: str) -> None:
    """By UTC's days it went a day early in Tokyo, and stayed a day longer in Tijuana."""
    site = ZoneInfo(zone)
    for hour in (0, 12, 23):
        at = datetime(2026, 11, 1, hour, 30, tzinfo=site)  # clocks go back that night in Tijuana
        day = store.find(f"a-{hour}", at.astimezone(UTC), site)
        assert day == date(2026, 11, 1)
        assert store.keep(f"a-{hour}", day, JPEG, UNKNOWN, None) is Kept.KEPT
    assert store.purge(date(2026, 11, 8), 7) == 0
    assert store.purge(date(2026, 11, 9), 7) == 3


def test_a_picture_that_an_older_version_kept_by_utcs_day_is_found(store: Evidence) -> None:
    at = datetime(2026, 11, 24, 20, tzinfo=ZoneInfo("America/Tijuana")).astimezone(UTC)
    assert store.keep("a-1", at.date(), JPEG, UNKNOWN, None) is Kept.KEPT
    day = store.find("a-1", at, ZoneInfo("America/Tijuana"))
    assert day == date(2026, 11, 25) and store.open("a-1", day, UNKNOWN) == JPEG


def test_what_a_wrong_clock_dated_in_the_future_is_not_kept_for_years(
    store: Evidence, tmp_path: Path
) -> None:
    future, tomorrow = date(2031, 1, 1), date(2026, 11, 26)  # the latter is already so in UTC
    for number, day in enumerate((future, tomorrow)):
        assert store.keep(f"a-{number}", day, JPEG, UNKNOWN, None) is Kept.KEPT
    wrong = datetime(2031, 1, 1, 3, tzinfo=UTC).timestamp()
    os.utime(tmp_path / "evidence" / "2031-01-01", (wrong, wrong))
    assert store.purge(DAY, 7) == 0
    assert store.purge(date(2026, 12, 2), 7) == 0  # seven days after it was noticed
    assert store.open("a-0", future, UNKNOWN) == store.open("a-1", tomorrow, UNKNOWN) == JPEG
    assert store.purge(date(2026, 12, 3), 7) == 1
    assert [file.name for file in files(tmp_path)] == ["a-1.sealed"]


def test_who_keeps_learns_what_another_has_purged(tmp_path: Path) -> None:
    """The daemon purges with an object of its own; or one gigabyte would be the last ever."""
    keeper = Evidence(tmp_path / "evidence", max_total=4000, min_free=0)
    for number in (1, 2):
        assert keeper.keep(f"a-{number}", DAY, JPEG, UNKNOWN, None) is Kept.KEPT
    assert keeper.keep("a-3", DAY, JPEG, UNKNOWN, None) is Kept.FULL
    assert Evidence(tmp_path / "evidence").purge(date(2027, 1, 1), 7) == 2
    assert keeper.keep("a-3", DAY, JPEG, UNKNOWN, None) is Kept.KEPT


def test_the_daemon_can_load_it() -> None:
    code = (
        "import sys, gateway.face.evidence, gateway.people.faces\n"
        "sys.exit(bool({'numpy', 'cv2', 'dlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
