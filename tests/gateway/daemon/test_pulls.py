"""Lists that come by themselves: by schedule, over MQTT, and what an operator sees of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from demo.rig import Rig
from gateway import config
from gateway.daemon import pulls
from gateway.daemon.pulls import Pulls, next_at
from gateway.ledger import LedgerReader
from gateway.ledger.event import NewEvent
from gateway.people.schema import open_admin
from gateway.people.sources import bundle, parts

HEAD = "id,name,credentials,access_levels"
TIJUANA = ZoneInfo("America/Tijuana")


@pytest.mark.parametrize(
    ("after", "times", "due"),
    [
        ("2026-11-25T04:59", ["05:00"], "2026-11-25T05:00"),
        ("2026-11-25T05:00", ["05:00"], "2026-11-26T05:00"),
        ("2026-11-25T05:01", ["05:00", "13:30"], "2026-11-25T13:30"),
        ("2026-12-31T23:59", ["13:30", "00:00"], "2027-01-01T00:00"),
    ],
)
def test_the_next_time_of_a_schedule(after: str, times: list[str], due: str) -> None:
    found = next_at(times, datetime.fromisoformat(after).replace(tzinfo=TIJUANA))
    assert found.replace(tzinfo=None) == datetime.fromisoformat(due)


def test_a_schedule_over_the_night_the_clocks_change() -> None:
    spring = datetime(2026, 3, 8, 1, 59, tzinfo=TIJUANA)  # 02:00 becomes 03:00
    assert next_at(["02:30"], spring) <= datetime(2026, 3, 8, 3, 30, tzinfo=TIJUANA)


# Parts of a bundle


@given(st.binary(min_size=1, max_size=400_000), st.randoms(use_true_random=False))
def test_parts_make_the_whole_in_any_order(raw: bytes, order: random.Random) -> None:
    pieces = parts.split(raw)
    assert all(len(piece) < 128 * 1024 for piece in pieces)
    order.shuffle(pieces)
    joiner = parts.Joiner()
    found = [joiner.feed(piece) for piece in pieces]
    assert found[:-1] == [None] * (len(pieces) - 1)
    whole = found[-1]
    assert whole is not None and b"".join(whole.pieces) == raw
    assert whole.digest() == hashlib.sha256(raw).hexdigest() and whole.size == len(raw)


def test_parts_that_spoil_are_no_bundle() -> None:
    joiner = parts.Joiner()
    one, two = parts.split(b"x" * (parts.PART_BYTES + 1))
    assert joiner.feed(one) is None
    spoilt = joiner.feed(two.replace(b"\nx", b"\ny"))
    assert spoilt is not None and spoilt.digest() is None  # forged: spoils, and is seen
    assert joiner.feed(b"GARITA-PART-1 0123456789abcdef 5 5\n") is None
    assert joiner.feed(b"GARITA-PART-1 0123456789abcdef 0 9999\n") is None
    for n in range(50):
        assert joiner.feed(b"GARITA-PART-1 %016x 0 600\n" % n + b"x" * parts.PART_BYTES) is None
    assert len(joiner._open) <= 2


# Over MQTT


@pytest.fixture
async def rig(make_rig: Callable[..., Rig]) -> AsyncIterator[Rig]:
    yield make_rig()


def configure(rig: Rig, more: str) -> None:
    rig.config.write_text(rig.config.read_text() + more)


def seal(rig: Rig, rows: list[str], serial: int, gateways: str = "demo-gate") -> Path:
    """A bundle signed as HR does, with the command."""
    if not (rig.folder / "hr.key").exists():
        rig.cli("bundle", "keygen", str(rig.folder / "hr"), config=False)
    path, out = rig.folder / "signed.csv", rig.folder / "list.bundle"
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    rig.cli(
        "bundle",
        "sign",
        str(path),
        "--key",
        str(rig.folder / "hr.key"),
        "-o",
        str(out),
        "--gateways",
        gateways,
        "--serial",
        str(serial),
        config=False,
    )
    return out


BUNDLES = '\n[sync.bundles]\ntrusted = ["hr.pub"]\nmqtt = true\n'


async def test_what_is_refused_never_reaches_the_disk(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig()
    configure(rig, BUNDLES)
    noted: list[NewEvent] = []
    good = seal(rig, ["e1,Ana,,plant"], 7).read_bytes()
    settings = config.load(rig.config)
    taker = Pulls(settings, noted.append)
    assert taker.takes_bundles
    settings.bundle_path.parent.mkdir(parents=True, exist_ok=True)
    forged = bundle.seal(
        b"x",
        Ed25519PrivateKey.generate(),
        form="csv",
        gateways=["*"],
        generated_at=datetime.now(UTC),
        serial=9,
    )
    foreign = seal(rig, ["e1,Ana,,plant"], 8, gateways="another").read_bytes()
    task = asyncio.create_task(taker._take_bundles())
    for payload in (b"junk", forged, foreign, good[:-3], good.replace(b"Ana", b"Eva")):
        taker.on_bundle(payload)
    await taker._whole.join()
    assert not settings.bundle_path.exists() and not taker._arrived.is_set()
    assert [event.type for event in noted] == ["people.bundle_refused"]  # once in ten seconds
    taker.on_bundle(good)
    await taker._whole.join()
    assert settings.bundle_path.read_bytes() == good and taker._arrived.is_set()
    assert settings.bundle_path.stat().st_mode & 0o777 == 0o600
    taker._arrived.clear()
    taker.on_bundle(good)  # retained: it comes again with each connection
    await taker._whole.join()
    assert not taker._arrived.is_set()
    task.cancel()


async def test_a_flood_of_bundles_takes_no_more_memory_than_it_may(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig()
    configure(rig, BUNDLES)
    seal(rig, ["e1,Ana,,plant"], 7)
    noted: list[NewEvent] = []
    taker = Pulls(config.load(rig.config), noted.append)
    large = bytes(pulls.MAX_BYTES)
    for _ in range(40):
        taker.on_bundle(large)
    assert taker._waiting_bytes == pulls.WAITING_BYTES
    assert [event.data["detail"] for event in noted] == ["too many wait"]
    task = asyncio.create_task(taker._take_bundles())
    await taker._whole.join()
    assert taker._waiting_bytes == 0
    task.cancel()


async def test_a_bundle_over_a_real_broker_is_in_force_at_the_gate(
    make_rig: Callable[..., Rig], broker: Any
) -> None:
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {broker.port}')
    configure(rig, BUNDLES)
    many = [f"p{n},{'N' * 60} {n},em4100:18:{n},plant" for n in range(2500)]
    out = await asyncio.to_thread(seal, rig, many, 7)
    assert out.stat().st_size > 2 * parts.PART_BYTES
    done = await rig.acli("bundle", "publish", str(out))
    assert "in 3 part(s)" in done.stdout
    await rig.start()  # the bundle was there before: it is retained
    status = await rig.until(lambda s: (s.get("people") or {}).get("total") == 2500, 40)
    assert status["people"]["version"] == 1
    older = await asyncio.to_thread(seal, rig, ["e1,Ana,,plant"], 6)
    await rig.acli("bundle", "publish", str(older))

    def failures() -> list[dict[str, Any]]:
        reader = LedgerReader(rig.folder / "data" / "ledger.db")
        found = [dict(e.data) for e in reader.search(type_prefix="people.sync_failed")]
        reader.close()
        return found

    deadline = time.monotonic() + 30
    while not failures() and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    assert failures()[0]["detail"] == "the bundle's serial 6 is older than 7"
    assert (await rig.until(lambda s: True))["people"]["version"] == 1


# By schedule


async def test_a_schedule_pulls_and_tries_again_after_a_failure(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulls, "FIRST_S", 0.0)
    monkeypatch.setattr(pulls, "LOOK_S", 0.05)
    monkeypatch.setattr(pulls, "RETRY_S", (0.1, 0.2))
    path = rig.folder / "hr.csv"
    configure(rig, f'\n[sync.sources.hr]\nkind = "file"\npath = "{path}"\nevery = "1d"\n')
    settings = config.load(rig.config)
    task = asyncio.create_task(Pulls(settings, lambda _: None).run())

    async def state() -> dict[str, Any]:
        found = json.loads((await rig.acli("people", "sources", "--json")).stdout)
        return dict(found[0])

    async def until(condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while not condition(found := await state()):
                await asyncio.sleep(0.1)
            return found

    try:
        await until(lambda s: "can't be read" in s["reason"])
        path.write_text(f"{HEAD}\ne1,Ana,,plant\n")
        await until(lambda s: s["good_at"] and not s["reason"])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    versions = json.loads((await rig.acli("people", "versions", "--json")).stdout)
    assert [(v["number"], v["by"]) for v in versions] == [(1, "schedule (hr)")]


@pytest.mark.parametrize(
    ("pulled_at", "failing_since", "due"),
    [
        (timedelta(days=-40), None, True),  # off for weeks: once, not forty times
        (timedelta(0), None, False),
        (timedelta(0), timedelta(0), True),  # it failed, and the box went off before the next try
        (timedelta(days=3650), None, False),  # asked by a clock that was ahead
        (None, None, False),  # never asked: it comes at its time
    ],
)
async def test_a_scheduled_pull_missed_because_the_box_was_off_is_made_up_once(
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
    pulled_at: timedelta | None,
    failing_since: timedelta | None,
    due: bool,
) -> None:
    """C19: 05:00, and the box is back at 05:00:40."""
    monkeypatch.setattr(pulls, "FIRST_S", 0.0)
    monkeypatch.setattr(pulls, "LOOK_S", 0.01)
    path = rig.folder / "hr.csv"
    now = datetime.now(TIJUANA)
    at = (now - timedelta(minutes=1)).strftime("%H:%M")
    configure(rig, f'\n[sync.sources.hr]\nkind = "file"\npath = "{path}"\nat = ["{at}"]\n')
    settings = config.load(rig.config)

    def text(ago: timedelta | None) -> str | None:
        return (now + ago).astimezone(UTC).isoformat() if ago is not None else None

    with closing(open_admin(settings.people_path)) as db, db:
        if pulled_at is not None:
            db.execute(
                "INSERT INTO source_state (name, pulled_at, failing_since) VALUES ('hr', ?, ?)",
                (text(pulled_at), text(failing_since)),
            )
    asked: list[str] = []

    async def pull(name: str, timeout_s: float) -> bool:
        asked.append(name)
        return True

    one = Pulls(settings, lambda _: None)
    monkeypatch.setattr(one, "_pull", pull)
    task = asyncio.create_task(one.run())
    async with asyncio.timeout(10):
        while due and not asked:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked == ["hr"] * due


async def test_a_pull_that_is_cancelled_leaves_no_process(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulls.sys, "executable", "/bin/cat")  # any that would wait for ever
    configure(rig, '\n[sync.sources.hr]\nkind = "file"\npath = "x"\nevery = "1d"\n')
    started: list[asyncio.subprocess.Process] = []
    real = asyncio.create_subprocess_exec

    async def spy(*_: Any, **__: Any) -> asyncio.subprocess.Process:
        process = await real("/bin/sleep", "60")
        started.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    monkeypatch.setattr(pulls, "HANGS_S", -0.5)
    taker = Pulls(config.load(rig.config), lambda _: None)
    assert await taker._pull("hr", 1.0) is False  # it hangs, and is ended
    monkeypatch.setattr(pulls, "HANGS_S", 60.0)
    task = asyncio.create_task(taker._pull("hr", 1.0))
    while len(started) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert all(process.returncode is not None for process in started)


# What an operator does


async def test_a_list_that_trips_waits_for_a_person_and_then_counts(rig: Rig) -> None:
    path = rig.folder / "hr.csv"
    configure(rig, f'\n[sync.sources.hr]\nkind = "file"\npath = "{path}"\n')
    many = [f"p{n},Name {n},em4100:18:{n},plant" for n in range(20)]
    path.write_text("\n".join([HEAD, *many]) + "\n")
    assert "version 1 is in force" in (await rig.acli("people", "pull", "hr", "--apply")).stdout
    path.write_text("\n".join([HEAD, *many[:5]]) + "\n")
    held = await rig.acli("people", "pull", "hr", "--apply", check=False)
    assert held.returncode == 3
    assert "removed: 15 of 20 people (75.0 %) removed; the limit is 5 %" in held.stderr
    assert "--confirm removed,losing_access" in held.stderr
    assert "removed,losing_access" in (await rig.acli("people", "sources")).stdout
    path.write_text("\n".join([HEAD, *many[:2]]) + "\n")  # what counts is what was seen
    shown = await rig.acli("people", "confirm", "hr")
    assert "0 added, 0 changed, 15 removed, 5 unchanged" in shown.stdout
    half = await rig.acli("people", "confirm", "hr", "removed", check=False)
    assert half.returncode == 3 and "losing_access" in half.stderr
    wrong = await rig.acli("people", "confirm", "hr", "all", check=False)
    assert wrong.returncode == 2 and "no such tripwire: all" in wrong.stderr
    done = await rig.acli("people", "confirm", "hr", "removed,losing_access")
    assert "list version 2 is in force" in done.stdout
    gone = await rig.acli("people", "confirm", "hr", check=False)
    assert gone.returncode == 1 and "no list of hr waits" in gone.stderr
    twice = await rig.acli("people", "confirm", "hr", "--drop", check=False)
    assert twice.returncode == 1 and "no list of hr waits" in twice.stderr
    log = (await rig.acli("log", "export")).stdout
    assert '"confirmed": ["losing_access", "removed"]' in log
    assert "em4100:18:" not in log
    missing = await rig.acli("people", "pull", "nobody", check=False)
    assert missing.returncode == 1 and "no [sync.sources.nobody]" in missing.stderr


async def test_versions_history_and_rollback_as_a_person_reads_them(rig: Rig) -> None:
    path = rig.folder / "l.csv"
    path.write_text(f"{HEAD}\ne1,Ana [x],em4100:18:5550100,plant\n")
    await rig.acli("people", "sync", str(path), "--apply")
    path.write_text(f"{HEAD}\ne1,Ana [x],em4100:18:5550200,nights\ne2,Luis,,plant\n")
    await rig.acli("people", "sync", str(path), "--apply")
    told = (await rig.acli("people", "history", "e1")).stdout
    assert "levels: plant -> nights" in told
    assert "badges: em4100:…100 -> em4100:…200" in told and "5550100" not in told
    assert "5550100" in (await rig.acli("people", "history", "e1", "--reveal")).stdout
    shown = (await rig.acli("people", "rollback")).stdout
    assert "- e2  Luis" in shown and "nothing was changed" in shown
    done = (await rig.acli("people", "rollback", "1", "--apply")).stdout
    assert "list version 3 is in force" in done
    table = (await rig.acli("people", "versions")).stdout
    assert "rollback to 1" in table
    again = await rig.acli("people", "sync", str(path), "--apply", check=False)
    assert again.returncode == 3 and "rolled_back" in again.stderr
    nowhere = await rig.acli("people", "rollback", "9", check=False)
    assert nowhere.returncode == 1 and "there is no version 9" in nowhere.stderr
    delta = rig.folder / "d.csv"
    delta.write_text("op,id\nremove,nobody\n")
    bad = await rig.acli("people", "sync", "--delta", str(delta), "--apply", check=False)
    assert bad.returncode == 3 and "nobody: is not on the list" in bad.stderr
    delta.write_text(f"op,{HEAD}\nadd,e3,Eva,,plant\n")
    assert (
        "version 4" in (await rig.acli("people", "sync", "--delta", str(delta), "--apply")).stdout
    )


async def test_a_rehearsal_of_badges_that_the_gate_really_read(rig: Rig) -> None:
    path = rig.folder / "l.csv"
    path.write_text(f"{HEAD}\ne1,Ana,em4100:18:5550100,plant\n")
    none = await rig.acli("people", "sync", str(path))
    assert "not rehearsed" in none.stdout
    await rig.acli("people", "sync", str(path), "--apply")
    await rig.start()
    rig.gate_reader.present(18, 5550100)
    rig.yard_reader.present(18, 5550999)
    await rig.until(lambda s: len([v for v in s["last"].values() if v]) == 2)
    path.write_text(f"{HEAD}\ne2,Luis,em4100:18:5550999,plant\n")
    shown = (await rig.acli("people", "sync", str(path))).stdout
    assert "rehearsed on 2 badge(s)" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert any(
        line.startswith("refused e1 Ana gate 1") and "nobody on the list" in line for line in lines
    ), shown
    assert any(line.startswith("let in e2 Luis yard 1") for line in lines), shown
    assert "5550999" not in shown
    found = json.loads((await rig.acli("people", "sync", str(path), "--json")).stdout)
    assert [s["now"] for s in found["rehearsal"]["shifts"]] == ["refused", "let_in"]


async def test_revocations_with_percentiles(rig: Rig) -> None:
    path = rig.folder / "l.csv"
    head = f"{HEAD},status,revoked_at"
    path.write_text(head + "\n" + "".join(f"e{n},N,,plant,,\n" for n in range(4)))
    await rig.acli("people", "sync", str(path), "--apply")
    now = datetime.now(UTC)
    ago = [(now - timedelta(seconds=s)).isoformat() for s in (100, 200, 3000)]
    rows = "".join(f"e{n},N,,plant,revoked,{at}\n" for n, at in enumerate(ago))
    path.write_text(head + "\n" + rows + "e3,N,,plant,,\n")
    await rig.acli("people", "sync", str(path), "--apply")
    found = json.loads((await rig.acli("people", "revocations", "--json")).stdout)
    assert found["count"] == 3
    assert 200 <= found["p50_s"] < 230 and found["p95_s"] == found["max_s"] >= 3000
    assert "3 revocation(s)" in (await rig.acli("people", "revocations")).stdout


async def test_two_syncs_at_once_make_two_versions_or_one_and_a_refusal(rig: Rig) -> None:
    files = []
    for n in range(3):
        files.append(rig.folder / f"l{n}.csv")
        files[-1].write_text(f"{HEAD}\ne{n},N,,plant\n")
    done = await asyncio.gather(
        *(rig.acli("people", "sync", str(path), "--apply", check=False) for path in files)
    )
    good = [d for d in done if d.returncode == 0]
    others = [d for d in done if d.returncode]
    assert good and all(d.returncode == 1 and "another list" in d.stderr for d in others)
    versions = json.loads((await rig.acli("people", "versions", "--json")).stdout)
    assert len(versions) == len(good)


async def test_a_bundle_as_hr_makes_it(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    out = seal(rig, ["e1,Ana,em4100:18:5550100,plant"], 7)
    key = ("--key", str(rig.folder / "hr.pub"))
    shown = rig.cli("bundle", "verify", str(out), *key, config=False).stdout
    assert "serial: 7" in shown and "5550100" not in shown
    out.write_bytes(out.read_bytes()[:-1])
    bad = rig.cli("bundle", "verify", str(out), *key, config=False, check=False)
    assert bad.returncode == 3 and "holds" in bad.stderr
    again = rig.cli("bundle", "keygen", str(rig.folder / "hr"), config=False, check=False)
    assert again.returncode == 1


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('[sync.sources.a]\nkind = "https"\nurl = "http://x/y"', "must begin with https://"),
        ('[sync.sources.a]\nkind = "https"', "needs url"),
        ('[sync.sources.a]\nkind = "file"\npath = "x"\nurl = "y"', "has no url"),
        ('[sync.sources.a]\nkind = "file"\npath = "x"\nevery = "15"', "such as 15m"),
        ('[sync.sources.a]\nkind = "file"\npath = "x"\nat = ["5:00"]', "such as 05:00"),
        ('[sync.sources.a]\nkind = "file"\npath = "x"\nat = ["05:00"]\nevery = "1h"', "not both"),
        ('[sync.sources.a]\nkind = "sql"\nurl = "postgresql://u:p@h/d"\nquery = "x"', "password"),
        (
            '[sync.sources.a]\nkind = "ldap"\nurl = "ldap://h"\n'
            'base = "x"\nattributes = { id = "x" }',
            "in clear",
        ),
        ('[sync.sources.a]\nkind = "bundle"\npath = "x"', "need [sync.bundles] trusted"),
        (
            '[sync.sources.a]\nkind = "file"\npath = "x"\nevery = "1h"\n'
            '[sync.sources.b]\nkind = "file"\npath = "y"\nevery = "1h"',
            "undo the other",
        ),
        ('[sync.sources.a]\nkind = "file"\npath = "x"\ninclude = ["b"]', "names other sources"),
        ("[sync]\nremoved_percent = 101", "less than or equal to 100"),
    ],
)
async def test_mistakes_in_sync(make_rig: Callable[..., Rig], table: str, why: str) -> None:
    rig = make_rig()
    configure(rig, f"\n{table}\n")
    with pytest.raises(config.ConfigError) as found:
        config.load(rig.config)
    assert why in str(found.value) and "sync" in found.value.mistakes[0].key
