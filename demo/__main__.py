"""``make demo``: a shift at a simulated gate, with the real gateway.

The daemon, the commands, the wire frames, the video through OpenCV and the MQTT events are real.
The reader, the relay board, the camera picture and the people are simulated.  The exit code is 0
only if everything went as it should.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from demo import console as screens
from demo.broker import Auditor, DemoBroker, free_port
from demo.console import DemoConsole
from demo.photos import PhotosMissing, fetch
from demo.rig import ROOT, Rig
from drivers.readers import wiegand
from drivers.simulated.camera import empty_video, person_video
from drivers.simulated.reader import VirtualRdm6300
from gateway import config
from gateway.daemon import control
from gateway.ledger import LedgerReader
from gateway.proof.standalone import PROGRAM
from gateway.wording.text import reason

out = Console(highlight=False, width=110, record="--svg" in sys.argv)
FACILITY = 18
PEOPLE = [
    {
        "id": "e100",
        "name": "Bruno Reyes",
        "credentials": "em4100:18:5550100",
        "access_levels": "plant",
        "valid_until": "2035-12-31",
    },
    {
        "id": "e200",
        "name": "Elena Ortiz",
        "credentials": "em4100:18:5550200;h10301:18:45176",
        "access_levels": "plant",
        "valid_until": "2035-12-31",
    },
    {
        "id": "e300",
        "name": "Diego Luna",
        "credentials": "em4100:18:5550300",
        "access_levels": "plant",
        "valid_until": "2025-06-30",
    },
    {
        "id": "e400",
        "name": "Nora Solis",
        "credentials": "em4100:18:5550400",
        "access_levels": "nights",
    },
]
POLICY = """
[areas.yard]
requires = ["training"]

[requirements.training]
title = { en = "Security training", es = "Capacitación en seguridad" }
criteria = ["12.1"]

[threat_levels.normal]
title = { en = "Normal", es = "Normal" }
rank = 0

[threat_levels.lockdown]
title = { en = "Lockdown", es = "Cierre" }
rank = 9
closed = ["*"]

