"""Findings of the patterns: what was put before people, and what they made of it.

A finding is worth a look and proves nothing.  What counts here is that somebody looked, and that
what was confirmed was acted upon.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from gateway.desk import findings
from gateway.evidence import cells, taking
from gateway.evidence.model import (
    Column,
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    Table,
    When,
)
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, worded

SOON = timedelta(days=7)
"""So long a finding may wait until somebody looks at it: there is a report of them each week."""


class Findings:
    """Takes the records `pattern.finding`."""

    key: ClassVar[str] = "findings"
    reads: ClassVar[frozenset[EventType]] = frozenset({EventType.PATTERN_FINDING})
    before: ClassVar[frozenset[EventType]] = frozenset()
    rules: ClassVar[Mapping[str, str]] = {
        "finding_waits": N_("nobody looked at a finding of the patterns for a week"),
        "finding_not_acted_upon": N_("a finding was confirmed, and nobody acted upon it"),
    }

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: dict[str, findings.Known] = {}

    def take(self, event: Event, when: When) -> None:
        """The next record: a finding that was shown in the span, or a step of such a one."""
        if when is When.INSIDE or event.data.get("finding") in self._known:
            findings.take(self._known, event)

    def found(self) -> Found:
        """The findings that were shown in the span."""
        zone = self._place.span.zone
        table = Table(
            "findings",
            worded("Findings of the patterns"),
            (
                Column("finding", N_("Finding"), width=0.8),
                Column("shown_at", N_("Shown"), cells.at(zone)),
                Column("words", N_("What was seen"), _said, width=3, personal=True),
                Column("bits", N_("Bits"), width=0.5),
                Column("state", N_("What became of it"), cells.coded(findings.TITLES), width=1.2),
                Column("by", N_("By"), personal=True),
                Column("note", N_("Note"), width=1.5, personal=True),
            ),
        )
        found = Found(self.key, table.title, tables=[table])
        found.populations.append(Population(table.key, table.title, Frequency.RARE))
        shown = [one for one in self._known.values() if one.steps[0].state == "new"]
        for one in shown:
            last = one.steps[-1]
            self._place.rows.add(
                table.key,
                {
                    "finding": one.id,
                    "shown_at": one.shown_at,
                    "words": dict(one.words),
                    "bits": one.bits,
                    "state": one.state,
                    "by": last.by_name if one.state != "new" else "",
                    "note": last.note,
                },
                tuple(step.seq for step in one.steps),
            )
            found.deviations.extend(self._deviation(one))
        found.figures.extend(
            (
                Figure("findings", worded("findings that were shown"), len(shown)),
                Figure(
                    "findings_looked_at",
                    worded("findings that somebody looked at"),
                    sum(one.state != "new" for one in shown),
                    of=len(shown),
                ),
                Figure(
                    "findings_useful",
                    worded("findings that were confirmed or acted upon"),
                    sum(one.useful for one in shown),
                    of=len(shown),
                ),
            )
        )
        return found

    def _deviation(self, one: findings.Known) -> list[Deviation]:
        records = tuple(step.seq for step in one.steps)
        if one.state == "new":
            shown = taking.moment(one.shown_at)
            if shown is None or self._place.as_of - shown <= SOON:
                return []
            words = worded("Nobody looked at finding {id} for a week", id=one.id)
            return [Deviation("finding_waits", words, one.shown_at, records, open=True)]
        confirmed = next((step for step in one.steps if step.state == "confirmed"), None)
        if confirmed is None or not one.useful:
            return []
        words = worded("Finding {id} was confirmed", id=one.id)
        if one.state != "acted_upon":
            rule = "finding_not_acted_upon"
            return [Deviation(rule, words, confirmed.at, records, open=True)]
        last = one.steps[-1]
        done = worded("it was acted upon: {note}", note=Personal(last.note))
        return [
            Deviation(
                "finding_not_acted_upon",
                words,
                confirmed.at,
                records,
                handled=done,
                handled_by=last.by_name,
                handled_at=last.at,
            )
        ]


def _said(cell: Any) -> str:
    return findings.said(cell) if isinstance(cell, dict) else ""
