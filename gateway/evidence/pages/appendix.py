"""What follows the criteria: the log, documents, the portal's questions, changes, how to check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.evidence import saying
from gateway.evidence.lottery import DAILY_SAMPLE
from gateway.evidence.pages import blocks
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.criteria import documents
from gateway.evidence.pages.shared import Pages
from gateway.locale import N_, Message, _
from gateway.wording.text import duration

STANDS = {
    "supported": N_("the gate's records support it"),
    "document": N_("a document is attached"),
    "not_gate": N_("not a gate's matter"),
    "open": N_("open: somebody has to answer"),
}

_LOTTERY = """\
import hashlib
root = "{root}"
word = "{word}"
table, count, size = "{table}", {count}, {size}
seed = hashlib.sha256(f"{{root}}\\n{{word}}".encode()).digest()
begin = seed + b"\\0" + table.encode() + b"\\0"
ticket = lambda row: hashlib.sha256(begin + row.to_bytes(8, "big")).digest()
print(sorted(sorted(range(count), key=ticket)[:size]))"""


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture for the last pages: an SVG or PNG file, its title, and what is to be seen."""

    path: Path
    title: Message
    about: Message


def appendix(pages: Pages, plots: Sequence[Plot]) -> Iterator[Block]:
    """All of it, in order."""
    yield from _log(pages)
    yield from _check(pages)
    yield from _documents(pages)
    yield from _answers(pages)
    yield from _changes(pages)
    yield from _old(pages)
    if plots:
        yield blocks.page()
        yield blocks.heading(1, _("Patterns"))
        for at, plot in enumerate(plots):
            name = f"{at}{plot.path.suffix}"
            yield blocks.image(name, saying.said(plot.title), saying.said(plot.about))


def _log(pages: Pages) -> Iterator[Block]:
    packet = pages.packet
    log, zone = packet.log, packet.span.zone
    yield blocks.page()
    yield blocks.heading(1, _("The log"))
    rows = [(_("Gateway"), packet.settings.site.gateway)]
    counts = packet.records
    rows.append((_("Records"), saying.number(packet.last_seq)))
    rows.append((_("of these days"), saying.number(counts.get("inside", 0))))
    rows.append(
        (_("after them, read for what became of things"), saying.number(counts.get("after", 0)))
    )
    if packet.head is not None:
        point = packet.head.checkpoint
        rows += [
            (_("Signed head"), _("covers {count} records").format(count=saying.number(point.size))),
            (_("Its origin"), point.origin),
            (_("Its root"), point.root.hex()),
        ]
    rows += [(_("Key of the log"), str(key)) for key in packet.keys]
    rows.append((_("Witnesses"), ", ".join(log.cosigned) or _("none")))
    rows.append((_("As of"), saying.moments(packet.as_of.isoformat(), zone)))
    if log.redacted:
        rows.append((_("Records without their personal data"), saying.number(log.redacted)))
    yield blocks.facts(rows, mono=(_("Its root"), _("Key of the log"), _("Its origin")))
    if log.begins > 1:
        yield blocks.text(
            _("The records before {seq} are not here: they were deleted after their time.").format(
                seq=saying.number(log.begins)
            )
        )
    yield from _troubles(pages)
    if log.ok and not log.clock_back:
        yield blocks.text(
            _("Every record up to the head was read, and each hash and the signature hold.")
        )


def _troubles(pages: Pages) -> Iterator[Block]:
    """Everything that is wrong with the log, as a table."""
    log = pages.packet.log
    rows = [(str(seq), words) for seq, words in log.problems]
    rows += [
        (f"{first}–{last}", _("missing: {why}").format(why=why)) for first, last, why in log.missing
    ]
    rows += [(str(seq), _("can't be read")) for seq in log.unreadable]
    rows += [
        (str(seq), _("the clock went back by {time}").format(time=duration(seconds)))
        for seq, seconds in log.clock_back
    ]
    if not rows:
        return
    yield blocks.heading(2, _("What is wrong with it"))
    given = pages.take(len(rows))
    yield blocks.table(
        (_("Record"), _("What")),
        rows[:given],
        about=_("What is wrong with the log"),
        marks=["open"] * given,
    )
    if len(rows) > given:
        yield blocks.text(
            _("{count} more are in {file}.").format(
                count=saying.number(len(rows) - given), file="packet.json"
            ),
            "small",
        )