[freight]
spot_check_percent = 0.0
"""
NORAS_PIN = "2580"
BRUNO, ELENA, DIEGO, NORA, NOBODY = 5550100, 5550200, 5550300, 5550400, 5559999


class Story:
    """The scenes, and whether each went as it should."""

    def __init__(
        self, rig: Rig, photos: Path, broker: DemoBroker, auditor: Auditor, console: DemoConsole
    ) -> None:
        self.rig = rig
        self.console = console
        self.photos = photos
        self.broker = broker
        self.auditor = auditor
        self.wrong: list[str] = []
        self._scene = 0

    def check(self, good: bool, what: str) -> None:
        """Note and show whether something is as it should be."""
        mark = "[green]✓[/green]" if good else "[red]✗[/red]"
        out.print(f"  {mark} {what}")
        if not good:
            self.wrong.append(what)

    def scene(self, title: str) -> None:
        self._scene += 1
        out.print(f"\n[bold]{self._scene}. {title}[/bold]")

    async def before_camera(self, photo: str | None) -> None:
        """Somebody else steps in front of the camera: replaces the video file."""
        if photo is None:
            await asyncio.to_thread(empty_video, self.rig.video, seconds=1.0)
        else:
            await asyncio.to_thread(person_video, self.photos / photo, self.rig.video, seconds=1.0)
        await asyncio.sleep(2.2)  # the camera reads the old file to its end

    async def tap(self, reader: VirtualRdm6300, number: int | None, expected: str) -> None:
        """Hold a badge to a reader (None: noise on its line) and compare the answer."""
        door = "gate" if reader is self.rig.gate_reader else "yard"
        before = await self._last(door)
        seen = len(self.rig.board.log)
        begun = time.monotonic()
        if number is None:
            reader.garbage()
        else:
            reader.present(FACILITY, number)
        status = await self.rig.until(lambda s: (s["last"].get(door) or {}) != before)
        answer = status["last"][door]
        channel = 1 if door == "gate" else 2
        released = [
            switch
            for switch in self.rig.board.log[seen:]
            if switch.on and switch.channel == channel
        ]
        granted = answer["reason"] == "granted"
        lock = "lock stays locked"
        if released:
            lock = f"lock released after {(released[0].at - begun) * 1000:.0f} ms"
        colour = "green" if granted else "yellow"
        self.check(
            answer["reason"] == expected and bool(released) == granted,
            f"{door}: [{colour}]{answer['reason']}[/{colour}] ({reason(answer['reason'])}); "
            f"{lock}; record {answer['seq']}",
        )

    async def _last(self, door: str) -> dict[str, Any]:
        status = await self.rig.until(lambda s: True)
        return status["last"].get(door) or {}

    async def tell(self) -> None:
        """The shift."""
        gate, yard = self.rig.gate_reader, self.rig.yard_reader
        self.scene("Elena is enrolled at the gate's own camera")
        done = await self.rig.acli("people", "enroll", "e200", "--camera", "gate", check=False)
        self.check(done.returncode == 0, "garita people enroll e200 --camera gate: 3 templates")
        await self.before_camera("obama3.jpg")
        self.scene("Bruno holds his badge to the reader and looks at the camera")
        await self.tap(gate, BRUNO, "granted")
        self.scene("A badge that nobody on the list holds")
        await self.tap(gate, NOBODY, "denied_unknown_credential")
        self.scene("Diego, whose permit ended on 2025-06-30")
        await self.tap(gate, DIEGO, "denied_expired")
        self.scene("Nora, who works nights, comes at another hour")
        await self.tap(gate, NORA, "denied_out_of_schedule")
        self.scene("Elena's badge in Bruno's hand: the right badge, another face")
        await self.tap(gate, ELENA, "denied_face_mismatch")
        await self.told("alarm.lent_badge", "the log names both")
        self.scene("Elena herself")
        await self.before_camera("biden.jpg")
        await self.tap(gate, ELENA, "granted")
        self.scene("A badge, and nobody in front of the camera")
        await self.before_camera(None)
        await self.tap(gate, BRUNO, "denied_no_face")
        self.scene("Noise on the reader's cable: a frame with one wrong bit")
        await self.tap(yard, None, "denied_bad_read")
        self.scene("The broker goes down; the yard door asks for a badge alone")
        await self.broker.stop()
        await self.rig.until(lambda s: not s["mqtt"]["connected"])
        await self.tap(yard, BRUNO, "granted")
        await self.tap(yard, ELENA, "granted")
        await self.tap(yard, NOBODY, "denied_unknown_credential")
        waiting = (await self.rig.until(lambda s: True))["mqtt"]["waiting"]
        self.check(waiting >= 3, f"{waiting} events wait in the log; the doors did not")
        self.scene("The broker is back")
        await self.broker.start()
        await self.rig.until(lambda s: s["mqtt"]["connected"] and not s["mqtt"]["waiting"], 60)
        last = LedgerReader(self.rig.ledger_path).last_seq
        await self.auditor.wait_for(last)
        again = f", {self.auditor.filled} asked for again" if self.auditor.filled else ""
        self.check(True, f"the auditor has every event from 1 to {last}, none lost{again}")
        await self.vault()
        await self.rules()
        await self.truck()
        await self.screen()
        self.scene("Bruno leaves the company: revoked while the gate is running")
        revoked = await self.rig.acli("people", "revoke", "e100", "--reason", "left the company")
        self.check(revoked.returncode == 0, "garita people revoke e100")
        await self.tap(yard, BRUNO, "denied_revoked")
        await self.packet()

    async def packet(self) -> None:
        """What an auditor takes along, and how they check it without us."""
        self.scene("The auditor comes: today's evidence, and one byte of it changed")
        day = f"{datetime.now(config.load(self.rig.config).site.zone):%Y-%m-%d}"
        folder = self.rig.folder / "packet"
        word = ("--word", "maquiladora", "--lang", "es")
        said = await self.command("evidence", "--from", day, "--to", day, *word, "-o", str(folder))
        for line in said.splitlines()[-6:]:
            out.print(f"    {line.strip()}", markup=False)
        checker = folder / PROGRAM
        self.check(await self._checks(checker, folder), f"python3 {PROGRAM} packet: good")
        table = min((folder / "tables").glob("*.csv"), key=lambda path: path.name)
        raw = bytearray(table.read_bytes())
        raw[-1] ^= 1
        table.write_bytes(raw)
        self.check(not await self._checks(checker, folder), f"a bit of {table.name} flipped: found")

    @staticmethod
    async def _checks(checker: Path, folder: Path) -> bool:
        """Whether the stand-alone program, in a Python without our packages, finds it good."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(checker), str(folder), stdout=DEVNULL, stderr=DEVNULL
        )
        return await process.wait() == 0

    async def vault(self) -> None:
        """A door with a secure OSDP reader, keypad and contact."""
        rig = self.rig
        self.scene("The vault's OSDP readers get keys of their own, in a window of 20 s")
        for name in ("vault-in", "vault-out"):
            done = await rig.acli("reader", "install", name, "--seconds", "20", check=False)
            self.check(done.returncode == 0, f"garita reader install {name}: {done.stdout.strip()}")
        await asyncio.sleep(0.3)
        self.scene("Elena at the vault: badge and PIN over the secure channel")
        await self.at_vault(ELENA, "0000#", "denied_wrong_pin")
        await self.at_vault(ELENA, "4711#", "granted")
        rig.vault_in.input(1, False)
        await self.told("door.entered", "she opened it and went in")
        rig.vault_in.input(1, True)
        await self.told("door.closed", "and it was locked as soon as it shut")
        self.scene("Somebody forces the vault")
        rig.vault_in.input(1, False)
        await self.told("door.forced", "alarm at the reader and in the log")
        self.check(
            await self.shown("CLOSE THE DOOR"), f"the reader's display: {rig.vault_in.shown}"
        )
        rig.vault_in.input(1, True)
        await self.told("door.forced_cleared", "closed again")
        self.scene("The vault's reader loses its power and comes back")
        assert rig.bus is not None
        rig.bus.dead.add(1)
        await rig.until(lambda s: not s["readers"]["vault-in"]["online"])
        rig.vault_in.power_cycle()
        rig.bus.dead.clear()
        begun = time.monotonic()
        await rig.until(lambda s: s["readers"]["vault-in"]["secure"])
        took = time.monotonic() - begun
        self.check(took < 2, f"in secure channel again after {took:.1f} s")

    async def command(self, *words: str, fails: bool = False) -> str:
        """Run a command as an operator types it, and show its answer."""
        done = await self.rig.acli(*words, check=False)
        said = (done.stdout + done.stderr).strip()
        self.check((done.returncode != 0) == fails, "garita " + " ".join(words))
        return said

    async def rules(self) -> None:
        """Requirements that lapse, and a lockdown."""
        yard = self.rig.yard_reader
        self.scene("Bruno's security training lapsed; the yard requires it")
        await self.command("requirement", "set", "e100", "training", "--until", "2026-01-31")
        await self.tap(yard, BRUNO, "denied_requirement_lapsed")
        said = await self.command("explain", "e100", "yard")
        line = next((item for item in said.splitlines() if "laps" in item), said)
        out.print(f"    {line.strip()}", markup=False)
        await self.command("requirement", "set", "e100", "training", "--until", "2035-12-31")
        await self.tap(yard, BRUNO, "granted")
        self.scene("Lockdown")
        await self.command("threat", "set", "lockdown", "--reason", "drill")
        await self.tap(yard, BRUNO, "denied_threat_level")
        await self.command("threat", "set", "normal", "--reason", "drill over")
        await self.tap(yard, BRUNO, "granted")

    async def truck(self) -> None:
        """A trailer whose seal is not the one that was announced."""
        self.scene("A truck comes with another seal than its papers say")
        await self.command(
            "freight",
            "expect",
            "--eta",
            "14:30",
            "--driver",
            "Juan Pérez",
            "--carrier",
            "Transportes Norte",
            "--tractor",
            "AB-123-C",
            "--unit",
            "5301",
            "--seal",
            "AB100000",
        )
        said = await self.command(
            "freight",
            "arrive",
            "1",
            "--driver",
            "Juan Pérez",
            "--carrier",
            "Transportes Norte",
            "--tractor",
            "AB-123-C",
            "--trailer",
            "5301",
            "--id-kind",
            "licence",
            "--seal",
            "AB999999",
            "--vvtt",
            "all",
        )
        for line in said.splitlines():
            out.print(f"    {line.strip()}", markup=False)
        await self.told("freight.held", "a supervisor has to look")
        await self.command("freight", "depart", "1", fails=True)

    async def screen(self) -> None:
        """A guard takes a truck from its arrival to its departure in the web console."""
        self.scene("Elena, the guard, takes another truck through the web console")
        expect = ("freight", "expect", "--eta", "15:00", "--driver", "Luisa Mora")
        truck = ("--carrier", "Transportes Norte", "--tractor", "77-AK-9P", "--unit", "5302")
        await self.command(*expect, *truck)
        if screens.browser() is None:
            out.print("  [yellow]-[/yellow] no chromium here, so no browser taps through it")
            return
        begun = time.monotonic()
        taps, typed = await screens.truck_walk(self.console, NORAS_PIN)
        took = time.monotonic() - begun
        self.check(True, f"chromium: {taps} taps and {typed} typed fields in {took:.0f} s")
        await self.told("seal.affixed", "the seal is on, with view, verify, tug and twist")
        await self.told("freight.departed", "and the truck is gone; every act has her name")

    async def at_vault(self, number: int, keys: str, expected: str) -> None:
        """Show a badge and type a PIN at the vault's keypad."""
        before = await self._last("vault")
        seen = len(self.rig.board.log)
        self.rig.vault_in.card(wiegand.encode("h10301", FACILITY, number % 65536))
        await self.rig.until(lambda s: s["doors"]["vault"]["state"] == "waiting")
        begun = time.monotonic()
        self.rig.vault_in.press(keys)
        status = await self.rig.until(lambda s: (s["last"].get("vault") or {}) != before)
        answer = status["last"]["vault"]
        on = [s for s in self.rig.board.log[seen:] if s.on and s.channel == 3]
        granted = answer["reason"] == "granted"
        lock = "lock stays locked"
        if on:
            lock = f"lock released {(on[0].at - begun) * 1000:.0f} ms after #"
        colour = "green" if granted else "yellow"
        self.check(
            answer["reason"] == expected and bool(on) == granted,
            f"vault: [{colour}]{answer['reason']}[/{colour}] ({reason(answer['reason'])}); "
            f"{lock}; record {answer['seq']}",
        )

    async def told(self, kind: str, what: str) -> None:
        """Whether an event of this type is on record now, or soon."""
        deadline = time.monotonic() + 5
        found = False
        while not found and time.monotonic() < deadline:
            await asyncio.sleep(0.03)
            log = LedgerReader(self.rig.ledger_path)
            found = any(event.type == kind for event in log.after(0, 10_000))
            log.close()
        self.check(found, f"{kind}: {what}")

    async def shown(self, words: str) -> bool:
        """Whether the reader's display shows this text soon."""
        for _ in range(100):
            if self.rig.vault_in.shown == words:
                return True
            await asyncio.sleep(0.02)
        return False

    async def close(self) -> None:
        """The end of the shift: stop, verify, compare."""
        self.scene("End of shift: stop the gateway and verify the log")
        code = await self.rig.stop_daemon()
        self.check(code == 0, f"the gateway stopped cleanly (exit code {code})")
        self.check(not any(self.rig.board.state.values()), "every lock is at rest")
        done = await self.rig.acli("log", "verify", check=False)
        verdict = next((line for line in done.stdout.splitlines() if " events: " in line), "")
        self.check(done.returncode == 0, f"garita log verify: {verdict}")
        records = {e.seq: e for e in LedgerReader(self.rig.ledger_path).after(0, 10_000)}
        same = all(records[n].hash == e["hash"] for n, e in self.auditor.events.items())
        self.check(
            same and len(self.auditor.events) >= len(records) - 2,
            f"the auditor's {len(self.auditor.events)} events have the log's own hashes",
        )


