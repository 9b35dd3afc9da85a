"""A checkpoint as a QR code: on the screen for a guard's phone, or as a picture to print.

The code holds the note with the log's own signature, as text.  Cosignatures are left out: they
would make the code too dense for a phone, and the phone is a witness itself.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gateway.proof.note import Note

if TYPE_CHECKING:
    from segno import QRCode

_MM_A_MODULE = 0.8  # on paper; a phone reads 0.5 mm and more


class UnknownFormat(ValueError):
    """The picture can be PNG or SVG."""


def of(note: Note) -> QRCode:
    """The code of a checkpoint."""
    import segno  # noqa: PLC0415 - for this command alone

    origin = note.text.split("\n", 1)[0]
    own = tuple(line for line in note.signatures if line.name == origin)
    return segno.make_qr(Note(note.text, own).write(), error="m", encoding="utf-8")


def drawn(code: QRCode) -> str:
    """The code in half blocks for a terminal; its blocks are the light parts, as on a dark one."""
    text = io.StringIO()
    code.terminal(text, compact=True, border=2)
    return text.getvalue()


def picture(code: QRCode, suffix: str) -> bytes:
    """The code as a file of this kind, ".png" or ".svg"; raises UnknownFormat."""
    file = io.BytesIO()
    if suffix == ".png":
        code.save(file, kind="png", scale=8, border=4, dpi=300)
    elif suffix == ".svg":
        code.save(file, kind="svg", scale=_MM_A_MODULE, unit="mm", border=4)
    else:
        raise UnknownFormat(suffix)
    return file.getvalue()
