"""C19: zones of a system that was not kept up to date are compared with the pinned ones."""

from __future__ import annotations

import json
import time
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.rig import Rig
from gateway.config.zones import difference

NOW = datetime(2026, 11, 26, 17, 20, tzinfo=UTC)
System = Callable[[str], None]


def pinned(name: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system whose America/Tijuana has the rules of the zone given; the real one comes back."""
    folder, before = tmp_path / "zoneinfo" / "America", zoneinfo.TZPATH

    def has(rules_of: str) -> None:
        folder.mkdir(parents=True)
        (folder / "Tijuana").write_bytes(pinned(rules_of))
        zoneinfo.reset_tzpath([tmp_path / "zoneinfo"])
        ZoneInfo.clear_cache()

    yield has
    zoneinfo.reset_tzpath(before)
    ZoneInfo.clear_cache()


def test_an_old_zone_of_the_system_is_named_with_the_hour_it_begins_to_differ(
    system: System,
) -> None:
    system("Etc/GMT+8")  # as Tijuana in winter, and without its summer time
    found = difference(ZoneInfo("America/Tijuana"), NOW)
    assert found is not None and found.at == datetime(2027, 3, 14, 10, 0, tzinfo=UTC)
    assert (found.used.hour, found.pinned.hour) == (2, 3)


def test_the_same_zone_differs_never_and_the_look_costs_little(system: System) -> None:
    system("America/Tijuana")
    begun = time.process_time()
    assert difference(ZoneInfo("America/Tijuana"), NOW) is None
    assert time.process_time() - begun < 1.0


def test_a_zone_that_is_not_pinned_is_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "Here"
    path.write_bytes(pinned("America/Tijuana"))
    with path.open("rb") as file:
        assert difference(ZoneInfo.from_file(file, key="Nowhere/Here"), NOW) is None


async def test_check_warns_of_the_systems_old_zone(
    make_rig: Callable[..., Rig], system: System
) -> None:
    rig = make_rig()
    said = json.loads((await rig.acli("check", "--json")).stdout)["warnings"]
    assert not [line for line in said if "timezone" in line]
    system("Etc/GMT+8")
    said = json.loads((await rig.acli("check", "--json")).stdout)["warnings"]
    assert [line for line in said if "timezone" in line and "America/Tijuana" in line]
