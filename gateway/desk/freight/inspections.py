"""Inspections: the guard answers checklists, a supervisor signs, and some trucks get a spot check.

An `Act` says who does it, when, and by which policy.  Nothing changes a finished inspection: the
guard begins a new one, and the old one stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gateway.desk.act import writing
from gateway.desk.errors import DeskError
from gateway.desk.freight import transaction as life
from gateway.desk.freight.act import Act, Done, unit_of
from gateway.desk.freight.checklists import Checklist
from gateway.desk.freight.findings import complete
from gateway.desk.freight.transaction import HERE, Inspection, Picture, PointAnswer, Transaction
from gateway.desk.second import Second, not_among
from gateway.desk.text import clean
from gateway.ledger.event import EventType
from gateway.locale import N_
from gateway.people.schema import put_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers to all or some points of one checklist, and who looked where.

    `person` is the inspector's id on the list, "" if it is not known.  `rest_good` says that every
    point that has no answer yet is good.
    """

    checklist: str
    points: Iterable[PointAnswer]
    inspector: str
    person: str = ""
    rest_good: bool = False
    unit: str = ""
    camera: str = ""
    pictures: Sequence[Picture] = ()


def inspect(
    act: Act, number: int, told: Answers, *, again: bool = False, version: int | None = None
) -> Transaction:
    """Record answers, each with its time and inspector; the last one finishes the inspection.

    Without answers it begins.  Another inspector may go on with what one began.  With `again` the
    answers begin a new inspection after a finished one.  Raises DeskError for an answer that does
    not fit the list, and for one that would take back what was found.
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
        all_given = given
        if told.rest_good:
            named = {a.point for a in given}
            rest = [point for point in old.open_points if point not in named]
            all_given = (*given, *(PointAnswer(point, "ok") for point in rest))
        command = max((a.command for a in old.answers), default=0) + 1
        signed = tuple(
            replace(
                a, at=act.now, inspector=name, person=told.person, by=str(act.by), command=command
            )
            for a in all_given
        )
        new = _answered(old, signed, place, told.pictures)
        if not new.open_points:
            new = replace(new, finished_at=act.now)
        data = {
            "checklist": told.checklist,
            "unit": unit,
            "units": [item.number for item in tx.units],
            "inspection": new.number,
            "inspector": name,
            "inspector_person": told.person,
            "camera": place,
            "answers": {a.point: a.result for a in signed},
            "notes": {a.point: a.note for a in signed if a.note},
            "at_once": len(signed),
            "bad": [a.point for a in signed if a.result == "bad"],
            "pictures": [p.sha256 for p in told.pictures],
            "pictured": {p.sha256: p.point for p in told.pictures if p.point},
            "finished": new.finished_at is not None,
            "took_s": new.took.total_seconds() if new.took is not None else None,
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
        operator=str(act.by),
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
    # Who says the same again takes nothing from whoever looked first.
    before = {a.point: (a.result, a.note) for a in old.answers}
    new = [a for a in given if before.get(a.point) != (a.result, a.note)]
    ids = {a.point for a in new}
    return replace(
        old,
        answers=(*(a for a in old.answers if a.point not in ids), *new),
        camera=camera or old.camera,
        pictures=(*old.pictures, *(p for p in pictures if p not in old.pictures)),
    )


def sign(act: Act, number: int, *, supervisor: Second, version: int | None = None) -> Transaction:
    """A supervisor signs every finished inspection that has no signature; raises DeskError if that
    person took part in one."""

    def step(tx: Transaction) -> Done:
        life.need(tx, *HERE)
        open_ = unsigned(tx)
        if not open_:
            raise DeskError("nothing_to_sign", "nothing to sign")
        may_sign(tx, supervisor)
        signed = tuple(
            replace(i, supervisor=supervisor.name, signed_at=act.now, signed_by=supervisor)
            if i in open_
            else i
            for i in tx.inspections
        )
        data = {"supervisor": supervisor.name, "second": supervisor.record()}
        return Done(replace(tx, inspections=signed), data)

    return act.on(number, EventType.FREIGHT_SIGNED, step, version=version, part=False)


def spot_check(
    act: Act,
    number: int,
    *,
    ok: bool,
    checker: Second,
    note: str = "",
    version: int | None = None,
) -> Transaction:
    """Record the result of the spot check for which the truck was drawn.  Raises DeskError if the
    checker inspected it, or if it was not drawn."""
    text = clean(note, N_("note"), needed=not ok)

    def step(tx: Transaction) -> Done:
        life.need(tx, *HERE)
        if tx.spot is None or not tx.spot.drawn:
            raise DeskError("not_drawn", "it was not drawn")
        may_check(tx, checker)
        spot = replace(
            tx.spot, done_at=act.now, done_by=checker.name, ok=ok, note=text, checked_by=checker
        )
        data = {"checker": checker.name, "second": checker.record(), "ok": ok, "note": text}
        return Done(replace(tx, spot=spot), data)

    return act.on(number, EventType.FREIGHT_SPOT_CHECKED, step, version=version, part=False)


def viewed(act: Act, tx: Transaction, sha256: str) -> None:
    """Put on record that the operator looks at a picture of the truck."""
    with writing(act.db):
        data = {"freight": tx.id, "picture": sha256, "by": act.by}
        put_event(act.db, EventType.FREIGHT_PICTURE_VIEWED, f"freight-{tx.id}", data)


def unsigned(tx: Transaction) -> list[Inspection]:
    """The finished inspections that nobody has signed."""
    return [i for i in tx.inspections if i.finished_at is not None and i.signed_at is None]


def may_sign(tx: Transaction, supervisor: Second) -> None:
    """Raise DeskError if the supervisor took part in an inspection that waits for a signature."""
    for item in unsigned(tx):
        _not_of(supervisor, tx, item)


def may_check(tx: Transaction, checker: Second) -> None:
    """Raise DeskError if the checker of a spot check took part in an inspection of the truck."""
    for item in tx.inspections:
        _not_of(checker, tx, item)


def _not_of(second: Second, tx: Transaction, item: Inspection) -> None:
    """Raise DeskError if the second person took part in this inspection."""
    persons = item.persons | tx.persons_of(item.accounts)
    not_among(second, item.accounts, persons, (*item.inspectors, *item.accounts))


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
