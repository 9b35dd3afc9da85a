"""Checklists answered, signed by a supervisor, and checked again where chance says so.

Every act names the operator (`by`, an account) beside the people whom it names, and takes the
time.  A finished inspection is never changed: a new one is begun, and the old one stays.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.desk.errors import DeskError
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import act, not_among, second, unit_of
from gateway.desk.freight.findings import FreightPolicy, complete
from gateway.desk.freight.transaction import HERE, Inspection, Picture, PointAnswer, Transaction
from gateway.desk.text import clean, fold
from gateway.ledger.event import EventType
from gateway.locale import N_


def inspect(
    connection: sqlite3.Connection,
    number: int,
    checklist: str,
    answers: Iterable[PointAnswer],
    policy: FreightPolicy,
    *,
    inspector: str,
    by: str,
    now: datetime,
    unit: str = "",
    camera: str = "",
    pictures: Sequence[Picture] = (),
    again: bool = False,
    version: int | None = None,
) -> Transaction:
    """Answers to points of a checklist, all or some of them; the inspection is finished with the
    last one.  A finished one is not changed: `again` begins a new one, and the old one stays."""
    name = clean(inspector, N_("inspector"), most=120)
    place = clean(camera, N_("camera"), most=60, needed=False)
    given = tuple(replace(item, note=_note(item)) for item in answers)
    known = policy.checklists.lists.get(checklist)
    if known is None:
        names = ", ".join(policy.checklists.lists)
        raise DeskError("no_checklist", "there is no such checklist; {names}", names=names)
    _check_answers(given, {p.id: p.optional for p in known.points})
    data: dict[str, object] = {
        "checklist": checklist,
        "unit": unit,
        "inspector": name,
        "camera": place,
        "answers": {a.point: a.result for a in given},
        "bad": [a.point for a in given if a.result == "bad"],
        "pictures": [p.sha256 for p in pictures],
        "finished": False,
    }

    def change(tx: Transaction) -> Transaction:
        where = unit_of([u.number for u in tx.units], unit) if known.per_unit else tx.whole
        old = tx.latest(checklist, where)
        if old is not None and old.finished_at is not None and not again:
            raise DeskError(
                "inspection_finished", "this inspection is finished; --again begins a new one"
            )
        if old is None or old.finished_at is not None:
            old = Inspection(
                len(tx.inspections) + 1,
                checklist,
                where,
                name,
                by,
                now,
                tuple(p.id for p in known.points),
                tuple(p.id for p in known.points if p.optional),
                known.pests,
            )
        elif fold(old.inspector) != fold(name):
            raise DeskError(
                "other_inspector", "{inspector} began this inspection", inspector=old.inspector
            )
        ids = {item.point for item in given}
        if taken_back := [a.point for a in old.bad if a.point in ids]:
            raise DeskError(
                "found_is_found",
                "{point}: what was found stays; finish, and begin another with --again",
                point=taken_back[0],
            )
        merged = replace(
            old,
            answers=(*(a for a in old.answers if a.point not in ids), *given),
            camera=place or old.camera,
            pictures=(*old.pictures, *(p for p in pictures if p not in old.pictures)),
        )
        if not merged.open_points:
            merged = replace(merged, finished_at=now)
            data["finished"] = True
        after = life.inspect(tx, merged, complete=False)
        return life.inspect(tx, merged, complete=complete(after, policy))

    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_INSPECTED,
        by,
        now,
        data,
        more=known.criteria,
    )


def sign(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    supervisor: str,
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """A supervisor signs every finished inspection that is not signed."""
    name = second(supervisor, policy)

    def change(tx: Transaction) -> Transaction:
        life.need(tx, *HERE)
        open_ = [i for i in tx.inspections if i.finished_at is not None and i.signed_at is None]
        if not open_:
            raise DeskError("nothing_to_sign", "nothing to sign")
        for item in open_:
            not_among(name, {item.inspector, item.operator})
        signed = tuple(
            replace(i, supervisor=name, signed_at=now) if i in open_ else i for i in tx.inspections
        )
        return replace(tx, inspections=signed)

    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_SIGNED,
        by,
        now,
        {"supervisor": name},
    )


def spot_check(
    connection: sqlite3.Connection,
    number: int,
    policy: FreightPolicy,
    *,
    ok: bool,
    checker: str,
    note: str = "",
    by: str,
    now: datetime,
    version: int | None = None,
) -> Transaction:
    """The result of the spot check that chance drew; by somebody who did not inspect."""
    name = second(checker, policy)
    text = clean(note, N_("note"), needed=not ok)

    def change(tx: Transaction) -> Transaction:
        life.need(tx, *HERE)
        if tx.spot is None or not tx.spot.drawn:
            raise DeskError("not_drawn", "it was not drawn")
        not_among(name, {i.inspector for i in tx.inspections})
        return replace(tx, spot=replace(tx.spot, done_at=now, done_by=name, ok=ok, note=text))

    data = {"checker": name, "ok": ok, "note": text}
    return act(
        connection,
        number,
        version,
        policy,
        change,
        EventType.FREIGHT_SPOT_CHECKED,
        by,
        now,
        data,
    )


def _note(answer: PointAnswer) -> str:
    needed = answer.result == "bad"  # what was found has to be said
    return clean(answer.note, N_("note of what was found"), needed=needed)


def _check_answers(answers: Sequence[PointAnswer], points: dict[str, bool]) -> None:
    if len({answer.point for answer in answers}) != len(answers):
        raise DeskError("bad_answer", "a point comes twice")
    for answer in answers:
        if answer.point not in points:
            raise DeskError("bad_answer", "there is no point {point}", point=answer.point[:40])
        if answer.result not in ("ok", "bad", "na"):
            raise DeskError("bad_answer", "ok, bad or na")
        if answer.result == "na" and not points[answer.point]:
            raise DeskError("bad_answer", "{point} has to be looked at", point=answer.point)