def _check(pages: Pages) -> Iterator[Block]:
    packet = pages.packet
    yield blocks.heading(1, _("How to check this packet"))
    yield blocks.points(
        [
            _(
                "Whole: open garita-check.html in a browser, without a network, and give it the "
                "packet's folder or zip. It compares every file with manifest.json, and each "
                "quoted record with the log's signed head. garita_check.py does the same with "
                "Python alone."
            ),
            _(
                "The key: compare the log's key above with the one that the site gave you "
                "earlier, on paper or by another way. A key that came with the packet proves "
                "nothing by itself."
            ),
            _(
                "The PDF: its signature says who made it and that no byte of it changed since; the "
                "certificate is the site's, or one that the gateway made for itself."
            ),
            _(
                "A record: take its number from a table here and ask the site to show you that "
                "record of the log."
            ),
            _(
                "The sample: the lines below, in Python 3, print the rows that were drawn. The "
                "seed is made of the log's signed root and the word."
            ),
        ]
    )
    drawn = next(
        (
            sample
            for section in packet.sections
            for sample in section.samples
            if sample.count > len(sample.drawn)
        ),
        None,
    )
    yield blocks.code(
        _LOTTERY.format(
            root=packet.head.checkpoint.root.hex() if packet.head else bytes(32).hex(),
            word=packet.word.strip().replace("\\", "\\\\").replace('"', '\\"'),
            table=drawn.population.table if drawn else "visitors",
            count=drawn.count if drawn else 0,
            size=len(drawn.drawn) if drawn else DAILY_SAMPLE,
        )
    )
    if drawn:
        yield blocks.text(
            _("It prints: {rows}").format(
                rows=", ".join(map(str, sorted(drawn.drawn)[:12])) + " …"
            ),
            "small",
        )


def _documents(pages: Pages) -> Iterator[Block]:
    found = {one.id: one for section in pages.packet.sections for one in section.documents}
    if found:
        yield blocks.heading(1, _("Documents"))
        yield documents(pages, tuple(found[key] for key in sorted(found)))


def _answers(pages: Pages) -> Iterator[Block]:
    if not pages.packet.answers:
        return
    yield blocks.page()
    yield blocks.heading(1, _("The portal's security profile, a draft"))
    yield blocks.text(
        _(
            "For each question: what the evidence supports. People finish the answers and stand "
            "for them."
        ),
        "muted",
    )
    zone, redacted = pages.packet.span.zone, pages.packet.redacted
    # Questions on one criterion have one answer, and stand together.
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in pages.packet.answers:
        told = (
            one.criterion,
            _(STANDS[one.stand]) if one.stand in STANDS else one.stand,
            saying.said(one.text, redacted=redacted, zone=zone),
            ", ".join(one.documents),
            one.stand,
        )
        alike.setdefault(told, []).append(str(one.question or "–"))
    given = pages.take(len(alike))
    rows, marks = [], []
    for (*told_of, stand), questions in list(alike.items())[:given]:
        rows.append((", ".join(questions), *told_of))
        marks.append("open" if stand == "open" else "")
    yield blocks.table(
        (_("Questions"), _("Criterion"), _("Stand"), _("What the evidence says"), _("Documents")),
        rows,
        about=_("The portal's security profile, a draft"),
        marks=marks,
    )


def _changes(pages: Pages) -> Iterator[Block]:
    packet = pages.packet
    if packet.compared is None:
        return
    yield blocks.heading(1, _("What changed since the earlier packet"))
    told = [
        (name, str(packet.compared[key]))
        for key, name in (
            ("first", _("Its first day")),
            ("last", _("Its last day")),
            ("manifest", _("Its manifest's SHA-256")),
        )
        if packet.compared.get(key)
    ]
    yield blocks.facts(told, mono=(_("Its manifest's SHA-256"),))
    if not packet.changes:
        yield blocks.text(_("No figure differs."))
        return
    given = pages.take(len(packet.changes))
    yield blocks.table(
        (_("Criterion"), _("Figure"), _("Then"), _("Now")),
        [
            (one.criterion, saying.said(one.label), _value(one.then), _value(one.now))
            for one in packet.changes[:given]
        ],
        about=_("What changed since the earlier packet"),
    )


def _value(value: int | float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else saying.number(value, 2)


def _old(pages: Pages) -> Iterator[Block]:
    if not pages.packet.old_numbers:
        return
    yield blocks.heading(1, _("Numbers of the first table of criteria"))
    yield blocks.text(
        _(
            "Some records of these days carry numbers of an earlier table of ours, which was "
            "partly wrong. Records are never changed; this is what those numbers stand for today."
        ),
        "small",
    )
    yield blocks.table(
        (_("In records"), _("Today")),
        [(old, ", ".join(now)) for old, now in sorted(pages.packet.old_numbers.items())],
        about=_("Numbers of the first table of criteria"),
    )
