"""Enrolment at a camera, step by step: who asks never gets a template."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest

from gateway.config import FaceTable
from gateway.daemon import enrolling
from gateway.daemon.control import Refused
from gateway.daemon.enrolling import Enrolling
from gateway.daemon.pictures import Views
from gateway.ledger.operator import Operator
from gateway.people import faces
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people

ROSA, LUIS = Operator("rosa"), Operator("luis")
TODAY = date(2026, 11, 27)
TEMPLATE = base64.b64encode(bytes(range(256)) * 2).decode()


def good(sharpness: float = 100.0) -> dict[str, Any]:
    return {
        "refused": "",
        "template": TEMPLATE,
        "quality": {"sharpness": sharpness},
        "model": "m",
        "still": "aGk=",
        "box": [0.1, 0.2, 0.3, 0.4],
        "portrait": base64.b64encode(f"jpeg {sharpness}".encode()).decode(),
    }


class Face:
    """Stands for the face process: gives these looks, the last one for ever."""

    cameras = ("gate", "yard")

    def __init__(self, *looks: dict[str, Any]) -> None:
        self.looks = list(looks) or [good()]
        self.asked: list[dict[str, Any]] = []

    async def look(self, camera: str, **request: Any) -> dict[str, Any]:
        self.asked.append({"camera": camera, **request})
        await asyncio.sleep(0)
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {**look, "frame": len(self.asked)}


class Booth:
    def __init__(self, people: Path, *looks: dict[str, Any], **table: Any) -> None:
        self.face = Face(*looks)
        self.errands: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"total": 3, "added": 3, "refused": "", "facts": {}}
        self.stored = 0
        self.viewed: list[Any] = []

        async def append(event: Any) -> Any:
            self.viewed.append(event)

        async def errand(request: Mapping[str, Any]) -> Mapping[str, Any]:
            self.errands.append(dict(request))
            await asyncio.sleep(0.01)
            return dict(self.answer)

        def stored() -> None:
            self.stored += 1

        service: Any = self.face
        self.ops = Enrolling(
            service=service,
            table=lambda: FaceTable(**{"portraits": True, **table}),
            people=people,
            views=Views(append),
            errand=errand,
            today=lambda: TODAY,
            stored=stored,
        ).table()

    async def ask(self, op: str, by: Operator = ROSA, **request: Any) -> dict[str, Any]:
        return dict(await self.ops[op]({"by": by, **request}))

    async def begin(self, by: Operator = ROSA, **request: Any) -> str:
        wanted = {"person": "e1", "camera": "gate", **request}
        return str((await self.ask("enrol_begin", by, **wanted))["id"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolling, "PAUSE_S", 0.0)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    file = tmp_path / "list.csv"
    file.write_text(",".join(COLUMNS) + "\ne1,Ana,,,,,,,\n")
    with closing(open_admin(path)) as db:
        sync.apply(db, sync.plan(db, read_people(file, levels=(), zone=UTC)), by="t")
    return path


async def test_three_good_looks_are_stored_with_the_sharpest_portrait(people: Path) -> None:
    blurred = {"refused": "too_blurred", "still": "aGk=", "box": [0, 0, 1, 1]}
    booth = Booth(people, blurred, good(80), good(120), good(90))
    enrolment = await booth.begin()
    told = [await booth.ask("enrol_look", id=enrolment) for _ in range(5)]
    assert [look["refused"] for look in told] == ["too_blurred", "", "", "", ""]
    assert [look["taken"] for look in told] == [0, 1, 2, 3, 3]
    assert told[0]["still"] == "aGk=" and told[1]["box"] == [0.1, 0.2, 0.3, 0.4]
    assert TEMPLATE not in json.dumps(told) and "quality" not in told[1]
    assert len(booth.face.asked) == 4, "nobody looks any more once there are enough"
    assert [len(asked["kept"]) for asked in booth.face.asked] == [0, 0, 1, 2]
    done = await booth.ask("enrol_store", id=enrolment)
    assert done["total"] == 3 and done["person"] == "e1" and booth.stored == 1
    (errand,) = booth.errands
    assert errand["by"] == "rosa" and errand["mode"] == "renew" and len(errand["photos"]) == 3
    assert base64.b64decode(errand["portrait"]) == b"jpeg 120"
    with pytest.raises(Refused, match="begin again"):
        await booth.ask("enrol_store", id=enrolment)


async def test_two_taps_store_once(people: Path) -> None:
    booth = Booth(people)
    enrolment = await booth.begin(shots=1)
    await booth.ask("enrol_look", id=enrolment)
    both = (booth.ask("enrol_store", id=enrolment) for _ in range(2))
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(answer, Refused) for answer in done) == 1
    assert len(booth.errands) == 1


async def test_after_a_refusal_the_pictures_stay_for_another_decision(people: Path) -> None:
    booth = Booth(people)
    enrolment = await booth.begin(shots=1)
    with pytest.raises(Refused, match="no good picture"):
        await booth.ask("enrol_store", id=enrolment)
    await booth.ask("enrol_look", id=enrolment)
    booth.answer = {"total": 3, "added": 0, "refused": "another_face", "facts": {"distance": 0.9}}
    assert (await booth.ask("enrol_store", id=enrolment))["refused"] == "another_face"
    assert booth.stored == 0
    booth.answer = {"total": 1, "added": 1, "refused": "", "facts": {}}
    with pytest.raises(Refused, match="renew, add, replace"):
        await booth.ask("enrol_store", id=enrolment, mode="steal")
    await booth.ask("enrol_store", id=enrolment, mode="replace", allow_duplicate="yes")
    assert booth.errands[-1]["mode"] == "replace"
    assert booth.errands[-1]["allow_duplicate"] is False, "only true itself allows a second id"


async def test_nobody_takes_over_the_enrolment_of_another(people: Path) -> None:
    booth = Booth(people)
    enrolment = await booth.begin()
    for op in ("enrol_look", "enrol_store"):
        with pytest.raises(Refused, match="begin again"):
            await booth.ask(op, LUIS, id=enrolment)
    with pytest.raises(Refused, match="rosa enrols somebody"):
        await booth.begin(LUIS)
    await booth.begin(LUIS, camera="yard")
    await booth.ask("enrol_end", LUIS, id=enrolment)
    await booth.ask("enrol_look", id=enrolment)
    again = await booth.begin()  # rosa begins anew, after a page that was closed
    with pytest.raises(Refused):
        await booth.ask("enrol_look", id=enrolment)
    await booth.ask("enrol_end", id=again)
    await booth.ask("enrol_end", id=again)
    await booth.begin(LUIS)


async def test_an_enrolment_that_nobody_goes_on_with_is_forgotten(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    booth = Booth(people)
    enrolment = await booth.begin()
    monkeypatch.setattr(enrolling, "IDLE_S", -1.0)
    with pytest.raises(Refused):
        await booth.ask("enrol_look", id=enrolment)
    await booth.begin(LUIS)


async def test_consent_comes_before_anybody_looks(people: Path) -> None:
    booth = Booth(people, require_consent=True)
    with pytest.raises(Refused, match="not agreed"):
        await booth.begin()
    assert booth.viewed == [] and booth.face.asked == []
    with closing(open_admin(people)) as db:
        faces.set_consent(db, "e1", given_at=TODAY, until=None, note="paper 4", by="hr")
    await booth.begin()
    assert [event.type.value for event in booth.viewed] == ["camera.viewed"]


async def test_only_people_of_the_list_and_cameras_of_the_gate(people: Path) -> None:
    booth = Booth(people)
    with pytest.raises(Refused, match="nobody on the list"):
        await booth.begin(person="e2")
    with pytest.raises(Refused, match="no camera"):
        await booth.begin(camera="attic")


async def test_a_camera_fault_is_a_hint_and_takes_no_picture(people: Path) -> None:
    booth = Booth(people, {"refused": "covered"})
    enrolment = await booth.begin()
    look = await booth.ask("enrol_look", id=enrolment)
    assert look == {"refused": "covered", "taken": 0, "wanted": 3}
