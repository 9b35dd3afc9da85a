"""One face, one identity on the list: compared with everybody at enrolment."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.config import FaceTable
from gateway.decide.model import FaceOutcome
from gateway.face import enrolment, wire
from gateway.face import matcher as biometric
from gateway.face.enrolment import DuplicateFace, EnrolledFaces, ExaminedPhotograph, Mode
from gateway.face.enrolment import templates as stored
from gateway.face.matcher import CardholderMatcher
from gateway.face.vision.engine import MODEL
from gateway.face.vision.quality import Refusal
from gateway.people import Roster, faces
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync.file import COLUMNS, read_people
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault

TODAY = date(2026, 11, 25)
LIMIT = 0.40
KEY = SiteKey(bytes(range(32)))
VAULT = Vault(KEY)
RANDOM = np.random.default_rng(4)


def a_face() -> np.ndarray:
    return RANDOM.normal(0, 0.125, 128).astype(np.float32)


def looks(face: np.ndarray, count: int = 3, model: str = MODEL) -> list[ExaminedPhotograph]:
    """Pictures of one face, as far apart as dlib's of one person are."""
    noise = RANDOM.normal(0, 0.02, (count, 128)).astype(np.float32)
    return [ExaminedPhotograph(f"{n}.jpg", face + noise[n], {}, None, model) for n in range(count)]


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    rows = "".join(
        f"{key},{name},,,,,,,\n" for key, name in (("e1", "Ana"), ("e200", "Elena Ortiz"))
    )
    (tmp_path / "p.csv").write_text(",".join(COLUMNS) + "\n" + rows + "e3,Luis,,,,,,,\n")
    db = open_admin(tmp_path / "people.db")
    sync.apply(db, sync.plan(db, read_people(tmp_path / "p.csv", levels=(), zone=UTC)), by="t")
    return db


def known(vault: Vault = VAULT) -> EnrolledFaces:
    return EnrolledFaces(vault, limit=LIMIT, today=TODAY)


def store(
    db: sqlite3.Connection,
    person: str,
    found: list[ExaminedPhotograph],
    by: EnrolledFaces,
    **more: Any,
) -> int:
    return enrolment.store(db, VAULT, by, person, found, by="t", needed=3, **more).total


def insert(db: sqlite3.Connection, person: str, found: list[ExaminedPhotograph]) -> None:
    """Templates as they lie in people.db after a site changed its face model."""
    with db as connection:
        key = faces.key_for(connection, VAULT, person)
        stored._insert(connection, VAULT, person, key, found)


