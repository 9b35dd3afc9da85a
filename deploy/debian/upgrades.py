"""Upgrades that are killed: `make upgrades UPGRADES=50 DEB=dist/bookworm/garita_... ROOT=/path`.

ROOT is a minimal system of the package's suite with python3; it is copied, and the copy removed.
Each round installs a newer version of the real package over the one before, with the data of
another schema version, and kills dpkg with all its children (SIGKILL) at a random moment: while it
unpacks, or in the maintainer script.  Then `dpkg --configure -a` (and another installation, if dpkg
had not come so far that it can go on) has to end well.  In every second round a gateway runs.

Held against: the command works at every moment; a gateway that runs goes on and answers badges; the
relay board gets no frame that no badge caused; afterwards the new version is in force, its gateway
starts, decides as before and keeps the list; the log verifies with all records of before.

The devices are virtual.  `systemctl` is a stand-in of a few lines: a chroot has no systemd.
Run as root; mounts, processes and terminals are in namespaces of their own and end with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))

from drivers.simulated.reader import VirtualRdm6300  # noqa: E402
from drivers.simulated.relay import VirtualRelayBoard  # noqa: E402
from tests.gateway.upgrade import schemas  # noqa: E402

CONFIG = """
[site]
gateway = "gate-1"
timezone = "UTC"
quiet_window = {{ from = "{start}", to = "{end}" }}
[schedules.day]
periods = [{{ days = ["mon"], from = "00:00", to = "24:00" }}]
[access_levels.plant]
doors = {{ gate = "always" }}
[readers.gate-in]
driver = "rdm6300"
port = "{dev}/reader"
options = {{ hold_off_s = 0.0 }}
[locks.board]
driver = "lcus"
port = "{dev}/board"
options = {{ channels = 1 }}
[doors.gate]
mode = "badge"
reader = "gate-in"
lock = "board"
channel = 1
pulse_s = 0.2
fail = "secure"
"""
SYSTEMCTL = """#!/bin/sh
# Stands in for systemd: starts and stops the gateway of this chroot.
running() { [ -s /run/pid ] && kill -0 "$(cat /run/pid)" 2>/dev/null; }
stop() {
    ! running || kill "$(cat /run/pid)"
    while running; do sleep 0.05; done
    rm -rf /run/garita
}
start() {
    mkdir -p /run/garita
    setsid garita run -c /etc/garita/garita.toml >>/run/log 2>&1 &
    echo $! >/run/pid
    for _ in $(seq 200); do
        ! garita status -c /etc/garita/garita.toml >/dev/null 2>&1 || return 0
        running || return 1
        sleep 0.1
    done
    return 1
}
case "$1 $2 $3" in
*is-active*garita.service*) running ;;
"restart garita.service "*) stop; start ;;
"start garita.service "*) running || start ;;
"stop garita.service "*) stop ;;
esac
"""


ENTER = """
mount -t proc proc /proc
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx
"$@"
exit $?
"""
"""The shell stays the first process of its namespace: it collects those that lost their parent."""
NAMESPACES = ("--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")


class Box:
    """The system in a chroot, with a reader and a relay board."""

    version = ""

    def __init__(self, root: Path, deb: Path, *, checkout: bool) -> None:
        self.root, self.number = root, 0
        self.package = root.parent / "package"
        subprocess.run(["dpkg-deb", "-R", str(deb), str(self.package)], check=True)
        control = (self.package / "DEBIAN" / "control").read_text("utf-8")
        if checkout:
            self._renew()
        # systemd-sysusers is not here, and everything runs as root.
        self.control = re.sub(r"^Depends:.*\n", "", control, flags=re.MULTILINE)
        self.dev = root / "dev-garita"
        self.dev.mkdir()
        self.reader = VirtualRdm6300(self.dev / "reader")
        self.board = VirtualRelayBoard(self.dev / "board")

    def _renew(self) -> None:
        """The program and the script of this checkout in the place of the package's."""
        for name in ("gateway", "drivers"):
            (there,) = self.package.glob(f"usr/lib/garita/parts/garita/lib/*/site-packages/{name}")
            shutil.rmtree(there)
            shutil.copytree(
                CHECKOUT / name, there, ignore=shutil.ignore_patterns("__pycache__", "models")
            )
        here = CHECKOUT / "deploy" / "debian"
        script = (here / "garita.postinst").read_text("utf-8").replace("#DEBHELPER#", "")
        (self.package / "DEBIAN" / "postinst").write_text(script)
        (self.package / "usr/lib/garita/assemble").write_bytes((here / "assemble.py").read_bytes())

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["chroot", str(self.root), *command],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", "LANG": "C.UTF-8"},
        )
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.returncode} {done.stdout} {done.stderr}")
        return done

    async def arun(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Likewise, while the virtual devices go on."""
        return await asyncio.to_thread(self.run, *command, check=check)

    def prepare(self) -> None:
        (self.root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
        for name, text in {"systemctl": SYSTEMCTL, "systemd-sysusers": "#!/bin/sh\n"}.items():
            path = self.root / "usr/local/bin" / name
            path.write_text(text)
            path.chmod(0o755)
        for folder in ("etc/garita", "var/lib/garita"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.configure()

    def configure(self) -> None:
        """The quiet window is open, and soon over: a restart does not wait for calm."""
        now = datetime.now(UTC)
        start, end = now - timedelta(hours=2), now + timedelta(minutes=5)
        text = CONFIG.format(start=f"{start:%H:%M}", end=f"{end:%H:%M}", dev="/dev-garita")
        (self.root / "etc/garita/garita.toml").write_text(text)

    def opened(self) -> int:
        """How many frames energised the relay so far."""
        return sum(frame.on for frame in self.board.log)

    def build(self) -> str:
        """The package as the next version; returns its path in the chroot."""
        self.number += 1
        version = f"0.1.{self.number}-1"
        control = re.sub(r"^Version:.*$", f"Version: {version}", self.control, flags=re.MULTILINE)
        control = re.sub(r"^Breaks:.*\n( .*\n)*", "", control, flags=re.MULTILINE)
        (self.package / "DEBIAN" / "control").write_text(control)
        (self.package / "usr/lib/garita/parts/garita/version").write_text(f"{version}\n")
        (self.package / "DEBIAN" / "md5sums").unlink(missing_ok=True)
        made = self.root / "garita.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(self.package), str(made)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.version = version
        return "/garita.deb"

    def schema(self, version: int) -> None:
        """The list of that schema version in place of the one that is there."""
        data = self.root / "var/lib/garita"
        for old in data.glob("people.db*"):
            old.unlink()
        shutil.rmtree(data / "before-upgrade", ignore_errors=True)
        schemas.make("people", version, data / "people.db")

    def people(self) -> list[Any]:
        path = self.root / "var/lib/garita/people.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return [
                db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
                for table in ("person", "credential", "revocation", "list_version")
            ]

    def status(self) -> dict[str, Any] | None:
        done = self.run("garita", "status", "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    async def badge(self, number: int) -> str:
        """Show a badge at the running gate; the reason."""
        before = (await asyncio.to_thread(self.status) or {})["last_seq"]
        self.reader.present(18, number)
        for _ in range(100):
            now = await asyncio.to_thread(self.status)
            last = (now or {}).get("last", {}).get("gate")
            if now and last and now["last_seq"] > before:
                return str(last["reason"])
            await asyncio.sleep(0.1)
        raise AssertionError(f"no answer to a badge: {now}")


async def install(box: Box, deb: str, moment: float, *, script: bool) -> str:
    """Install, killed after `moment` seconds of the whole or (`script`) of the maintainer script;
    then as an administrator goes on."""
    command = ["--force-confold", "-i", deb]
    if script:
        await box.arun("dpkg", "--force-confold", "--unpack", deb)
        command = ["--force-confold", "--configure", "garita"]
    process = subprocess.Popen(
        ["chroot", str(box.root), "dpkg", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", "LANG": "C.UTF-8"},
    )
    await asyncio.sleep(moment)
    where = f"{moment:.1f} s into {'its script' if script else 'dpkg'}"
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        where += " (it had ended)"
    await asyncio.to_thread(process.wait)
    assert (await asyncio.to_thread(box.run, "garita", "version")).stdout.strip()
    done = await box.arun("dpkg", "--force-confold", "--configure", "-a", check=False)
    listed = await box.arun("dpkg-query", "-W", "-f", "${Status} ${Version}", "garita", check=False)
    if listed.stdout != f"install ok installed {box.version}":
        await box.arun("dpkg", "--force-confold", "-i", deb)  # dpkg asks for it
        where += ", installed once more"
    else:
        assert done.returncode == 0, done
    return where


async def rounds(root: Path, given: argparse.Namespace) -> None:
    box = Box(root, given.deb, checkout=given.checkout)
    count, rng = given.count, random.Random(given.seed)
    box.prepare()
    await box.arun("dpkg", "-i", box.build())
    await box.arun("garita", "key", "new", "/etc/garita/site.key")
    versions = schemas.versions("people")
    deb, begun = box.build(), time.monotonic()
    await box.arun("dpkg", "--unpack", deb)
    unpacked = time.monotonic()
    await box.arun("dpkg", "--configure", "garita")
    takes, configures = time.monotonic() - begun, time.monotonic() - unpacked
    records = killed = 0
    for number in range(count):
        runs = bool(number % 2)
        version = versions[-1] if runs else versions[(number // 2) % len(versions)]
        box.schema(version)
        box.configure()
        if runs:
            await box.arun("systemctl", "start", "garita.service")
            assert await box.badge(1001) == "granted"
            await asyncio.sleep(0.5)
        before, frames = box.people(), box.opened()
        script = number % 4 < 2
        # Where a gateway runs, the script leaves the change of the link to the quiet window.
        moment = rng.uniform(0, (configures * 0.7 if runs else configures) if script else takes)
        where = await install(box, box.build(), moment, script=script)
        killed += "it had ended" not in where
        assert box.people() == before, "the list is another one"
        if runs:
            assert await box.badge(1002) == "denied_revoked", "the gateway that ran"
            assert box.opened() == frames, "a frame that no badge caused"
            await box.arun("garita", "upgrade", "--restart-in-window")
        else:
            await box.arun("systemctl", "start", "garita.service")
        current = (box.root / "usr/lib/garita/current").readlink()
        assert str(current) == box.version, current
        assert await box.badge(1002) == "denied_revoked"
        assert await box.badge(1001) == "granted"
        await asyncio.sleep(0.5)
        assert box.people() == before, "the list is another one"
        await box.arun("systemctl", "stop", "garita.service")
        said = json.loads((await box.arun("garita", "log", "verify", "--json", check=False)).stdout)
        assert not said["problems"] and said["count"] > records, said
        records = said["count"]
        print(
            f"{number + 1}: schema {version}, {'runs' if runs else 'stopped'}, killed {where}",
            flush=True,
        )
    print(
        f"{count} upgrades, {killed} killed before their end, {records} records, an upgrade takes "
        f"{takes:.1f} s: nothing lost, nothing opened"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deb", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument(
        "--checkout", action="store_true", help="put this checkout's program into the package"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    if "GARITA_NAMESPACE" not in os.environ:
        os.environ["GARITA_NAMESPACE"] = "1"
        ours = [sys.executable, __file__, *sys.argv[1:]]
        os.execvp("unshare", ["unshare", *NAMESPACES, "sh", "-ec", ENTER, "sh", *ours])
    print(f"seed {given.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="garita-upgrades-"))
    root = folder / "root"
    subprocess.run(["cp", "-a", str(given.root), str(root)], check=True)
    # The devices are those that debootstrap made; of this machine's only the (new) terminals.
    subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
    subprocess.run(["mount", "--bind", "/dev/pts", str(root / "dev" / "pts")], check=True)
    try:
        asyncio.run(rounds(root, given))
    finally:
        subprocess.run(["chroot", str(root), "systemctl", "stop", "garita.service"], check=False)
        # Nothing is removed while something is mounted below it.
        for mounted in ("dev/pts", "proc"):
            subprocess.run(["umount", str(root / mounted)], check=True)
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)


if __name__ == "__main__":
    main()
