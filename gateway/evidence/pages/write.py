"""Makes the PDF of a packet, and the short ones of standard reports.

All words are in the language that is asked for, whatever the process speaks.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.evidence import saying
from gateway.evidence.model import Found, Span
from gateway.evidence.packet import Packet
from gateway.evidence.pages import appendix, blocks, criteria, first, render, reported, shared
from gateway.evidence.pages.appendix import Plot
from gateway.evidence.pages.blocks import Block
from gateway.evidence.pages.numbered import Numbered
from gateway.evidence.spool import Spool
from gateway.locale import Message, _, language, speaking

__all__ = ["MOST_ATTACHED", "Attached", "Plot", "report", "write"]

MOST_ATTACHED = 30_000_000
"""A file larger than this (bytes) is not put into the PDF; it lies in the packet's folder."""
_REGIONS = {"es": "mx", "en": "us"}


@dataclass(frozen=True, slots=True)
class Attached:
    """A file to put inside the PDF.  `name` is its name there, without a slash; `about` says what
    it is (PDF/A-3 asks for that); `relation` is ``data``, ``source`` or ``supplement``."""

    path: Path
    name: str
    media: str
    about: Message
    relation: str = "supplement"


def write(
    packet: Packet,
    spool: Spool,
    language: str,
    output: Path,
    attach: Sequence[Attached] = (),
    plots: Sequence[Plot] = (),
) -> frozenset[str]:
    """Write the packet's PDF to `output`, in `language` (``en`` or ``es``).

    The same packet, files and language give the same bytes.  Files above MOST_ATTACHED stay out.
    Returns the keys of the tables that it has whole, and ``deviations`` if it has all of these; the
    others are worth an annex.  Raises
    PagesError, and OSError if the disk is full or a file can't be read.
    """
    with speaking(language):
        numbered = Numbered(packet.sections)
        pages = shared.Pages(packet, spool, numbered)
        told = [
            *first.first_page(packet, numbered),
            *criteria.overview(packet, numbered),
            *criteria.sections(pages),
        ]
        last = list(appendix.appendix(pages, plots))
        title = _("Evidence of the gate")
        document = _document(
            packet.settings, title, first.subtitle(packet), first.as_of(packet), told
        )
        if pages.wide:
            document["wide"] = [blocks.heading(1, _("Samples and long tables")), *pages.wide]
        document["last"] = last
        _set(packet.settings, document, output, packet.as_of, attach, plots)
        return frozenset(pages.whole | ({shared.DEVIATIONS} - pages.cut))


def report(
    settings: Settings,
    span: Span,
    title: Message,
    found: Iterable[Found],
    spool: Spool,
    language: str,
    output: Path,
    as_of: datetime,
    *,
    redacted: bool = False,
    note: Message | None = None,
    tables: Sequence[str] = (),
) -> None:
    """Write a standard report: a title, the figures, deviations and tables of what topics found.

    Args:
        as_of: The time of the newest record that was read.
        note: A sentence under the title.
        tables: The keys of the tables to print; () are all.

    Raises as `write`.
    """
    with speaking(language):
        days = _("{first} to {last}").format(
            first=saying.day(span.first), last=saying.day(span.last)
        )
        told = reported.blocks_of(span, found, spool, tables, redacted=redacted, note=note)
        foot = _("As of {when}").format(when=saying.moments(as_of.isoformat(), span.zone))
        document = _document(settings, saying.said(title), days, foot, list(told))
        _set(settings, document, output, as_of, (), ())


def _document(
    settings: Settings, title: str, subtitle: str, foot: str, told: list[Block]
) -> dict[str, Any]:
    gateway = settings.site.gateway
    return {
        "title": title,
        "subtitle": subtitle,
        "site": gateway,
        "author": gateway,
        "about": f"{title}: {gateway}, {subtitle}",
        "keywords": [settings.criteria.name, gateway],
        "running": f"{title} · {subtitle}",
        "foot": foot,
        "page-of": _("page {page} of {pages}"),
        "page-word": _("Page"),
        "language": language(),
        "region": _REGIONS.get(language(), "us"),
        "attached": [],
        "blocks": told,
        "wide": [],
        "last": [],
    }


def _set(
    settings: Settings,
    document: dict[str, Any],
    output: Path,
    as_of: datetime,
    attach: Sequence[Attached],
    plots: Sequence[Plot],
) -> None:
    """Have the child set the document; its folder lies beside the output and goes again."""
    with tempfile.TemporaryDirectory(prefix=".pages-", dir=output.parent) as name:
        place = Path(name)
        (place / "attached").mkdir()
        (place / "images").mkdir()
        for file in attach:
            if file.path.stat().st_size > MOST_ATTACHED:
                continue
            shutil.copyfile(file.path, place / "attached" / file.name)
            document["attached"].append(
                {
                    "name": file.name,
                    "media": file.media,
                    "relation": file.relation,
                    "about": saying.said(file.about),
                }
            )
        for at, plot in enumerate(plots):
            shutil.copyfile(plot.path, place / "images" / f"{at}{plot.path.suffix}")
        order = {
            "is": "document",
            "document": document,
            "fonts": str(settings.tables.evidence.font_dir or ""),
            "timestamp": int(as_of.timestamp()),
        }
        render.run(order, place)
        (place / "made.pdf").replace(output)
