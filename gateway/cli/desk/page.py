"""How a truck looks: in a list, after an act, and as one page for an auditor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from rich.markup import escape

from gateway.cli import common
from gateway.cli.desk import common as desk
from gateway.config import Settings
from gateway.desk.freight.findings import Finding, FreightPolicy, judge, status
from gateway.desk.freight.transaction import STAGE_WORDS, Transaction

_DOC = TypeAdapter(Transaction)
_COLOURS = {"held": "yellow", "refused": "red", "departed": "green"}


def public(tx: Transaction, policy: FreightPolicy) -> dict[str, Any]:
    """A transaction as JSON, with its status and findings."""
    findings = judge(tx, policy)
    return {
        **_DOC.dump_python(tx, mode="json"),
        "status": status(tx, findings),
        "findings": [
            {
                "code": f.code,
                "about": f.about,
                "action": f.action,
                "released": f.released,
                "open": f.open,
                "todo": f.kind.todo,
                "criteria": list(policy.criteria.of(f.code)),
                "en": f.words[0],
                "es": f.words[1],
            }
            for f in findings
        ],
    }


def print_list(settings: Settings, policy: FreightPolicy, found: Iterable[Transaction]) -> None:
    """One line a truck."""
    rows = desk.table(
        settings,
        ("no.", "núm."),
        ("expected", "previsto"),
        ("driver", "chofer"),
        ("carrier", "transportista"),
        ("tractor", "tractor"),
        ("units", "unidades"),
        ("state", "estado"),
    )
    for tx in found:
        arrival, expected = tx.arrival, tx.expected
        known = arrival or expected
        units = [unit.number for unit in tx.units] or list(expected.units if expected else ())
        desk.add(
            rows,
            tx.id,
            _time(settings, expected.eta if expected else None),
            known.driver if known else "",
            known.carrier if known else "",
            known.tractor if known else "",
            ", ".join(units),
            desk.pick(settings, STAGE_WORDS[status(tx, judge(tx, policy))]),
        )
    common.out.print(rows)


def print_state(settings: Settings, policy: FreightPolicy, tx: Transaction) -> None:
    """Where a truck stands after an act, and what is in its way."""
    findings = judge(tx, policy)
    state = status(tx, findings)
    word = desk.pick(settings, STAGE_WORDS[state])
    head = desk.pick(settings, ("transaction", "operación"))
    colour = _COLOURS.get(state, "bold")
    common.out.print(f"{head} {tx.id}: [{colour}]{escape(word)}[/{colour}]")
    if tx.arrival is not None and tx.departed_at is None:
        for finding in findings:
            if finding.open:
                common.out.print(f"  {_line(settings, finding)}", markup=False, soft_wrap=True)


def print_page(settings: Settings, policy: FreightPolicy, tx: Transaction) -> None:
    """Everything on record, section by section."""
    say = common.out.print
    print_state(settings, policy, tx)
    for title, lines in _sections(settings, policy, tx):
        body = [line for line in lines if line]
        if body:
            say(f"\n[bold]{escape(title)}[/bold]")
            for line in body:
                say(f"  {line}", markup=False, soft_wrap=True)


def _sections(
    settings: Settings, policy: FreightPolicy, tx: Transaction
) -> Iterator[tuple[str, list[str]]]:
    def word(en: str, es: str) -> str:
        return desk.pick(settings, (en, es))

    def at(moment: datetime | None) -> str:
        return _time(settings, moment)

    if told := tx.expected:
        line = f"{at(told.eta)}  {told.driver}, {told.carrier}, {told.tractor}"
        more = ", ".join((*told.units, *told.seals))
        yield word("Announced (10.7)", "Anunciado (10.7)"), [line, more]
    if came := tx.arrival:
        documents = [f"{d.kind} {d.number}" for d in came.documents]
        yield (
            word("Arrival (10.3, 10.4)", "Llegada (10.3, 10.4)"),
            [
                f"{at(came.at)}  {word('by', 'por')} {came.by}",
                f"{word('driver', 'chofer')}: {came.driver}",
                f"{word('photo ID verified', 'identificación verificada')}: {came.id_kind or '-'}",
                f"{word('employer', 'empresa')}: {came.carrier} ({came.carrier_code})",
                f"{word('tractor', 'tractor')}: {came.tractor} {came.tractor_number}",
                *(f"{unit.kind}: {unit.number} {unit.plates}" for unit in came.units),
                word("loaded", "cargado") if came.loaded else word("empty", "vacío"),
                ", ".join(documents),
            ],
        )
    if tx.hooked is not None:
        pulls = [f"{unit.kind}: {unit.number} {unit.plates}" for unit in tx.hooked]
        cargo = word("loaded", "cargado") if tx.hooked_loaded else word("empty", "vacío")
        yield word("Took another unit", "Enganchó otra unidad"), [at(tx.hooked_at), *pulls, cargo]
    yield (
        word("Seals at arrival (6.7)", "Sellos a la llegada (6.7)"),
        [
            f"{s.unit}: {s.number}  {at(s.at)}  {s.by}  VVTT {'4/4' if s.vvtt.complete else '-'}"
            f"{'' if s.intact else word('  NOT INTACT', '  ALTERADO')}"
            for s in tx.seals_seen
        ],
    )
    for item in tx.inspections:
        known = policy.checklists.lists.get(item.checklist)
        title = desk.pick(settings, known.title) if known else item.checklist
        names = {p.id: desk.pick(settings, p.words) for p in known.points} if known else {}
        marks = {"ok": word("good", "bien"), "bad": word("FOUND", "HALLAZGO"), "na": "n/a"}
        yield (
            f"{word('Inspection', 'Inspección')} {item.number} (5.3, 5.5): {title} {item.unit}",
            [
                f"{at(item.started_at)} – {at(item.finished_at) or '…'}"
                f"  {item.inspector} ({item.operator}) {item.camera}",
                *(
                    f"{names.get(a.point, a.point)}: {marks[a.result]} {a.note}".rstrip()
                    for a in item.answers
                ),
                *(f"{word('open', 'pendiente')}: {names.get(p, p)}" for p in item.open_points),
                f"{word('signed', 'firmó')}: {item.supervisor} {at(item.signed_at)}"
                if item.signed_at
                else "",
                *(f"{picture.name} sha256:{picture.sha256}" for picture in item.pictures),
            ],
        )
    if tx.loading or tx.unloaded_at:
        lines = [
            f"{word('unloaded', 'descargado')}: {at(tx.unloaded_at)}" if tx.unloaded_at else ""
        ]
        if loading := tx.loading:
            lines += [
                f"{at(loading.started_at)} – {at(loading.finished_at)}  {loading.by}",
                ", ".join(f"{d.kind} {d.number}" for d in loading.documents),
                f"{word('seals on documents', 'sellos en documentos')}: "
                f"{', '.join(loading.document_seals) or '-'}",
            ]
        yield word("Cargo (7.4, 7.6, 7.8, 7.30)", "Carga (7.4, 7.6, 7.8, 7.30)"), lines
    yield (
        word("Seals affixed (6.2)", "Sellos colocados (6.2)"),
        [
            f"{s.unit}: {s.number}  ISO 17712 {s.seal_class or '?'}  {at(s.at)}  {s.by}  "
            f"VVTT {'4/4' if s.vvtt.complete else '-'}"
            for s in tx.affixed
        ],
    )
    if spot := tx.spot:
        drawn = word("drawn", "salió") if spot.drawn else word("not drawn", "no salió")
        yield (
            word("Spot check (5.8)", "Revisión sorteada (5.8)"),
            [
                f"{at(spot.at)}  {drawn} ({spot.percent:g} %)",
                f"{at(spot.done_at)}  {spot.done_by}  {'ok' if spot.ok else spot.note}"
                if spot.done_at
                else "",
            ],
        )
    yield (
        word("Released by a second person", "Liberado por una segunda persona"),
        [
            f"{at(r.at)}  {r.by} ({r.operator}): {r.reason}  [{'; '.join(r.keys)}]"
            for r in tx.releases
        ],
    )
    yield word("Findings", "Hallazgos"), [_line(settings, finding) for finding in judge(tx, policy)]
    if tx.departed_at:
        seals = ", ".join(f"{unit} {number}" for unit, number in tx.seals_now)
        yield (
            word("Departure (10.4)", "Salida (10.4)"),
            [
                f"{at(tx.departed_at)}  {word('by', 'por')} {tx.departed_by}",
                f"{word('seal', 'sello')}: {seals or '-'}",
            ],
        )
    yield word("Note", "Nota"), [tx.note]


def _line(settings: Settings, finding: Finding) -> str:
    actions = {
        "refuse": ("refuse", "rechaza"),
        "hold": ("hold", "retiene"),
        "note": ("note", "nota"),
    }
    word = desk.pick(settings, actions[finding.action])
    if finding.released:
        word = desk.pick(settings, ("released", "liberado"))
    criteria = ", ".join(settings.criteria.of(finding.code))
    return f"{word}: {desk.pick(settings, finding.words)} [{finding.code}; {criteria}]"


def _time(settings: Settings, moment: datetime | None) -> str:
    return f"{moment.astimezone(settings.site.zone):%Y-%m-%d %H:%M}" if moment else ""
