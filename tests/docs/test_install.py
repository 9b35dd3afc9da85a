"""The steps of docs/setup.md by hand, done as they stand: as root, in copies of the folders.

A mount namespace holds the copies, so this machine stays as it is.  There is no systemd in it: the
unit's account, umask and environment are imitated.  `useradd` makes the accounts of guards and HR.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "setup.md").read_text("utf-8")
LATER = {
    "apt install": "this machine has it",
    "git clone": "this tree is bound to /opt/garita",
    "garita reader": "no reader is plugged in; test_commands.py has one",
    "systemctl": "no systemd runs: see SERVICE",
    "garita log tail -f": "it runs until it is stopped",
}
# Each command that the page shows, and how it ended.
RUN = """
set -u
cd "$T" && mkdir -p etc opt/garita lib home bin
cp -a /etc/. etc/
mount --make-rprivate /
mount --bind "$ROOT" opt/garita
mount --rbind etc /etc && mount --rbind opt /opt && mount --bind lib /var/lib
mount --bind home /home && mount -t tmpfs tmpfs /run
if [ -n "$CLOSED" ]; then  # the interpreter lies in a folder that only root may enter
    mkdir -p "$T/open${BASE#"$CLOSED"}" && mount --bind "$BASE" "$T/open${BASE#"$CLOSED"}"
    mount --rbind "$T/open" "$CLOSED"
fi
export PATH="$T/bin:/usr/bin:/bin:/usr/sbin:/sbin"
cd /opt/garita
as() {
    account=$1; shift
    setpriv --reuid="$account" --regid="$account" --init-groups env -i \\
        PATH="$PATH" HOME="/home/$account" sh -c "cd; $*"
    echo "[$account: $*: $?]"
}
"""
SERVICE = """
install -d -o garita -g garita -m 750 /run/garita
(umask 027; cd /; exec setpriv --reuid=garita --regid=garita --init-groups --no-new-privs \\
    env -i PATH=/usr/bin:/bin "$ROOT/.venv/bin/garita" run \\
    -c /etc/garita/garita.toml >"$T/log" 2>&1) &
DAEMON=$!
trap 'kill $DAEMON; wait $DAEMON' EXIT
for _ in $(seq 200); do [ -S /run/garita/garita.sock ] && break; sleep 0.1; done
"""
# What the accounts may and may not do.
ACCOUNTS = """
as rosa garita status
as rosa 'garita visit walk-in "John Doe" --host e100 --until 23:59 --id-kind passport'
as rosa 'garita visit contact 1 --escort e101'
as rosa garita visit badge 1 em4100:18:77
as rosa garita log verify
as rosa cat /etc/garita/site.key
as rosa 'echo >>/etc/garita/garita.toml'
as rosa rm -f /var/lib/garita/ledger.db
as rosa 'echo >>/var/lib/garita/ledger.db'
useradd -m -G garita hr
as hr garita people sync /opt/garita/config/people.example.csv --apply
as hr 'echo 4711 | garita people pin e100'
as hr garita people revoke e102 --reason gone
head -1 /opt/garita/config/people.example.csv >"$T"/nomina.csv
printf '\n[sync.sources.nomina]\nkind = "file"\npath = "%s"\n' "$T"/nomina.csv \\
    >>/etc/garita/garita.toml
(umask 027; setpriv --reuid=garita --regid=garita --init-groups env -i PATH="$PATH" \
    garita people pull nomina --apply)
