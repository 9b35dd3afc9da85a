"""A section for each criterion, and the table of all of them in front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.evidence import saying
from gateway.evidence.model import Row, Table
from gateway.evidence.packet import Document, Packet, Sample, Section, Standing
from gateway.evidence.pages import blocks
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.first import title_of
from gateway.evidence.pages.numbered import Numbered
from gateway.evidence.spool import Spool
from gateway.locale import N_, _, pgettext

MOST_ROWS = 2000
"""Rows of a document: typst takes about 60 MB for each thousand."""
_OF_ONE = 120
"""Rows of one list or table inside a section; the rest is in the files beside it."""

STANDINGS = {
    Standing.DEVIATIONS: N_("deviations"),
    Standing.SHOWN: N_("evidence here"),
    Standing.NOT_SHOWN: N_("not shown here"),
}
_KINDS = {"must": N_("must"), "should": N_("should")}


@dataclass(slots=True)
class Pages:
    """What the pages share while they are made: the rows that are left, and which table stands
    where, since a table that counts for two criteria is printed once."""

    packet: Packet
    spool: Spool
    numbered: Numbered
    left: int = MOST_ROWS
    printed: dict[str, str] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    """The tables that were printed with all of their rows, and so need no annex."""

    def take(self, wanted: int) -> int:
        """How many of `wanted` rows may be printed; they are counted."""
        given = min(wanted, self.left, _OF_ONE)
        self.left -= given
        return given


def key_of(section: Section) -> str:
    """The key of a section's heading."""
    return f"criterion-{section.criterion.id}"


def overview(packet: Packet, numbered: Numbered) -> Iterator[Block]:
    """All criteria in one table, with their pages."""
    yield blocks.page()
    yield blocks.heading(1, _("The criteria at a glance"))
    rows, marks = [], []
    for section in packet.sections:
        found = [numbered.of(one) for one in section.deviations]
        still = sum(one.deviation.open for one in found)
        told = _("{all}, open: {open}").format(all=len(found), open=still) if found else ""
        rows.append(
            (
                section.criterion.id,
                title_of(dict(section.criterion.title)),
                _kind(section),
                _(STANDINGS[section.standing]),
                told,
                ", ".join(one.id for one in section.documents),
            )
        )
        marks.append("open" if still else "done" if found else "")
    yield blocks.table(
        (
            _("No."),
            _("What it asks"),
            _("Kind"),
            _("In this packet"),
            _("Deviations"),
            _("Document"),
        ),
        (0.65, 4.4, 0.9, 1.3, 1.2, 1.1),
        rows,
        about=_("The criteria at a glance"),
        marks=marks,
        keys=[key_of(section) for section in packet.sections],
    )


def sections(pages: Pages) -> Iterator[Block]:
    """The sections of the criteria, in the order of the packet."""
    yield blocks.page()
    yield blocks.heading(1, _("Criterion by criterion"))
    yield blocks.text(
        _(
            "The words of each criterion are ours. Check them against your own booklet of "
            "{edition}."
        ).format(edition=pages.packet.settings.criteria.edition or _("the programme")),
        "muted",
    )
    for section in pages.packet.sections:
        yield from _section(pages, section)


def _section(pages: Pages, section: Section) -> Iterator[Block]:
    criterion = section.criterion
    title = title_of(dict(criterion.title))
    yield blocks.heading(2, f"{criterion.id}  {title}", key=key_of(section))
    yield blocks.text(_line(section), "under")
    if len(criterion.parts) > 1:
        yield blocks.points(
            ": ".join((_(_KINDS[part.kind]), title_of(dict(part.words))))
            for part in criterion.parts
        )
    yield from blocks.three(
        [
            (_("The gate enforces"), title_of(dict(section.enforces))),
            (_("It only records"), title_of(dict(section.records))),
            (_("It can't show"), title_of(dict(section.cannot))),
        ]
    )
    yield from _documents(pages, section)
    yield from _reviews(pages, section)
    if section.figures:
        yield blocks.figures(
            (
                saying.figure(one),
                saying.said(one.label, redacted=pages.packet.redacted, zone=pages.packet.span.zone),
                "" if one.of is None else _("of {count}").format(count=saying.number(one.of)),
            )
            for one in section.figures
        )
    yield from _deviations(pages, section)
    sampled = {sample.population.table for sample in section.samples}
    for sample in section.samples:
        yield from _sample(pages, section, sample)
    for table in section.tables:
        if table.key not in sampled:
            yield from _whole(pages, section, table)
    for key in section.topics:
        for note in pages.packet.found[key].notes if key in pages.packet.found else ():
            yield blocks.text(saying.said(note, zone=pages.packet.span.zone), "small")
    if section.standing is Standing.NOT_SHOWN:
        yield blocks.text(
            _("Not shown here: neither a record of these days nor a registered document."), "muted"
        )


