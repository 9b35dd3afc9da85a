"""`garita setup` at a real terminal, in both languages, to a badge that opens a simulated door."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard
from gateway import config
from gateway.ledger import LedgerReader
from gateway.ledger.event import EventType
from gateway.vault.sitekey import SiteKey
from tests.terminal import GARITA, ROOT, Terminal

SAID = ("--gateway", "gate-1", "--timezone", "UTC", "--door", "main-gate", "--fail", "secure")
WHO = ("--person", "Ana Ruiz", "--operator", "ana")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """`garita setup` for a gate in a folder of the test's own."""
    made: list[Terminal] = []

    def start(*words: str, **environment: str) -> Terminal:
        environment = {"GARITA_LANG": "", "LC_ALL": "C.UTF-8", **environment}
        one = Terminal("-c", str(tmp_path / "g" / "garita.toml"), "setup", *words, **environment)
        made.append(one)
        return one

    yield start
    for one in made:
        one.close()


def unattended(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GARITA, "-c", str(folder / "g" / "garita.toml"), "setup", "--yes", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "GARITA_LANG": "en"},
    )


def opened(folder: Path) -> list[int]:
    settings = config.load(folder / "g" / "garita.toml")
    with closing(LedgerReader(settings.ledger_path)) as reader:
        return [e.seq for e in reader.tail(100) if e.type == EventType.DOOR_UNLOCKED]


@pytest.mark.slow
def test_a_stranger_answers_and_a_badge_opens_the_door(
    at: Callable[..., Terminal], tmp_path: Path
) -> None:
    one = at("--simulated")
    one.answer(r"Idioma \[1\]", "1")
    one.answer("for a new gate", "/no/such.backup")
    one.answer("is not there now(.|\n)*for a new gate")
    one.answer("Name of this box", "Caseta Ñandú 1")
    one.answer(r"use letters, digits(.|\n)*\[caseta-nandu-1\]: ")
    one.answer("Time zone", "Mars/Base")
    one.answer("not an IANA time zone(.|\n)*Time zone", "America/Tijuana")
    one.answer("Hold a badge to the reader now")
    one.expect(r"rdm6300 at\s\S+reader,\s9600 baud; a badge that ends with 01")
    one.answer(r"Port of the relay board \(LCUS\) \[1\]", "9")
    one.answer("Type a number from 1")  # Enter takes the only adapter that is left
    one.answer("Relays on the board", "17")
    one.answer("from 1 to 16(.|\n)*Relays on the board", "2")
    one.answer("Relay of this door")
    one.answer("a magnet(.|\n)*Without power", "1")
    one.answer("Name of the door")
    one.answer("No camera is attached(.|\n)*Number, or an address")
    one.answer("Whose badge it is", "")
    one.answer("Whose badge it is", "Ana Ruiz")
    one.answer(r"sign in at the console \[ana\]")
    one.answer("mosquitto on this box(.|\n)*MQTT", "2")
    one.answer("Names by which others reach it", "gate.example.com")
    one.answer("Others who log in there", "collector")
    one.answer("Who administers the gate", "no-such-account")
    one.answer("has no account no-such-account(.|\n)*Who administers")
    one.answer("Guards and HR")
    one.answer("What will be done(.|\n)*Do it?", "y")
    one.expect(r"tried \(MQTT ")
    one.expect("Ana Ruiz may pass(.|\n)*This gate works", 120)
    assert one.end() == 0
    lines = [line for line in one.text.splitlines() if str(tmp_path) not in line]
    assert all(len(line) <= 80 for line in lines), one.text
    assert "\x1b[?" not in one.text and "1001" not in one.text
    settings = config.load(tmp_path / "g" / "garita.toml")
    assert settings.site.gateway == "caseta-nandu-1"
    SiteKey.load(settings.tables.site.key_file)
    for path in (tmp_path / "g").rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert len(opened(tmp_path)) == 1
    assert not (tmp_path / "g" / ".setup-answers.toml").exists()


