"""Faces at the gate, through the real daemon: lent badges, doors that know a face without a badge,
and pictures that are kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.rig import Rig
from drivers.simulated.camera import empty_video, person_video
from gateway.ledger import LedgerReader

MakeRig = Callable[..., Rig]
OBAMA = ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")
PEOPLE = [
    {
        "id": "e100",
        "name": "Bruno Reyes",
        "credentials": "em4100:18:1001",
        "access_levels": "plant",
    },
    {
        "id": "e200",
        "name": "Elena Ortiz",
        "credentials": "em4100:18:1002",
        "access_levels": "plant",
    },
]


async def gate(make_rig: MakeRig, photos: Path, **more: Any) -> Rig:
    rig = make_rig(camera=True, **more)
    await asyncio.to_thread(person_video, photos / "biden.jpg", rig.video, seconds=1.0)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.acli("people", "enroll", "e100", *(str(photos / name) for name in OBAMA))
    await rig.start()
    await rig.until_online("camera", "face")
    await rig.acli("people", "enroll", "e200", "--camera", "gate")
    await rig.until(lambda status: status["face"]["enrolled"] == 2)
    return rig


async def record(rig: Rig, kind: str, after: int = 0) -> dict[str, Any]:
    """The first event of a kind after a number, or the end of patience."""
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline:
        reader = LedgerReader(rig.ledger_path)
        found = [event for event in reader.after(after, 10_000) if event.type == kind]
        reader.close()
        if found:
            return {"seq": found[0].seq, **found[0].data}
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {kind}")


async def report(rig: Rig) -> dict[str, Any]:
    """What `garita face report` makes of the records that the gate has written."""
    done = await rig.acli("face", "report", "--json")
    made: dict[str, Any] = json.loads(done.stdout)
    assert made["skipped"] == 0
    return made


async def test_a_lent_badge_is_refused_and_both_are_named(make_rig: MakeRig, photos: Path) -> None:
    rig = await gate(make_rig, photos)
    rig.gate_reader.present(18, 1001)  # Bruno's badge, Elena before the camera
    denied = await record(rig, "access.denied")
    assert denied["reason"] == "denied_face_mismatch"
    face = denied["face"]
    assert face["others"]["n"] == 1 and face["others"]["below"] == 1  # Elena is "another" here
    assert face["challenge"] == "off" and face["templates"] == 3
    alarm = await record(rig, "alarm.lent_badge")
    assert alarm["person"]["id"] == "e100"
    assert (alarm["face_person"], alarm["face_name"]) == ("e200", "Elena Ortiz")
    assert not any(switch.on for switch in rig.board.log)
    told = await report(rig)
    assert told["outcomes"] == {"mismatch": 1} and (told["refused_faces"], told["lent"]) == (1, 1)
    assert (told["comparisons"], told["matches"]) == (0, 0)
    # Who is forgotten is not named any more.
    await rig.acli("face", "forget", "e200", "--reason", "asked for it")
    await rig.until(lambda status: status["face"]["enrolled"] == 1)
    rig.gate_reader.present(18, 1001)
    again = await record(rig, "access.denied", denied["seq"])
    assert again["reason"] == "denied_face_mismatch" and again["face"]["others"]["n"] == 0


async def test_a_face_alone_opens_where_the_door_says_so(make_rig: MakeRig, photos: Path) -> None:
    more = "identify = { threshold = 0.36, far = 0.001 }"
    rig = await gate(make_rig, photos, gate_more=more)
    # Elena was there before she was enrolled: who has just arrived counts.
    await asyncio.to_thread(empty_video, rig.video, seconds=1.0)
    await asyncio.sleep(2.5)
    seen = LedgerReader(rig.ledger_path).last_seq
    await asyncio.to_thread(person_video, photos / "biden.jpg", rig.video, seconds=1.0)
    granted = await record(rig, "access.granted", seen)
    assert granted["person"]["id"] == "e200" and "credential" not in granted
    assert granted["identified"] == {"enrolled": 2}
    assert granted["face"]["distance"] <= 0.36
    rig.gate_reader.present(18, 1002)
    await record(rig, "access.granted", granted["seq"])
    told = await report(rig)  # Bruno is the one other, both times
    assert told["matches"] == told["comparisons"] == 2 and told["false_matches"] == 0
    assert told["quantiles"][2] <= 0.36 and set(told["cameras"]) == {"gate"}
    assert told["thresholds"] == {"0.36": 1, "0.4": 1} and told["sampled_people"] == 1
    assert any(switch.on and switch.channel == 1 for switch in rig.board.log)


async def test_a_stranger_is_nobody_and_too_many_people_close_the_door_to_faces(
    make_rig: MakeRig, photos: Path
) -> None:
    more = "identify = { threshold = 0.36, far = 0.01 }"  # one person at the most
    rig = await gate(make_rig, photos, gate_more=more)
    await asyncio.to_thread(empty_video, rig.video, seconds=1.0)
    await asyncio.sleep(2.5)
    seen = LedgerReader(rig.ledger_path).last_seq
    await asyncio.to_thread(person_video, photos / "biden.jpg", rig.video, seconds=1.0)
    denied = await record(rig, "access.denied", seen)
    assert denied["reason"] == "denied_identify_limit"
    await rig.acli("face", "forget", "e200", "--reason", "asked for it")
    await rig.until(lambda status: status["face"]["enrolled"] == 1)
    await asyncio.to_thread(empty_video, rig.video, seconds=1.0)
    await asyncio.sleep(2.5)
    seen = LedgerReader(rig.ledger_path).last_seq
    await asyncio.to_thread(person_video, photos / "biden.jpg", rig.video, seconds=1.0)
    denied = await record(rig, "access.denied", seen)
    assert denied["reason"] == "denied_not_identified" and "person" not in denied
    assert not any(switch.on for switch in rig.board.log)


async def test_pictures_of_refusals_are_kept_sealed_where_the_site_says_so(
    make_rig: MakeRig, photos: Path, tmp_path: Path
) -> None:
    rig = make_rig(camera=True)
    text = rig.config.read_text(encoding="utf-8")
    rig.config.write_text(text.replace("[face]", '[face]\nkeep_pictures = "denied"'))
    await asyncio.to_thread(person_video, photos / "biden.jpg", rig.video, seconds=1.0)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    await rig.acli("people", "enroll", "e100", *(str(photos / name) for name in OBAMA))
    await rig.start()
    await rig.until_online("camera", "face")
    rig.gate_reader.present(18, 1001)
    denied = await record(rig, "access.denied")
    folder, sealed = rig.folder / "data" / "evidence", []
    while not sealed:
        await asyncio.sleep(0.05)
        sealed = list(folder.glob("*/*.sealed"))
    assert b"\xff\xd8\xff" not in sealed[0].read_bytes()
    out = tmp_path / "who.jpg"
    await rig.acli("face", "picture", str(denied["seq"]), "--out", str(out))
    assert out.read_bytes().startswith(b"\xff\xd8\xff")
    viewed = await record(rig, "face.picture_viewed", denied["seq"])
    assert viewed["seq"] == denied["seq"] and viewed["by"]