async def prepare(rig: Rig, photos: Path) -> None:
    """Load people and enrol faces, with the commands that a site would use."""
    people = rig.write_people(PEOPLE)
    await rig.acli("people", "sync", str(people), "--apply")
    out.print("  [green]✓[/green] garita people sync people.csv --apply: 4 people")
    await rig.acli("people", "pin", "e200", stdin="4711\n")
    out.print("  [green]✓[/green] garita people pin e200 (from stdin; stored as argon2id)")
    await rig.acli("people", "pin", "e400", stdin=f"{NORAS_PIN}\n")
    # These are not the photograph that the camera shows: obama3 is the live face.
    names = ("obama.jpg", "obama2.jpg", "obama_partial_face.jpg")
    await rig.acli("people", "enroll", "e100", *(str(photos / name) for name in names))
    out.print("  [green]✓[/green] garita people enroll e100 (three photographs)")
    for person in ("e100", "e200"):
        await rig.acli("requirement", "set", person, "training", "--until", "2035-12-31")
    status = ("--programme", "oea", "--number", "OEA-0001", "--until", "2035-12-31")
    await rig.acli("partner", "add", "Transportes Norte", *status)
    out.print("  [green]✓[/green] garita requirement set, garita partner add")
    await rig.acli("freight", "seals", "receive", "AB200000..AB200009", "--certificate", "T-1")
    await rig.acli("freight", "seals", "issue", "AB200000..AB200003", "--to", "Elena Ortiz")
    out.print("  [green]✓[/green] garita freight seals receive, issue: four to Elena, the guard")


