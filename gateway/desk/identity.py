"""Photo IDs: that one was shown, of which kind, and whether it was the same document before.

In: the kind, and the number if the guard types it.  Out: `Shown`, with a fingerprint keyed with
the site key, so that the same document is known again and the number is nowhere.  The number
itself is kept only where the site says so (`[visits] keep_id_number`).  Kinds are data of the
configuration.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field

from gateway.desk.errors import DeskError
from gateway.desk.text import clean, fold
from gateway.locale import N_
from gateway.vault.sitekey import SiteKey

MAX_NUMBER = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo ID that somebody looked at.  `kind` is one of the site's; `fingerprint` is 16 hex
    characters, "" if no number was typed; `number` "" unless the site keeps it."""

    kind: str
    fingerprint: str = ""
    number: str = field(default="", repr=False)


def shown(
    kind: str, number: str, *, kinds: dict[str, tuple[str, str]], key: SiteKey | None, keep: bool
) -> Shown:
    """What to record of a document; raises DeskError for a kind that the site does not take."""
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
    data = f"{name}:{plain}".encode()
    # Keyed: there are so few numbers of documents that a plain hash would be undone by trying.
    mark = hashlib.blake2b(data, digest_size=8, key=key.subkey("photo ID fingerprint")).hexdigest()
    return Shown(name, mark, text if keep else "")


def other_name(connection: sqlite3.Connection, fingerprint: str, name: str) -> str:
    """The name under which a visitor or driver showed the same document before, if it was another;
    else ""."""
    if not fingerprint:
        return ""
    rows = connection.execute(
        "SELECT name FROM visit WHERE id_fingerprint = ? UNION ALL "
        "SELECT json_extract(doc, '$.arrival.driver') FROM freight "
        "WHERE json_extract(doc, '$.arrival.id_fingerprint') = ?",
        (fingerprint, fingerprint),
    )
    return next((found for (found,) in rows if fold(found) != fold(name)), "")
