"""The figures of a real daemon: right, few, and without anybody's name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.rig import Rig
from gateway.config import Settings
from gateway.config.metrics import MetricsTable
from gateway.daemon.measures import counting
from gateway.decide.model import Reason
from gateway.ledger import Ledger
from gateway.ledger.event import EventType, NewEvent
from gateway.metrics.names import BY_NAME, METRICS
from gateway.metrics.text import Samples, text
from tests.gateway.metrics.scrape import check_known, scrape, values

PEOPLE = int(os.environ.get("GARITA_PEOPLE", "500"))
DECISIONS = "garita_decisions_total"
MOST_SERIES = 400


def with_metrics(rig: Rig) -> Path:
    """Turn the figures on; returns their socket."""
    where = rig.folder / "run" / "metrics.sock"
    with rig.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[metrics]\nlisten = "unix:{where}"\n')
    return where


@pytest.mark.slow
async def test_ten_thousand_people_make_no_more_series(make_rig: Callable[..., Rig]) -> None:
    """Each shows a badge of their own at a real daemon; half of them are not on the list.  By
    default five hundred come; GARITA_PEOPLE=10000 takes 50 s."""
    rig = make_rig(osdp=True)
    where = with_metrics(rig)
    rows = [
        {
            "id": f"e{n}",
            "name": f"Zacarías{n} Quiñones{n}",
            "credentials": f"em4100:18:{1_000_000 + n}",
            "access_levels": "plant",
        }
        for n in range(PEOPLE // 2)
    ]
    await rig.acli("people", "sync", str(rig.write_people(rows)), "--apply")
    await rig.start()
    for first in range(0, PEOPLE, 500):
        for n in range(first, first + 500):
            (rig.gate_reader, rig.yard_reader)[n % 2].present(18, 1_000_000 + n)
        await rig.until(
            lambda s, n=first + 500: s["last_seq"] >= n, 60
        )  # records of other things come too

    async def all_decided() -> str:
        async with asyncio.timeout(30):
            while True:
                body = await asyncio.to_thread(scrape, where)
                if sum(v for k, v in values(body).items() if k[0] == DECISIONS) >= PEOPLE:
                    return body
                await asyncio.sleep(0.5)

    body = await all_decided()
    found = values(body)
    assert sum(v for k, v in found.items() if k[0] == DECISIONS) == PEOPLE
    assert found[DECISIONS, "gate", "denied_unknown_credential"] > 0
    check_private(body)
    assert str(rig.folder) not in body


async def test_ten_thousand_people_on_record_make_no_more_series(tmp_path: Path) -> None:
    """The records of ten thousand people, through the log, at a site of normal size: eight doors,
    ten readers on buses, four cameras."""
    settings = SimpleNamespace(tables=SimpleNamespace(metrics=MetricsTable(listen="[::1]:9464")))
    ledger = Ledger.open(tmp_path / "ledger.db", gateway="g")
    tally = counting(cast(Settings, settings), ledger)
    assert tally is not None
    reasons = [Reason.GRANTED] * 9 + list(Reason)[:15]
    futures = []
    for n in range(10_000):
        reason = reasons[n % len(reasons)]
        kind = EventType.ACCESS_GRANTED if reason is Reason.GRANTED else EventType.ACCESS_DENIED
        data = {
            "reason": reason.value,
            "person": {"id": f"e{n}", "name": f"Zacarías{n}"},
            "credential": {"masked": f"…{n}", "fingerprint": f"{n:032x}"},
        }
        futures.append(ledger.append_soon(NewEvent(kind, f"door-{n % 8}", data)))
        tally.timed("decided", n / 10_000)
    await asyncio.gather(*futures)
    ledger.close()
    samples = Samples()
    for pair, count in tally.decisions.items():
        samples.put(DECISIONS, count, *pair)
    for stage, histogram in tally.stages.items():
        samples.put_histogram("garita_stage_seconds", histogram, stage)
    samples.put_histogram("garita_commit_seconds", tally.commits)
    for n in range(10):
        for name in ("polls_total", "worst_seconds", "secure"):
            samples.put(f"garita_link_{name}", n, f"reader-{n}")
        for reason in ("check", "nak", "retry", "timeout"):
            samples.put("garita_link_errors_total", n, f"reader-{n}", reason)
    for n in range(20):
        samples.put("garita_device_online", 1, "camera" if n < 4 else "reader", f"device-{n}")
    for metric in METRICS:  # everything else, once for each door where it has a label
        if metric.name not in samples.values and metric.name not in samples.histograms:
            for n in range(8 if metric.labels else 1):
                samples.put(metric.name, n, *(f"x{n}" for _ in metric.labels))
    body = text(samples).decode()
    assert sum(tally.decisions.values()) == 10_000
    assert sum(tally.commits.counts) > 10
    check_private(body)


def check_private(body: str) -> None:
    assert len(values(body)) <= MOST_SERIES, len(values(body))
    assert not re.search(r"Zacar|Qui.ones|\b1[ .,]?00\d{4}\b|em4100|fingerprint|…", body)
    check_known(body)


@pytest.mark.slow
async def test_hostile_scrapers_delay_no_door(make_rig: Callable[..., Rig]) -> None:
    """Threads connect, hang, shout and ask for all they are worth while badges are read."""
    rig = make_rig()
    where = with_metrics(rig)
    person = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
    await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
    await rig.start()
    stop = threading.Event()

    def attack(send: bytes) -> None:
        held: list[socket.socket] = []
        while not stop.wait(0.001):
            made = socket.socket(socket.AF_UNIX)
            made.setblocking(False)
            try:
                made.connect(str(where))
                made.send(send)
                held.append(made)
            except OSError:
                made.close()
            while len(held) > 250:
                held.pop(0).close()
        for made in held:
            made.close()

    sent = (b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /met", b"\0" * 9000, b"")
    threads = [threading.Thread(target=attack, args=(what,)) for what in sent]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            rig.yard_reader.present(18, 1001)
            await rig.until(lambda s, n=number: s["last_seq"] > n and s["last"]["yard"])
            await asyncio.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)
    rig.yard_reader.present(18, 1001)
    async with asyncio.timeout(30):  # the kernel's queue of the socket empties
        body = ""
        while not body:
            with contextlib.suppress(OSError, AssertionError):
                body = await asyncio.to_thread(scrape, where)
            await asyncio.sleep(0.1)
    found = values(body)
    assert found[DECISIONS, "yard", "granted"] >= 20
    # Nineteen in twenty badges were at the relay within a quarter of a second.
    count = found["garita_stage_seconds_count", "total"]
    assert found["garita_stage_seconds_bucket", "0.25", "total"] >= count * 0.95
    assert found["garita_task_failures_total",] == 0


async def test_the_figures_say_what_is_so(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(osdp=True)
    where = with_metrics(rig)
    person = {"id": "e1", "name": "Ana", "credentials": "em4100:18:1001", "access_levels": "plant"}
    await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
    await rig.start()
    for number in (1001, 7, 7):
        rig.yard_reader.present(18, number)
    await rig.until(
        lambda s: (s["last"]["yard"] or {}).get("reason") == "denied_unknown_credential"
    )
    await rig.acli("door", "out-of-service", "gate", "--reason", "hinge of Ana")
    await asyncio.to_thread(rig.board.close)
    await rig.until(lambda s: any(d["name"] == "board" and not d["online"] for d in s["devices"]))
    body = await asyncio.to_thread(scrape, where)
    found = values(body)
    assert found["garita_decisions_total", "yard", "granted"] == 1
    assert found["garita_decisions_total", "yard", "denied_unknown_credential"] == 2
    assert found["garita_doors", "out_of_service"] == 1
    assert found["garita_device_online", "board", "lock"] == 0
    assert found["garita_device_online", "yard-in", "reader"] == 1
    assert found["garita_list_people",] == 1 and found["garita_list_usable",] == 1
    assert 0 <= found["garita_list_age_seconds",] < 600
    assert found["garita_disk_free_bytes",] > 0
    assert found["garita_stage_seconds_count", "decided"] == 3
    assert found["garita_stage_seconds_count", "durable"] == 3
    assert found["garita_stage_seconds_count", "released"] == 1
    assert 0 < found["garita_stage_seconds_sum", "total"] < 5
    assert found["garita_commit_seconds_count",] > 3
    assert found["garita_link_secure", "vault-in"] == 0  # nobody gave it a key
    assert found["garita_clock_trusted",] == 1
    assert found["garita_log_records",] > 3
    families = {f.name for f in text_string_to_metric_families(body)}
    unknown = {n for n in families if n.startswith("garita")} - {
        name.removesuffix("_total") for name in BY_NAME
    }
    assert not unknown and "Ana" not in body


async def test_an_address_that_is_taken_stops_no_door(make_rig: Callable[..., Rig]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        rig = make_rig()
        with rig.config.open("a", encoding="utf-8") as file:
            file.write(f'\n[metrics]\nlisten = "127.0.0.1:{other.getsockname()[1]}"\n')
        person = {
            "id": "e1",
            "name": "Ana",
            "credentials": "em4100:18:1001",
            "access_levels": "plant",
        }
        await rig.acli("people", "sync", str(rig.write_people([person])), "--apply")
        await rig.start()
        rig.yard_reader.present(18, 1001)
        await rig.until(lambda s: (s["last"]["yard"] or {}).get("reason") == "granted")
    found = await rig.acli("log", "tail", "-n", "50", "--json")
    assert '"gateway.task_failed"' in found.stdout and '"metrics"' in found.stdout
