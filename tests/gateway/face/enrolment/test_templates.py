"""What a new enrolment does to the one before: nothing, unless it may take its place."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.face.enrolment import (
    EnrolledFaces,
    ExaminedPhotograph,
    Mode,
    NotStored,
    Obstacle,
    Stored,
    store,
)
from gateway.face.enrolment import templates as module
from gateway.face.vision.engine import MODEL
from gateway.face.vision.quality import Refusal
from gateway.people import Roster, faces
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault

VAULT = Vault(SiteKey(bytes(range(32))))
RANDOM = np.random.default_rng(11)
ANA, LUIS = (RANDOM.normal(0, 0.125, 128).astype(np.float32) for _ in range(2))
REFUSED = ExaminedPhotograph("x.jpg", None, {}, Refusal.NO_FACE)


def good(
    face: np.ndarray[Any, Any], count: int = 3, model: str = MODEL
) -> list[ExaminedPhotograph]:
    """Pictures of one face, as far apart as dlib's of one person are."""
    noise = RANDOM.normal(0, 0.02, (count, 128)).astype(np.float32)
    return [ExaminedPhotograph(f"{n}.jpg", face + noise[n], {}, None, model) for n in range(count)]


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    (tmp_path / "p.csv").write_text(",".join(COLUMNS) + "\ne1,Ana,,,,,,,\ne2,Luis,,,,,,,\n")
    db = open_admin(tmp_path / "people.db")
    sync.apply(db, sync.plan(db, read_people(tmp_path / "p.csv", levels=(), zone=UTC)), by="t")
    return db


def enrol(
    db: sqlite3.Connection, examined: Sequence[ExaminedPhotograph], mode: Mode = Mode.RENEW
) -> Stored:
    known = EnrolledFaces(VAULT, limit=0.40, today=date(2026, 11, 26))
    return store(db, VAULT, known, "e1", examined, by="t", needed=3, mode=mode)


def contents(db: sqlite3.Connection) -> list[Any]:
    """Everything that an enrolment writes, the outbox included."""
    return [
        db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        for table in ("template", "person_key", "outbox")
    ]


def test_an_enrolment_that_fails_leaves_the_one_that_worked(db: sqlite3.Connection) -> None:
    """Three good templates, then one usable and two refused pictures."""
    enrol(db, good(ANA))
    before = contents(db)
    with pytest.raises(NotStored) as caught:
        enrol(db, [*good(ANA, 1), REFUSED, REFUSED])
    refusal = caught.value
    assert (refusal.obstacle, refusal.good, refusal.kept) == (Obstacle.INCOMPLETE, 1, 3)
    assert contents(db) == before
    assert enrol(db, [REFUSED] * 3) == Stored(total=3, added=0, removed=0)
    assert contents(db) == before


def test_a_complete_enrolment_of_the_same_face_takes_the_place_of_the_old_one(
    db: sqlite3.Connection,
) -> None:
    enrol(db, good(ANA))
    old = {row[0] for row in db.execute("SELECT id FROM template")}
    assert enrol(db, good(ANA, 4)) == Stored(total=4, added=4, removed=3)
    assert not old & {row[0] for row in db.execute("SELECT id FROM template")}


@pytest.mark.parametrize("mode", [Mode.RENEW, Mode.ADD])
def test_another_face_takes_nobodys_place_and_joins_nobody(
    db: sqlite3.Connection, mode: Mode
) -> None:
    enrol(db, good(ANA))
    before = contents(db)
    with pytest.raises(NotStored) as caught:
        enrol(db, good(LUIS), mode)
    assert caught.value.obstacle is Obstacle.ANOTHER_FACE
    assert caught.value.distance is not None and caught.value.distance > 0.40
    assert contents(db) == before


@pytest.mark.parametrize("harm", ["model", "sealed", "key", "size"])
def test_what_can_not_be_compared_stays(db: sqlite3.Connection, harm: str) -> None:
    if harm == "model":
        with db as connection:
            key = faces.key_for(connection, VAULT, "e1")
            module._insert(connection, VAULT, "e1", key, good(ANA, 3, "other-128"))
    else:
        enrol(db, good(ANA))
    with db as connection:
        if harm == "sealed":
            connection.execute("UPDATE template SET sealed = x'00'")
        elif harm == "key":
            connection.execute("DELETE FROM person_key")
        elif harm == "size":
            key = connection.execute("SELECT key_id, wrapped FROM person_key").fetchone()
            (item,) = connection.execute("SELECT id FROM template LIMIT 1").fetchone()
            sealed = VAULT.seal("e1", item, MODEL, bytes(100), tuple(key))
            connection.execute("UPDATE template SET sealed = ? WHERE id = ?", (sealed, item))
    before = contents(db)
    for mode in (Mode.RENEW, Mode.ADD):
        with pytest.raises(NotStored) as caught:
            enrol(db, good(ANA), mode)
        assert caught.value.obstacle is Obstacle.UNCOMPARABLE
        assert contents(db) == before
    assert enrol(db, good(ANA), Mode.REPLACE) == Stored(total=3, added=3, removed=3)


def test_replace_by_name_takes_what_is_there(db: sqlite3.Connection) -> None:
    enrol(db, good(ANA))
    assert enrol(db, good(LUIS, 1), Mode.REPLACE) == Stored(total=1, added=1, removed=3)
    # Still not by nothing at all.
    before = contents(db)
    assert enrol(db, [REFUSED], Mode.REPLACE) == Stored(total=1, added=0, removed=0)
    assert contents(db) == before


def test_a_first_enrolment_may_be_begun_with_one_picture_and_completed(
    db: sqlite3.Connection,
) -> None:
    assert enrol(db, good(ANA, 1)).total == 1
    with pytest.raises(NotStored):  # two alone are no enrolment either
        enrol(db, good(ANA, 2))
    assert enrol(db, good(ANA, 2), Mode.ADD) == Stored(total=3, added=2, removed=0)


def test_an_error_in_the_middle_leaves_the_enrolment_that_worked(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old templates are deleted already when the event can't be written."""
    enrol(db, good(ANA))
    before = contents(db)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "put_event", full)
    with pytest.raises(sqlite3.OperationalError):
        enrol(db, good(ANA))
    assert contents(db) == before


@pytest.mark.parametrize("at", ["destroy", "key_for", "put_event"])
def test_killed_in_the_middle_the_enrolment_that_worked_is_there(
    db: sqlite3.Connection, tmp_path: Path, at: str
) -> None:
    """kill -9 after the old templates went and before the new ones are committed."""
    enrol(db, good(ANA))
    before = contents(db)
    db.close()
    child = os.fork()
    if child == 0:  # no exception may get out of the child: it would run the tests twice

        def dies(*_: object, **__: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(module if at == "put_event" else module.faces, at, dies)
        try:
            enrol(open_admin(tmp_path / "people.db"), good(ANA))
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert contents(open_admin(tmp_path / "people.db")) == before
    assert len(Roster(tmp_path / "people.db").templates("e1")) == 3
