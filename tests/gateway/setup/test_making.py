"""What the wizard writes is a gate that `garita check` finds good, or nothing."""

from __future__ import annotations

import asyncio
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.simulated.reader import VirtualRdm6300
from drivers.simulated.relay import VirtualRelayBoard
from gateway import config
from gateway.people.schema import open_admin
from gateway.setup.draft import Draft, Places, missing, mistakes, toml
from gateway.setup.making import NotMade, make
from gateway.setup.trial import Trial
from gateway.vault.sitekey import SiteKey

GOOD = Draft(
    gateway="gate-1",
    reader_driver="rdm6300",
    reader_port="/dev/none-reader",
    lock_port="/dev/none-board",
    fail="secure",
    person="Ana Ruiz",
    badge="em4100:18:1001",
    operator="ana",
)


def places(folder: Path) -> Places:
    return Places.of(folder / "gate" / "garita.toml")


def test_the_service_has_its_files_where_the_unit_says() -> None:
    real = Places.of(Path("/etc/garita/garita.toml"))
    assert str(real.data_dir) == "/var/lib/garita" and str(real.run_dir) == "/run/garita"
    assert str(real.key_file) == "/etc/garita/site.key"
    assert "[console]" not in toml(GOOD, real)


def test_what_was_not_said_is_named() -> None:
    assert set(missing(Draft())) == {
        "gateway",
        "reader_port",
        "reader_driver",
        "lock_port",
        "fail",
        "person",
        "badge",
        "operator",
    }
    assert missing(GOOD) == {}
    same = replace(GOOD, lock_port=GOOD.reader_port)
    assert list(missing(same)) == ["lock_port"]


@pytest.mark.parametrize("camera", ["", "0", "rtsp://user:pa%22ss@10.0.0.9/live"])
def test_the_file_is_good(tmp_path: Path, camera: str) -> None:
    draft = replace(GOOD, camera=camera)
    assert mistakes(draft, places(tmp_path)) == []
    path = tmp_path / "garita.toml"
    path.write_text(toml(draft, places(tmp_path)))
    tables = config.load(path).tables
    assert tables.doors["main-gate"].reader == "main-gate-in"
    assert [str(item.options["source"]) for item in tables.cameras.values()] == [camera][
        : bool(camera)
    ]
    assert tables.operators["ana"].person == "e1"
    assert tables.console.data_dir == tmp_path / "gate" / "console"


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("gateway", 'gate"\n[doors.x]', "site.gateway"),
        ("gateway", "gate\x7f", "site.gateway"),
        ("timezone", "Mars/Olympus", "site.timezone"),
        ("door", "puerta uno", "doors"),
        ("operator", "a]b", "operators"),
        ("reader_driver", "no-such", "readers.main-gate-in.driver"),
        ("channel", 9, "doors.main-gate.channel"),
        ("fail", "maybe", "doors.main-gate.fail"),
    ],
)
def test_whatever_is_typed_is_a_value_and_never_another_key(
    tmp_path: Path, field: str, value: object, key: str
) -> None:
    draft = replace(GOOD, **{field: value})  # type: ignore[arg-type]
    found = mistakes(draft, places(tmp_path))
    assert found and any(mistake.key.startswith(key) for mistake in found), found
    with pytest.raises(NotMade):
        make(draft, places(tmp_path), "root")
    assert not places(tmp_path).config.exists()


def test_it_writes_a_gate_once(tmp_path: Path) -> None:
    at = places(tmp_path)
    make(GOOD, at, "root")
    settings = config.load(at.config)
    assert stat.S_IMODE(at.config.stat().st_mode) == 0o640
    SiteKey.load(settings.tables.site.key_file)
    with closing(open_admin(settings.people_path)) as db:
        rows = db.execute("SELECT id, name FROM person").fetchall()
    assert [tuple(row) for row in rows] == [("e1", "Ana Ruiz")]
    before = at.config.read_bytes()
    with pytest.raises(NotMade, match="is not replaced"):
        make(replace(GOOD, gateway="other"), at, "root")
    assert at.config.read_bytes() == before


def test_a_wizard_that_was_killed_before_the_end_goes_on(tmp_path: Path) -> None:
    at = places(tmp_path)
    make(GOOD, at, "root")
    key = at.key_file.read_bytes()
    at.config.unlink()
    make(GOOD, at, "root")
    assert at.config.exists() and at.key_file.read_bytes() == key
    at.config.unlink()
    with pytest.raises(NotMade, match="another gate"):
        make(replace(GOOD, person="Eva"), at, "root")
    assert not at.config.exists()


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("a file")
    with pytest.raises(NotMade, match="could not be written"):
        make(GOOD, places(tmp_path), "root")


async def test_the_first_badge_opens_the_first_door(tmp_path: Path) -> None:
    reader = VirtualRdm6300(tmp_path / "reader")
    board = VirtualRelayBoard(tmp_path / "board")
    draft = replace(
        GOOD, reader_port=str(reader.path), lock_port=str(board.path), channels=1, pulse_s=0.3
    )
    make(draft, places(tmp_path), "root")
    trial = Trial(config.load(places(tmp_path).config))
    await trial.start()
    try:
        async with asyncio.timeout(60):
            while not ((seen := await trial.look()).running and seen.away == {}):
                await asyncio.sleep(0.05)
            assert not seen.opened
            await trial.start()  # a second tap starts no second gateway
            reader.present(18, 9999)
            while not (seen := await trial.look()).answer:
                await asyncio.sleep(0.05)
            assert seen.answer is not None and seen.answer["reason"] == "denied_unknown_credential"
            reader.present(18, 1001)
            while not (seen := await trial.look()).opened:
                await asyncio.sleep(0.05)
        assert seen.answer is not None and seen.answer["person"]["name"] == "Ana Ruiz"
        await board.wait_for(1, False)
        assert [switch.on for switch in board.log if switch.on] == [True]
    finally:
        await trial.stop()
        reader.close()
        board.close()
    assert not (await trial.look()).running
