"""Copies with deleted or redacted archives: the Python file and the page agree with us."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger import LedgerReader, archiver
from gateway.ledger.copies import copy_log
from tests.gateway.ledger.test_archive import COUNT, Log
from tests.gateway.ledger.test_redact import _fill, _redact
from tests.gateway.proof.browser import PAGE, asked, opened


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiver, "STEP", 256)
    monkeypatch.setattr(archiver, "MOST", 512)
    monkeypatch.setattr(archiver, "STAYS", 100)


async def deleted(log: Log) -> None:
    await log.add(COUNT)
    made = await log.archive()
    assert made is not None
    await log.archive()
    await log.ledger.forget_archive(made.last)
    (log.path.parent / "archive" / made.file).unlink()


async def redacted(log: Log) -> None:
    await _fill(log)
    await _redact(log)
    await log.sign()


@pytest.mark.servers
@pytest.mark.parametrize(
    ("make", "said"), [(deleted, "not kept any more"), (redacted, "are redacted")]
)
def test_a_copy_is_right(tmp_path: Path, make: Any, said: str) -> None:
    to, changed = tmp_path / "copy.db", tmp_path / "changed.db"

    async def made() -> str:
        log = Log(tmp_path)
        await make(log)
        copy_log(log.path, to)
        log.ledger.close()
        return str(log.key())

    key = asyncio.run(made())
    data = to.read_bytes()
    changed.write_bytes(data[::-1].replace(b"detnarg", b"detnarG", 1)[::-1])
    for path, code, state in ((to, 0, "right"), (changed, 3, "wrong")):
        with closing(LedgerReader(path, copy=True)) as reader:
            assert reader.verify().ok is (code == 0)
        done = subprocess.run(
            [sys.executable, "-I", "-S", PAGE.with_name("garita_check.py"), "--key", key, path],
            capture_output=True,
            text=True,
            check=False,
            env={"LANG": "C", "PYTHONIOENCODING": "utf-8"},
        )
        assert done.returncode == code and said in done.stdout, done.stdout
        with opened() as page:
            (card,) = asked(page, [path], key)
        assert card.state == state and said in card.text, card.text
