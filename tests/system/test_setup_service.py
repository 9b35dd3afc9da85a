"""`garita setup` as root for the service in /etc/garita: accounts, owners, units, broker, key.

A mount namespace holds copies of the folders, as in tests/docs/test_install.py.  systemd can't be
the first process there: a stand-in for systemctl writes down what it is told.  systemd-sysusers,
systemd-creds, usermod and mosquitto are the real ones.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.docs.test_install import ROOT, RUN, _closed, _may_unshare

SAID = (
    "--gateway gate-1 --timezone UTC --door main-gate --fail secure --person 'Ana Ruiz'"
    " --operator ana --reader-port listen --badge listen --lock-port /etc/garita/dev/board"
    " --broker own --broker-names gate.example.com --admins ana --desk rosa"
)
ABSENT = SAID.replace("listen --badge listen", "/dev/x --reader-driver line --badge text::1")
SCRIPT = f"""
ln -s "$ROOT/.venv/bin/garita" "$T/bin/garita"
useradd ana && useradd rosa
export GARITA_LANG=en
garita setup --yes --simulated --wait-s 60 {SAID} </dev/null
echo "[first: $?]"
id -nG ana | sed 's/^/ana: /'
id -nG rosa | sed 's/^/rosa: /'
ls -d /etc/systemd/system/garita*.service /etc/sysusers.d/garita.conf
for name in /etc/garita /etc/garita/garita.toml /etc/garita/site.key /etc/garita/certs/gate-1.key \\
    /etc/garita/certs/ca.key /var/lib/garita /var/lib/garita/people.db /var/lib/garita/ledger.db \\
    /etc/mosquitto/conf.d/garita.conf /etc/mosquitto/certs/garita-broker.key; do
    stat -c '%U:%G %a %n' $name
done
mkdir -p /run/systemd/system
printf '#!/bin/sh\\necho "$@" >>%s/told\\n' "$T" >"$T/bin/systemctl" && chmod 755 "$T/bin/systemctl"
sha256sum /etc/garita/site.key /etc/garita/certs/*.key >"$T/keys"
garita setup --yes --simulated --wait-s 60 --credential --enable </dev/null
echo "[second: $?]"
sha256sum -c --quiet "$T/keys" && echo "keys: the same"
sed 's/^/told: /' "$T/told"
systemd-creds decrypt --name=site.key /etc/credstore.encrypted/site.key - \\
    | cmp - /etc/garita/site.key
echo "[credential: $?]"
grep key_file /etc/garita/garita.toml
ls /etc/systemd/system/garita.service.d
mount -t tmpfs -o size=64k tmpfs /var/lib/garita
rm -f /etc/garita/garita.toml
garita setup --yes --wait-s 0 {ABSENT} </dev/null
echo "[full: $?]"
ls /etc/garita/garita.toml
"""


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not _may_unshare(), reason="needs root, mounts, and a tree that all may read")
def test_root_sets_the_service_up_and_a_badge_opens_the_door() -> None:
    with tempfile.TemporaryDirectory(prefix="garita-setup-") as name:
        Path(name).chmod(0o755)
        env = {**os.environ, "T": name, "ROOT": str(ROOT), "BASE": sys.base_prefix}
        env["CLOSED"] = _closed()
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", RUN + SCRIPT],
            capture_output=True,
            text=True,
            check=False,
            env=env,
            timeout=280,
        )
    said = done.stdout + done.stderr
    ended = dict(re.findall(r"^\[(\w+): (\d+)\]$", done.stdout, re.M))
    assert ended == {"first": "0", "second": "0", "credential": "0", "full": "1"}, said
    assert said.count("This gate works") == 2, said
    assert "systemctl enable --now garita.service" in said, said
    groups = {
        line.split(":")[0]: set(line.split()[1:])
        for line in re.findall("^(?:ana|rosa): .*", said, re.M)
    }
    assert groups["ana"] >= {"garita", "garita-admin"} and "garita-desk" not in groups["ana"], said
    assert groups["rosa"] >= {"garita", "garita-desk"} and "garita-admin" not in groups["rosa"]
    modes = {
        p[2]: p[:2] for p in (line.split() for line in re.findall(r"^\w+:\w+ \d+ /.*", said, re.M))
    }
    assert modes == {
        "/etc/garita": ["root:garita", "750"],
        "/etc/garita/garita.toml": ["root:garita", "640"],
        "/etc/garita/site.key": ["garita:garita", "600"],
        "/etc/garita/certs/gate-1.key": ["garita:garita", "600"],
        "/etc/garita/certs/ca.key": ["root:garita", "600"],
        "/var/lib/garita": ["garita:garita", "750"],
        "/var/lib/garita/people.db": ["garita:garita", "660"],
        "/var/lib/garita/ledger.db": ["garita:garita", "640"],
        "/etc/mosquitto/conf.d/garita.conf": ["root:root", "644"],
        "/etc/mosquitto/certs/garita-broker.key": ["mosquitto:mosquitto", "600"],
    }, said
    assert "keys: the same" in said and 'key_file = "credential:site.key"' in said, said
    assert "told: enable garita.service garita-console.service" in said, said
    assert "disk is full" in said and "cannot access '/etc/garita/garita.toml'" in said
