"""The commands as a user meets them: words, exit codes, JSON, and never a traceback."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.rig import Rig
from gateway import config
from gateway.decide.model import Reason
from gateway.desk.text import defused
from gateway.face.evidence import Evidence, Kept, site_sealer
from gateway.face.refusal import SENTENCES, Refusal
from gateway.ledger import Ledger, LedgerReader
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import LANGUAGES
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault
from gateway.wording import text

ROOT = Path(__file__).parents[3]
PEOPLE = [
    {"id": "e1", "name": "Ana [x]", "credentials": "em4100:18:5550100", "access_levels": "plant"},
    {"id": "e2", "name": "=SUM(A1)", "credentials": "em4100:18:5550200", "access_levels": "plant"},
]


@pytest.fixture
async def rig(make_rig: Callable[..., Rig]) -> AsyncIterator[Rig]:
    yield make_rig()


async def synced(rig: Rig) -> None:
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")


async def test_a_sync_is_shown_before_it_is_applied(rig: Rig) -> None:
    path = str(rig.write_people(PEOPLE))
    dry = await rig.acli("people", "sync", path)
    assert "2 added, 0 changed, 0 removed, 0 unchanged" in dry.stdout
    assert "nothing was changed" in dry.stdout
    assert json.loads((await rig.acli("people", "list", "--json")).stdout) == []
    done = await rig.acli("people", "sync", path, "--apply", "--json")
    answer = json.loads(done.stdout)
    assert (answer["version"], answer["counts"]["added"]) == (1, 2)
    again = await rig.acli("people", "sync", path, "--apply")
    assert "in force already" in again.stdout
    assert "Ana [x]" in (await rig.acli("people", "list")).stdout


async def test_a_list_with_errors_is_refused_whole_with_code_3(rig: Rig) -> None:
    await synced(rig)
    path = rig.folder / "bad.csv"
    path.write_text("id,name,credentials,access_levels\ne1,Ana,5550999,plant\ne1,B,,nowhere\n")
    done = await rig.acli("people", "sync", str(path), "--apply", check=False)
    assert done.returncode == 3
    assert "bad.csv: line 2, credentials: a card's number alone" in done.stderr
    assert "line 3, access_levels" in done.stderr and "5550999" not in done.stderr
    done = await rig.acli("people", "sync", str(path), "--apply", "--json", check=False)
    assert done.returncode == 3 and len(json.loads(done.stdout)["errors"]) == 3
    path.write_text("id,name,credentials,access_levels\n")
    assert (await rig.acli("people", "sync", str(path), "--apply", check=False)).returncode == 3
    assert len(json.loads((await rig.acli("people", "list", "--json")).stdout)) == 2
    await rig.acli("people", "sync", str(path), "--apply", "--allow-empty")
    assert json.loads((await rig.acli("people", "list", "--json")).stdout) == []


async def test_badges_are_masked_unless_asked_for(rig: Rig) -> None:
    await synced(rig)
    assert "5550100" not in (await rig.acli("people", "show", "e1")).stdout
    assert "5550100" in (await rig.acli("people", "show", "e1", "--reveal")).stdout
    done = await rig.acli("people", "show", "e9", check=False)
    assert done.returncode == 1 and "nobody on the list has the id e9" in done.stderr
    assert (await rig.acli("people", "revoke", "e9", "--reason", "x", check=False)).returncode == 1


async def test_acts_are_recorded_without_a_running_gateway(rig: Rig) -> None:
    await synced(rig)
    await rig.acli("people", "revoke", "e1", "--reason", "lost")
    tail = (await rig.acli("log", "tail")).stdout
    assert "list version 1: 2 added" in tail and "access revoked: lost" in tail
    show = await rig.acli("log", "show", "2", "--json")
    assert json.loads(show.stdout)["type"] == "people.synced"


async def test_verify_export_and_their_exit_codes(rig: Rig) -> None:
    await synced(rig)
    head = json.loads((await rig.acli("log", "verify", "--json")).stdout)["head"]
    noted = f"{head['seq']}:{head['hash']}"
    assert (await rig.acli("log", "verify", "--head", noted)).returncode == 0
    forged = f"{head['seq']}:{'0' * 64}"
    done = await rig.acli("log", "verify", "--head", forged, check=False)
    assert done.returncode == 3 and "BROKEN" in done.stdout
    assert (await rig.acli("log", "verify", "--head", "x", check=False)).returncode == 2
    lines = (await rig.acli("log", "export")).stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2]
    out = rig.folder / "out.csv"
    await rig.acli("log", "export", "--format", "csv", "-o", str(out), "--type", "people")
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert [row["type"] for row in rows] == ["people.synced"]
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")  # as UTF-8 in Excel
    begun = datetime.fromisoformat(rows[0]["time"]).astimezone(ZoneInfo("America/Tijuana"))
    assert rows[0]["local_time"] == f"{begun:%Y-%m-%d %H:%M:%S}"
    again = await rig.acli("log", "export", "-o", str(out), check=False)
    assert again.returncode == 1 and "exists" in again.stderr
    assert (await rig.acli("log", "export", "--format", "xml", check=False)).returncode == 2
    assert (await rig.acli("log", "show", "99", check=False)).returncode == 1


async def test_square_brackets_in_a_message_are_no_markup(rig: Rig) -> None:
    done = await rig.acli("reader", "watch", "none", check=False)
    assert "there is no [readers.none]" in done.stderr
    await synced(rig)
    done = await rig.acli("people", "show", "[/x]", check=False)
    assert done.returncode == 1 and "has the id [/x]" in done.stderr


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_name_is_no_formula(cell: str) -> None:
    assert defused(cell) == "'" + cell
    assert defused("Ana") == "Ana"


async def test_nothing_there_is_said_in_a_sentence(rig: Rig) -> None:
    for command, code in (
        (("status",), 5),
        (("log", "tail"), 5),
        (("clock", "accept"), 5),
        (("people", "sync", "none.csv"), 3),
        (("reader", "watch", "none"), 1),
        (("people", "enroll", "e1"), 2),
        (("people", "enroll", "e1", "none.jpg"), 1),
        (("key", "new", str(rig.folder / "site.key")), 1),
    ):
        done = await rig.acli(*command, config=command[0] != "key", check=False)
        assert done.returncode == code, (command, done)
        assert "Traceback" not in done.stderr and (done.stderr or done.stdout).strip()


async def test_one_face_in_two_folders_is_enrolled_once(rig: Rig, photos: Path) -> None:
    await synced(rig)
    folder = rig.folder / "faces"
    for person, names in (
        ("e1", ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")),
        ("e2", ("obama3.jpg", "obama_partial_face2.jpg")),
    ):
        for number, name in enumerate(names):
            (folder / person).mkdir(parents=True, exist_ok=True)
            (folder / person / f"{number}.jpg").symlink_to(photos / name)
    done = await rig.acli("people", "enroll", "--folder", str(folder), check=False)
    assert done.returncode == 1
    assert "e1: 3 templates" in done.stdout
    assert "e2: this face is already enrolled as e1 (Ana [x])" in done.stdout
    photo = str(photos / "obama3.jpg")
    done = await rig.acli("people", "enroll", "e2", photo, "--json", check=False)
    (answer,) = json.loads(done.stdout)
    assert answer["templates"] == 0 and "already enrolled as e1" in answer["error"]
    twins = ("people", "enroll", "e2", photo, "--allow-duplicate")
    done = await rig.acli(*twins, check=False)  # one picture: stored, and more are wanted
    assert "e2: 1 template," in done.stdout


async def test_an_installer_sees_what_a_reader_reads(rig: Rig) -> None:
    watching = await rig.acli("reader", "list")
    assert "gate-in" in watching.stdout and "rdm6300" in watching.stdout
    import asyncio

    task = asyncio.create_task(rig.acli("reader", "watch", "yard-in", "--seconds", "4"))
    for _ in range(30):
        await asyncio.sleep(0.1)
        rig.yard_reader.present(18, 5550100)
    done = await task
    assert "em4100:18:5550100" in done.stdout


async def test_locks_are_put_to_rest_by_hand(rig: Rig) -> None:
    done = await rig.acli("lock", "rest")
    assert "board: at rest" in done.stdout
    await rig.board.wait_for(1, False)
    await rig.board.wait_for(2, False)
    rig.board.unplug()
    assert (await rig.acli("lock", "rest", check=False)).returncode == 5


@pytest.mark.slow
def test_every_command_explains_itself() -> None:
    run = [sys.executable, "-m", "gateway.cli.main"]
    top = subprocess.run([*run, "--help"], capture_output=True, text=True, check=True).stdout
    assert "Exit codes" in top
    for group in ("people", "log", "reader", "key", "clock", "lock"):
        done = subprocess.run([*run, group, "--help"], capture_output=True, text=True, check=True)
        assert group in top and "Commands" in done.stdout


async def test_consent_is_written_listed_and_forgotten(rig: Rig) -> None:
    await synced(rig)
    face = ("face", "consent", "e1", "--date")
    assert (await rig.acli(*face, "2999-01-01", check=False)).returncode == 2
    assert (await rig.acli(*face, "yesterday", check=False)).returncode == 2
    late = await rig.acli(*face, "2026-11-01", "--until", "2026-10-31", check=False)
    assert late.returncode == 2
    nobody = await rig.acli("face", "consent", "e9", "--date", "2026-11-01", check=False)
    assert nobody.returncode == 1
    await rig.acli(*face, "2026-11-01", "--until", "2026-11-02", "--note", "[paper]")
    listed = json.loads((await rig.acli("face", "consent", "--list", "--json")).stdout)
    assert [(row["person"], row["note"]) for row in listed] == [("e1", "[paper]")]
    assert "[paper]" in (await rig.acli("face", "consent", "--list")).stdout
    purge = ("face", "purge", "--json")
    other_day = await rig.acli(*purge, "--today", "2026-11-03", check=False)
    assert other_day.returncode == 1 and "the clock shows" in other_day.stderr
    today = datetime.now(ZoneInfo("America/Tijuana")).date().isoformat()
    done = await rig.acli(*purge, "--today", today)
    assert json.loads(done.stdout) == {"purged": ["e1"]}
    gone = await rig.acli("face", "forget", "e1", "--reason", "asked", check=False)
    assert gone.returncode == 1 and "nothing is kept" in gone.stderr
    assert json.loads((await rig.acli("face", "keys", "--json")).stdout) == []


# Words


def test_every_reason_has_words_in_every_language_and_a_line_in_the_docs() -> None:
    docs = (ROOT / "docs" / "reasons.md").read_text()
    assert {reason.value for reason in Reason} == set(text.REASONS)
    for reason in Reason:
        said = {text.reason(reason.value, language) for language in LANGUAGES}
        assert len(said) == len(LANGUAGES), reason
        assert f"`{reason.value}`" in docs, reason
    in_docs = set(re.findall(r"`((?:denied|granted|face|pin|escort|second|confirm)_?\w*)`", docs))
    assert in_docs == {reason.value for reason in Reason}
    assert set(SENTENCES) == set(Refusal)


def test_every_event_type_has_words_and_is_documented() -> None:
    docs = (ROOT / "docs" / "mqtt.md").read_text()
    assert {kind.value for kind in EventType} == set(text.EVENTS)
    for kind in text.EVENTS:
        event = Event(1, "i", "t", kind, "s", {}, "", "")
        said = {text.describe(event, language) for language in LANGUAGES}
        assert len(said) == len(LANGUAGES) and all(said), kind
        assert f"`{kind}`" in docs, kind


def test_a_decision_is_told_with_its_detail() -> None:
    data = {
        "reason": "denied_expired",
        "rule": "valid until 2025-06-30",
        "person": {"name": "Diego {0}"},
    }
    event = Event(1, "i", "t", "access.denied", "gate", data, "", "")
    assert text.describe(event, "es") == (
        "Diego {0} no pasa: ya no está vigente (vigente hasta 2025-06-30)"
    )
    assert text.describe(event, "en").endswith("no longer valid (valid until 2025-06-30)")


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ("2 of 3 templates", "2 de 3 plantillas"),
        ("7 of 5", "7 de 5"),
        ("training of Norte SA", "training de Norte SA"),
        ("in dock since 2026-11-26 05:00", "en dock desde 2026-11-26 05:00"),
        (
            "outside since 2026-11-26 05:00, not in yard",
            "afuera desde 2026-11-26 05:00, no en yard",
        ),
        ("plant/always", "plant/always"),
    ],
)
def test_details_of_decisions_are_recorded_in_english_and_told_in_spanish(
    recorded: str, said: str
) -> None:
    assert text.detail(recorded, "es") == said
    assert text.detail(recorded, "en") == recorded


def test_a_clock_days_behind_says_by_how_far_and_what_to_do() -> None:
    data = {"seconds": 0.0, "trusted": False, "behind_s": 273_600.4}
    event = Event(1, "i", "t", "clock.stepped", "gate", data, "", "")
    assert text.describe(event).startswith("the clock is 3 d 4 h behind the newest record")
    assert "garita clock accept" in text.describe(event, "es")
    moved = Event(1, "i", "t", "clock.stepped", "gate", {"seconds": 3600, "trusted": True}, "", "")
    assert text.describe(moved) == "the clock moved by 3600 s"
    shown = [text.duration(seconds) for seconds in (0, 59.6, 3_600, 86_401, 7_325)]
    assert shown == ["0 s", "1 min", "1 h", "1 d", "2 h 2 min"]


async def test_the_auditors_script_in_the_docs(tmp_path: Path) -> None:
    docs = (ROOT / "docs" / "ledger.md").read_text()
    script = re.search(r"```python\n(.*?)```", docs, re.DOTALL)
    assert script is not None
    (tmp_path / "check.py").write_text(script[1])
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, gateway="g")
    for _ in range(5):
        await ledger.append(NewEvent("t", data={"ñ": 1}))
    ledger.close()

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "check.py"), str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    report = LedgerReader(path).verify()
    good = check()
    assert good.returncode == 0 and f"head 6:{report.head_hash}" in good.stdout
    import sqlite3

    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER events_no_update; UPDATE events SET body = '{}' WHERE seq = 3;")
    db.close()
    assert check().returncode == 1


def test_the_example_list_fits_the_example_configuration() -> None:
    from gateway.config import load
    from gateway.people.sync.file import read_people

    settings = load(ROOT / "config" / "garita.toml")
    source = read_people(
        ROOT / "config" / "people.example.csv", levels=settings.site.access_levels, zone=UTC
    )
    assert source.errors == [] and len(source.people) == 4


async def test_a_picture_is_taken_out_with_a_record_of_who_did(rig: Rig) -> None:
    await synced(rig)
    settings = config.load(rig.config)
    key = SiteKey.load(settings.tables.site.key_file)
    reader = LedgerReader(settings.ledger_path)
    event = reader.get(1)
    assert event is not None
    store = Evidence(settings.evidence_path, min_free=0)
    day = date.fromisoformat(event.time[:10])
    assert store.keep(event.id, day, b"jpeg", site_sealer(key), None) is Kept.KEPT
    out = rig.folder / "seen.jpg"
    await rig.acli("face", "picture", "1", "--out", str(out))
    assert out.read_bytes() == b"jpeg" and out.stat().st_mode & 0o077 == 0
    seen = reader.tail(1)[0]
    assert (seen.type, seen.data["seq"]) == ("face.picture_viewed", 1)
    again = await rig.acli("face", "picture", "1", "--out", str(out), check=False)
    assert again.returncode == 1 and reader.tail(1)[0].seq == seen.seq
    # Sealed with a key that was destroyed since: gone for good.
    vault = Vault(key)
    person_key = vault.new_key("e1")
    sealer = vault.sealer("e1", person_key)
    assert store.keep(seen.id, day, b"jpeg", sealer, ("e1", person_key[0])) is Kept.KEPT
    gone = await rig.acli("face", "picture", str(seen.seq), "--out", f"{out}2", check=False)
    assert gone.returncode == 1 and "destroyed" in gone.stderr
    reader.close()
