"""A section for each criterion, and the table of all of them in front."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.evidence import saying
from gateway.evidence.packet import Document, Packet, Section, Standing
from gateway.evidence.pages import blocks, samples
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.first import edition, title_of
from gateway.evidence.pages.numbered import Numbered
from gateway.evidence.pages.shared import (
    DEVIATIONS,
    Pages,
    deviation_titles,
    key_of,
    more,
    records,
    told_of,
)
from gateway.evidence.programmes.kin import programmes
from gateway.evidence.registered import kind_words
from gateway.locale import N_, _, language

STANDINGS = {
    Standing.DEVIATIONS: N_("deviations"),
    Standing.SHOWN: N_("evidence here"),
    Standing.NOT_SHOWN: N_("not shown here"),
}
_REVIEWS, _DEVIATIONS = 12, 40
"""Rows of them in one section."""
_KINDS = {"must": N_("must"), "should": N_("should")}


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
            "“Not shown here” means: neither a record of these days nor a registered document. "
            "The words of each criterion are ours. Check them against your own booklet of "
            "{edition}."
        ).format(edition=edition(pages.packet)),
        "muted",
    )
    named = {name for section in pages.packet.sections for name in section.elsewhere}
    for name, programme in programmes().items():
        if name in named:
            note = title_of(dict(programme.note))
            yield blocks.text(": ".join((programme.title, note)), "muted")
    for section in pages.packet.sections:
        yield from _section(pages, section)


def _section(pages: Pages, section: Section) -> Iterator[Block]:
    criterion = section.criterion
    title = title_of(dict(criterion.title))
    yield blocks.heading(2, f"{criterion.id}  {title}", key=key_of(section))
    told = list(_told(pages, section))
    # A line that clings to what follows would drag the next section along.
    yield blocks.text(_line(section), "under" if told else "muted")
    yield from told


def _told(pages: Pages, section: Section) -> Iterator[Block]:
    """What a section says below its title."""
    criterion = section.criterion
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
        yield from samples.sample(pages, section, sample)
    for table in section.tables:
        if table.key not in sampled:
            yield from samples.whole(pages, section, table)
    for key in section.topics:
        for note in pages.packet.found[key].notes if key in pages.packet.found else ():
            told = saying.said(note, zone=pages.packet.span.zone)
            yield blocks.text(told[:1].upper() + told[1:], "small")


def _kind(section: Section) -> str:
    return ", ".join(_(_KINDS[kind]) for kind in section.criterion.kind.split(", "))


def _line(section: Section) -> str:
    """Kind, standing and the numbers of the same elsewhere, on one line."""
    criterion = section.criterion
    parts = [_kind(section), _(STANDINGS[section.standing])]
    if criterion.portal:
        numbers = ", ".join(map(str, criterion.portal))
        parts.append(_("questions of the portal: {numbers}").format(numbers=numbers))
    known = programmes()
    for name, ids in sorted(section.elsewhere.items()):
        parts.append(": ".join((known[name].title if name in known else name, ", ".join(ids))))
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
        rows,
        about=_("Documents that the site registered"),
        marks=["done" if one.missing else "" for one in found],
    )


def _reviews(pages: Pages, section: Section) -> Iterator[Block]:
    """The reviews that are evidence for a criterion; for the second one where they stand."""
    if not section.reviews:
        return
    zone, redacted = pages.packet.span.zone, pages.packet.redacted
    title = _("Reviews on record")
    key = "reviews-" + "-".join(sorted({one.kind for one in section.reviews}))
    if key in pages.printed:
        yield blocks.see(_("{title}: page {{page}}.").format(title=title), key)
        return
    pages.printed[key] = key
    yield blocks.heading(3, title, key=key, outlined=False)
    newest = section.reviews[-_REVIEWS:]
    given = pages.take(len(newest))
    rows = [
        (
            saying.moments(one.at, zone),
            saying.said(kind_words(one.kind)),
            " – ".join(
                dict.fromkeys(saying.moments(at, zone) for at in (one.begin, one.end) if at)
            ),
            " · ".join(part for part in (one.found, one.action) if part) or "–",
            saying.withheld() if redacted else one.by,
            saying.moments(one.next_due, zone) or "–",
            str(one.record),
        )
        for one in newest[:given]
    ]
    yield blocks.table(
        (_("When"), _("Kind"), _("Days"), _("Found and done"), _("By"), _("Next"), _("Record")),
        rows,
        about=title,
    )
    yield from more(len(section.reviews) - given, "packet.json")


def _deviations(pages: Pages, section: Section) -> Iterator[Block]:
    if not section.deviations:
        return
    zone, redacted = pages.packet.span.zone, pages.packet.redacted
    yield blocks.heading(3, _("Deviations and what was done about them"), outlined=False)
    found = sorted(
        (pages.numbered.of(one) for one in section.deviations), key=lambda n: not n.deviation.open
    )
    here = [one for one in found if one.criteria[0] == section.criterion.id]
    given = min(pages.take(min(len(here), _DEVIATIONS)), _DEVIATIONS)
    rows, marks = [], []
    for one in here[:given]:
        rows.append((one.label, *told_of(one.deviation, zone, redacted=redacted)))
        marks.append("open" if one.deviation.open else "done")
    if rows:
        yield blocks.table(
            (_("No."), *deviation_titles()),
            rows,
            about=_("Deviations and what was done about them"),
            marks=marks,
        )
    if given < len(here):
        pages.cut.add(DEVIATIONS)
        file = f"annexes/{DEVIATIONS}.{language()}.pdf"
        yield from more(len(here) - given, file)
    elsewhere: dict[str, list[str]] = {}
    for one in found:
        if one.criteria[0] != section.criterion.id:
            elsewhere.setdefault(one.criteria[0], []).append(one.label)
    for other, labels in elsewhere.items():
        numbers = tuple(int(label[1:]) for label in labels)
        told = "D" + records(tuple(sorted(numbers)))
        yield blocks.text(
            _("Told under {criterion}: {labels} ({count}).").format(
                criterion=other, labels=told, count=len(labels)
            ),
            "small",
        )
