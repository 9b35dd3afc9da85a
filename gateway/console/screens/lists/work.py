"""The process that looks at a list for the console, or puts it in force.

A list of a quarter of a million people takes memory and seconds that are not the console's.  The
process reads one JSON object from stdin, prints lines of progress, and last what became of it.  It
may be killed at any moment: putting a list in force is one transaction.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway import config, locale
from gateway.config import Settings
from gateway.console import uploads
from gateway.console.screens.lists.parse import said, told
from gateway.console.uploads import UploadError
from gateway.daemon.control import ControlError, behalf
from gateway.daemon.keyed import KeyedActs
from gateway.ledger import LedgerUnavailable
from gateway.ledger.chain import utc_text
from gateway.locale import GaritaError, Message, worded
from gateway.people.cardnumbers import impossible
from gateway.people.schema import open_admin
from gateway.people.sync import apply as sync
from gateway.people.sync import history, profile, review, tripwires
from gateway.people.sync.file import parse
from gateway.people.sync.plan import Plan
from gateway.people.sync.source import Source
from gateway.vault.files import write_whole

SENT, READ, SHOWN_FILE = "sent", "read.json", "plan.json"
"""In the folder of a draft: the file as it came, our JSON of it, what it would change."""
SHOWN = 200
"""People of each kind that the page shows; the others are counted."""
LIMITS = uploads.Limits(memory_mb=1536, cpu_s=120, wall_s=180.0, answer=256 * uploads.MEGABYTE)


class Draft:
    """One list that was sent, or a version to go back to.  `order` has ``folder``, ``name``,
    ``delta``, ``json``, ``profile``, ``to`` (a version; None for a list), and for putting it in
    force ``base``, ``confirmed`` and ``by``."""

    def __init__(self, settings: Settings, order: Mapping[str, Any]) -> None:
        self._settings, self._order = settings, order
        self._folder = Path(str(order["folder"]))

    def look(self) -> dict[str, Any]:
        """Compare with the list in force, rehearse, and write what would change beside it."""
        stage("reading")
        source = None
        if self._order["to"] is None and (self._folder / READ).exists():
            source = self._read_again()
        elif self._order["to"] is None:
            source, wrong = self._read_sent()
            if source is None:
                return wrong
        with closing(open_admin(self._settings.people_path)) as db:
            stage("comparing")
            plan = self._plan(db, source)
            if plan.errors:
                errors = [told(error) for error in plan.errors[:SHOWN]]
                return {"errors": errors, "wrong": len(plan.errors)}
            stage("rehearsing")
            shown = _shown(plan)
            shown |= self._rehearsed(db, plan)
            shown["notes"] = [
                said(note) for note in tripwires.warnings(db, plan, datetime.now(UTC))
            ]
        if source is not None:
            pairs = ((one.id, badge) for one in source.people for badge in one.credentials)
            shown["notes"] += [said(note) for note in impossible(pairs)[:SHOWN]]
        write_whole(self._folder / SHOWN_FILE, json.dumps(shown).encode(), mode=0o600)
        return {"looked": True}

    def apply(self) -> dict[str, Any]:
        """Put it in force, if the list in force is still the one that it was compared with and
        every tripwire that it trips now was confirmed by name."""
        stage("writing")
        source = self._read_again() if self._order["to"] is None else None
        by = behalf(self._order["by"])
        with closing(open_admin(self._settings.people_path)) as db:
            plan = self._plan(db, source)
            if plan.base != self._order["base"]:
                raise sync.SyncError(
                    worded("another list was applied in the meantime; look at the plan again")
                )
            if plan.empty and plan.base:
                return {"version": plan.base, "changed": False}
            version = sync.apply(
                db,
                plan,
                by=by,
                confirmed=frozenset(self._order["confirmed"]),
                keep=review.kept(self._settings),
                progress=lambda count: stage("writing", count),
            )
        return {"version": version, "changed": True}

    def _plan(self, db: sqlite3.Connection, source: Source | None) -> Plan:
        if source is None:
            levels = self._settings.site.access_levels
            plan = history.rollback(db, int(self._order["to"]), levels)
        else:
            plan = sync.plan(db, source)
        return plan if plan.errors else review.looked_at(self._settings, db, plan)

    def _read_sent(self) -> tuple[Source | None, dict[str, Any]]:
        """The list that was sent, by way of a process with limits; or what is wrong with it."""
        data = (self._folder / SENT).read_bytes()
        site = self._settings.site
        args = {
            **{name: self._order[name] for name in ("name", "delta", "json")},
            "profile": self._profile(),
            "levels": sorted(site.access_levels),
            "zone": site.zone.key,
        }
        task = f"{__package__}.parse:read"
        facts, made = asyncio.run(uploads.apart(task, data, args, LIMITS))
        if facts["wrong"]:
            return None, {"errors": facts["errors"], "wrong": facts["wrong"]}
        about = {"sha256": hashlib.sha256(data).hexdigest(), "absent": facts["absent"]}
        write_whole(self._folder / READ, json.dumps(about).encode() + b"\n" + made, mode=0o600)
        (self._folder / SENT).unlink()
        return self._read_again(), {}

    def _read_again(self) -> Source:
        """The list from our own JSON, checked as any list is."""
        first, _, made = (self._folder / READ).read_bytes().partition(b"\n")
        about = json.loads(first)
        delta = self._order["delta"]
        source = Source(str(self._order["name"]), removals=[] if delta else None)
        site = self._settings.site
        parse(made, source, json=True, levels=site.access_levels, zone=site.zone)
        if source.errors:
            raise sync.SyncError(source.errors[0].sentence)
        source.sha256 = str(about["sha256"])
        source.absent = set(map(str, about["absent"]))
        return source

    def _profile(self) -> dict[str, Any] | None:
        name = str(self._order["profile"])
        if not name:
            return None
        path = profile.path_of(name, self._settings.profile_folders)
        found = profile.load(path, self._settings.site.access_levels)
        return found.model_dump(mode="json")

    def _rehearsed(self, db: sqlite3.Connection, plan: Plan) -> dict[str, Any]:
        marks = KeyedActs(self._settings, "", here=False)
        try:
            tried = review.rehearsed(
                self._settings, db, plan, marks, progress=lambda n: stage("rehearsing", n)
            )
        except (ControlError, LedgerUnavailable, OverflowError) as error:
            return {"rehearsal": None, "not_rehearsed": said(_message(error))}
        return {
            "rehearsal": {
                "since": tried.since.isoformat(timespec="seconds"),
                "events": tried.events,
                "count": len(tried.shifts),
                "refused": sum(shift.now == "refused" for shift in tried.shifts),
                "shifts": [
                    {**asdict(shift), "last": utc_text(shift.last)}
                    for shift in tried.shifts[:SHOWN]
                ],
                "unknown": tried.unknown.most_common(),
            },
            "not_rehearsed": None,
        }


def stage(name: str, count: int = 0) -> None:
    """Tell how far it is."""
    print(json.dumps({"stage": name, "count": count}), flush=True)


def _message(error: Exception) -> Message | str:
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Message) else str(error)


def _shown(plan: Plan) -> dict[str, Any]:
    """What the page shows of a plan; badges are masked."""
    changed = sorted(plan.updates, key=lambda person: person.id not in plan.widened)[:SHOWN]
    return {
        "base": plan.base,
        "kind": plan.kind,
        "to": plan.to_version,
        "total": plan.total,
        "held": plan.held,
        "empty": plan.empty and bool(plan.base),
        "counts": {
            "added": len(plan.added),
            "changed": len(plan.changed),
            "removed": len(plan.removed),
            "unchanged": plan.unchanged,
        },
        "widened": len(plan.widened),
        "added": [[one.id, one.name, one.company] for one in plan.added[:SHOWN]],
        "removed": [[key, name] for key, name in plan.removed[:SHOWN]],
        "changed": [
            {
                "id": person.id,
                "name": person.name,
                "fields": review.changes_of(plan, person),
                "wider": list(plan.widened.get(person.id, ())),
            }
            for person in changed
        ],
        "overridden": plan.overridden[:SHOWN],
        "tripped": [
            {
                "name": item.name,
                "count": item.count,
                "says": said(item.why),
                "people": list(item.people),
            }
            for item in plan.tripped
        ],
    }


def main() -> int:
    """Do what stdin says; the last line printed is the answer."""
    parser = argparse.ArgumentParser(prog="gateway.console.screens.lists.work")
    parser.add_argument("-c", "--config", type=Path, required=True)
    os.nice(10)  # the doors come first
    settings = config.load(parser.parse_args().config)
    locale.use(settings.tables.site.language)
    answer: dict[str, Any]
    try:
        order = json.loads(sys.stdin.readline())
        locale.use(str(order["language"]))
        draft = Draft(settings, order)
        answer = draft.apply() if order["op"] == "apply" else draft.look()
    except UploadError as error:
        answer = {"refused": said(_message(error))}
    except (GaritaError, OSError) as error:
        answer = {"refused": said(_message(error))}
    print(json.dumps({"done": answer}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
