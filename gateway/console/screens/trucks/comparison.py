"""What was announced beside what came, field by field; and the arrival that a form tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.desk.errors import DeskError
from gateway.desk.freight import arrivals
from gateway.desk.freight.iso6346 import compact, looks_like
from gateway.desk.freight.transaction import (
    Document,
    Expected,
    Transaction,
    Unit,
    UnitKind,
    Vvtt,
)
from gateway.desk.identity import Shown
from gateway.locale import N_, Message, _
from gateway.locale.text import name_key

Get = Callable[[str], str]
"""A field of the form by its name; "" if it is not there."""

VVTT = ("view", "verify", "tug", "twist")
VVTT_WORDS = {
    "view": N_("View: seal and locks are whole"),
    "verify": N_("Verify: the number is the one on the papers"),
    "tug": N_("Tug: it stays closed"),
    "twist": N_("Twist and turn: it does not come apart"),
}
KINDS: tuple[UnitKind, ...] = ("trailer", "reefer", "container")


@dataclass(frozen=True, slots=True)
class Row:
    """One field: what was announced and what was seen, "" for nothing."""

    label: str
    told: str
    seen: str
    same: bool


def rows(tx: Transaction) -> list[Row]:
    """The comparison of a truck that arrived; () if nobody announced it."""
    told, came = tx.expected, tx.arrival
    if told is None or came is None:
        return []
    units = [unit.number for unit in came.units]
    seals = [seal.number for seal in tx.seals_seen]
    found = [
        Row(_("driver"), told.driver, came.driver, name_key(told.driver) == name_key(came.driver)),
        Row(
            _("carrier"),
            told.carrier,
            came.carrier,
            name_key(told.carrier) == name_key(came.carrier),
        ),
        _row(_("tractor"), [told.tractor] if told.tractor else [], [came.tractor]),
        _row(_("units"), told.units, units),
    ]
    if told.seals or seals:
        found.append(_row(_("seals"), told.seals, seals))
    return found


def _row(label: str, told: Sequence[str], seen: Sequence[str]) -> Row:
    same = not told or {compact(item) for item in told} == {compact(item) for item in seen}
    return Row(label, ", ".join(told), ", ".join(seen), same)


def kind_of(number: str) -> UnitKind:
    """The kind that an announced unit most likely is."""
    return "container" if looks_like(number) else "trailer"


def came(get: Get, told: Expected | None, shown: Shown | None) -> arrivals.Came:
    """The arrival that the form tells; `told` is what was announced.

    A field that was announced has a choice, ``same`` or ``other``; for ``other`` the field
    ``NAME-seen`` says what is there.  Raises DeskError for a field without an answer.
    """
    painted = get("as_painted") == "yes"
    units = _units(get, told.units if told else (), painted)
    seals = _seals(get, told.seals if told else (), units)
    papers: tuple[Document, ...] = ()
    if paper := get("paper-kind"):
        papers = (arrivals.document(f"{paper}={get('paper-number')}"),)
    return arrivals.Came(
        driver=_seen(get, "driver", told.driver if told else "", N_("driver")),
        carrier=_seen(get, "carrier", told.carrier if told else "", N_("carrier")),
        tractor=_seen(get, "tractor", told.tractor if told else "", N_("tractor plates")),
        tractor_number=get("economic"),
        units=units,
        loaded=bool(seals) or get("loaded") == "yes",
        shown=shown,
        documents=papers,
        seals=seals,
    )


def _seen(get: Get, name: str, told: str, label: str) -> str:
    if told:
        answer = get(name)
        if answer == "same":
            return told
        if answer != "other":
            raise DeskError(
                "missing", "{field}: say whether it is as announced", field=Message(label)
            )
    return get(f"{name}-seen")


def _units(get: Get, told: Sequence[str], painted: bool) -> tuple[Unit, ...]:
    found = []
    for n, number in enumerate(told):
        answer = get(f"unit-{n}")
        if answer not in ("same", "other", "none"):
            raise DeskError("missing", "{field}: say whether it is as announced", field=number)
        if answer != "none":
            text = number if answer == "same" else get(f"unit-{n}-seen")
            which = kind(get(f"unit-{n}-kind"), kind_of(text))
            found.append(arrivals.unit(which, text, get(f"unit-{n}-plates"), as_painted=painted))
    kind_more = get("unit-more-kind")
    if not told and not kind_more:
        raise DeskError("missing", "say what the tractor pulls, or that it comes alone")
    if kind_more not in ("", "none"):
        found.append(
            arrivals.unit(
                kind(kind_more, "trailer"),
                get("unit-more-seen"),
                get("unit-more-plates"),
                as_painted=painted,
            )
        )
    return tuple(found)


def kind(text: str, otherwise: UnitKind) -> UnitKind:
    """The kind of unit that a form names."""
    return next((known for known in KINDS if known == text), otherwise)


def _seals(
    get: Get, told: Sequence[str], units: Sequence[Unit]
) -> tuple[tuple[str, str, bool, Vvtt], ...]:
    """One seal for each unit, if the truck comes loaded."""
    if get("loaded") != "yes":
        return ()
    found = []
    for n, unit in enumerate(units):
        number = get(f"seal-{n}-seen")
        if n < len(told) and get(f"seal-{n}") == "same":
            number = told[n]
        elif n < len(told) and get(f"seal-{n}") not in ("other", "none"):
            raise DeskError(
                "missing", "{field}: say whether it is as announced", field=Message(N_("seal"))
            )
        if number:
            found.append((unit.number, number, get(f"seal-{n}-broken") != "yes", vvtt(get, n)))
    return tuple(found)


def vvtt(get: Get, n: int | str) -> Vvtt:
    """What the guard did with the seal of unit `n`."""
    return Vvtt(*(get(f"{name}-{n}") == "yes" for name in VVTT))
