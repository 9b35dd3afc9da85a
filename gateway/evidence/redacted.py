"""The redacted edition, for outsiders: who somebody is, is withheld; numbers and proofs stay.

Topics mark what says something about a person (`Personal`, `Column.personal`).  Here that goes out
of everything they found, before any writer sees it, so that no writer can forget it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.evidence.model import Column, Deviation, Figure, Found, Personal, Population, Table
from gateway.evidence.packet import Document, Review
from gateway.evidence.spool import WITHHELD, Spool
from gateway.locale import Message, worded

_GONE = worded("(withheld)")


def withheld(message: Message) -> Message:
    """The sentence without its personal facts."""
    return replace(message, facts={name: _fact(fact) for name, fact in message.facts.items()})


def found(topic: Found, spool: Spool) -> Found:
    """What a topic found, without what is personal; the rows in `spool` are masked as well."""
    for table in topic.tables:
        spool.mask(table.key, [column.key for column in table.columns if column.personal])
    return Found(
        topic.key,
        withheld(topic.title),
        figures=[_figure(one) for one in topic.figures],
        deviations=[_deviation(one) for one in topic.deviations],
        tables=[_table(one) for one in topic.tables],
        populations=[_population(one) for one in topic.populations],
        notes=[withheld(one) for one in topic.notes],
    )


def document(one: Document) -> Document:
    """A document without the names of who approved and who registered it."""
    return replace(one, approved_by=_name(one.approved_by), by=_name(one.by))


def review(one: Review) -> Review:
    """A review without who did it and what they wrote, which may name people."""
    return replace(one, found=_name(one.found), action=_name(one.action), by=_name(one.by))


def _name(text: str) -> str:
    return WITHHELD if text else ""


def _fact(fact: Any) -> Any:
    if isinstance(fact, Personal):
        return _GONE if fact else ""
    if isinstance(fact, Message):
        return withheld(fact)
    return tuple(_fact(one) for one in fact) if isinstance(fact, tuple) else fact


def _figure(one: Figure) -> Figure:
    value = WITHHELD if isinstance(one.value, Personal) else one.value
    return replace(one, label=withheld(one.label), value=value)


def _deviation(one: Deviation) -> Deviation:
    return replace(
        one,
        words=withheld(one.words),
        handled=withheld(one.handled) if one.handled is not None else None,
        handled_by=_name(one.handled_by),
    )


def _table(one: Table) -> Table:
    columns = tuple(_column(column) for column in one.columns)
    return replace(one, title=withheld(one.title), columns=columns)


def _column(one: Column) -> Column:
    return replace(one, words=str) if one.personal else one


def _population(one: Population) -> Population:
    return replace(one, title=withheld(one.title))
