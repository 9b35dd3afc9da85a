"""What does not work, as it is gathered for each badge."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.decide.policy import Subsystem
from gateway.state import health as module
from gateway.state.health import Health, synchronised

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)


def health(folder: Path, **options: Any) -> Health:
    given: dict[str, Any] = {"disk_free_mb": 1, "list_max_age_h": None, **options}
    return Health(folder, secured={"osdp": lambda: True, "plain": lambda: False}, **given)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "synchronised", lambda: True)


@pytest.mark.usefixtures("synced")
def test_nothing_fails(tmp_path: Path) -> None:
    good = health(tmp_path, list_max_age_h=24.0, broker=lambda: True)
    assert good.failing("osdp", NOW - timedelta(hours=24), NOW) == {}


@pytest.mark.usefixtures("synced")
@pytest.mark.parametrize(
    ("hours", "fails"), [(24.0, False), (24.1, True), (None, True), (-1.0, False)]
)
def test_a_list_grows_old(tmp_path: Path, hours: float | None, fails: bool) -> None:
    applied = NOW - timedelta(hours=hours) if hours is not None else None
    found = health(tmp_path, list_max_age_h=24.0).failing("osdp", applied, NOW)
    assert (Subsystem.LIST_OLD in found) == fails
    assert health(tmp_path).failing("osdp", applied, NOW) == {}


@pytest.mark.usefixtures("synced")
def test_the_broker_the_channel_and_the_disk(tmp_path: Path) -> None:
    assert health(tmp_path, broker=lambda: False).failing("osdp", None, NOW) == {
        Subsystem.BROKER: "away"
    }
    assert health(tmp_path, broker=lambda: None).failing("osdp", None, NOW) == {}
    for reader in ("plain", "serial"):
        assert health(tmp_path).failing(reader, None, NOW) == {Subsystem.CHANNEL: "in clear"}
    full = health(tmp_path, disk_free_mb=10**12)
    assert "MB free" in full.failing("osdp", None, NOW)[Subsystem.DISK]
    gone = health(tmp_path / "gone")
    assert "No such file" in gone.failing("osdp", None, NOW)[Subsystem.DISK]


@pytest.mark.parametrize(
    ("state", "status", "good"), [(0, 0x2001, True), (5, 0x40, False), (-1, 0, False)]
)
def test_the_kernel_says_whether_its_clock_is_synchronised(
    monkeypatch: pytest.MonkeyPatch, state: int, status: int, good: bool
) -> None:
    def adjtimex(pointer: Any) -> int:
        field = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int32))
        assert field[0] == 0  # no mode is set: nothing is changed
        field[10] = status
        return state

    fake: Callable[..., Any] = lambda name: SimpleNamespace(adjtimex=adjtimex)  # noqa: E731
    monkeypatch.setattr(ctypes, "CDLL", fake)
    assert synchronised() is good


def test_without_such_a_kernel_it_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not synchronised()
    assert health(tmp_path).failing("osdp", None, NOW) == {Subsystem.SYNC: "no time server"}