@pytest.mark.slow
async def test_en_espanol_con_lectora_y_tarjeta_de_relevadores(
    at: Callable[..., Terminal], tmp_path: Path
) -> None:
    """The devices are the test's own, and their paths are typed; the badge comes at the end."""
    (tmp_path / "dev").mkdir()
    reader = VirtualRdm6300(tmp_path / "dev" / "reader")
    board = VirtualRelayBoard(tmp_path / "dev" / "board")
    one = at(*SAID, "--camera", "", "--broker", "none")

    def talk() -> None:
        one.answer("Idioma", "2")
        one.answer("respaldo")
        one.answer("Acerque un gafete")
        one.answer("Puerto del lector", str(tmp_path / "gone"))
        one.answer("no está ahora(.|\n)*todos modos", "n")
        one.answer("Puerto del lector", str(reader.path))
        one.answer("Tipo de lector", "1")
        one.answer("Velocidad")
        one.answer("Gafete de la primera persona", "em4100:18:1001")
        one.answer("Puerto de la tarjeta de relevadores", str(board.path))
        one.answer("Relevadores de la tarjeta", "1")
        one.answer("Relevador de esta puerta", "1")
        one.answer("De quién es el gafete", "Begoña Núñez")
        one.answer("entra a la consola", "")
        one.answer("Quién administra")
        one.answer("Guardias")
        one.answer("Lo que se hará(.|\n)*Hacerlo", "s")
        one.expect("Acerque el gafete al lector", 120)

    try:
        await asyncio.to_thread(talk)
        reader.present(18, 9999)
        await asyncio.to_thread(one.expect, "Rechazado")
        reader.present(18, 1001)
        await asyncio.to_thread(one.expect, "Begoña Núñez puede pasar(.|\n)*funciona", 60)
        assert await asyncio.to_thread(one.end) == 0
        assert any(switch.on for switch in board.log)
    finally:
        reader.close()
        board.close()
    assert len(opened(tmp_path)) == 1


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_half_and_the_next_run_proposes_the_answers(
    at: Callable[..., Terminal], tmp_path: Path
) -> None:
    one = at("--simulated", "--language", "en")
    one.answer("for a new gate")
    one.answer("Name of this box", "north")
    one.answer("Time zone", "UTC")
    one.expect("Hold a badge")
    one.interrupt()
    assert one.end() == 130
    left = {path.name for path in (tmp_path / "g").iterdir()}
    assert left == {"dev", ".setup-answers.toml"}
    kept = tmp_path / "g" / ".setup-answers.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and "badge" not in kept.read_text()
    one = at("--simulated", "--language", "en")
    one.answer("for a new gate")
    one.expect("its answers are proposed")
    one.expect(r"Name of this box, in every record \[north\]")
    os.killpg(one.process.pid, signal.SIGTERM)
    one.end()
    assert not (tmp_path / "g" / "garita.toml").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_gateway_of_the_first_badge_ends_with_the_set_up(
    tmp_path: Path, number: signal.Signals
) -> None:
    """A shutdown, and a terminal that went away while somebody was to hold the badge."""
    config_path = tmp_path / "g" / "garita.toml"
    words = ["--simulated", *SAID, *WHO, "--reader-port", str(tmp_path / "g/dev/reader")]
    words += ["--reader-driver", "rdm6300", "--badge", "em4100:18:1002", "--wait-s", "60"]
    words += ["--lock-port", str(tmp_path / "g/dev/board")]
    process = subprocess.Popen(
        [*GARITA, "-c", str(config_path), "setup", "--yes", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while not (gateways := _gateways(config_path)):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(40) in (3, 130)
        assert _gateways(config_path) == []
    finally:
        process.kill()
        for pid in _gateways(config_path):
            os.kill(pid, signal.SIGKILL)
    assert gateways


def _gateways(config_path: Path) -> list[int]:
    """The daemons of this configuration."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"gateway.daemon" in words and str(config_path).encode() in words:
                found.append(int(path.parent.name))
    return found


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_is_killed_at_any_time_is_gone_on_from(tmp_path: Path) -> None:
    words = ["--simulated", *SAID, *WHO, "--reader-port", str(tmp_path / "g/dev/reader")]
    words += ["--reader-driver", "rdm6300", "--badge", "em4100:18:1001", "--broker", "own"]
    words += ["--lock-port", str(tmp_path / "g/dev/board"), "--wait-s", "0"]
    command = [*GARITA, "-c", str(tmp_path / "g" / "garita.toml"), "setup", "--yes", *words]
    keys: dict[Path, bytes] = {}
    for files in (1, 4, 7, 10, 13):  # killed as soon as there are so many
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=ROOT
        )
        while process.poll() is None and len(list((tmp_path / "g").rglob("*.*"))) < files:
            time.sleep(0.002)
        process.kill()
        process.wait()
        for path in (tmp_path / "g").rglob("*.key"):
            data = path.read_bytes()
            assert data and keys.setdefault(path, data) == data
        if (tmp_path / "g" / "garita.toml").exists():
            config.load(tmp_path / "g" / "garita.toml")
    last = unattended(tmp_path, *words)
    assert last.returncode == 0, last.stdout + last.stderr
    assert {path: path.read_bytes() for path in keys} == keys
    again = unattended(tmp_path, *words, "--wait-s", "60")
    assert again.returncode == 0 and "This gate works" in again.stdout, again.stdout + again.stderr


@pytest.mark.long
@pytest.mark.slow
def test_a_gate_of_a_backup_goes_on_where_nothing_was(tmp_path: Path) -> None:
    board, phrase = str(tmp_path / "g/dev/board"), tmp_path / "phrase"
    said = [*SAID, *WHO, "--reader-port", str(tmp_path / "g/dev/reader"), "--lock-port", board]
    said += ["--reader-driver", "rdm6300", "--badge", "em4100:18:1001", "--simulated"]
    assert unattended(tmp_path, *said).returncode == 0
    phrase.write_text("a long pass phrase\n")
    words = ["backup", str(tmp_path / "b"), "--passphrase-file", str(phrase)]
    subprocess.run([*GARITA, "-c", str(tmp_path / "g/garita.toml"), *words], check=True, cwd=ROOT)
    key = (tmp_path / "g" / "site.key").read_bytes()
    (tmp_path / "g").rename(tmp_path / "old")
    words = ["--simulated", "--restore", str(tmp_path / "b"), "--restore-passphrase-file"]
    (tmp_path / "wrong").write_text("another pass phrase\n")
    done = unattended(tmp_path, *words, str(tmp_path / "wrong"))
    assert done.returncode == 1 and "passphrase" in done.stderr
    assert not [path for path in (tmp_path / "g").rglob("*") if path.is_file()]
    done = unattended(tmp_path, *words, str(phrase), "--wait-s", "60")
    assert done.returncode == 0 and "This gate works" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "g" / "site.key").read_bytes() == key