@contextlib.asynccontextmanager
async def gate(photos: Path, folder: Path) -> AsyncIterator[Story]:
    """A gate with everything running; stops it all at the end."""
    port = free_port()
    broker = DemoBroker(port)
    await broker.start()
    out.print(f"  [green]✓[/green] an MQTT broker on 127.0.0.1:{port}")
    await asyncio.to_thread(person_video, photos / "biden.jpg", folder / "camera.avi", seconds=1.0)
    mqtt = f'host = "127.0.0.1"\nport = {port}'
    web = free_port()
    rig = Rig(
        folder,
        camera=True,
        osdp=True,
        mqtt=mqtt,
        hold_off_s=0.2,
        yard_more='area = "yard"',
        policy=POLICY + screens.tables(web),
    )
    console = DemoConsole(rig, web)
    out.print("  [green]✓[/green] two virtual RDM6300 readers, a virtual relay board (ptys)")
    out.print("  [green]✓[/green] two virtual OSDP readers with keypad on one RS-485 bus (a pty)")
    auditor = Auditor(port, "demo-gate")
    listening = asyncio.create_task(auditor.run())
    try:
        await prepare(rig, photos)
        begun = time.monotonic()
        await rig.start(log=folder / "gateway.log")
        out.print(f"  [green]✓[/green] garita run: ready in {time.monotonic() - begun:.1f} s")
        await rig.until_online("reader", "lock", "camera", "face", "broker")
        out.print("  [green]✓[/green] camera and face process ready")
        await console.start()
        out.print(f"  [green]✓[/green] garita console: {console.url}")
        yield Story(rig, photos, broker, auditor, console)
    finally:
        await console.stop()
        await rig.stop()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await broker.stop()


