"""The PDFs of a packet: one in each language, and annexes for tables that are too long for it.

They are made before the manifest, which lists them unsigned, and signed behind it: a signature has
a time, and must not change what a second person makes again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.evidence import machine, proofs
from gateway.evidence.manifest import digest
from gateway.evidence.packet import Packet
from gateway.evidence.pages import annex, certificate, sign
from gateway.evidence.pages.shared import DEVIATIONS
from gateway.evidence.pages.write import Attached, write
from gateway.evidence.pictures import Pictures
from gateway.evidence.spool import Spool
from gateway.locale import Message, speaking, worded
from gateway.proof.standalone import PAGE

ANNEXES = "annexes"
Progress = Callable[[int, int], None]


def name_of(language: str) -> str:
    """The file of the packet's PDF in a language."""
    return f"evidence.{language}.pdf"


def make(
    packet: Packet,
    spool: Spool,
    languages: Sequence[str],
    folder: Path,
    progress: Progress = lambda done, of: None,
) -> list[str]:
    """Write the PDFs into the packet's folder, which has its other files already.

    Returns their paths in the folder.  Raises PagesError and OSError.
    """
    names: list[str] = []
    attach = _attached(folder)
    pictures = Pictures(packet, spool)
    for done, language in enumerate(languages):
        progress(done, len(languages))
        name = name_of(language)
        with tempfile.TemporaryDirectory(prefix="garita-pictures-") as scratch:
            plots = pictures.draw(language, Path(scratch))
            whole = write(packet, spool, language, folder / name, attach, plots)
        names.append(name)
        more = annex.write(
            packet,
            spool,
            [table for table in machine.used_tables(packet) if table.key not in whole],
            language,
            folder / ANNEXES,
            deviations=DEVIATIONS not in whole,
        )
        names += [f"{ANNEXES}/{file}" for file in more]
    progress(len(languages), len(languages))
    return names


def signed(packet: Packet, names: Sequence[str], folder: Path) -> tuple[dict[str, str], str]:
    """Sign the PDFs in place, if the site wants that.

    Returns the SHA-256 (hex) of each signed file by its path, and why they could not be signed.
    """
    settings = packet.settings
    if not names or not settings.tables.evidence.sign:
        return {}, ""
    try:
        by = certificate.of(settings)
        for name in names:
            language = name.rsplit(".", 2)[1]
            with speaking(language):
                reason = str(worded("Evidence of the gate"))
                sign.sign(folder / name, by, reason=reason, place=settings.site.gateway)
    except certificate.SigningError as error:
        return {name: digest(folder / name) for name in names}, str(error)
    return {name: digest(folder / name) for name in names}, ""


def _attached(folder: Path) -> list[Attached]:
    told: list[tuple[str, str, Message, str]] = [
        (machine.FILE, "application/json", worded("the packet for machines"), "data"),
        (machine.SCHEMA, "application/json", worded("what its keys mean"), "supplement"),
        (proofs.FILE, "application/jsonl", worded("the quoted records and their proofs"), "source"),
        (PAGE, "text/html", worded("the program that checks a packet in a browser"), "supplement"),
    ]
    return [
        Attached(folder / path, path.rpartition("/")[2], media, about, relation)
        for path, media, about, relation in told
    ]
