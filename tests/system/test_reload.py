"""Other settings for a running gateway: whole or not at all, on record before they count."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from demo.rig import Rig
from gateway.config.kept import kept
from gateway.daemon import control
from gateway.ledger import LedgerReader
from gateway.ledger.event import Event

pytestmark = pytest.mark.filterwarnings("error")
ANA, BADGE = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001"}, (18, 1001)
POLICY = """
[schedules.shift]
periods = [{ EVER }]

[access_levels.shift]
doors = { gate = "shift" }
"""
NEVER = 'days = ["holiday"], from = "03:00", to = "03:02"'
EVER = (
    'days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"], '
    'from = "00:00", to = "24:00"'
)


def put(rig: Rig, *changes: tuple[str, str]) -> None:
    """Replace the file, as an editor that writes a new file and renames it does."""
    text = rig.config.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    fresh = rig.config.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(rig.config)


def events(rig: Rig, *prefixes: str) -> list[Event]:
    with closing(LedgerReader(rig.ledger_path)) as reader:
        return [one for one in reader.after(0, 100_000) if one.type.startswith(prefixes)]


async def reloaded(rig: Rig) -> dict[str, Any]:
    return await asyncio.to_thread(control.ask, rig.socket, "reload", timeout_s=20.0)


async def decided(rig: Rig) -> str:
    """The reason of the answer at the gate to one more badge."""
    before = len(events(rig, "access."))
    rig.gate_reader.present(*BADGE)
    async with asyncio.timeout(10):
        while len(found := events(rig, "access.")) <= before:
            await asyncio.sleep(0.01)
    return str(found[-1].data["reason"])


@pytest.fixture
async def rig(make_rig: Callable[..., Rig]) -> Rig:
    made = make_rig(policy=POLICY.replace("EVER", EVER), pulse_s=0.1)
    people = made.write_people([{**ANA, "access_levels": "shift"}])
    made.cli("people", "sync", str(people), "--apply")
    await made.start()
    return made


async def test_a_schedule_is_in_force_at_the_next_badge_and_on_record_before(rig: Rig) -> None:
    assert await decided(rig) == "granted"
    put(rig, (EVER, NEVER))
    done = await rig.acli("reload")
    assert "schedules.shift.periods" in done.stdout and "in force:" in done.stdout
    assert await decided(rig) == "denied_out_of_schedule"
    (changed,) = events(rig, "config.changed")
    assert changed.data["keys"] == ["schedules.shift.periods"]
    assert changed.data["by"] and changed.data["before"] != changed.data["policy_version"]
    status = await rig.until(lambda s: True)
    assert status["policy_version"] == changed.data["policy_version"]
    last = events(rig, "access.")[-1]
    assert last.seq > changed.seq and last.data["policy_version"] == status["policy_version"]
    assert [one.version for one in kept(rig.folder / "data" / "config")] == [
        changed.data["policy_version"],
        changed.data["before"],
    ]
    assert (rig.folder / "data" / "config").stat().st_mode & 0o777 == 0o750


async def refused_whole(rig: Rig, *changes: tuple[str, str]) -> dict[str, Any]:
    """The answer to a reload that must change nothing; the file is as before after it."""
    before, text = await rig.until(lambda s: True), rig.config.read_text("utf-8")
    put(rig, *changes)
    try:
        answer = await reloaded(rig)
    finally:
        rig.config.write_text(text, "utf-8")
    after = await rig.until(lambda s: True)
    assert not answer["applied"] and after["policy_version"] == before["policy_version"]
    assert not events(rig, "config.changed")
    return answer


async def test_what_a_running_gateway_can_not_take_refuses_the_whole_file(rig: Rig) -> None:
    answer = await refused_whole(rig, (EVER, NEVER), ("channel = 2", "channel = 3"))
    assert answer["restart"] == ["doors.yard.channel"]
    assert {one["key"] for one in answer["changes"]} == {
        "doors.yard.channel",
        "schedules.shift.periods",
    }
    more = '\n[doors.third]\nmode = "badge"\nreader = "third"\nlock = "board"\nchannel = 3\n'
    more += 'fail = "secure"\n[readers.third]\ndriver = "rdm6300"\nport = "/dev/none"\n[face]'
    assert (await refused_whole(rig, ("[face]", more)))["restart"] == [
        "readers.third",
        "doors.third",
    ]
    assert await decided(rig) == "granted"


async def test_a_file_with_mistakes_changes_nothing_and_names_each(rig: Rig) -> None:
    answer = await refused_whole(rig, ('gate = "shift"', 'gate = "none"'))
    assert len(answer["mistakes"]) == 1 and "schedules.none" in answer["mistakes"][0]
    text = rig.config.read_text("utf-8")
    halves = [text[: len(text) // 2], "", "\0" * 500, "x = " + "[" * 5000, "#" * 1_100_000]
    for half in halves:
        rig.config.write_text(half, "utf-8")
        answer = await reloaded(rig)
        assert answer["mistakes"] and not answer["applied"], half[:20]
    rig.config.unlink()
    assert (await reloaded(rig))["mistakes"]
    os.mkfifo(rig.config)  # nobody writes into it, and nobody waits for that
    assert (await reloaded(rig))["mistakes"]
    rig.config.unlink()
    rig.config.write_text(text, "utf-8")
    assert not (await reloaded(rig))["applied"]
    assert await decided(rig) == "granted" and not events(rig, "config.changed")


async def test_a_threat_level_in_force_that_the_file_does_not_know(rig: Rig) -> None:
    levels = "".join(
        f'[threat_levels.{name}]\ntitle = {{ en = "x", es = "x" }}\nrank = {rank}\n'
        for rank, name in enumerate(("normal", "high"))
    )
    put(rig, ("[face]", f"{levels}\n[face]"))
    assert (await reloaded(rig))["applied"]
    assert (await rig.until(lambda s: s["threat"] is not None))["threat"]["level"] == "normal"
    await rig.acli("threat", "set", "high", "--reason", "drill")
    put(rig, ("[threat_levels.high]", "[threat_levels.higher]"))
    done = await rig.acli("reload", check=False)
    assert done.returncode == 1 and "high" in done.stderr
    assert (await rig.until(lambda s: True))["threat"]["level"] == "high"
    await rig.acli("threat", "set", "normal", "--reason", "over")
    assert (await reloaded(rig))["applied"]


async def test_twice_at_once_is_one_after_the_other(rig: Rig) -> None:
    put(rig, (EVER, NEVER))
    answers = await asyncio.gather(*(reloaded(rig) for _ in range(5)))
    assert sorted(one["applied"] for one in answers) == [False] * 4 + [True]
    assert len(events(rig, "config.changed")) == 1


async def test_what_people_hold_and_the_file_does_not_have_is_warned_of(rig: Rig) -> None:
    put(rig, ("[access_levels.shift]", "[access_levels.other]"))
    done = await rig.acli("reload")
    assert "no level shift, which 1 person" in done.stdout
    assert await decided(rig) == "denied_no_access_level"
    assert "no level shift" in (await rig.acli("check")).stdout


async def test_check_names_the_differences_of_a_running_and_of_a_stopped_gateway(rig: Rig) -> None:
    put(rig, (EVER, NEVER))
    done = await rig.acli("check", "--diff")
    assert "schedules.shift.periods" in done.stdout and "garita reload" in done.stdout
    put(rig, ("channel = 2", "channel = 3"))
    done = await rig.acli("check", "--diff", "--json", check=False)
    assert done.returncode == 3 and json.loads(done.stdout)["restart"] == ["doors.yard.channel"]
    await rig.stop_daemon()
    done = await rig.acli("check", "--diff", "--json", check=False)
    found = json.loads(done.stdout)
    assert found["restart"] == ["doors.yard.channel"] and not found["running"]
    await rig.start()
    (_, started) = events(rig, "gateway.started")
    assert set(started.data["keys"]) == {"schedules.shift.periods", "doors.yard.channel"}
    assert started.data["before"] == events(rig, "gateway.started")[0].data["policy_version"]


async def test_back_to_a_configuration_of_before(rig: Rig) -> None:
    first = (await rig.until(lambda s: True))["policy_version"]
    put(rig, (EVER, NEVER))
    assert (await reloaded(rig))["applied"] and await decided(rig) == "denied_out_of_schedule"
    shown = await rig.acli("config", "show", first)
    assert EVER in shown.stdout
    history = json.loads((await rig.acli("config", "history", "--json")).stdout)
    assert [one["version"] for one in history][1] == first
    rig.config.write_text(rig.config.read_text("utf-8") + "\n[nonsense]\n", "utf-8")
    await rig.acli("config", "back", first[:6])
    assert await decided(rig) == "granted"
    assert rig.config.read_text("utf-8") == shown.stdout


async def stream(rig: Rig, stop: asyncio.Event) -> int:
    """Badges at 20/s at the gate until `stop`; returns how many."""
    count = 0
    while not stop.is_set():
        rig.gate_reader.present(*BADGE)
        count += 1
        await asyncio.sleep(0.05)
    return count


@pytest.mark.slow
async def test_a_stream_of_badges_while_a_schedule_flips(rig: Rig) -> None:
    """Each decision is that of one policy, and from the record of a change on that of the new."""
    stop = asyncio.Event()
    badges = asyncio.create_task(stream(rig, stop))
    both = [(EVER, NEVER), (NEVER, EVER)]
    for number in range(int(os.environ.get("GARITA_RELOADS", "30"))):
        put(rig, both[number % 2])
        assert (await reloaded(rig))["applied"]
    stop.set()
    count = await badges
    async with asyncio.timeout(20):
        while len(events(rig, "access.")) < count:
            await asyncio.sleep(0.05)
    expected, version = "granted", events(rig, "gateway.started")[0].data["policy_version"]
    for one in events(rig, "access.", "config."):
        if one.type == "config.changed":
            assert one.data["before"] == version
            version = one.data["policy_version"]
            expected = "denied_out_of_schedule" if expected == "granted" else "granted"
        else:
            assert (one.data["reason"], one.data["policy_version"]) == (expected, version), one.seq


@pytest.mark.slow
async def test_killed_between_the_record_and_the_swap_the_file_is_in_force(rig: Rig) -> None:
    """At any moment of a reload: after a start the file is in force, and the log says so."""
    for number in range(4):
        put(rig, (EVER, NEVER) if number % 2 == 0 else (NEVER, EVER))
        asked = asyncio.create_task(reloaded(rig))
        await asyncio.sleep(0.006 * number)
        rig.kill()
        await asyncio.gather(asked, return_exceptions=True)
        assert rig.daemon is not None
        await rig.daemon.wait()
        await rig.start()
        version = (await rig.until(lambda s: True))["policy_version"]
        started = events(rig, "gateway.started")[-1].data
        last = events(rig, "gateway.started", "config.changed")[-2]
        assert started["policy_version"] == version
        assert ("before" in started) == (last.data["policy_version"] != version)
        reason = "denied_out_of_schedule" if number % 2 == 0 else "granted"
        assert await decided(rig) == reason


async def test_a_reload_moves_no_door_and_forgets_nobody(make_rig: Callable[..., Rig]) -> None:
    """A door out of service, who is inside, a wrong PIN and a person who types stay as they are."""
    rig = make_rig(osdp=True, policy=POLICY.replace("EVER", EVER), yard_more='area = "plant"')
    text = rig.config.read_text("utf-8").replace("[face]", "[areas.plant]\n[face]")
    rig.config.write_text(text, "utf-8")
    luis = {"id": "e2", "name": "Luis", "credentials": "em4100:18:1002", "access_levels": "plant"}
    people = rig.write_people([{**ANA, "access_levels": "plant;shift"}, luis])
    await rig.acli("people", "sync", str(people), "--apply")
    await rig.start()
    rig.yard_reader.present(*BADGE)
    await rig.until(lambda s: s["areas"]["plant"]["inside"] == 1)
    await rig.acli("door", "out-of-service", "gate", "--reason", "broken")
    moved = len(events(rig, "door."))
    put(rig, ("[areas.plant]", "[areas.plant]\nmaximum = 1\n[areas.dock]"), (EVER, NEVER))
    answer = await reloaded(rig)
    assert answer["applied"], answer
    status = await rig.until(lambda s: True)
    assert status["areas"]["plant"] == {"inside": 1, "maximum": 1}
    assert status["doors"]["gate"]["out_of_service"].startswith("broken")
    assert len(events(rig, "door.")) <= moved + 1  # the yard's pulse may end
    rig.yard_reader.present(18, 1002)
    await rig.until(lambda s: s["last"]["yard"]["reason"] == "denied_area_full")


async def test_the_broker_is_changed_and_every_event_arrives_once(
    make_rig: Callable[..., Rig], make_broker: Callable[..., Any]
) -> None:
    brokers = make_broker(), make_broker()
    for broker in brokers:
        broker.start()
    rig = make_rig(mqtt=f'host = "127.0.0.1"\nport = {brokers[0].port}')
    await rig.start()
    await rig.until(lambda s: s["mqtt"]["connected"])
    put(rig, (f"port = {brokers[0].port}", f"port = {brokers[1].port}"))
    answer = await reloaded(rig)
    assert answer["applied"], answer
    ours = f"127.0.0.1:{brokers[1].port}"
    status = await rig.until(lambda s: s["mqtt"]["connected"] and s["mqtt"]["broker"] == ours)
    assert status["mqtt"]["brokers"] == [ours]
    await rig.until(lambda s: s["mqtt"]["waiting"] == 0)


async def test_an_errand_goes_by_the_configuration_in_force(rig: Rig) -> None:
    """Although the file is half written, and whatever the caller says that it is."""
    rig.config.write_text("[site", "utf-8")
    asked = {"act": "mark", "of": "badge", "texts": ["em4100:18:1001"], "timeout_s": 30.0}
    more = {"configuration": "[site]\ngateway = 'mine'"}
    made = await asyncio.to_thread(control.ask, rig.socket, "errand", **asked, **more)
    assert len(made["marks"]) == 1
