"""What the gateway shows to people: stills and portraits, each view on record before it is seen."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.daemon import pictures
from gateway.daemon.control import Refused
from gateway.daemon.pictures import Pictures
from gateway.ledger import LedgerUnavailable
from gateway.ledger.event import NewEvent
from gateway.ledger.operator import Operator
from gateway.people import faces, portraits
from gateway.people.schema import open_admin
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault

KEY = SiteKey(bytes(range(32)))
JPEG = b"\xff\xd8\xff\xe0 somebody"
ROSA = Operator("rosa", person="e9", name="Rosa")


class Camera:
    """Stands for the face process."""

    cameras = ("gate",)

    def __init__(self) -> None:
        self.asked = 0
        self.answer: dict[str, Any] = {"still": "aGk=", "state": "ok"}

    async def still(self, camera: str) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self.answer


class Log:
    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.full = False

    async def append(self, event: NewEvent) -> Any:
        if self.full:
            raise LedgerUnavailable("the disk is full")
        self.events.append(event)


class Desk:
    def __init__(self, people: Path, *, wanted: bool = True, camera: Camera | None = None) -> None:
        self.log, self.camera = Log(), camera or Camera()
        faces_: Any = self.camera
        self.shows = Pictures(
            faces=faces_, people=people, key=KEY, wanted=wanted, append=self.log.append
        )

    async def still(self, camera: str = "gate", by: Operator = ROSA) -> Mapping[str, Any]:
        return await self.shows.still({"camera": camera, "by": by})

    async def portrait(self, person: str = "e1", by: Operator = ROSA) -> Mapping[str, Any]:
        return await self.shows.portrait({"person": person, "by": by})

    def told(self) -> list[tuple[str, str, str]]:
        return [(e.type.value, e.subject, str(e.data["by"])) for e in self.log.events]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    vault = Vault(KEY)
    with closing(open_admin(path)) as db, db:
        key = faces.key_for(db, vault, "e1")
        portraits.put(db, vault, "e1", key, JPEG, by="hr")
    return path


async def test_many_viewers_cost_the_face_process_one_picture_and_each_is_on_record(
    people: Path,
) -> None:
    desk = Desk(people)
    viewers = [Operator(f"guard{n}") for n in range(10)]
    seen = await asyncio.gather(*(desk.still(by=who) for who in viewers))
    assert {view["still"] for view in seen} == {"aGk="} and {v["state"] for v in seen} == {"ok"}
    assert desk.camera.asked == 1
    assert sorted(desk.told()) == sorted(("camera.viewed", "gate", who) for who in viewers)


async def test_looking_on_is_one_view_and_no_picture_stays_in_memory(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "FRESH_S", 0.02)
    desk = Desk(people)
    for _ in range(3):
        await desk.still()
        await asyncio.sleep(0.03)
    assert desk.camera.asked == 3 and len(desk.told()) == 1
    monkeypatch.setattr(pictures, "VIEW_S", 0.0)
    await desk.still()
    assert len(desk.told()) == 2
    async with asyncio.timeout(5):
        while desk.shows._newest:
            await asyncio.sleep(0.01)


async def test_what_can_not_be_put_on_record_is_not_shown(people: Path) -> None:
    desk = Desk(people)
    desk.log.full = True
    with pytest.raises(LedgerUnavailable):
        await desk.still()
    with pytest.raises(LedgerUnavailable):
        await desk.portrait()
    assert desk.camera.asked == 0
    desk.log.full = False  # and the failed view does not count as begun
    await desk.still()
    await desk.portrait()
    assert len(desk.told()) == 2


async def test_a_camera_without_a_picture_is_refused_with_its_own_word(people: Path) -> None:
    desk = Desk(people)
    desk.camera.answer = {"refused": "no_signal"}
    with pytest.raises(Refused, match="gate gives no picture: no_signal"):
        await desk.still()
    with pytest.raises(Refused, match="no camera nowhere"):
        await desk.still("nowhere")
    assert all(subject == "gate" for _, subject, _ in desk.told())


async def test_a_portrait_is_opened_for_an_operator_by_name(people: Path) -> None:
    desk = Desk(people)
    seen = await desk.portrait()
    assert base64.b64decode(seen["jpeg"]) == JPEG and seen["made_at"].endswith("Z")
    assert desk.told() == [("face.portrait_viewed", "e1", "rosa")]
    assert desk.log.events[0].data["by_person"] == "e9"
    with pytest.raises(Refused, match="no portrait is kept of e2"):
        await desk.portrait("e2")
    assert len(desk.told()) == 1


async def test_a_site_without_portraits_shows_none_that_were_kept_before(people: Path) -> None:
    desk = Desk(people, wanted=False)
    with pytest.raises(Refused, match="keeps no portraits"):
        await desk.portrait()
    assert desk.told() == []


async def test_a_portrait_of_another_site_key_is_refused_and_nobody_saw_it(people: Path) -> None:
    desk = Desk(people)
    desk.shows._vault = Vault(SiteKey(bytes(32)))
    with pytest.raises(Refused, match="does not open"):
        await desk.portrait()
    assert desk.told() == []
