"""`garita log key`, `checkpoint`, `prove` and `checker`, on a gate that is stopped."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import config
from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.openlog import open_log
from gateway.proof import note
from gateway.proof.checkpoint import open_checkpoint
from gateway.proof.note import VerifierKey
from tests.gateway.cli.conftest import Site


async def signed(site: Site) -> None:
    """A checkpoint of the site's log, as the gateway makes it."""
    settings = config.load(site.config)
    with closing(open_log(settings)) as ledger:
        made = await Checkpoints(
            ledger=ledger,
            gateway="g",
            name="garita/g",
            key=Ed25519PrivateKey.generate(),
            path=settings.head_path,
            every=1,
            minutes=1,
            facts=dict,
            broker=False,
        ).make()
    assert made is not None


def test_before_anything_is_signed_that_is_said(site: Site) -> None:
    for command in ("key", "checkpoint"):
        done = site.run("log", command)
        assert done.exit_code in (1, 5), done.output


async def test_what_an_auditor_gets_is_checked_by_the_program_that_comes_with_it(
    site: Site, tmp_path: Path
) -> None:
    await signed(site)
    key = site.run("log", "key").output.strip()
    head = note.parse(site.run("log", "checkpoint").stdout)
    assert open_checkpoint(head, VerifierKey.parse(key)).size >= 2
    folder, program = tmp_path / "out", tmp_path / "check.py"
    folder.mkdir()
    done = site.run("log", "prove", "1", "-o", str(folder))
    assert done.exit_code == 0, done.output
    assert site.run("log", "checker", "-o", str(program)).exit_code == 0
    assert site.run("log", "checker", "-o", str(program)).exit_code == 1  # nothing is replaced
    (proof,) = folder.glob("*.tlog-proof")
    checked = subprocess.run(
        [sys.executable, "-I", "-S", str(program), "--key", key, str(proof)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert site.run("log", "prove", "1", "-o", str(folder)).exit_code == 1
    assert site.run("log", "prove", "999", "-o", str(folder)).exit_code == 1
    verified = site.run("log", "verify", "--key", key)
    assert verified.exit_code == 0, verified.output
    assert site.run("log", "verify", "--key", "nonsense").exit_code == 2