def test_the_same_face_under_another_id_is_refused_by_name_and_nothing_changes(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    face = a_face()
    every = known()
    store(db, "e200", looks(face), every)
    store(db, "e1", looks(a_face()), every)
    before = Roster(tmp_path / "people.db").templates("e1")
    with pytest.raises(DuplicateFace, match=r"already enrolled as e200 \(Elena Ortiz\)"):
        store(db, "e1", looks(face), every)
    assert Roster(tmp_path / "people.db").templates("e1") == before
    events = [e for e in Roster(tmp_path / "people.db").outbox(20) if e.type == "people.enrolled"]
    assert len(events) == 2


def test_the_same_person_may_be_enrolled_again_and_added_to(db: sqlite3.Connection) -> None:
    face, every = a_face(), known()
    assert store(db, "e200", looks(face), every) == 3
    assert store(db, "e200", looks(face), every) == 3
    assert store(db, "e200", looks(face, 1), every, mode=Mode.ADD) == 4


def test_twins_are_allowed_by_an_option_that_the_log_shows(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    face, every = a_face(), known()
    store(db, "e200", looks(face), every)
    store(db, "e1", looks(face), every, allow_duplicate=True)
    event = Roster(tmp_path / "people.db").outbox(20)[-1]
    twin = event.data["duplicate_of"]
    assert (event.subject, twin["person"]) == ("e1", "e200") and 0 < twin["distance"] <= LIMIT
    # Who is not a duplicate is not called one, though the option be given.
    store(db, "e3", looks(a_face()), every, allow_duplicate=True)
    assert "duplicate_of" not in Roster(tmp_path / "people.db").outbox(20)[-1].data


def test_an_enrolment_by_another_command_in_the_meantime_is_seen(db: sqlite3.Connection) -> None:
    face, mine, theirs = a_face(), known(), known()
    mine.follow(db)
    store(db, "e200", looks(face), theirs)
    with pytest.raises(DuplicateFace):
        store(db, "e1", looks(face), mine)
    # And one that was forgotten in the meantime is no obstacle.
    faces.forget(db, "e200", why="t", by="t")
    assert store(db, "e1", looks(face), mine) == 3


@pytest.mark.parametrize(("days", "refused"), [(-1, False), (0, True), (None, True)])
def test_who_is_past_their_last_day_is_not_compared(
    db: sqlite3.Connection, days: int | None, refused: bool
) -> None:
    face = a_face()
    store(db, "e200", looks(face), known())
    until = None if days is None else TODAY + timedelta(days)
    first = TODAY - timedelta(30)
    faces.set_consent(db, "e200", given_at=first, until=until, note="", by="t")
    if refused:
        with pytest.raises(DuplicateFace):
            store(db, "e1", looks(face), known())
    else:
        assert store(db, "e1", looks(face), known()) == 3


def test_templates_of_another_model_or_that_do_not_open_are_named_not_compared(
    db: sqlite3.Connection,
) -> None:
    face = a_face()
    store(db, "e200", looks(face, model="other-512"), known())
    every = known()
    assert store(db, "e1", looks(face), every) == 3
    assert every.uncompared(MODEL) == {"e200"}
    store(db, "e3", looks(a_face()), every)
    with db as connection:
        connection.execute("UPDATE template SET sealed = x'00' WHERE person_id = 'e1'")
    again = known()
    again.follow(db)
    assert again.unread == {"e1"}
    assert again.uncompared(MODEL) == {"e1", "e200"}


def test_a_refused_picture_is_compared_with_nobody(db: sqlite3.Connection) -> None:
    refused = [ExaminedPhotograph("a.jpg", None, {}, Refusal.NO_FACE)]
    assert store(db, "e1", refused, known()) == 0


def test_what_a_list_of_thousands_costs_is_paid_once(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = known()
    for person in ("e1", "e200"):
        store(db, person, looks(a_face()), every)
    every.follow(db)
    opened: list[sqlite3.Connection] = []
    monkeypatch.setattr(Vault, "open", lambda *_: opened.append(db))
    every.follow(db)
    assert opened == []


class Service:
    """A face process that says which model it has, and remembers what it was given."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.ready = asyncio.Event()
        self.ready.set()
        self.given: list[bytes] = []

    async def match(self, *given: Any, **more: Any) -> dict[str, Any]:
        self.given = list(given[2])
        return {"outcome": "match", "distance": 0.1, "frames": 1}


class Galleries(Service):
    """A face process that is given a gallery; `during` happens while it takes it."""

    def __init__(self) -> None:
        super().__init__(MODEL)
        self.starts = 1
        self.taken: list[tuple[int, list[str], bool]] = []
        self.during = lambda: None

    def gallery(self, people: dict[str, bytes], *, replace: bool = False) -> bool:
        packed = {key: base64.b64encode(value).decode() for key, value in people.items()}
        wire.encode({"op": "gallery", "people": packed, "replace": replace})
        self.taken.append((self.starts, sorted(people), replace))
        return True

    async def drained(self) -> None:
        during, self.during = self.during, lambda: None
        during()


@pytest.mark.parametrize("dies", ["restarts", "connection"])
async def test_a_face_process_that_dies_while_it_is_handed_the_gallery_gets_it_whole(
    db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    monkeypatch.setattr(biometric, "GALLERY_POLL_S", 0.05)
    store(db, "e1", looks(a_face()), known())
    service = Galleries()

    def die() -> None:
        service.starts += 1
        if dies == "connection":
            raise ConnectionResetError

    service.during = die
    path = tmp_path / "people.db"
    matcher = CardholderMatcher(service, Roster(path), KEY, FaceTable(), tmp_path)  # type: ignore[arg-type]
    task = asyncio.create_task(matcher.keep_gallery(path))
    async with asyncio.timeout(5):
        while (2, ["e1"], True) not in service.taken:
            assert not task.done()
            await asyncio.sleep(0.02)
    task.cancel()


async def test_a_gallery_of_long_templates_goes_in_messages_that_fit(
    db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another embedder may make 512 numbers of a face, and people may have many pictures."""
    names = [f"e{n}" for n in range(biometric.CHUNK)]
    opened = dict.fromkeys(names, bytes(10 * 512 * 4))
    monkeypatch.setattr(CardholderMatcher, "_open_all", lambda *_: opened)
    monkeypatch.setattr(biometric, "_enrolled", lambda path: dict.fromkeys(names, "1"))
    service, path = Galleries(), tmp_path / "people.db"
    matcher = CardholderMatcher(service, Roster(path), KEY, FaceTable(), tmp_path)  # type: ignore[arg-type]
    held = await matcher._bring(path, {}, replace=True)
    assert sorted(held) == sorted(name for _, people, _ in service.taken for name in people)
    assert [replace for _, _, replace in service.taken] == [True] + [False] * (
        len(service.taken) - 1
    )


@pytest.mark.parametrize(
    ("mine", "others", "compared"),
    [(3, 0, 3), (3, 2, 3), (2, 3, None), (0, 3, None), (2, 0, 2)],
)
async def test_only_templates_of_the_model_in_use_are_compared(
    db: sqlite3.Connection, tmp_path: Path, mine: int, others: int, compared: int | None
) -> None:
    face = a_face()
    for count, model in ((mine, MODEL), (others, "other-128")):
        if count:
            insert(db, "e1", looks(face, count, model))
    service = Service(MODEL)
    roster = Roster(tmp_path / "people.db")
    matcher = CardholderMatcher(service, roster, KEY, FaceTable(), tmp_path)  # type: ignore[arg-type]
    result = await matcher.match("gate", "e1", 0.0)
    if compared is None:  # the door wants three of this model: two are not enough
        assert result.outcome is FaceOutcome.UNAVAILABLE and "enrol anew" in result.detail
        assert service.given == []
    else:
        assert result.outcome is FaceOutcome.MATCH
        assert len(service.given) == result.about["templates"] == compared