async def demo(keep: bool) -> int:
    begun = time.monotonic()
    out.rule("Garita: the real gateway at a simulated gate")
    photos = fetch()
    base = ROOT / ".cache" / "demo"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="gate-", dir=base))
    async with gate(photos, folder) as story:
        await story.tell()
        if keep:
            out.print(f"\nLeft running.  Try:  .venv/bin/garita status -c {story.rig.config}")
            out.print(f"                    .venv/bin/garita log tail -f -c {story.rig.config}")
            out.print(f"The console: {story.console.url}")
            for name, what in ((screens.GUARD, "a guard"), (screens.SUPERVISOR, "a supervisor")):
                out.print(f"    {what}: name {name}, password {story.console.password}")
            out.print("Ctrl-C ends it.")
            with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
                await asyncio.Event().wait()
        await story.close()
    out.rule()
    if story.wrong:
        out.print(f"[red]{len(story.wrong)} thing(s) went wrong; see {folder}[/red]")
        return 1
    shutil.rmtree(folder)
    out.print(f"[green]Everything went as it should[/green] ({time.monotonic() - begun:.0f} s).")
    return 0


def save_picture(path: Path) -> None:
    """Save the terminal as SVG, without the fonts that rich would load from the network."""
    picture = out.export_svg(title="make demo")
    plain = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", picture, flags=re.DOTALL)
    path.write_text(plain, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--svg", type=Path, help="save what was shown as a picture")
    parser.add_argument("--keep", action="store_true", help="leave the gate running at the end")
    try:
        options = parser.parse_args()
        code = asyncio.run(demo(options.keep))
        if options.svg:
            save_picture(options.svg)
        return code
    except PhotosMissing as error:
        out.print(f"[red]{error}[/red]")
    except (AssertionError, TimeoutError, control.ControlError) as error:
        out.print(f"[red]the demo stopped: {error or type(error).__name__}[/red]")
    except KeyboardInterrupt:
        out.print("ended")
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
