"""Acts that need the site key, by accounts that may not read it: the running gateway does them."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from demo.rig import Rig
from gateway import config
from gateway.cli.policy import list_snapshot
from gateway.daemon.control import ControlError, Refused, ask, behalf
from gateway.daemon.errand import Errand
from gateway.daemon.errands import Errands
from gateway.ledger.operator import Operator
from gateway.locale import speaking
from gateway.people import Roster
from gateway.people.pins import PinOutcome, Pins
from gateway.people.sync import profile
from gateway.vault.sitekey import SiteKey

POLICY = """
[visits]
access_levels = ["plant"]
escorted_access_levels = ["plant"]
"""
PEOPLE = [
    {"id": "e17", "name": "Luis Vega", "credentials": "em4100:1:17", "access_levels": "plant"},
    {"id": "e18", "name": "Ana Ruiz", "credentials": "em4100:1:18", "access_levels": "plant"},
]


@pytest.fixture
async def guarded(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> tuple[Rig, SiteKey]:
    """A gate that runs, whose key is a credential of the service; our commands have none."""
    rig = make_rig(policy=POLICY)
    key = SiteKey.load(str(rig.folder / "site.key"))
    text = rig.config.read_text().replace('"site.key"', '"credential:site.key"')
    rig.config.write_text(text)
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(rig.folder))
    await rig.start()
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    return rig, key


async def test_an_errand_knows_the_operator_and_speaks_their_language(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nread -r asked\nprintf \'{"ok": true, "asked": %s}\' "$asked"\n')
    python.chmod(0o755)
    errands = Errands(tmp_path / "garita.toml", python=str(python))
    by = Operator("lgil", person="e4", name="Luz", roles=frozenset({"hr"}))
    with speaking("es"):
        told = (await errands.asked({"act": "enrol", "by": by, "language": "xx"}))["asked"]
    assert told["language"] == "es" and told["act"] == "enrol"
    assert behalf(told["by"]) == by and behalf(told["by"]).roles == {"hr"}
    assert (await errands.asked({"act": "mark"}))["asked"]["by"] == ""


async def test_with_the_key_as_a_credential_a_shell_sets_pins_hands_out_badges_and_enrols(
    guarded: tuple[Rig, SiteKey],
) -> None:
    rig, key = guarded
    done = await rig.acli("people", "pin", "e17", stdin="4711\n")
    assert done.returncode == 0
    made = await rig.acli("people", "pin", "e17", "--duress", "--generate", "--json")
    with closing(Roster(rig.people_path)) as roster:
        sealed = roster.pin("e17")
    assert sealed is not None
    pins = Pins(key)
    assert pins.verify("e17", "4711", sealed) is PinOutcome.CORRECT
    assert pins.verify("e17", json.loads(made.stdout)["pin"], sealed) is PinOutcome.DURESS

    checked = await rig.acli("check")  # the gateway runs, so it has its key
    assert "site.key" not in checked.stdout + checked.stderr

    walk_in = ("visit", "walk-in", "Eva Soto", "--host", "e17", "--until", "23:59")
    shown = await rig.acli(*walk_in, "--id-kind", "ine", "--id-number", "--json", stdin="ABC123\n")
    none = await rig.acli(*walk_in, "--id-kind", "ine", "--id-number", stdin="\n", check=False)
    assert none.returncode == 2 and "no number came" in none.stderr
    visit = str(json.loads(shown.stdout)["id"])
    await rig.acli("visit", "contact", visit, "--escort", "e17")
    await rig.acli("visit", "badge", visit, "em4100:1:90")
    with closing(sqlite3.connect(rig.people_path)) as db:
        row = db.execute("SELECT badge_fingerprint, id_fingerprint FROM visit").fetchone()
    assert row == (key.fingerprint("em4100:1:90"), key.document("ine:ABC123"))

    # A list is rehearsed although its badges have to be marked.
    more = [*PEOPLE, {"id": "e19", "name": "Eva", "credentials": "em4100:1:19"}]
    listed = await rig.acli("people", "sync", str(rig.write_people(more)))
    assert "not rehearsed" not in listed.stdout + listed.stderr

    await rig.acli("face", "consent", "e17", "--date", "2026-01-02")
    answer = await asyncio.to_thread(ask, rig.socket, "errand", **face("e17", 0.1), timeout_s=30)
    assert answer["total"] == 3 and not answer["refused"]
    await rig.acli("face", "consent", "e18", "--date", "2026-01-02")
    twin = await asyncio.to_thread(ask, rig.socket, "errand", **face("e18", 0.1), timeout_s=30)
    assert twin["refused"] == "duplicate" and twin["facts"]["other"] == "e17"
    held = await rig.acli("face", "keys", "--json")
    assert [(one["person"], one["opens"]) for one in json.loads(held.stdout)] == [("e17", True)]
    out = rig.folder / "picture.jpg"
    none = await rig.acli("face", "picture", "1", "--out", str(out), check=False)
    assert none.returncode == 1 and not out.exists()  # that event has no picture


def face(person: str, value: float) -> dict[str, Any]:
    template = base64.b64encode(struct.pack("<128f", *[value] * 128)).decode()
    shot = {"name": "a.jpg", "template": template, "quality": {}, "model": "m"}
    photos = [{**shot, "name": f"{n}.jpg"} for n in range(3)]
    return {"act": "enrol", "person": person, "photos": photos, "mode": "renew"}


async def test_while_the_gateway_is_stopped_it_says_who_would_do_it(
    guarded: tuple[Rig, SiteKey],
) -> None:
    rig, _key = guarded
    await rig.stop_daemon()
    done = await rig.acli("people", "pin", "e17", stdin="4711\n", check=False)
    assert done.returncode == 5
    assert "the gateway does it for you while it runs" in done.stderr


WRONG = [
    ({}, "expected one of mark, pin, enrol, owner, profile, forget"),
    ({"act": "open"}, "expected one of"),
    ({"act": "mark"}, "lacks"),
    ({"act": "mark", "of": "badge", "texts": 7}, "not subscriptable"),
    ({"act": "pin", "person": "e17", "pin": "1111"}, "one digit repeated"),
    ({"act": "pin", "person": "e17", "pin": ["4711"]}, "4 to 8 digits"),
    ({"act": "pin", "person": "nobody", "pin": "4711"}, "changed in the meantime"),
    ({"act": "enrol", "person": "e17", "photos": [{}], "mode": "renew"}, "lacks"),
]


async def test_a_wrong_errand_is_an_answer_and_changes_nothing(
    guarded: tuple[Rig, SiteKey],
) -> None:
    rig, _key = guarded
    with closing(sqlite3.connect(rig.people_path)) as db:
        before = list(db.iterdump())
        for request, why in WRONG:
            with pytest.raises(ControlError, match=why):
                await asyncio.to_thread(ask, rig.socket, "errand", **request, timeout_s=30)
        assert list(db.iterdump()) == before


async def test_no_guard_gives_a_supervisor_a_pin_to_sign_with(
    guarded: tuple[Rig, SiteKey],
) -> None:
    rig, key = guarded
    text = rig.config.read_text()
    for name, person, role in (("rosa", "e17", "guard"), ("laura", "e18", "supervisor")):
        text += f'[operators.{name}]\naccount = "{name}"\nperson = "{person}"\nroles = ["{role}"]\n'
    rig.config.write_text(text)
    errand = Errand(config.load(rig.config), key)
    with pytest.raises(Refused, match="e18 is an operator"):
        errand.do({"act": "pin", "person": "e18", "pin": "4711", "by": "rosa"})
    for by, person in (("laura", "e18"), ("rosa", "e17"), ("root", "e18")):
        assert errand.do({"act": "pin", "person": person, "pin": "4711", "by": by})


VALUES = {
    "columns": {"id": "Clave", "name": "Nombre", "credentials": "Tarjeta"},
    "access_levels": ["plant"],
}
WRONG_PROFILES = [
    ({"name": "../x"}, "a profile's name has letters"),
    ({"name": "root"}, "is there already"),
    ({"name": "hr"}, "is there already"),
    ({"values": {**VALUES, "access_levels": ["vault"]}}, "no level vault"),
    ({"values": {**VALUES, "shell": "rm"}}, "Extra inputs"),
    ({"values": {}}, "columns"),
]


async def test_hr_could_write_no_import_profile(guarded: tuple[Rig, SiteKey]) -> None:
    rig, key = guarded
    (rig.folder / "profiles").mkdir()
    roots = rig.folder / "profiles" / "root.toml"
    roots.write_text("")
    text = rig.config.read_text() + "".join(
        f'[operators.{name}]\naccount = "{name}"\nperson = "{person}"\nroles = ["{role}"]\n'
        for name, person, role in (("rosa", "e17", "guard"), ("marta", "e18", "hr"))
    )
    rig.config.write_text(text)
    settings = config.load(rig.config)
    errand = Errand(settings, key)
    asked = {"act": "profile", "name": "hr", "values": VALUES, "source": "a\nb", "replace": False}
    with pytest.raises(Refused, match="by HR or an administrator"):
        errand.do({**asked, "by": "rosa"})
    path = Path(errand.do({**asked, "by": "marta"})["path"])
    assert path == settings.profile_folders[1] / "hr.toml"
    written = path.read_text()
    assert "# Written by marta on " in written
    assert profile.path_of("hr", settings.profile_folders) == path
    assert profile.load(path, ["plant"]).columns == VALUES["columns"]
    for wrong, why in WRONG_PROFILES:
        with pytest.raises(Refused, match=why):
            errand.do({**asked, **wrong, "by": "marta"})
    assert path.read_text() == written and roots.read_text() == ""
    assert [file.name for file in path.parent.iterdir()] == ["hr.toml"]
    errand.do({**asked, "replace": True, "by": "marta"})


async def test_the_file_of_a_list_that_waits_no_more_goes_and_no_other_file(
    guarded: tuple[Rig, SiteKey],
) -> None:
    rig, _key = guarded
    folder = config.load(rig.config).pending_path
    folder.mkdir()
    for name in ("hr", "waits"):
        (folder / f"{name}.json").write_text("{}")
    beside = folder.parent / "presence.json"
    beside.touch()
    with closing(sqlite3.connect(rig.people_path)) as db, db:
        db.execute("INSERT INTO source_state (name, waiting) VALUES ('waits', 'empty')")
    for source in ("hr", "waits", "../presence", "nobody", ""):
        await asyncio.to_thread(ask, rig.socket, "errand", act="forget", source=source)
    assert [file.name for file in folder.iterdir()] == ["waits.json"] and beside.exists()


async def test_without_the_key_a_badge_was_replayed_as_its_holders_of_then(
    guarded: tuple[Rig, SiteKey],
) -> None:
    rig, key = guarded
    mark = key.fingerprint("em4100:1:18")
    answer = await asyncio.to_thread(ask, rig.socket, "errand", act="owner", fingerprint=mark)
    assert answer["person"] == "e18"
    settings = config.load(rig.config)

    async def holder(of: str) -> str | None:
        """Whose badge it is, where e17 had it then; each time a command of its own."""
        found = await asyncio.to_thread(lambda: list_snapshot(settings).holder(of, "e17"))
        return found.person and found.person.id

    assert await holder(mark) == "e18"
    assert await holder("of nobody") is None
    await rig.stop_daemon()
    assert await holder(mark) == "e17"


async def test_an_errand_that_dies_is_an_answer_and_the_next_one_is_done(tmp_path: Path) -> None:
    dies = tmp_path / "python"
    dies.write_text("#!/bin/sh\nexit 3\n")
    dies.chmod(0o755)
    errands = Errands(tmp_path / "none.toml", python=str(dies))
    for _ in range(2):
        with pytest.raises(ControlError, match="journalctl"):
            await errands.asked({"act": "mark"})
