"""`garita explain` and `garita replay` for those who carry no badge of the list: visitors, and
people who are known by their face alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.rig import Rig
from gateway import config
from gateway.decide import decide
from gateway.decide.model import Credential, FaceOutcome, FaceResult, Liveness, Lookup, Request
from gateway.decide.record import access_event
from gateway.ledger import Ledger
from gateway.people import Roster
from gateway.vault.sitekey import SiteKey

MakeRig = Callable[..., Rig]
CARD = Credential("em4100", "18", "777")
KIOSK = "challenge = true\nidentify = { threshold = 0.36, far = 0.001 }"
SEEN = FaceResult(FaceOutcome.MATCH, 0.3, 3, liveness=Liveness(True))


async def js(rig: Rig, *command: str) -> Any:
    return json.loads((await rig.acli(*command, "--json")).stdout)


async def put_on_record(rig: Rig, request: Request) -> int:
    """What the gate would write down of it now; its number."""
    settings = config.load(rig.config)
    key = SiteKey.load(settings.tables.site.key_file)
    decision = decide(request, settings.site, datetime.now(UTC))
    assert decision.granted, decision
    about = {"reader": "r", "way": "in", "took_ms": 1.0}
    ledger = Ledger.open(settings.ledger_path, gateway=settings.site.gateway)
    try:
        event = await ledger.append(access_event(request, decision, settings.site, key, about))
    finally:
        ledger.close()
    return event.seq


async def test_a_visitors_badge_is_explained_and_replayed(make_rig: MakeRig) -> None:
    rig = make_rig()
    rig.config.write_text(rig.config.read_text() + '\n[visits]\naccess_levels = ["plant"]\n')
    until = f"{datetime.now(UTC) + timedelta(hours=8):%Y-%m-%dT%H:%M}"
    await rig.acli(
        "visit", "expect", "José Núñez", "--host", "Laura", "--until", until, "--no-escort"
    )
    await rig.acli("visit", "arrive", "1", "--id-kind", "ine")
    await rig.acli("visit", "badge", "1", CARD.key)
    roster = Roster(config.load(rig.config).people_path)
    found = roster.find(CARD)
    roster.close()
    assert found.person is not None and found.person.until is not None
    request = Request("yard", CARD, Lookup.FOUND, found.person, found.list_version)
    seq = await put_on_record(rig, request)

    why = await js(rig, "explain", found.person.id, "yard")
    assert why["reason"] == "granted"
    late = await js(rig, "explain", found.person.id, "yard", "--at", "2099-01-01T00:00")
    assert late["reason"] == "denied_expired"
    same = await js(rig, "replay", str(seq))
    assert not same["differs"] and same["now"]["reason"] == "granted"
    await rig.acli("visit", "return", "1")
    gone = await js(rig, "replay", str(seq))
    assert gone["differs"] and gone["now"]["reason"] == "denied_unknown_credential"


async def test_a_face_without_a_badge_is_explained_and_replayed(make_rig: MakeRig) -> None:
    rig = make_rig(camera=True, gate_more=KIOSK)
    people = [{"id": "e1", "name": "Ana", "credentials": CARD.key, "access_levels": "plant"}]
    await rig.acli("people", "sync", str(rig.write_people(people)), "--apply")
    path = config.load(rig.config).people_path
    why = await js(rig, "explain", "e1", "gate", "--face")
    assert why["reason"] == "denied_identify_limit" and why["identified"] is True
    with sqlite3.connect(path) as db:
        for n in range(3):
            db.execute("INSERT INTO template VALUES (?, 'e1', 'm', '2026', NULL, x'00')", (str(n),))
    for face in ((), ("--face",)):
        why = await js(rig, "explain", "e1", "gate", *face)
        assert (why["asked"], why["reason"]) == (["need_face"], "granted")
    why = await js(rig, "explain", "e1", "yard", "--face")
    assert why["reason"] == "denied_identify_limit" and why["rule"] == "this door wants a badge"

    roster = Roster(path)
    found = roster.find_person("e1")
    roster.close()
    request = Request(
        "gate",
        None,
        Lookup.FOUND,
        found.person,
        found.list_version,
        found.templates,
        face=SEEN,
        identified=True,
        enrolled=1,
    )
    seq = await put_on_record(rig, request)
    same = await js(rig, "replay", str(seq))
    assert not same["differs"] and same["now"]["reason"] == "granted"
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO face_consent VALUES ('e1', '2025', '2026-01-31', '', '')")
    why = await js(rig, "explain", "e1", "gate")
    assert why["reason"] == "denied_face_not_enrolled"
    assert why["rule"] == "retention ended 2026-01-31"
    await rig.acli("people", "revoke", "e1", "--reason", "left")
    gone = await js(rig, "replay", str(seq))
    assert gone["differs"] and gone["now"]["reason"] == "denied_revoked"