def _kind(section: Section) -> str:
    return ", ".join(_(_KINDS[kind]) for kind in section.criterion.kind.split(", "))


def _line(section: Section) -> str:
    """Kind, standing and the numbers of the same elsewhere, on one line."""
    criterion = section.criterion
    parts = [_kind(section), _(STANDINGS[section.standing])]
    if criterion.portal:
        numbers = ", ".join(map(str, criterion.portal))
        parts.append(_("questions of the portal: {numbers}").format(numbers=numbers))
    parts += [f"{name}: {', '.join(ids)}" for name, ids in sorted(section.elsewhere.items())]
    if criterion.keep_days:
        parts.append(_("records are kept {days} days").format(days=criterion.keep_days))
    return " · ".join(parts)


def _documents(pages: Pages, section: Section) -> Iterator[Block]:
    if not section.documents:
        return
    yield blocks.heading(3, _("The site's own documents"), outlined=False)
    yield documents(pages, section.documents)


def documents(pages: Pages, found: tuple[Document, ...]) -> Block:
    """A table of documents."""
    zone = pages.packet.span.zone
    rows = []
    for one in found:
        approved = " · ".join(
            part for part in (one.approved_by, saying.moments(one.approved_on, zone)) if part
        )
        place = one.path or saying.said(one.missing) or "–"
        due = saying.moments(one.review_due, zone) or "–"
        overdue = bool(one.review_due) and one.review_due < pages.packet.as_of.date().isoformat()
        if overdue:
            due = _("{day}: overdue").format(day=due)
        rows.append(
            (one.id, one.title, approved or "–", due, place, one.sha256[:16], str(one.record))
        )
    pages.take(len(rows))
    return blocks.table(
        (
            _("No."),
            _("Document"),
            _("Approved"),
            _("Review due"),
            _("File in the packet"),
            _("SHA-256 begins"),
            _("Record"),
        ),
        (0.7, 2.2, 1.8, 1.2, 2, 1.6, 0.8),
        rows,
        about=_("Documents that the site registered"),
        marks=["done" if one.missing else "" for one in found],
    )


def _reviews(pages: Pages, section: Section) -> Iterator[Block]:
    if not section.reviews:
        return
    zone, redacted = pages.packet.span.zone, pages.packet.redacted
    yield blocks.heading(3, _("Reviews on record"), outlined=False)
    given = pages.take(len(section.reviews))
    rows = [
        (
            saying.moments(one.at, zone),
            one.kind.replace("_", " "),
            " – ".join(saying.moments(at, zone) for at in (one.begin, one.end) if at),
            " · ".join(part for part in (one.found, one.action) if part),
            saying.withheld() if redacted else one.by,
            saying.moments(one.next_due, zone) or "–",
            str(one.record),
        )
        for one in section.reviews[:given]
    ]
    yield blocks.table(
        (_("When"), _("Kind"), _("Days"), _("Found and done"), _("By"), _("Next"), _("Record")),
        (1.3, 1, 1.5, 3, 1.1, 1, 0.7),
        rows,
        about=_("Reviews on record"),
    )
    yield from _more(len(section.reviews) - given, "packet.json")


def _deviations(pages: Pages, section: Section) -> Iterator[Block]:
    if not section.deviations:
        return
    zone, redacted = pages.packet.span.zone, pages.packet.redacted
    yield blocks.heading(3, _("Deviations and what was done about them"), outlined=False)
    found = sorted(
        (pages.numbered.of(one) for one in section.deviations), key=lambda n: not n.deviation.open
    )
    here = [one for one in found if one.criteria[0] == section.criterion.id]
    given = pages.take(len(here))
    rows, marks = [], []
    for one in here[:given]:
        deviation = one.deviation
        handled = saying.handling(deviation, redacted=redacted, zone=zone)
        rows.append(
            (
                one.label,
                saying.moments(deviation.at, zone),
                saying.said(deviation.words, redacted=redacted, zone=zone),
                handled or _("nobody recorded anything"),
                _("still open") if deviation.open else pgettext("deviation", "closed"),
                records(deviation.records),
            )
        )
        marks.append("open" if deviation.open else "done")
    if rows:
        yield blocks.table(
            (_("No."), _("When"), _("What"), _("What was done, by whom"), _("State"), _("Records")),
            (0.6, 1.3, 3, 2.6, 0.8, 1),
            rows,
            about=_("Deviations and what was done about them"),
            marks=marks,
        )
    yield from _more(len(here) - given, "packet.json")
    elsewhere: dict[str, list[str]] = {}
    for one in found:
        if one.criteria[0] != section.criterion.id:
            elsewhere.setdefault(one.criteria[0], []).append(one.label)
    for other, labels in elsewhere.items():
        told = ", ".join(labels[:20]) + (" …" if len(labels) > 20 else "")
        yield blocks.text(
            _("Told under {criterion}: {labels} ({count}).").format(
                criterion=other, labels=told, count=len(labels)
            ),
            "small",
        )


