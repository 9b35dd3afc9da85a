"""Photo IDs: which kind somebody showed, and whether another person showed the same one before.

In: the kind, and the number if the guard types it.  Out: `Shown`, with a fingerprint of the number
under the site key.  The fingerprint recognises the document, and nobody can get the number back
from it.  The number itself is kept only if the site says so (`[visits] keep_id_number`).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from gateway.desk.errors import DeskError
from gateway.desk.text import clean
from gateway.locale import N_
from gateway.locale.text import name_key
from gateway.vault.sitekey import Marks

MAX_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo ID that the guard looked at.

    `kind` is one of `[visits] id_kinds`.  `fingerprint` is 16 hex characters, or "" if the guard
    typed no number.  `number` is "" unless the site keeps it.
    """

    kind: str
    fingerprint: str = ""
    number: str = field(default="", repr=False)


def shown(
    kind: str, number: str, *, kinds: dict[str, tuple[str, str]], key: Marks | None, keep: bool
) -> Shown:
    """What to record of a document.

    `number` may be "".  `keep` says whether the site keeps the number.  Raises DeskError for a kind
    that the site does not take, and for a number without a site key.
    """
    name = clean(kind, N_("kind of photo ID"), most=40).lower()
    if name not in kinds:
        known = ", ".join(kinds)
        raise DeskError(
            "unknown_id_kind",
            "no photo ID of this kind is accepted here; accepted: {known}",
            known=known,
        )
    text = clean(number, N_("ID number"), most=MAX_NUMBER, needed=False)
    plain = "".join(char for char in text if char.isalnum()).upper()
    if not plain:
        return Shown(name)
    if key is None:
        raise DeskError("no_site_key", "without the site key no number is taken; leave it out")
    return Shown(name, key.document(f"{name}:{plain}"), text if keep else "")


def other_name(connection: sqlite3.Connection, fingerprint: str, name: str) -> str:
    """The other name under which a visitor or driver showed the same document before, or ""."""
    if not fingerprint:
        return ""
    rows = connection.execute(
        "SELECT name FROM visit WHERE id_fingerprint = ? UNION ALL "
        "SELECT json_extract(doc, '$.arrival.driver') FROM freight "
        "WHERE json_extract(doc, '$.arrival.id_fingerprint') = ?",
        (fingerprint, fingerprint),
    )
    return next((found for (found,) in rows if name_key(found) != name_key(name)), "")
