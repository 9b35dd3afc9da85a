"""What the pages of a packet share while they are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from gateway.evidence import saying
from gateway.evidence.model import Deviation
from gateway.evidence.packet import Packet, Section
from gateway.evidence.pages import blocks
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.numbered import Numbered
from gateway.evidence.spool import Spool
from gateway.locale import _, pgettext

MOST_ROWS = 1500
"""Rows of a document: typst takes about 60 MB for each thousand."""
DEVIATIONS = "deviations"
"""The name of the annex with all deviations, and its key among `Pages.whole`."""
_OF_ONE = 120
"""Rows of one list or table; the rest is in the files beside the PDF."""


@dataclass(slots=True)
class Pages:
    """What the pages share while they are made: the rows that are left, and which table stands
    where, since a table that counts for two criteria is printed once."""

    packet: Packet
    spool: Spool
    numbered: Numbered
    left: int = MOST_ROWS
    printed: dict[str, str] = field(default_factory=dict)
    wide: list[Block] = field(default_factory=list)
    """The tables of many columns, which stand on pages that lie, behind the criteria."""
    cut: set[str] = field(default_factory=set)
    """Lists of which a section has only the first rows (DEVIATIONS)."""
    whole: set[str] = field(default_factory=set)
    """The tables that were printed with all of their rows, and so need no annex."""

    @property
    def room(self) -> int:
        """How many rows of one table may be printed."""
        return min(self.left, _OF_ONE)

    def take(self, wanted: int) -> int:
        """How many of `wanted` rows may be printed; they are counted."""
        given = min(wanted, self.room)
        self.left -= given
        return given


def key_of(section: Section) -> str:
    """The key of a section's heading."""
    return f"criterion-{section.criterion.id}"


def deviation_titles() -> tuple[str, ...]:
    """The titles of what `told_of` says."""
    return _("When"), _("What"), _("What was done, by whom"), _("State"), _("Records")


def told_of(one: Deviation, zone: ZoneInfo, *, redacted: bool) -> tuple[str, ...]:
    """A deviation as cells: when, what, what was done by whom, whether it is open, its records."""
    handled = saying.handling(one, redacted=redacted, zone=zone)
    return (
        saying.moments(one.at, zone),
        saying.said(one.words, redacted=redacted, zone=zone),
        handled or _("nobody recorded anything"),
        _("still open") if one.open else pgettext("deviation", "closed"),
        records(one.records),
    )


def records(numbers: tuple[int, ...]) -> str:
    """The numbers of records, the first three of many; more than two in a row as ``7-9``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    told, left = [], len(numbers)
    for run in runs[:3]:
        told.append(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)))
        left -= len(run)
    return ", ".join(told) + (f" +{left}" if left else "")


def more(count: int, file: str) -> Iterator[Block]:
    """Says that rows were left out, and where they are."""
    if count > 0:
        yield blocks.text(
            _("{count} more are in {file}.").format(count=saying.number(count), file=file), "small"
        )
