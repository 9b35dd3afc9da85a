"""Who may ask the daemon for what: the whole table, and real accounts at a real socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.rig import Rig
from gateway import config
from gateway.daemon import access, service
from gateway.daemon.access import OPERATIONS, Rights, Takes, operation
from gateway.daemon.build import build
from gateway.daemon.errand import Errand
from gateway.ledger import Ledger
from gateway.vault.sitekey import SiteKey

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
SERVICE, ADMIN, DESK, STRANGER = 61_000, 61_001, 61_002, 61_003
EVERYTHING = """
[console]
desk_reader = "desk"
[readers.desk]
driver = "rdm6300"
port = "/dev/none"
"""


async def test_every_handler_of_the_daemon_is_in_the_table(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    settings = config.load(make_rig(camera=True, osdp=True, policy=EVERYTHING).config)
    settings.tables.site.data_dir.mkdir(parents=True)
    ledger = Ledger.open(tmp_path / "ledger.db", gateway=settings.site.gateway)
    try:
        key = SiteKey(bytes(32))
        runs = service.Daemon(build(settings, key, ledger))._runs()
        handlers: dict[str, Any] = runs["control"].__self__._handlers  # type: ignore[attr-defined]
    finally:
        ledger.close()
    acts = {f"errand.{act}" for act in Errand(settings, key).acts()}
    assert set(handlers) - {"errand"} | acts == set(OPERATIONS)


@pytest.mark.parametrize(
    "name", ["reload", "errand.keys", "errand.picture", "errand.enrol", "config"]
)
def test_what_takes_an_administrator(name: str) -> None:
    assert OPERATIONS[name] is Takes.ADMIN
    assert Rights.ALL.allow(name) and not Rights.DESK.allow(name) and not Rights.NONE.allow(name)


def test_what_nobody_put_into_the_table_takes_an_administrator() -> None:
    assert not Rights.DESK.allow("new") and Rights.ALL.allow("new")
    assert operation({"op": "errand", "act": "keys"}) == "errand.keys"
    assert operation({"op": ["errand"], "act": None}) == "['errand']"
    assert not Rights.DESK.allow(operation({"op": "errand"}))


# The names of the groups stand for numbers of ours, since a test adds no group to the machine.  The
# accounts, their groups and the socket are the kernel's.
SERVER = f"""
import asyncio, os, sys
from pathlib import Path
from gateway.daemon import access
from gateway.daemon.control import ControlServer
access._id_of = {{access.ADMIN_GROUP: {ADMIN}, access.DESK_GROUP: {DESK}}}.get
async def done(request):
    return {{"by": str(request["by"])}}
os.setgroups([])
os.setgid({SERVICE})
os.setuid({SERVICE})
handlers = dict.fromkeys(("status", "reload", "door_confirm", "errand"), done)
asyncio.run(ControlServer(Path(sys.argv[1]), handlers).run())
"""
CLIENT = """
import json, os, sys
from pathlib import Path
from gateway.daemon import control
uid, *groups = json.loads(sys.argv[3])
os.setgroups(groups)
os.setgid(uid)
os.setuid(uid)
answers = []
for op, act in json.loads(sys.argv[2]):
    try:
        control.ask(Path(sys.argv[1]), op, act=act)
        answers.append("done")
    except control.Refused as refusal:
        answers.append("refused")
    except control.ControlError:
        answers.append("no way in")
print(json.dumps(answers))
"""
ASKED = '[["status",""],["door_confirm",""],["errand","mark"],["reload",""],["errand","keys"]]'


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.chown(folder, SERVICE, SERVICE)
        # The interpreter may lie where only root can read, so the account is taken on afterwards.
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder / "garita.sock")])
        try:
            while not (folder / "garita.sock").exists():
                assert server.poll() is None
            yield folder / "garita.sock"
        finally:
            server.terminate()
            server.wait(10)


def asked(path: Path, uid: int, *groups: int) -> list[str]:
    given = [str(path), ASKED, json.dumps([uid, *groups])]
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, *given], capture_output=True, text=True, check=True
    )
    answers: list[str] = json.loads(done.stdout)
    return answers


@as_root
def test_each_account_may_do_what_its_groups_say(path: Path) -> None:
    everything, guard = ["done"] * 5, ["done"] * 3 + ["refused"] * 2
    assert asked(path, 0) == everything
    assert asked(path, SERVICE) == everything
    assert asked(path, STRANGER, SERVICE) == everything  # as before there were the two groups
    assert asked(path, STRANGER, SERVICE, ADMIN) == everything
    assert asked(path, STRANGER, SERVICE, DESK) == guard
    assert asked(path, STRANGER, SERVICE, DESK, ADMIN) == everything
    assert asked(path, STRANGER) == ["no way in"] * 5


def test_an_account_in_none_of_the_groups_may_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_id_of", {"garita-admin": ADMIN, "garita-desk": DESK}.get)
    assert access.judged(STRANGER, {STRANGER}) is Rights.NONE
    assert access.judged(STRANGER, {DESK}) is Rights.DESK
    assert access.judged(0, ()) is Rights.ALL
