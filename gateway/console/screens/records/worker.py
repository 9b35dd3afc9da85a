"""The process that goes through the whole log for the console: an export, or the verification.

It may take minutes of a core, which would slow everybody's pages.  It reads one line of JSON, the
order, and prints lines of JSON: ``{"at": 2000, "of": 81234}`` as it goes, and at the end
``{"done": {...}}`` or ``{"refused": "..."}`` in the order's language.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway import config, locale
from gateway.config import Settings
from gateway.console.screens.records.asked import Eyes
from gateway.desk.auditor import export
from gateway.desk.auditor.filters import Wanted
from gateway.desk.auditor.verify import verified
from gateway.ledger import LedgerReader
from gateway.ledger.heads import Heads
from gateway.locale import GaritaError, system
from gateway.proof.standalone import PAGE, PROGRAM, source

NICE = 10
_EVERY_S = 0.3  # between two words on how far it is


def main() -> int:
    """Do the order on stdin."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    os.nice(NICE)
    locale.use(str(order["language"]))
    try:
        settings = config.load(Path(order["config"]))
        with closing(LedgerReader(settings.ledger_path)) as ledger:
            act = {"export": _export, "verify": _verify}[order["act"]]
            _say(done=act(settings, ledger, order, _progress(ledger.last_seq)))
    except OSError as error:
        _say(refused=system(error.strerror))
    except GaritaError as error:
        _say(refused=str(error))
    return 0


def _export(
    settings: Settings,
    ledger: LedgerReader,
    order: Mapping[str, Any],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Write what was asked for into the folder of the order: CSV as it is, JSON lines in a ZIP with
    their proof and the two programs that check it."""
    told = order["wanted"]
    wanted = Wanted(**{**told, "criteria": tuple(told["criteria"])})
    eyes = Eyes(bool(order["secrets"]))
    newest = Heads(settings.ledger_path).newest()
    head = export.head_of(ledger, newest.last_seq if newest is not None else None)
    form, name = str(order["format"]), str(order["name"])
    folder = Path(order["folder"])
    plain = folder / f"{name}.{form}"
    count = export.into(
        plain,
        form,
        settings.ledger_path,
        ledger,
        wanted,
        head,
        settings.site.zone,
        progress,
        eyes.may,
    )
    file = plain
    if form == "jsonl":
        file = folder / f"{name}.zip"
        beside = Path(f"{plain}{export.PROOF}")
        parts = [path for path in (plain, beside) if path.exists()]
        with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED) as packed:
            for path in (*parts, *(source(one) for one in (PAGE, PROGRAM))):
                packed.write(path, path.name)
        for path in parts:
            path.unlink()
    return {"n": count, "file": file.name, "seq": head.seq if head is not None else 0}


def _verify(
    settings: Settings,
    ledger: LedgerReader,
    order: Mapping[str, Any],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """What `garita log verify` finds."""
    found = verified(ledger, settings.people_path, progress)
    report = found.report
    return {
        "ok": found.ok,
        "count": report.count,
        "seq": report.head_seq,
        "hash": report.head_hash,
        "time": report.head_time,
        "begins": report.begins,
        "redacted": report.redacted,
        "signed": report.covered.last_seq,
        "problems": [asdict(item) for item in report.problems],
        "tables": [asdict(item) for item in found.tables[:100]],
        "n": len(report.problems) + len(found.tables),
    }


def _progress(last: int) -> Callable[[int], None]:
    told = 0.0

    def progress(seq: int) -> None:
        nonlocal told
        if time.monotonic() - told > _EVERY_S:
            told = time.monotonic()
            _say(at=seq, of=last)

    return progress


def _say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