echo "[pull: $?]"
as rosa 'echo >>/var/lib/garita/pending/nomina.json'
as rosa rm -f /var/lib/garita/pending/nomina.json
as hr garita people confirm nomina
as hr garita people confirm nomina "$TRIPS"
ls -l /var/lib/garita/pending
as hr garita people sync /opt/garita/config/people.example.csv --apply
as hr 'printf "Clave,Nombre,Tarjeta\nz1,Eva,em4100:1:9\n" >lista.csv'
MAP='garita people map lista.csv --column id=Clave --everybody plant --yes'
as hr "$MAP"
as hr "$MAP --replace"
as hr "$MAP --name hr"
as hr garita people sync lista.csv --profile hr
as hr rm -f /var/lib/garita/profiles/hr.toml
sed 's/^/profile: /' /var/lib/garita/profiles/hr.toml
useradd -m stranger
as stranger garita people list
as stranger garita status
kill $DAEMON; wait $DAEMON
trap - EXIT
rm -f /var/lib/garita/*-wal /var/lib/garita/*-shm
as rosa garita muster
as rosa garita log tail
as rosa garita people revoke e100 --reason gone
stat -c '%U:%G %a %n' /etc/garita /etc/garita/* /var/lib/garita /var/lib/garita/*.db
"""
TRIPS = "empty,removed,losing_access,stranded"
REFUSED = {
    "rosa: cat /etc/garita/site.key": 1,
    "rosa: echo >>/etc/garita/garita.toml": 2,
    "rosa: rm -f /var/lib/garita/ledger.db": 1,
    "rosa: echo >>/var/lib/garita/ledger.db": 2,
    "pull": 3,
    "rosa: echo >>/var/lib/garita/pending/nomina.json": 2,
    "rosa: rm -f /var/lib/garita/pending/nomina.json": 1,
    "hr: garita people map lista.csv --column id=Clave --everybody plant --yes --name hr": 1,
    "hr: rm -f /var/lib/garita/profiles/hr.toml": 1,
    "stranger: garita people list": 4,
    "stranger: garita status": 4,
    "rosa: garita people revoke e100 --reason gone": 5,
}


def _commands() -> list[str]:
    """The commands of the page, in order, without those that need more."""
    block = re.search(r"```sh\n(# 1\. Install.*?)```", PAGE, re.DOTALL)
    assert block is not None
    lines = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in block[1].splitlines()]
    return [line for line in lines if line and not line.startswith(tuple(LATER))]


def _closed() -> str:
    """The folder above the interpreter that others may not enter, or ""."""
    above = [*reversed(Path(sys.base_prefix).parents), Path(sys.base_prefix)]
    return next((str(path) for path in above if not path.stat().st_mode & 0o001), "")


def _may_unshare() -> bool:
    if os.geteuid() != 0 or any(not path.stat().st_mode & 0o001 for path in ROOT.parents):
        return False
    try:
        for words in (("unshare", "-m", "true"), ("systemd-sysusers", "--version")):
            subprocess.run(words, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that other accounts reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="garita-install-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not _may_unshare(), reason="needs root, mounts, and a tree that all may read")
def test_the_steps_install_a_gate_that_guards_and_hr_work_at(open_path: Path) -> None:
    script = [RUN]
    for command in _commands():
        here = command.replace("/usr/local/bin", '"$T"/bin').replace("people.csv", "$LIST")
        if here.startswith("garita status"):
            script.append(SERVICE)
        if here.startswith("useradd"):
            here = here.split(" && ")[0]  # passwd asks at a terminal
        script.append(f'{here}\necho "[PAGE: {command.replace(chr(34), "")}: $?]"')
    env = {**os.environ, "T": str(open_path), "ROOT": str(ROOT)}
    env |= {"BASE": sys.base_prefix, "CLOSED": _closed()}
    env |= {"LIST": "config/people.example.csv", "TRIPS": TRIPS}
    for name in ("GARITA_CONFIG", "GARITA_LANG"):
        env.pop(name, None)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", "\n".join([*script, ACCOUNTS])],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        timeout=280,
    )
    said = done.stdout + done.stderr
    ended = {key: int(code) for key, code in re.findall(r"^\[(.*): (\d+)\]$", done.stdout, re.M)}
    assert sum(key.startswith("PAGE") for key in ended) == len(_commands()), said
    assert {key: code for key, code in ended.items() if code} == REFUSED, said
    modes = {
        line.split(" ", 2)[2]: line.split(" ", 2)[:2]
        for line in said.splitlines()
        if re.match(r"\w+:\w+ \d+ /", line)
    }
    assert modes == {
        "/etc/garita": ["root:garita", "750"],
        "/etc/garita/garita.toml": ["root:garita", "640"],
        "/etc/garita/site.key": ["garita:garita", "600"],
        "/var/lib/garita": ["garita:garita", "750"],
        "/var/lib/garita/ledger.db": ["garita:garita", "640"],
        "/var/lib/garita/people.db": ["garita:garita", "660"],
    }, said
    assert "only root may change it" in said
    assert "total 0" in said, said  # the file of a list that was confirmed is gone
    assert re.search(r"^profile: # Written by hr on ", said, re.M), said
