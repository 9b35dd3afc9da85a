"""Standard reports: one subject and some days each, alone or every week.

A report takes its tables, figures and deviations from the same topics as the packet, so both say
the same of the same days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.config import Settings
from gateway.evidence.gather import gather
from gateway.evidence.model import Found, Place, Span, Topic
from gateway.evidence.registered import RegisteredTopic
from gateway.evidence.spool import Spool
from gateway.evidence.topics import TOPICS
from gateway.ledger import LedgerReader
from gateway.locale import GaritaError, Message, worded


@dataclass(frozen=True, slots=True)
class Report:
    """A standard report: what of which topics is in it; () for all of the topic's tables."""

    key: str
    title: Message
    topics: tuple[str, ...]
    tables: tuple[str, ...] = ()


REPORTS = {
    report.key: report
    for report in (
        Report("access", worded("Access log"), ("access",), ("access_log", "access_by_door")),
        Report(
            "denied",
            worded("Refused at doors"),
            ("access",),
            ("access_denied_by_reason", "access_denied"),
        ),
        Report("visitors", worded("Visitor log"), ("visitors",)),
        Report("pickups", worded("Cargo pickup log"), ("pickups",)),
        Report("seals", worded("Seals and their reconciliation"), ("seals", "seal_stock")),
        Report("inspections", worded("Inspections, and who signed them"), ("inspections",)),
        Report("requirements", worded("Requirements about to lapse"), ("requirements",)),
        Report("revocations", worded("How soon access ended"), ("revocations",)),
        Report("badges", worded("Badge inventory"), ("badges",)),
        Report("alarms", worded("Alarms, and how soon they were answered"), ("alarms",)),
        Report("downtime", worded("Cameras and readers that did not work"), ("devices",)),
        Report("reviews", worded("Spot checks and reviews"), ("spot_checks", "registered")),
        Report("findings", worded("Findings of the patterns"), ("findings",)),
    )
}


class NoRecords(GaritaError):
    """The log is empty."""


@dataclass(frozen=True, slots=True)
class Made:
    """A report of some days; the rows of its tables are in the spool.  `as_of` is the time of the
    newest record."""

    report: Report
    span: Span
    as_of: datetime
    found: tuple[Found, ...]

    def rows(self, spool: Spool) -> int:
        """How many rows its tables have."""
        return sum(spool.count(table.key) for one in self.found for table in one.tables)


def make(
    settings: Settings,
    names: Sequence[str],
    span: Span,
    spool: Spool,
    progress: Callable[[int], None] | None = None,
) -> list[Made]:
    """Several reports of the same days, in one pass over the log.

    Raises LedgerUnavailable, KeyError for a report that there is not, and NoRecords.
    """
    wanted = [REPORTS[name] for name in names]
    keys = {topic for report in wanted for topic in report.topics}
    with closing(LedgerReader(settings.ledger_path)) as ledger:
        newest = next(iter(ledger.tail(1)), None)
        if newest is None:
            raise NoRecords(worded("the log has no records yet"))
        as_of = datetime.fromisoformat(newest.time)
        place = Place(settings, span, spool, as_of)
        every: tuple[type[Topic], ...] = (*TOPICS, RegisteredTopic)
        kinds = [kind for kind in every if kind.key in keys]
        found = gather(ledger.kept(progress, newest.seq), place, kinds).found
    return [
        Made(report, span, as_of, tuple(_part(report, (found[key] for key in report.topics))))
        for report in wanted
    ]


def _part(report: Report, found: Iterable[Found]) -> Iterable[Found]:
    """What of the topics is in the report."""
    for one in found:
        if not report.tables:
            yield one
            continue
        tables = [table for table in one.tables if table.key in report.tables]
        yield replace(one, tables=tables, populations=[])
