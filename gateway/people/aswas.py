"""The list as it was when a badge was decided: what `garita upgrade --rehearse` decides by.

A record says who held the badge and which version of the list was in force.  people.db keeps how
each person was before every later version, so a person comes back as that version had them.  What
the list does not hold (requirements of companies, grants, escorts, revocations made here) is known
as it is now; a revocation made later than the record is taken off again.  Reads people.db, writes
nothing.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from gateway.decide.model import Person, PersonStatus, Requirement
from gateway.decide.replay import Holder, NotReplayable
from gateway.locale import worded
from gateway.people.lookup import Roster, RosterUnavailable
from gateway.people.sync.plan import person_of, requirements_of

KEPT = 20_000
"""So many people are kept in memory, each as of one version."""


class PastList:
    """The list at `path`, as of the version and time of any record.  Close it after use.  Methods
    raise RosterUnavailable."""

    def __init__(self, path: Path) -> None:
        self._roster = Roster(path)
        uri = f"{path.absolute().as_uri()}?mode=ro"
        try:
            self._db = sqlite3.connect(uri, uri=True, timeout=5)
            self._whole = self._kept_since()
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{path.name}: {error}") from error
        self._person = lru_cache(KEPT)(self._look_up)

    def at(self, version: int, when: datetime) -> Moment:
        """The list of `version` at the moment `when` (aware), for gateway/decide/replay.py."""
        return Moment(self, version, when)

    def person(self, person_id: str, version: int, when: datetime) -> Person:
        """The person as version `version` had them.  Raises NotReplayable if nobody can tell any
        more."""
        person, revoked_at = self._person(person_id, version)
        if revoked_at and datetime.fromisoformat(revoked_at) <= when:
            return replace(person, status=PersonStatus.REVOKED)
        return person

    def _look_up(self, person_id: str, version: int) -> tuple[Person, str]:
        """The person by the list of `version`, and when they were revoked here ("": not)."""
        if version < self._whole:
            raise NotReplayable(worded("the list of that day is not kept any more"))
        now = self._roster.find_person(person_id).person
        try:
            row = self._db.execute(
                "SELECT op, before FROM person_history WHERE person_id = ? AND version > ? "
                "ORDER BY version LIMIT 1",
                (person_id, version),
            ).fetchone()
            if row is None and now is not None:
                return self._unrevoked(now)
            if row is None or row[1] is None:  # a visitor who left, or nobody of that list
                raise NotReplayable(worded("the person is not on file any more"))
            entry = tuple(json.loads(row[1]))
            person = person_of(person_id, entry)
        except NotReplayable:
            raise
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise RosterUnavailable(
                worded("the entry of a person is damaged: {error}", error=error)
            ) from error
        shown = tuple(
            Requirement(kind, "person", day) for kind, day in requirements_of(entry).items()
        )
        if now is None:
            return replace(person, requirements=shown), self._revoked_at(person_id)
        kinds = {item.kind for item in shown}
        others = tuple(
            item for item in now.requirements if item.of != "person" or item.kind not in kinds
        )
        person = replace(
            person,
            requirements=(*shown, *others),
            grants=now.grants,
            needs_escort=now.needs_escort,
            escorts=now.escorts,
            until=now.until,
        )
        return person, self._revoked_at(person_id)

    def _unrevoked(self, person: Person) -> tuple[Person, str]:
        """The person as the list has them, without what was revoked here, and when that was."""
        at = self._revoked_at(person.id)
        if not at:
            return person, ""
        row = self._db.execute("SELECT status FROM person WHERE id = ?", (person.id,)).fetchone()
        status = PersonStatus(row[0]) if row else PersonStatus.ACTIVE
        return replace(person, status=status), at

    def _revoked_at(self, person_id: str) -> str:
        row = self._db.execute(
            "SELECT at FROM revocation WHERE person_id = ?", (person_id,)
        ).fetchone()
        return str(row[0]) if row else ""

    def _kept_since(self) -> int:
        """The oldest version to which the history reaches back."""
        row = self._db.execute(
            "SELECT coalesce(max(v.number), 0) FROM list_version v "
            "LEFT JOIN version_detail d ON d.number = v.number WHERE NOT coalesce(d.kept, 0)"
        ).fetchone()
        return int(row[0])

    def close(self) -> None:
        """Let go of the file."""
        self._roster.close()
        self._db.close()


class Moment:
    """The `Snapshot` of one record.  What the record says of templates and PINs stands."""

    def __init__(self, people: PastList, version: int, when: datetime) -> None:
        self._people, self._version, self._when = people, version, when

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        return Holder(self.person(person_id) if person_id else None, list_version=self._version)

    def person(self, person_id: str) -> Person:
        return self._people.person(person_id, self._version, self._when)
