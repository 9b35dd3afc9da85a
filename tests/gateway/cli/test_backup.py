"""A gate in one file while it works, and a gate of that file: nothing is signed twice."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import threading
from contextlib import closing, suppress
from pathlib import Path

import pyrage
import pytest

from gateway import config
from gateway.backup.contents import BackupError
from gateway.backup.sealing import by_passphrase, identities
from gateway.daemon.openlog import open_log
from gateway.ledger import LedgerReader, LedgerUnavailable
from gateway.ledger.event import EventType, NewEvent
from tests.gateway.cli.conftest import Site

PHRASE = "a long enough passphrase"


@pytest.fixture
def phrase(tmp_path: Path) -> str:
    path = tmp_path / "phrase"
    path.write_text(f"{PHRASE}\n")
    return str(path)


def append(site: Site, count: int) -> None:
    with closing(open_log(config.load(site.config))) as ledger:
        for _ in range(count):
            ledger.append_sync(NewEvent(EventType.DOOR_REX, "yard"))


def empty(site: Site) -> Path:
    """Move the data away, as on a new box; returns where they are now."""
    folder = config.load(site.config).tables.site.data_dir
    away = folder.with_name("away")
    folder.rename(away)
    folder.mkdir()
    return away


def types(path: Path) -> list[str]:
    with closing(LedgerReader(path)) as reader:
        assert not [p for p in reader.verify().problems if "missing" not in p.what]
        return [event.type for event in reader.after(0, 10_000)]


@pytest.mark.parametrize("clear", [False, True])
def test_a_gate_comes_back_and_its_log_goes_on_under_a_new_name(
    site: Site, tmp_path: Path, phrase: str, clear: bool
) -> None:
    append(site, 5)
    settings = config.load(site.config)
    (settings.tables.site.data_dir / "doors.json").write_text("{}")
    file = tmp_path / "gate.backup"
    before = types(settings.ledger_path)
    words = ["backup", str(file), "--passphrase-file", phrase, *(["--clear"] if clear else [])]
    done = site.run(*words)
    assert done.exit_code == 0, done.output
    assert site.run(*words).exit_code == 1  # nothing is replaced
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(settings.tables.site.data_dir.glob(".backup-*"))
    # The log says so, after what is in the backup.
    assert types(settings.ledger_path) == [*before, EventType.BACKUP_MADE]
    with closing(LedgerReader(settings.ledger_path)) as reader:
        made = reader.tail(1)[0].data
    assert (made["file"], made["last_seq"], made["clear"]) == ("gate.backup", len(before), clear)
    assert made["criteria"] == ["4.12"] and PHRASE not in json.dumps(made)
    append(site, 3)  # what the backup does not know
    away = empty(site)
    key = Path(settings.tables.site.key_file)
    was = key.read_bytes()
    key.unlink()
    done = site.run("restore", str(file), "--passphrase-file", phrase)
    assert done.exit_code == 0, done.output
    assert key.read_bytes() == was and key.stat().st_mode & 0o777 == 0o600
    found = types(settings.ledger_path)
    assert found[: len(before)] == before
    assert found[len(before) :] == [EventType.LEDGER_CREATED, EventType.ALARM_LOG_LOST]
    with closing(LedgerReader(settings.ledger_path)) as reader:
        created = reader.after(len(before), 1)[0]
    assert created.data["follows"]["known_by"] == "restore"
    assert created.data["follows"]["missing"] == 0
    assert (settings.tables.site.data_dir / "doors.json").read_text() == "{}"
    with closing(sqlite3.connect(settings.people_path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    # Started again and again, it is one new origin.
    append(site, 1)
    append(site, 1)
    assert types(settings.ledger_path).count(EventType.LEDGER_CREATED) == 2
    # No id comes twice in what was published before and after.
    with (
        closing(LedgerReader(away / "ledger.db")) as old,
        closing(LedgerReader(settings.ledger_path)) as new,
    ):
        lost = {e.id for e in old.after(len(before), 100)}
        assert lost.isdisjoint(e.id for e in new.after(len(before), 100))
    # It is not put over a gate that is there.
    assert site.run("restore", str(file), "--passphrase-file", phrase).exit_code == 1
    assert not list(settings.tables.site.data_dir.glob(".restore-*"))


def test_a_whole_box_is_made_anew(site: Site, tmp_path: Path, phrase: str) -> None:
    """The configuration is gone as well."""
    settings = config.load(site.config)
    file = tmp_path / "gate.backup"
    assert site.run("backup", str(file), "--passphrase-file", phrase).exit_code == 0
    text = site.config.read_text()
    shutil.rmtree(settings.tables.site.data_dir)
    Path(settings.tables.site.key_file).unlink()
    shutil.rmtree(site.config.parent)
    done = site.run("restore", str(file), "--passphrase-file", phrase, "--json")
    assert done.exit_code == 0, done.output
    assert site.config.read_text() == text
    assert json.loads(done.stdout)["kept"] == []
    assert site.run("log", "tail").exit_code == 0


def test_it_is_made_while_others_write(site: Site, tmp_path: Path, phrase: str) -> None:
    settings = config.load(site.config)
    over = threading.Event()
    written: list[int] = []

    def write() -> None:
        with closing(open_log(settings)) as ledger:
            while not over.is_set():
                with suppress(LedgerUnavailable):  # a busy machine
                    written.append(ledger.append_sync(NewEvent(EventType.DOOR_REX, "yard")).seq)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(written) < 20:
            over.wait(0.01)
        known = written[-1]
        file = tmp_path / "gate.backup"
        done = site.run("backup", str(file), "--passphrase-file", phrase)
        assert done.exit_code == 0, done.output
    finally:
        over.set()
        thread.join(60)
    empty(site)
    done = site.run("restore", str(file), "--passphrase-file", phrase, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["last_seq"] >= known
    types(settings.ledger_path)


def test_for_a_recipient_and_with_age_alone(site: Site, tmp_path: Path) -> None:
    own, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    file, key, wrong = tmp_path / "gate.backup", tmp_path / "key", tmp_path / "wrong"
    key.write_text(f"# made by age-keygen\n{own}\n")
    wrong.write_text(f"{other}\n")
    assert site.run("backup", str(file), "--recipient", "nonsense").exit_code == 1
    done = site.run("backup", str(file), "--recipient", str(own.to_public()))
    assert done.exit_code == 0, done.output
    settings = config.load(site.config)
    with tarfile.open(file) as tar:
        assert set(tar.getnames()) == {
            "garita-backup.json",
            "secret.tar.zst.age",
            "data.tar.zst.age",
        }
        sealed = tar.extractfile("data.tar.zst.age")
        assert sealed is not None
        assert pyrage.decrypt(sealed.read(), [own])[:4] == b"\x28\xb5\x2f\xfd"  # zstd
    assert settings.tables.site.gateway.encode() in file.read_bytes()  # the header alone is clear
    assert b"SQLite format 3" not in file.read_bytes()
    empty(site)
    assert site.run("restore", str(file), "--identity", str(wrong)).exit_code == 1
    assert not settings.ledger_path.exists()
    assert site.run("restore", str(file), "--identity", str(key)).exit_code == 0


def test_what_is_not_a_whole_backup_changes_nothing(
    site: Site, tmp_path: Path, phrase: str
) -> None:
    own = pyrage.x25519.Identity.generate()
    file, bad, key = tmp_path / "gate.backup", tmp_path / "bad", tmp_path / "key"
    key.write_text(str(own))
    assert site.run("backup", str(file), "--recipient", str(own.to_public())).exit_code == 0
    folder = config.load(site.config).tables.site.data_dir
    empty(site)
    whole = file.read_bytes()

    def refused(data: bytes) -> None:
        bad.write_bytes(data)
        done = site.run("restore", str(bad), "--identity", str(key))
        assert done.exit_code == 1, done.output
        assert "Traceback" not in done.output
        assert list(folder.iterdir()) == []

    for data in (b"", b"\0" * 20_000, b"garbage" * 500, whole[:1000]):
        refused(data)
    with tarfile.open(file) as tar:
        sealed = [member for member in tar.getmembers() if member.name.endswith(".age")]
    for part in sealed:
        for at in (part.offset_data, part.offset_data + part.size // 2):
            refused(whole[:at])
            changed = bytearray(whole)
            changed[at] ^= 1
            refused(bytes(changed))
        last = part.offset_data + part.size - 1
        refused(whole[:last] + bytes([whole[last] ^ 1]) + whole[last + 1 :])
    outside = tmp_path / "outside.tar"
    with tarfile.open(outside, "w") as tar:
        tar.add(key, "../../escaped")
    refused(outside.read_bytes())
    assert not (tmp_path.parent / "escaped").exists()
    assert site.run("restore", str(tmp_path / "none"), "--identity", str(key)).exit_code == 1
    assert site.run("restore", str(file), "--passphrase-file", phrase).exit_code == 1
    assert site.run("restore", str(file), "--identity", str(key)).exit_code == 0


def test_another_passphrase_opens_nothing(site: Site, tmp_path: Path, phrase: str) -> None:
    file, wrong = tmp_path / "gate.backup", tmp_path / "wrong"
    wrong.write_text("another passphrase entirely")
    assert site.run("backup", str(file), "--passphrase-file", phrase).exit_code == 0
    empty(site)
    done = site.run("restore", str(file), "--passphrase-file", str(wrong))
    assert done.exit_code == 1 and "passphrase does not open" in done.output


def test_a_short_passphrase_and_another_site_key(site: Site, tmp_path: Path, phrase: str) -> None:
    short = tmp_path / "short"
    short.write_text("short\n")
    file = tmp_path / "gate.backup"
    assert site.run("backup", str(file), "--passphrase-file", str(short)).exit_code == 1
    assert not file.exists()
    assert site.run("backup", str(file), "--passphrase-file", phrase).exit_code == 0
    settings = config.load(site.config)
    empty(site)
    Path(settings.tables.site.key_file).write_bytes(b"another key")
    done = site.run("restore", str(file), "--passphrase-file", phrase)
    assert done.exit_code == 1 and "another site key" in done.output
    assert not settings.ledger_path.exists()


def test_a_full_disk_leaves_no_half_of_a_backup(
    site: Site, tmp_path: Path, phrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.backup.make.tarfile.TarFile.add", full)
    file = tmp_path / "gate.backup"
    done = site.run("backup", str(file), "--passphrase-file", phrase)
    assert done.exit_code == 1 and "No space left" in done.output
    assert not file.exists()
    assert not list(config.load(site.config).tables.site.data_dir.glob(".backup-*"))


def test_a_backup_of_a_faster_machine_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyrage tunes its work to the machine, and refuses much more than that."""
    sealed = by_passphrase(PHRASE).identity
    assert sealed is not None
    assert len(identities(sealed=sealed, passphrase=PHRASE, keys=[])) == 1
    for wrong in (b"", sealed[:-1], sealed[:40], sealed.replace(b"--- ", b"--- A", 1)):
        with pytest.raises(BackupError, match="does not open"):
            identities(sealed=wrong, passphrase=PHRASE, keys=[])
    monkeypatch.setattr("gateway.backup.sealing.MOST_WORK", 1)
    with pytest.raises(BackupError, match="does not open"):
        identities(sealed=sealed, passphrase=PHRASE, keys=[])
