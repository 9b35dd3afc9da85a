"""What goes through the whole log for the records' screens, in a process of its own: an export, or
the verification (gateway/console/work.py has the frame)."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.console import work
from gateway.console.screens.records.asked import Eyes
from gateway.console.work import Act
from gateway.desk.auditor import export
from gateway.desk.auditor.filters import Wanted
from gateway.desk.auditor.verify import verified
from gateway.ledger import LedgerReader
from gateway.ledger.heads import Heads
from gateway.proof.standalone import PAGE, PROGRAM, source


def _export(settings: Settings, ledger: LedgerReader, order: Mapping[str, Any]) -> dict[str, Any]:
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
        work.progress(ledger.last_seq),
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


def _verify(settings: Settings, ledger: LedgerReader, _order: Mapping[str, Any]) -> dict[str, Any]:
    """What `garita log verify` finds."""
    found = verified(ledger, settings.people_path, work.progress(ledger.last_seq))
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


def _with_log(act: Callable[[Settings, LedgerReader, Mapping[str, Any]], dict[str, Any]]) -> Act:
    def done(settings: Settings, order: Mapping[str, Any]) -> dict[str, Any]:
        with closing(LedgerReader(settings.ledger_path)) as ledger:
            return act(settings, ledger, order)

    return done


if __name__ == "__main__":
    raise SystemExit(work.main({"export": _with_log(_export), "verify": _with_log(_verify)}))
