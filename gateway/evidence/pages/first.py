"""The first page: is this gate in order, and how do I know?"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.evidence import saying
from gateway.evidence.packet import Packet, Standing
from gateway.evidence.pages import blocks
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.numbered import Numbered, One
from gateway.evidence.pages.shared import key_of
from gateway.locale import N_, _, language, ngettext
from gateway.wording import words

_SHOWN = 7
"""So many kinds of open deviations fit on the first page."""
_LONGEST = 150
EDITIONS = frozenset({N_("CTPAT MSC, March 2020")})
"""Editions whose names have words of a language."""


def first_page(packet: Packet, numbered: Numbered) -> Iterator[Block]:
    """The blocks of the first page."""
    yield blocks.heading(1, _("Is this gate in order?"))
    yield from _log(packet)
    yield from _answer(packet, numbered)
    yield from _open(packet, numbered)
    yield from _map(packet, numbered)
    yield blocks.heading(1, _("How can you know?"))
    yield blocks.points(_how(packet))


def _log(packet: Packet) -> Iterator[Block]:
    """Whether the log can be believed, before anything that comes from it."""
    log = packet.log
    if packet.head is None:
        yield blocks.text(
            _("Nothing of this log is signed yet, so nobody outside can check this packet."), "warn"
        )
    elif not log.signed:
        yield blocks.text(_("The signature of the log does not hold: see “The log”."), "warn")
    if log.problems:
        count = len(log.problems)
        yield blocks.text(
            ngettext(
                "The log is broken in {count} place, at record {seq}: see “The log”.",
                "The log is broken in {count} places, the first at record {seq}: see “The log”.",
                count,
            ).format(count=saying.number(count), seq=log.problems[0][0]),
            "warn",
        )
    if log.missing:
        first, last, _why = log.missing[0]
        yield blocks.text(
            _("Records are missing, such as {first} to {last}: see “The log”.").format(
                first=first, last=last
            ),
            "warn",
        )
    if log.unreadable:
        yield blocks.text(
            _("Records that can't be read: {count}; see “The log”.").format(
                count=saying.number(len(log.unreadable))
            ),
            "warn",
        )
    if log.clock_back:
        yield blocks.text(
            _("The clock of the gate went back within these days: see “The log”."), "warn"
        )


def _answer(packet: Packet, numbered: Numbered) -> Iterator[Block]:
    inside = packet.records.get("inside", 0)
    still = sum(one.deviation.open for one in numbered.all)
    if not inside:
        yield blocks.text(_("The log has no record of these days."), "warn")
    elif packet.log.ok:
        yield blocks.text(
            _("The log is whole and signed. Its records of these days: {count}.").format(
                count=saying.number(inside)
            ),
            "lead",
        )
    yield blocks.text(
        _("Deviations found by rule: {all}; closed: {done}; still open: {open}.").format(
            all=saying.number(len(numbered.all)),
            done=saying.number(len(numbered.all) - still),
            open=saying.number(still),
        )
        if numbered.all
        else _("No rule found a deviation in these days."),
        "lead",
    )
    total = len(packet.sections)
    stands = [section.standing for section in packet.sections]
    yield blocks.figures(
        [
            (saying.number(total), _("criteria looked at"), ""),
            (
                saying.number(stands.count(Standing.DEVIATIONS)),
                _("with deviations: something was not as it should be"),
                "",
            ),
            (
                saying.number(stands.count(Standing.SHOWN)),
                _("with evidence here and without a deviation"),
                "",
            ),
            (saying.number(stands.count(Standing.NOT_SHOWN)), _("not shown here"), ""),
        ]
    )
    yield blocks.text(
        _(
            "This packet shows what the gate and its people recorded. Whether a criterion is met "
            "is for people to judge: nothing here says so. “Not shown here” is an answer, and "
            "tells where to ask."
        ),
        "muted",
    )


def _open(packet: Packet, numbered: Numbered) -> Iterator[Block]:
    """The deviations that nobody has closed: one line for all that broke the same rule, those that
    stand open for longest first."""
    zone = packet.span.zone
    alike: dict[str, list[One]] = {}
    for one in sorted(numbered.all, key=lambda n: n.deviation.at):
        if one.deviation.open:
            alike.setdefault(one.deviation.rule, []).append(one)
    if not alike:
        return
    rows = []
    for first, *others in list(alike.values())[:_SHOWN]:
        told = _cut(saying.said(first.deviation.words, redacted=packet.redacted, zone=zone))
        criteria = dict.fromkeys(key for one in (first, *others) for key in one.criteria)
        rows.append(
            (
                first.label,
                told,
                _("and {count} more").format(count=saying.number(len(others))) if others else "",
                saying.moments(first.deviation.at, zone),
                ", ".join(list(criteria)[:4]) + (" …" if len(criteria) > 4 else ""),
            )
        )
    yield blocks.table(
        (_("No."), _("Still open"), _("Alike"), _("Since"), _("Criteria")),
        rows,
        about=_("Deviations that are still open"),
        marks=["open"] * len(rows),
    )
    if len(alike) > _SHOWN:
        yield blocks.text(
            _("{count} more kinds are in the sections of their criteria.").format(
                count=saying.number(len(alike) - _SHOWN)
            ),
            "small",
        )


def _map(packet: Packet, numbered: Numbered) -> Iterator[Block]:
    """Every criterion as a small field, with how it stands here."""
    looks = []
    for section in packet.sections:
        found = [numbered.of(one) for one in section.deviations]
        look = "shown" if section.standing is Standing.SHOWN else "none"
        if found:
            look = "open" if any(one.deviation.open for one in found) else "done"
        must = "must" in section.criterion.kind
        looks.append((section.criterion.id, key_of(section), look, must))
    yield blocks.chips(looks)
    missing = sum(look == "none" and must for _id, _key, look, must in looks)
    yield blocks.legend(
        [
            ("open", _("deviations, some still open")),
            ("done", _("deviations, all closed")),
            ("shown", _("evidence, no deviation")),
            ("none", _("not shown here (of these {count} are a must)").format(count=missing)),
            ("must", _("bold: a must")),
        ]
    )


def _how(packet: Packet) -> Iterator[str]:
    head = packet.head
    if head is not None:
        seen = ", ".join(packet.log.cosigned)
        yield _(
            "Every number here is counted from records. The gate's log has {count} of them; its "
            "head is signed, and each record that is quoted comes with its proof."
        ).format(count=saying.number(packet.last_seq))
        if seen:
            yield _("Witnesses that saw the same log, on other machines: {names}.").format(
                names=seen
            )
        else:
            yield _("No witness on another machine has seen this head of the log.")
    word = packet.word.strip()
    yield (
        (
            _(
                "Samples were drawn by lot from your word “{word}” and the log's signed root."
            ).format(word=_cut(word, 40))
            if word
            else _(
                "Samples were drawn by lot from the log's signed root alone: nobody named a word."
            )
        )
        + " "
        + _("You can draw them again: see “How to check this packet”.")
    )
    yield _(
        "Open garita-check.html, which is inside this PDF and in the packet's folder, in any "
        "browser without a network, and give it the packet: it finds every byte that was changed."
    )
    yield _(
        "Made again from a copy of the log, for the same days and the same word, the packet has "
        "the same bytes."
    )


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def subtitle(packet: Packet) -> str:
    """The days and the set of criteria, under the title."""
    span = packet.span
    days = _("{first} to {last}").format(first=saying.day(span.first), last=saying.day(span.last))
    parts = [days, edition(packet)]
    if packet.redacted:
        parts.append(_("redacted edition: names are withheld"))
    return " · ".join(part for part in parts if part)


def edition(packet: Packet) -> str:
    """The set of criteria with its edition."""
    known = packet.settings.criteria
    return _(known.edition) if known.edition in EDITIONS else known.edition or known.name


def as_of(packet: Packet) -> str:
    """What the packet knows, for the foot of each page."""
    when = words.moment(packet.as_of, packet.span.zone, named=True)
    return _("As of {when}, record {seq}").format(when=when, seq=packet.last_seq)


def title_of(words: dict[str, str]) -> str:
    """A text by language in the language in use, or in English."""
    return words.get(language()) or words.get("en", "")
