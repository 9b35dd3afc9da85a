"""What is sealed with people's face keys: which of them open, and the picture of an event."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from gateway.config import Settings
from gateway.face.evidence import Evidence, EvidenceError, site_sealer
from gateway.ledger.event import Event
from gateway.locale import worded
from gateway.people import faces
from gateway.vault.sitekey import Sealer, SiteKey
from gateway.vault.templates import Vault, VaultError


def held(db: sqlite3.Connection, vault: Vault) -> list[dict[str, Any]]:
    """Each face key: `person`, `key_id`, `created_at` and whether it `opens`.  Templates from
    before there were keys get one; those that can't are without `key_id`."""
    _new, left = faces.reseal(db, vault, VaultError)
    rows: list[dict[str, Any]] = [
        {"person": key, "key_id": None, "created_at": None, "opens": False} for key in left
    ]
    stored = db.execute(
        "SELECT person_id, key_id, created_at, wrapped FROM person_key ORDER BY person_id"
    )
    for person, key_id, created_at, wrapped in stored:
        try:
            vault.sealer(person, (key_id, wrapped))
            opens = True
        except VaultError:
            opens = False
        rows.append({"person": person, "key_id": key_id, "created_at": created_at, "opens": opens})
    return rows


def open_picture(db: sqlite3.Connection, site: SiteKey, settings: Settings, event: Event) -> bytes:
    """The JPEG that was kept of an event.  Raises EvidenceError or VaultError if there is none, or
    if it does not open."""
    pictures = Evidence(settings.evidence_path)
    day = pictures.find(event.id, datetime.fromisoformat(event.time), settings.site.zone)
    sealer = _sealer(db, site, pictures.holder(event.id, day))
    return pictures.open(event.id, day, sealer)


def _sealer(db: sqlite3.Connection, site: SiteKey, holder: tuple[str, str] | None) -> Sealer:
    if holder is None:
        return site_sealer(site)
    row = db.execute(
        "SELECT key_id, wrapped FROM person_key WHERE person_id = ? AND key_id = ?", holder
    ).fetchone()
    if row is None:
        raise EvidenceError(
            worded("the key of this picture was destroyed; nobody can open it any more")
        )
    return Vault(site).sealer(holder[0], (row[0], row[1]))
