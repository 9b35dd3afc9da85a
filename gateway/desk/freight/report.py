"""Everything on record of one truck, as titled lines of words, for commands and the console."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from gateway.config.criteria import in_order
from gateway.config.desk import IdKindTable
from gateway.desk.freight.findings import Finding, FreightPolicy, judge
from gateway.desk.freight.transaction import (
    PAPERS,
    Document,
    Inspection,
    Transaction,
    Unit,
    Vvtt,
)
from gateway.desk.partners import WORDS as CLEARANCES
from gateway.desk.second import Second
from gateway.ledger.event import EventType
from gateway.locale import _, choose

Section = tuple[str, list[str]]
"""A title and its lines; the page leaves out a section without lines."""


class Report:
    """The sections of one truck's page, in the order of the gate.  `id_kinds` are the site's kinds
    of photo ID."""

    def __init__(
        self, policy: FreightPolicy, id_kinds: Mapping[str, IdKindTable], tx: Transaction
    ) -> None:
        self._policy, self._id_kinds, self._tx = policy, id_kinds, tx

    def sections(self) -> Iterator[Section]:
        """Title and lines of each section; a section without lines has nothing on record."""
        yield self._announced()
        yield self._arrival()
        yield self._hooked()
        yield self._seals_seen()
        yield from map(self._inspection, self._tx.inspections)
        yield self._cargo()
        yield self._seals_affixed()
        yield self._spot_check()
        yield self._releases()
        yield (
            _("Findings"),
            [line(self._policy, finding) for finding in judge(self._tx, self._policy)],
        )
        yield self._departure()
        yield _("Note"), [self._tx.note]

    def _title(self, title: str, kind: EventType, more: tuple[str, ...] = ()) -> str:
        """The title, with the criteria that this type of event is evidence for."""
        ids = in_order((*self._policy.criteria.of(kind), *more))
        return f"{title} ({', '.join(ids)})" if ids else title

    def _at(self, moment: datetime | None) -> str:
        return time_of(self._policy, moment)

    def _by(self, moment: datetime | None, who: str) -> str:
        return _("{time}  by {who}").format(time=self._at(moment), who=who)

    def _announced(self) -> Section:
        title, told = self._title(_("Announced"), EventType.FREIGHT_EXPECTED), self._tx.expected
        if told is None:
            return title, []
        line = f"{self._at(told.eta)}  {told.driver}, {told.carrier}, {told.tractor}"
        return title, [line, ", ".join((*told.units, *told.seals))]

    def _arrival(self) -> Section:
        title, came = self._title(_("Arrival"), EventType.FREIGHT_ARRIVED), self._tx.arrival
        if came is None:
            return title, []
        known = self._id_kinds.get(came.id_kind)
        shown = choose((known.en, known.es)) if known else came.id_kind
        clearance = _(CLEARANCES.get(came.carrier_code, came.carrier_code))
        employer = f"{came.carrier} ({clearance})"
        tractor = f"{came.tractor} {came.tractor_number}".rstrip()
        return title, [
            self._by(came.at, self._who(came.by)),
            _("driver: {driver}").format(driver=came.driver),
            _("photo ID verified: {kind}").format(kind=shown or "-"),
            _("employer: {employer}").format(employer=employer),
            _("tractor: {tractor}").format(tractor=tractor),
            *map(_unit, came.units),
            _("loaded") if came.loaded else _("empty"),
            _papers(came.documents),
        ]

    def _hooked(self) -> Section:
        title, tx = _("Took another unit"), self._tx
        if tx.hooked is None:
            return title, []
        cargo = _("loaded") if tx.hooked_loaded else _("empty")
        return title, [self._at(tx.hooked_at), *map(_unit, tx.hooked), cargo]

    def _seals_seen(self) -> Section:
        lines = []
        for seal in self._tx.seals_seen:
            who = self._who(seal.by)
            line = f"{seal.unit}: {seal.number}  {self._at(seal.at)}  {who}  {_vvtt(seal.vvtt)}"
            lines.append(line if seal.intact else line + "  " + _("NOT INTACT"))
        return self._title(_("Seals at arrival"), EventType.FREIGHT_SEAL_SEEN), lines

    def _inspection(self, item: Inspection) -> Section:
        known = self._policy.checklists.lists.get(item.checklist)
        names = {p.id: choose(p.words) for p in known.points} if known else {}
        marks = {"ok": _("in order"), "bad": _("FOUND"), "na": _("n/a")}
        title = self._title(
            _("Inspection {number}: {checklist} {unit}").format(
                number=item.number,
                checklist=choose(known.title) if known else item.checklist,
                unit=item.unit,
            ),
            EventType.FREIGHT_INSPECTED,
            known.criteria if known else (),
        )
        by = self._looked(item.inspector, item.operator)
        lines = [f"{self._span(item.started_at, item.finished_at)}  {by} {item.camera}".rstrip()]
        lines += self._pace(item)
        for answer in item.answers:
            point = names.get(answer.point, answer.point)
            when = f"  {self._clock(answer.at)} {answer.inspector}" if answer.at else ""
            lines.append(f"{point}: {marks[answer.result]} {answer.note}".rstrip() + when)
        for open_point in item.open_points:
            lines.append(_("open: {point}").format(point=names.get(open_point, open_point)))
        if item.signed_at:
            signed = _("signed: {supervisor} {time}")
            name = self._second(item.signed_by, item.supervisor)
            lines.append(signed.format(supervisor=name, time=self._at(item.signed_at)))
        lines += [f"{picture.name} sha256:{picture.sha256}" for picture in item.pictures]
        return title, lines

    def _pace(self, item: Inspection) -> Iterator[str]:
        """How long it took, and which points one command answered at once."""
        if item.took is not None:
            minutes, seconds = divmod(int(item.took.total_seconds()), 60)
            yield _("took {minutes} min {seconds} s").format(minutes=minutes, seconds=seconds)
        for command in sorted({answer.command for answer in item.answers if answer.command}):
            given = [answer for answer in item.answers if answer.command == command]
            first = given[0]
            if len(given) > 1 and first.at is not None:
                yield _("{n} points answered at once at {time} by one command: {who}").format(
                    n=len(given),
                    time=self._clock(first.at),
                    who=self._looked(first.inspector, first.by),
                )

    def _cargo(self) -> Section:
        lines, tx = [], self._tx
        if tx.unloaded_at:
            lines.append(_("unloaded: {time}").format(time=self._at(tx.unloaded_at)))
        if loading := tx.loading:
            named = ", ".join(loading.document_seals) or "-"
            lines += [
                f"{self._span(loading.started_at, loading.finished_at)}  {self._who(loading.by)}",
                _papers(loading.documents),
                _("seals on documents: {seals}").format(seals=named),
            ]
        return self._title(_("Cargo"), EventType.FREIGHT_LOADING), lines

    def _seals_affixed(self) -> Section:
        return self._title(_("Seals affixed"), EventType.SEAL_AFFIXED), [
            f"{s.unit}: {s.number}  ISO 17712 {s.seal_class or '?'}  {self._at(s.at)}  "
            f"{self._who(s.by)}  "
            f"{_vvtt(s.vvtt)}"
            for s in self._tx.affixed
        ]

    def _spot_check(self) -> Section:
        title, spot = self._title(_("Spot check"), EventType.FREIGHT_SPOT_CHECKED), self._tx.spot
        if spot is None:
            return title, []
        drawn = _("drawn") if spot.drawn else _("not drawn")
        lines = [f"{self._at(spot.at)}  {drawn} ({spot.percent:g} %)"]
        if spot.done_at:
            result = _("in order") if spot.ok else spot.note
            who = self._second(spot.checked_by, spot.done_by)
            lines.append(f"{self._at(spot.done_at)}  {who}  {result}")
        return title, lines

    def _releases(self) -> Section:
        return _("Released by a second person"), [
            f"{self._at(r.at)}  {self._second(r.second, _named(r.by, r.operator))}: {r.reason}"
            f"  [{'; '.join(r.keys)}]"
            for r in self._tx.releases
        ]

    def _departure(self) -> Section:
        title, tx = self._title(_("Departure"), EventType.FREIGHT_DEPARTED), self._tx
        if tx.departed_at is None:
            return title, []
        seals = ", ".join(f"{unit} {number}" for unit, number in tx.seals_now) or "-"
        return title, [
            self._by(tx.departed_at, self._who(tx.departed_by)),
            _("seal: {seals}").format(seals=seals),
        ]

    def _clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._policy.zone):%H:%M}"

    def _who(self, account: str) -> str:
        """An account, with the name of whoever had it when they acted on the truck."""
        names = [w.name for w in self._tx.who if w.account == account and w.name]
        return _named(" / ".join(dict.fromkeys(names)), account)

    def _looked(self, inspector: str, account: str) -> str:
        """An inspector, and who typed it if that is somebody else."""
        typed = self._who(account)
        if inspector == account or typed.startswith(f"{inspector} ("):
            return typed
        return _("{inspector}, typed by {typed}").format(inspector=inspector, typed=typed)

    @staticmethod
    def _second(second: Second | None, older: str) -> str:
        """A second person with account and proof; `older` for a record without them."""
        if second is None:
            return older
        if not second.person and second.name != second.account:
            return _("account {account} (the name that was typed: {name})").format(
                account=second.account, name=second.name
            )
        shown = _named(second.name, second.account)
        if second.proof == "badge":
            return _("{who}, by badge and PIN").format(who=shown)
        return _("{who}, by PIN").format(who=shown) if second.proof == "pin" else shown

    def _span(self, first: datetime | None, last: datetime | None) -> str:
        return f"{self._at(first)} – {self._at(last) or '…'}"


def _named(name: str, account: str) -> str:
    """A name with its account; one of them if the other is not known or the same."""
    if not name or not account or name == account:
        return name or account
    return _("{name} (account {account})").format(name=name, account=account)


def unit_kind(kind: str) -> str:
    """What a truck pulls, in words; ``none`` is a tractor alone."""
    kinds = {
        "none": _("tractor alone"),
        "trailer": _("trailer"),
        "reefer": _("reefer"),
        "container": _("container"),
    }
    return kinds.get(kind, kind)


def _unit(unit: Unit) -> str:
    return f"{unit_kind(unit.kind)}: {unit.number} {unit.plates}".rstrip()


def _vvtt(vvtt: Vvtt) -> str:
    return f"VVTT {'4/4' if vvtt.complete else '-'}"


def line(policy: FreightPolicy, finding: Finding) -> str:
    """A finding with the policy's action, its code and the criteria."""
    actions = {"refuse": _("refuse"), "hold": _("hold"), "note": _("note")}
    word = _("released") if finding.released else actions[finding.action]
    criteria = ", ".join(policy.criteria.of(finding.code))
    return f"{word}: {finding.message} [{finding.code}; {criteria}]"


def time_of(policy: FreightPolicy, moment: datetime | None) -> str:
    """A time in the site's zone; "" for None."""
    return f"{moment.astimezone(policy.zone):%Y-%m-%d %H:%M}" if moment else ""


def _papers(documents: Iterable[Document]) -> str:
    return ", ".join(_(PAPERS.get(d.kind, d.kind)) + f" {d.number}" for d in documents)
