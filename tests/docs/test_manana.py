"""The guard's morning in docs/manana-en-la-garita.md: each command answers what the page shows.

The page is one run at one hour, so the test takes a time zone in which it is seven o'clock now.
Numbers differ from run to run (times, ids, hashes), and tables wrap, so the test compares the words
of an answer without their digits and places.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from demo.rig import Rig
from gateway.ledger import LedgerReader

PAGE = Path(__file__).parents[2] / "docs" / "manana-en-la-garita.md"
SITE = """
[visits]
escorted_access_levels = ["plant"]

[freight]
spot_check_percent = 0.0

[operators.rosa]
account = "rosa"
person = "e3"
roles = ["guard"]

[operators.laura]
account = "laura"
person = "e9"
roles = ["guard", "supervisor"]
"""
NIGHTS = '[{ days = ["mon", "tue", "wed", "thu", "fri"], from = "21:30", to = "06:30" }]'
PEOPLE = [
    {"id": "e3", "name": "Rosa Díaz"},
    {"id": "e9", "name": "Laura Gil"},
    {"id": "e17", "name": "Luis Vega", "credentials": "em4100:18:1001", "access_levels": "plant"},
    {"id": "e23", "name": "Marta Ruiz", "credentials": "em4100:18:1002", "access_levels": "nights"},
    {
        "id": "e31",
        "name": "Pedro Salas",
        "credentials": "em4100:18:1003",
        "access_levels": "plant",
        "valid_until": "2026-10-31",
    },
]
NAMES = {  # of this gate, and of the page
    "demo-gate": "garita-1",
    "nights/never-today": "noche/turno-noche",
    "plant/always": "planta/always",
    "yard": "almacen",
    "gate: asegurada": "caseta: asegurada",
}
BADGES = {  # who comes to the warehouse before this command of the page
    "garita log tail -n 4": [(777, 1001)],
    "garita log tail -n 1": [(777,)],
    "garita log tail -n 3": [(1002,), (1003,), (4242,)],
}
OF_LAURA = tuple(
    f"garita {act}" for act in ("visit expect", "freight expect", "freight release", "freight sign")
)


def seven_o_clock() -> str:
    """A time zone in which it is between 7 and 8 o'clock now."""
    west = (datetime.now(UTC).hour - 7 + 12) % 24 - 12
    return f"Etc/GMT{west:+d}"  # POSIX's sign: + is west


def shown() -> list[tuple[str, str]]:
    """The commands of the page and their answers, in order."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            found.append((command, answer))
    return found


def words(answer: str) -> Counter[str]:
    """The words of an answer, without what differs from run to run."""
    for mine, theirs in NAMES.items():
        answer = answer.replace(mine, theirs)
    # Of this machine's clock.
    answer = re.sub(r"\[sincronización del reloj: gafete\]", "", answer)
    answer = re.sub(r"; no se destruye nada hasta .*\n *garita clock accept", "", answer)
    answer = re.sub(r"\b[0-9a-f]{64}\b|\b(?:P[SD]T|GMT)\b|[+-]\d\d\b", "", answer)
    answer = re.sub(r"\d+ [a-z]{3} \d{4}", "", answer)
    return Counter(re.sub(r"\d+", "N", answer).split())


async def tap(rig: Rig, *numbers: int) -> None:
    """Show badges at the warehouse, and wait until all that follows is on record."""
    before = (await rig.until(lambda s: True))["last"].get("yard")
    for number in numbers:
        rig.yard_reader.present(18, number)
    last = (await rig.until(lambda s: s["last"].get("yard") not in (None, before)))["last"]["yard"]
    if last["reason"] == "granted":  # the door unlocks and locks again
        await rig.until(lambda s: s["last_seq"] >= last["seq"] + 2)


async def morning(
    rig: Rig, from_account: Callable[[str], None]
) -> AsyncIterator[tuple[str, str, subprocess.CompletedProcess[str]]]:
    """Run the page's commands at `rig`, which is to be made with its SITE; yields each command with
    the answer on the page and the answer here."""
    text = rig.config.read_text("utf-8")
    text = text.replace("America/Tijuana", seven_o_clock())
    text = text.replace('[{ days = ["holiday"], from = "03:00", to = "03:01" }]', NIGHTS)
    rig.config.write_text(text, encoding="utf-8")
    await rig.acli("people", "sync", str(rig.write_people(PEOPLE)), "--apply")
    ctpat = ("--programme", "ctpat", "--number", "SVI-1", "--until", "2099-12-31")
    await rig.acli("partner", "add", "Transportes Norte", *ctpat)
    asked = (date.today() - timedelta(days=40)).isoformat()
    contractor = ("--kind", "contractor", "--questionnaire", asked, "--until", "2099-12-31")
    await rig.acli("partner", "add", "Acme México", *contractor)
    await rig.acli("freight", "seals", "receive", "AB100000..AB100099", "--certificate", "T-1")
    await rig.acli("freight", "seals", "issue", "AB100000", "--to", "Rosa Díaz")
    await rig.start()
    for command, answer in shown():
        for together in BADGES.get(command, []):
            await tap(rig, *together)
        from_account("laura" if command.startswith(OF_LAURA) else "rosa")
        given = shlex.split(command)[1:]
        if command.startswith("garita log show"):
            ledger = LedgerReader(rig.ledger_path)
            given[-1] = str(ledger.last_seq - 1)
            ledger.close()
        given = ["yard" if word == "almacen" else word for word in given]
        wide = given[1:2] in (["list"], ["log"])  # a table: on a screen as wide as the page's
        yield command, answer, await rig.acli(*given, check=False, process=wide)


async def test_the_guards_morning_is_as_the_page_shows_it(
    make_rig: Callable[..., Rig],
    monkeypatch: pytest.MonkeyPatch,
    from_account: Callable[[str], None],
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("GARITA_LANG", raising=False)
    rig, ran = make_rig(site='language = "es"', policy=SITE), 0
    async for command, answer, done in morning(rig, from_account):
        if "log show" not in command:  # its JSON says what this machine lacks
            assert words(done.stdout + done.stderr) == words(answer), f"{command}\n{done.stdout}"
        ran += 1
    assert ran > 25
