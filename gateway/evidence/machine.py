"""The packet as JSON for machines: ``packet.json``, by the schema in ``packet.schema.json``.

Words stand in each language of the program.  Rows of tables are in their CSV files; here are their
columns, and the rows that were drawn as samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.evidence import lottery, tables
from gateway.evidence.model import Deviation, Figure, Found, Row, Table
from gateway.evidence.packet import Document, Packet, Review, Sample, Section
from gateway.evidence.proofs import Proven
from gateway.evidence.spool import Spool
from gateway.ledger.chain import utc_text
from gateway.locale import LANGUAGES, Message

FORM = "garita-evidence/1"
FILE = "packet.json"
SCHEMA = "packet.schema.json"
SCHEMA_PATH = Path(__file__).with_name(SCHEMA)
Json = dict[str, Any]


def words(message: Message | None) -> Json | None:
    """A sentence in each language."""
    if message is None:
        return None
    return {language: message.say(language) for language in LANGUAGES}


def packet(made: Packet, spool: Spool, proven: Proven) -> Json:
    """The whole packet."""
    criteria = made.settings.criteria
    used = used_tables(made)
    return {
        "form": FORM,
        "gateway": made.settings.site.gateway,
        "program": {"name": "garita", "version": __version__},
        "edition": "redacted" if made.redacted else "whole",
        "span": {
            "first": made.span.first.isoformat(),
            "last": made.span.last.isoformat(),
            "zone": str(made.span.zone),
            "begin": made.span.begin,
            "end": made.span.end,
        },
        "as_of": utc_text(made.as_of),
        "criteria": {
            "name": criteria.name,
            "edition": criteria.edition,
            "revision": criteria.revision,
            "old_numbers": {old: list(now) for old, now in made.old_numbers.items()},
        },
        "log": _log(made, proven),
        "lottery": {"word": made.word, "seed": made.seed, "daily": lottery.DAILY_SAMPLE},
        "sections": [_section(one) for one in made.sections],
        "topics": [_topic(one) for one in made.found.values()],
        "tables": [_table(one, spool) for one in used],
        "answers": [_answer(one) for one in made.answers],
        "compared": made.compared,
        "changes": [
            {
                "criterion": one.criterion,
                "label": words(one.label),
                "then": one.then,
                "now": one.now,
            }
            for one in made.changes
        ],
    }


def used_tables(made: Packet) -> list[Table]:
    """The tables that a section names, each once, in order."""
    found = {table.key: table for section in made.sections for table in section.tables}
    return list(found.values())


def _log(made: Packet, proven: Proven) -> Json:
    head, state = made.head, made.log
    return {
        "ok": state.ok,
        "last_seq": made.last_seq,
        "begins": state.begins,
        "checkpoint": None
        if head is None
        else {
            "origin": head.checkpoint.origin,
            "first": head.first,
            "size": head.checkpoint.size,
            "root": head.checkpoint.root.hex(),
            "last_seq": head.last_seq,
        },
        "keys": [str(key) for key in made.keys],
        "signed": state.signed,
        "cosigned": list(state.cosigned),
        "problems": [{"record": seq, "what": what} for seq, what in state.problems],
        "missing": [
            {"first": first, "last": last, "why": why} for first, last, why in state.missing
        ],
        "clock_back": [{"record": seq, "seconds": by} for seq, by in state.clock_back],
        "unreadable": list(state.unreadable),
        "redacted": state.redacted,
        "records": dict(made.records),
        "proofs": {
            "shown": proven.shown,
            "withheld": proven.withheld,
            "unproven": proven.unproven,
            "why": words(proven.why),
        },
    }


def _section(one: Section) -> Json:
    criterion = one.criterion
    return {
        "id": criterion.id,
        "title": dict(criterion.title),
        "kind": criterion.kind,
        "parts": [{"kind": part.kind, "words": dict(part.words)} for part in criterion.parts],
        "portal": list(criterion.portal),
        "standing": str(one.standing),
        "enforces": _said(one.enforces),
        "records": _said(one.records),
        "cannot": _said(one.cannot),
        "topics": list(one.topics),
        "figures": [_figure(figure) for figure in one.figures],
        "deviations": [_deviation(deviation) for deviation in one.deviations],
        "tables": [table.key for table in one.tables],
        "samples": [_sample(sample) for sample in one.samples],
        "documents": [_document(document) for document in one.documents],
        "reviews": [_review(review) for review in one.reviews],
        "elsewhere": {name: list(ids) for name, ids in one.elsewhere.items()},
    }


def _said(given: Mapping[str, str]) -> Json:
    return {language: given.get(language, "") for language in LANGUAGES}


def _figure(one: Figure) -> Json:
    return {
        "key": one.key,
        "label": words(one.label),
        "value": one.value,
        "unit": str(one.unit),
        "of": one.of,
    }


def _deviation(one: Deviation) -> Json:
    return {
        "rule": one.rule,
        "words": words(one.words),
        "at": one.at,
        "records": list(one.records),
        "handled": words(one.handled),
        "handled_by": one.handled_by,
        "handled_at": one.handled_at,
        "open": one.open,
    }


def _sample(one: Sample) -> Json:
    return {
        "table": one.population.table,
        "frequency": str(one.population.frequency),
        "count": one.count,
        "drawn": list(one.drawn),
        "rows": _rows(one.rows),
    }


def _rows(rows: Iterable[Row]) -> list[Json]:
    return [{"cells": dict(row.cells), "records": list(row.records)} for row in rows]


def _document(one: Document) -> Json:
    told = asdict(one)
    return {**told, "criteria": list(one.criteria), "missing": words(one.missing)}


def _review(one: Review) -> Json:
    return asdict(one)


def _topic(one: Found) -> Json:
    return {
        "key": one.key,
        "title": words(one.title),
        "notes": [words(note) for note in one.notes],
    }


def _table(one: Table, spool: Spool) -> Json:
    return {
        "key": one.key,
        "title": words(one.title),
        "file": tables.name_of(one),
        "rows": spool.count(one.key),
        "columns": [
            {
                "key": column.key,
                "title": words(Message(column.title)),
                "personal": column.personal,
            }
            for column in one.columns
        ],
    }


def _answer(one: Any) -> Json:
    return {
        "question": one.question,
        "criterion": one.criterion,
        "stand": one.stand,
        "text": words(one.text),
        "documents": list(one.documents),
    }


def records_named(made: Packet, names: Sequence[str], spool: Spool) -> list[int]:
    """The numbers of all records that the packet quotes, in order, each once; `names` are the
    tables that it has."""
    quoted = set(spool.quoted(names))
    for section in made.sections:
        for deviation in section.deviations:
            quoted.update(deviation.records)
        quoted.update(one.record for one in section.documents)
        quoted.update(one.record for one in section.reviews)
    return sorted(seq for seq in quoted if seq > 0)
