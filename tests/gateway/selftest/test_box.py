"""`garita selftest` names what is wrong with a box."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest

from demo.rig import Rig
from gateway.selftest import box, storage
from gateway.selftest.storage import Syncs


@pytest.fixture(autouse=True)
def _good_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of the machine that runs the tests is not what is tried here."""
    monkeypatch.setattr(storage, "measure", lambda *_: Syncs([3.0] * 10, 10))


PEOPLE = [{"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}]


async def look(rig: Rig) -> tuple[int, list[dict[str, Any]]]:
    done = await rig.acli("selftest", "--json", check=False)
    said = json.loads(done.stdout)
    assert said["ok"] == (done.returncode == 0)
    return done.returncode, said["findings"]


def of(findings: list[dict[str, Any]], name: str) -> list[str]:
    return [finding["state"] for finding in findings if finding["name"] == name]


async def test_a_good_box_and_one_thing_after_another_that_is_wrong(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig()
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    data = rig.folder / "data"
    data.chmod(0o750)
    code, found = await look(rig)
    assert code == 0, [f for f in found if f["state"] == "bad"]
    assert of(found, "port") == ["good"] * 3
    assert of(found, "gateway") == ["warn"]
    assert of(found, "key") == of(found, "log") == of(found, "people") == ["good"]
    data.chmod(0o755)
    rig.board.unplug()
    (data / "people.db").write_bytes(b"no database" * 100)
    (rig.folder / "site.key").chmod(0o644)
    code, found = await look(rig)
    assert code == 3
    assert of(found, "permissions") == of(found, "people") == of(found, "key") == ["bad"]
    assert sorted(of(found, "port")) == ["bad", "good", "good"]


async def test_a_running_gateway_says_itself_what_it_has(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    (rig.folder / "data").chmod(0o750)
    await rig.start()
    code, found = await look(rig)
    assert code == 0, [f for f in found if f["state"] == "bad"]
    assert of(found, "gateway") == ["good"]
    assert all("the gateway has it" in f["said"] for f in found if f["name"] == "port")


async def test_a_broker_that_is_not_there_and_a_file_of_another_account(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(mqtt='host = "127.0.0.1"\nport = 1')
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    data = rig.folder / "data"
    data.chmod(0o750)
    code, found = await look(rig)
    assert code == 3
    assert of(found, "broker") == ["bad"]
    if os.geteuid() == 0:
        os.chown(data / "ledger.db", 12345, -1)
        _, found = await look(rig)
        assert set(of(found, "permissions")) == {"bad"}


async def test_it_speaks_spanish(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(site='language = "es"')
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    _, found = await look(rig)
    said = " ".join(finding["said"] for finding in found)
    for words in ("sincronizaciones por segundo", "dev/board está", "se puede leer", "registros"):
        assert words in said


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "may"),
    [
        (0o660, 0, 0, False),
        (0o660, 0, -1, True),
        (0o600, -1, 0, True),
        (0o640, 0, -1, False),
        (0o666, 0, 0, True),
    ],
)
def test_who_may_use_a_port(mode: int, uid: int, gid: int, may: bool) -> None:
    """-1 stands for the account's own."""
    account = next(a for a in pwd.getpwall() if a.pw_uid and a.pw_gid)
    found = os.stat_result(
        (
            mode,
            0,
            0,
            1,
            account.pw_uid if uid == -1 else uid,
            account.pw_gid if gid == -1 else gid,
            0,
            0,
            0,
            0,
        )
    )
    assert box.may_use(found, account) is may
