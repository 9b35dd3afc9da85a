"""Inspections: the guard answers checklists, a supervisor signs, and some trucks get a spot check.

An `Act` says who does it, when, and by which policy.  Nothing changes a finished inspection: the
guard begins a new one, and the old one stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gateway.desk.errors import DeskError
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import Act, Done, not_among, second, unit_of
from gateway.desk.freight.checklists import Checklist
from gateway.desk.freight.findings import complete
from gateway.desk.freight.transaction import HERE, Inspection, Picture, PointAnswer, Transaction
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_
from gateway.locale.text import name_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers to all or some points of one checklist, and who looked where."""

    checklist: str
    points: Iterable[PointAnswer]
    inspector: str
    unit: str = ""
    camera: str = ""
    pictures: Sequence[Picture] = ()


def inspect(
    act: Act, number: int, told: Answers, *, again: bool = False, version: int | None = None
) -> Transaction:
    """Record answers; the last one finishes the inspection.

    With `again` they begin a new inspection after a finished one.  Raises DeskError for an answer
    that does not fit the list, and for one that would take back what was found.
    """
    name = clean(told.inspector, N_("inspector"), most=120)
    place = clean(told.camera, N_("camera"), most=60, needed=False)
    given = tuple(replace(item, note=_note(item)) for item in told.points)
    lists = act.policy.checklists.lists
    known = lists.get(told.checklist)
    if known is None:
        names = ", ".join(lists)
        raise DeskError("no_checklist", "there is no such checklist; {names}", names=names)
    _check_answers(given, {p.id: p.optional for p in known.points})

    def step(tx: Transaction) -> Done:
        unit = unit_of([u.number for u in tx.units], told.unit) if known.per_unit else tx.whole
        old = tx.latest(told.checklist, unit)
        if old is not None and old.finished_at is not None and not again:
            raise DeskError(
                "inspection_finished", "this inspection is finished; --again begins a new one"
            )
        if old is None or old.finished_at is not None:
            old = _begun(act, known, len(tx.inspections) + 1, unit, name)
        elif name_key(old.inspector) != name_key(name):
            raise DeskError(
                "other_inspector", "{inspector} began this inspection", inspector=old.inspector
            )
        new = _answered(old, given, place, told.pictures)
        if not new.open_points:
            new = replace(new, finished_at=act.now)
        data = {
            "checklist": told.checklist,
            "unit": unit,
            "units": [item.number for item in tx.units],
            "inspection": new.number,
            "inspector": name,
            "camera": place,
            "answers": {a.point: a.result for a in given},
            "notes": {a.point: a.note for a in given if a.note},
            "bad": [a.point for a in given if a.result == "bad"],
            "pictures": [p.sha256 for p in told.pictures],
            "finished": new.finished_at is not None,
        }
        after = life.inspected(tx, new, complete=False)
        whole = life.inspected(tx, new, complete=complete(after, act.policy))
        return Done(whole, data, more=known.criteria)

    return act.on(number, EventType.FREIGHT_INSPECTED, step, version=version)


def _begun(act: Act, known: Checklist, number: int, unit: str, inspector: str) -> Inspection:
    return Inspection(
        number=number,
        checklist=known.name,
        unit=unit,
        inspector=inspector,
        operator=act.by,
        started_at=act.now,
        points=tuple(p.id for p in known.points),
        optional=tuple(p.id for p in known.points if p.optional),
        pests=known.pests,
    )


def _answered(
    old: Inspection, given: Sequence[PointAnswer], camera: str, pictures: Sequence[Picture]
) -> Inspection:
    """The inspection with more answers; raises DeskError for one that takes back what was found."""
    ids = {item.point for item in given}
    if taken_back := [a.point for a in old.bad if a.point in ids]:
        raise DeskError(
            "found_is_found",
            "{point}: what was found stays; finish, and begin another with --again",
            point=taken_back[0],
        )
    return replace(
        old,
        answers=(*(a for a in old.answers if a.point not in ids), *given),
        camera=camera or old.camera,
        pictures=(*old.pictures, *(p for p in pictures if p not in old.pictures)),
    )


def sign(act: Act, number: int, *, supervisor: str, version: int | None = None) -> Transaction:
    """A supervisor signs every finished inspection that has no signature; raises DeskError if that
    person took part in one."""
    name = second(supervisor, act.policy)

    def step(tx: Transaction) -> Done:
        life.need(tx, *HERE)
        open_ = [i for i in tx.inspections if i.finished_at is not None and i.signed_at is None]
        if not open_:
            raise DeskError("nothing_to_sign", "nothing to sign")
        for item in open_:
            not_among(name, {item.inspector, item.operator})
        signed = tuple(
            replace(i, supervisor=name, signed_at=act.now) if i in open_ else i
            for i in tx.inspections
        )
        return Done(replace(tx, inspections=signed), {"supervisor": name})

    return act.on(number, EventType.FREIGHT_SIGNED, step, version=version)


def spot_check(
    act: Act,
    number: int,
    *,
    ok: bool,
    checker: str,
    note: str = "",
    version: int | None = None,
) -> Transaction:
    """Record the result of the spot check for which the truck was drawn.  Raises DeskError if the
    checker inspected it, or if it was not drawn."""
    name = second(checker, act.policy)
    text = clean(note, N_("note"), needed=not ok)

    def step(tx: Transaction) -> Done:
        life.need(tx, *HERE)
        if tx.spot is None or not tx.spot.drawn:
            raise DeskError("not_drawn", "it was not drawn")
        not_among(name, {i.inspector for i in tx.inspections})
        spot = replace(tx.spot, done_at=act.now, done_by=name, ok=ok, note=text)
        return Done(replace(tx, spot=spot), {"checker": name, "ok": ok, "note": text})

    return act.on(number, EventType.FREIGHT_SPOT_CHECKED, step, version=version)


def _note(answer: PointAnswer) -> str:
    needed = answer.result == "bad"  # the guard has to say what was found
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