def _sample(pages: Pages, section: Section, sample: Sample) -> Iterator[Block]:
    """What the lottery drew, or all of it if that is little."""
    table = _table(pages, sample.population.table)
    title = saying.said(sample.population.title)
    yield blocks.heading(3, title, outlined=False)
    key = f"sample {sample.population.table}"
    if key in pages.printed:
        yield _see(pages.printed[key])
        return
    pages.printed[key] = section.criterion.id
    if not sample.count:
        yield blocks.text(_("There is none in these days."), "small")
        return
    all_of_it = len(sample.drawn) >= sample.count
    yield blocks.text(
        (
            _("All of them: {count}.").format(count=saying.number(sample.count))
            if all_of_it
            else _("{drawn} of {count}, drawn by lot; all are in tables/{table}.csv.").format(
                drawn=len(sample.drawn),
                count=saying.number(sample.count),
                table=sample.population.table,
            )
        ),
        "small",
    )
    if table is None:
        return
    pairs = list(zip(sample.drawn, sample.rows, strict=True))
    if all_of_it:
        pairs.sort(key=lambda pair: pair[0])
    given = pages.take(len(pairs))
    if all_of_it and given == sample.count:
        pages.whole.add(table.key)
    yield rows_of(pages, table, pairs[:given], numbered=not all_of_it)
    yield from _more(len(pairs) - given, f"tables/{table.key}.csv")


def _whole(pages: Pages, section: Section, table: Table) -> Iterator[Block]:
    count = pages.spool.count(table.key)
    yield blocks.heading(3, saying.said(table.title), outlined=False)
    if table.key in pages.printed:
        yield _see(pages.printed[table.key])
        return
    pages.printed[table.key] = section.criterion.id
    if not count:
        yield blocks.text(_("There is none in these days."), "small")
        return
    given = pages.take(count)
    if given == count:
        pages.whole.add(table.key)
    pairs = [(at, row) for at, row in zip(range(given), pages.spool.rows(table.key), strict=False)]
    yield rows_of(pages, table, pairs, numbered=False)
    yield from _more(count - given, f"tables/{table.key}.csv")


def rows_of(pages: Pages, table: Table, pairs: list[tuple[int, Row]], *, numbered: bool) -> Block:
    """Rows of a table; `numbered` puts the number that the lottery drew in front (from 0)."""
    packet = pages.packet
    front = ((_("Row"), 0.5),) if numbered else ()
    titles = [t for t, _w in front] + [_(c.title) for c in table.columns] + [_("Records")]
    widths = [w for _t, w in front] + [c.width for c in table.columns] + [0.9]
    rows = []
    for at, row in pairs:
        cells = [
            saying.cell(c, row.cells.get(c.key), redacted=packet.redacted, zone=packet.span.zone)
            for c in table.columns
        ]
        rows.append([*([str(at)] if numbered else []), *cells, records(row.records)])
    return blocks.table(titles, widths, rows, about=saying.said(table.title))


def records(numbers: tuple[int, ...]) -> str:
    """The numbers of records, the first four of many."""
    told = ", ".join(map(str, numbers[:4]))
    return told if len(numbers) <= 4 else f"{told} +{len(numbers) - 4}"


def _table(pages: Pages, key: str) -> Table | None:
    return next(
        (t for found in pages.packet.found.values() for t in found.tables if t.key == key), None
    )


def _see(criterion: str) -> Block:
    return blocks.text(_("Printed under {criterion}.").format(criterion=criterion), "small")


def _more(count: int, file: str) -> Iterator[Block]:
    if count > 0:
        yield blocks.text(
            _("{count} more are in {file}.").format(count=saying.number(count), file=file), "small"
        )
