"""What would happen at a door, from what is on file: for `garita explain` and the console.

`Facts` reads once what is known of a person and of the gate; `Facts.request` makes the request that
the person's badge would make at a door.  gateway/decide decides it.  `ListSnapshot` is the list in
force for gateway/decide/replay.py.  All of it reads files and opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from gateway.config import Settings
from gateway.decide.model import AreaFacts, Person, Request
from gateway.decide.policy import Direction, Subsystem
from gateway.decide.replay import Holder
from gateway.decide.whatif import request_for
from gateway.locale import GaritaError, _, worded
from gateway.people import Roster
from gateway.people.lookup import Found
from gateway.state.health import Health
from gateway.state.muster import kept_presence
from gateway.state.presence import Presence
from gateway.state.threat import kept_threat


class NotListed(GaritaError):
    """Nobody on the list has that id."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person and of the gate at one moment.

    `status` is the daemon's answer to ``status``, None if it does not run: then lock, reader and
    camera are taken to work, and `assumed` says so.
    """

    person: Person
    found: Found
    failing: Mapping[Subsystem, str]
    threat: str
    presence: Presence | None
    status: Mapping[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def read(
        cls, settings: Settings, person: str, when: datetime, status: Mapping[str, Any] | None
    ) -> Self:
        """Read them.  Raises NotListed, RosterUnavailable or LedgerUnavailable."""
        with closing(Roster(settings.people_path)) as roster:
            found = roster.find_person(person)
        if found.person is None:
            raise NotListed(worded("nobody on the list has the id {person}", person=person))
        health = settings.tables.health
        failing = Health(
            settings.tables.site.data_dir,
            disk_free_mb=health.disk_free_mb,
            list_max_age_h=health.list_max_age_h,
        ).failing("", found.applied_at, when)
        failing.pop(Subsystem.CHANNEL, None)
        if status is None:
            threat = kept_threat(settings).level
        else:
            threat = str(status["threat"]["level"]) if status["threat"] else ""
        presence = kept_presence(settings) if settings.ledger_path.exists() else None
        return cls(found.person, found, failing, threat, presence, status)

    @property
    def assumed(self) -> list[str]:
        """What had to be assumed of the door, in words."""
        if self.status is None:
            return [_("the gateway is not running: lock, reader and camera work")]
        return [_("lock and camera work, and no other door of an interlock is open")]

    def request(self, door: str, direction: Direction, when: datetime) -> Request:
        """The request that the person's badge would make at `door`."""
        area = AreaFacts()
        if self.presence is not None:
            area = self.presence.facts(door, direction, self.person.id, when)
        request = request_for(
            self.person,
            door,
            list_version=self.found.list_version,
            templates=self.found.templates,
            face_until=self.found.face_until,
            has_pin=self.found.has_pin,
            direction=direction,
            threat=self.threat,
            failing=self.failing,
            area=area,
        )
        shown = self.status["doors"].get(door) if self.status is not None else None
        if shown is None:
            return request
        return replace(
            request,
            out_of_service=bool(shown["out_of_service"]),
            tampered=bool(shown["tampered"]),
        )


class ListSnapshot:
    """The list in force as `replay_event` reads it.

    `owner` says who has the badge of a fingerprint now.  If it raises, whoever held the badge then
    stands for it, and `unsure` gets that person and the error.
    """

    def __init__(
        self,
        settings: Settings,
        owner: Callable[[str], str],
        unsure: Callable[[str, GaritaError], None],
    ) -> None:
        self._roster = Roster(settings.people_path)
        self._owner, self._unsure = owner, unsure

    def holder(self, fingerprint: str, person_id: str) -> Holder:
        try:
            owner = self._owner(fingerprint)
        except GaritaError as error:
            owner = person_id
            self._unsure(person_id, error)
        found = self._roster.find_person(owner)
        return Holder(found.person, found.templates, found.has_pin, found.list_version)

    def person(self, person_id: str) -> Person | None:
        return self._roster.find_person(person_id).person

    def close(self) -> None:
        """Let go of the file."""
        self._roster.close()
