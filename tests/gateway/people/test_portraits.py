"""Portraits: sealed with the person's key, gone with it, and never opened as anything else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date
from pathlib import Path

import pytest

from gateway.people import Roster, faces, portraits
from gateway.people.portraits import KIND, MAX_BYTES, PortraitError
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

VAULT = Vault(SiteKey(bytes(range(32))))
JPEG = b"\xff\xd8\xff\xe0" + b"a face that nobody else sees " * 40
DAY = date(2026, 11, 27)


def apply(path: Path, *ids: str) -> None:
    file = path.with_suffix(".csv")
    lines = [",".join(COLUMNS), *(f"{key},Name,,,,,,," for key in ids)]
    file.write_text("\n".join(lines) + "\n")
    with closing(open_admin(path)) as db:
        plan = sync.plan(db, read_people(file, levels=(), zone=UTC))
        sync.apply(db, plan, by="test", confirmed={item.name for item in plan.tripped})


def enrol(path: Path, person: str, jpeg: bytes = JPEG) -> None:
    with closing(open_admin(path)) as db, db:
        key = faces.key_for(db, VAULT, person)
        portraits.put(db, VAULT, person, key, jpeg, by="hr")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.db"
    apply(path, "e1", "e2")
    enrol(path, "e1")
    enrol(path, "e2", JPEG + b"2")
    return path


def opened(path: Path, person: str, vault: Vault = VAULT) -> bytes | None:
    with closing(open_admin(path)) as db:
        found = portraits.find(db, person)
        return None if found is None else portraits.open_portrait(vault, person, found)


def destroyed(path: Path) -> list[dict[str, object]]:
    with closing(Roster(path)) as roster:
        return [dict(e.data) for e in roster.outbox(100) if e.type == "face.key_destroyed"]


def test_a_portrait_opens_for_its_person_and_is_not_in_the_file_as_it_was(people: Path) -> None:
    assert opened(people, "e1") == JPEG
    assert opened(people, "e2") == JPEG + b"2"
    assert opened(people, "nobody") is None
    for file in people.parent.glob("people.db*"):
        assert b"nobody else sees" not in file.read_bytes()
    with pytest.raises(VaultError):
        opened(people, "e1", Vault(SiteKey(bytes(32))))


def test_a_new_portrait_takes_the_place_of_the_old_one(people: Path) -> None:
    enrol(people, "e1", JPEG + b"new")
    assert opened(people, "e1") == JPEG + b"new"


@pytest.mark.parametrize("end", ["forget", "leave", "purge"])
def test_whatever_destroys_the_key_destroys_the_portrait_and_says_so(
    people: Path, end: str
) -> None:
    with closing(sqlite3.connect(people)) as db:
        (kept,) = db.execute("SELECT sealed FROM portrait WHERE person_id = 'e1'").fetchone()
    if end == "leave":
        apply(people, "e2")
    else:
        with closing(open_admin(people)) as db:
            if end == "forget":
                faces.forget(db, "e1", why="asked", by="hr")
            else:
                day = {"given_at": DAY, "until": DAY, "note": "", "by": "hr"}
                faces.set_consent(db, "e1", **day)  # type: ignore[arg-type]
                faces.purge(db, date(2026, 11, 28), by="gateway")
    assert opened(people, "e1") is None
    assert opened(people, "e2") == JPEG + b"2"
    (told,) = destroyed(people)
    assert told["portrait"] is True
    # Nor is the sealed picture left in the file, beside a key that a backup may hold.
    for file in people.parent.glob("people.db*"):
        assert kept[:64] not in file.read_bytes()


def test_a_portrait_of_somebody_else_or_a_changed_one_does_not_open(people: Path) -> None:
    with closing(sqlite3.connect(people)) as db, db:
        db.execute(
            "UPDATE portrait SET sealed = (SELECT sealed FROM portrait WHERE person_id = 'e2') "
            "WHERE person_id = 'e1'"
        )
    with pytest.raises(VaultError):
        opened(people, "e1")
    with closing(sqlite3.connect(people)) as db, db:
        (held,) = db.execute("SELECT sealed FROM portrait WHERE person_id = 'e2'").fetchone()
        changed = held[:-1] + bytes([held[-1] ^ 1])
        db.execute("UPDATE portrait SET sealed = ? WHERE person_id = 'e2'", (changed,))
    with pytest.raises(VaultError):
        opened(people, "e2")


def test_neither_a_template_nor_a_portrait_opens_as_the_other(people: Path) -> None:
    with closing(open_admin(people)) as db, db:
        key = faces.key_for(db, VAULT, "e1")
        found = portraits.find(db, "e1")
        assert found is not None
        with pytest.raises(VaultError):
            VAULT.open("e1", found.id, "dlib", found.sealed, key)
        sealed = VAULT.seal("e1", found.id, "dlib", JPEG, key)
        db.execute("UPDATE portrait SET sealed = ? WHERE person_id = 'e1'", (sealed,))
    assert KIND != "dlib"
    with pytest.raises(VaultError):
        opened(people, "e1")


@pytest.mark.parametrize(
    "jpeg", [b"", b"<svg onload=alert(1)>", b"\x89PNG\r\n", JPEG + b"x" * MAX_BYTES]
)
def test_what_is_not_a_small_jpeg_is_refused_and_the_one_before_stays(
    people: Path, jpeg: bytes
) -> None:
    with pytest.raises(PortraitError):
        enrol(people, "e1", jpeg)
    assert opened(people, "e1") == JPEG
