"""Signed commands about doors and people: what each does, once its message was judged good.

`door_open` opens a door for one pulse.  `door_confirm` is a guard's word for somebody who waits
at a reader.  `door_out_of_service`, `door_in_service` and `person_revoke` do what the commands at
the box do.  Whoever holds a key of an operator acts as that operator, who must be active on the
personnel list at that moment: a guard who left the company opens no door with a laptop that they
kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.commands import RemoteCommands
from gateway.daemon.operations import Operations
from gateway.daemon.signed import CONSOLE, Command, Refused
from gateway.daemon.wiring import Plant
from gateway.doors.confirm import NoSuchRequest
from gateway.doors.controller import DoorController
from gateway.doors.remote import NotOpened
from gateway.ledger.operator import Operator
from gateway.locale import worded
from gateway.people import RosterUnavailable
from gateway.people.operators import Operators
from gateway.state.clock import Clock

Act = Callable[[Command, Operator], Awaitable[Mapping[str, Any]]]


class RemoteActs:
    """The handlers of these commands; `nudge` is called when there is an act in the outbox."""

    def __init__(
        self,
        *,
        settings: Settings,
        plant: Plant,
        operations: Operations,
        operators: Operators,
        clock: Clock,
        nudge: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._plant = plant
        self._operations = operations
        self._operators = operators
        self._clock = clock
        self._nudge = nudge
        self._desk: RemoteCommands | None = None

    def register(self, desk: RemoteCommands) -> None:
        """Have `desk` hand these commands to us."""
        acts: dict[str, Act] = {
            "door_open": self.open,
            "door_confirm": self.confirm,
            "door_out_of_service": self.out_of_service,
            "door_in_service": self.in_service,
            "person_revoke": self.revoke,
        }
        for name, act in acts.items():
            desk.handle(name, self._by_operator(act))
        self._desk = desk

    async def passed_on(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A `message` that the operator who is signed in at the console has signed; what became
        of it: `done`, and `why` if it was refused.  For the control socket."""
        by = request["by"]
        if request.get("console") is not True or not isinstance(by, Operator):
            raise control.Refused(worded("only the console passes on what a browser has signed"))
        assert self._desk is not None
        return await self._desk.pass_on(str(request["message"]).encode(), by)

    def _by_operator(self, act: Act) -> Callable[[Command], Awaitable[Mapping[str, Any]]]:
        """`act` with who gave the command; refused if their person may act no more."""

        async def done(command: Command) -> Mapping[str, Any]:
            name = command.sender.operator
            if not name:
                return await act(command, Operator(f"{command.by} ({command.key})"))
            # In a thread: both read people.db.
            operator = await asyncio.to_thread(self._operators.named, name)
            day = self._clock.latest().astimezone(self._settings.site.zone).date()
            person = operator.person if operator is not None else ""
            listed = await asyncio.to_thread(self._operators.listed, person, day)
            if operator is None or listed is None or not listed.active:
                raise Refused("its operator is not active on the list")
            if command.sender.through == CONSOLE and command.signed_in != person:
                raise Refused("signed with the key of another operator")
            return await act(command, operator)

        return done

    async def open(self, command: Command, by: Operator) -> Mapping[str, Any]:
        """Open a door for one pulse."""
        door = self._door(command)
        about = {
            "by": by,
            "key": command.key,
            "counter": command.counter,
            "nonce": command.nonce,
            "reason": command.text("reason"),
            "through": command.sender.through,
            **self._settings.criteria.marks("door.remote_opened"),
        }
        try:
            record = await door.open_once(about, lambda: self._clock.latest() > command.expires)
        except NotOpened as refused:
            raise Refused(str(refused)) from refused
        return {"door": door.name, "seq": record.seq}

    async def confirm(self, command: Command, by: Operator) -> Mapping[str, Any]:
        """A guard's word for the one request that the command names, yes or no."""
        door, yes = self._door(command), command.body.get("yes") is True
        request = {"door": door.name, "id": command.text("request"), "yes": yes, "by": by}
        try:
            return {"door": door.name, "yes": yes, **await self._operations.door_confirm(request)}
        except control.Refused as refused:
            raise Refused("nobody confirms themselves") from refused
        except NoSuchRequest as error:
            raise Refused("nobody waits there under that id") from error
        except LookupError as error:
            raise Refused("too late: the request has ended") from error

    async def out_of_service(self, command: Command, by: Operator) -> Mapping[str, Any]:
        """Take a door out of service; without a reason, the operator's name is the reason."""
        return await self._serve(command, by, f"{command.text('reason')} ({by})".strip())

    async def in_service(self, command: Command, by: Operator) -> Mapping[str, Any]:
        """Return a door to service."""
        return await self._serve(command, by, "")

    async def _serve(self, command: Command, by: Operator, reason: str) -> Mapping[str, Any]:
        door = self._door(command)
        request = {"door": door.name, "reason": reason, "by": by}
        try:
            return {"door": door.name, **await self._operations.door_service(request)}
        except OSError as error:
            raise Refused("the door's state could not be kept") from error

    async def revoke(self, command: Command, by: Operator) -> Mapping[str, Any]:
        """Let a person pass no more.  A second command about them changes nothing."""
        person, reason = command.text("person", 120), command.text("reason")
        path = self._settings.people_path
        try:
            done = await asyncio.to_thread(_revoke, path, person, reason, str(by))
        except (RosterUnavailable, sqlite3.Error, OSError) as error:
            raise Refused("the personnel list could not be written") from error
        if done is None:
            raise Refused("nobody on the list has that id")
        self._nudge()
        return {"person": person, "changed": done}

    def _door(self, command: Command) -> DoorController:
        name = command.body.get("door")
        door = self._plant.doors.get(name) if isinstance(name, str) else None
        if door is None:
            raise Refused("there is no such door")
        if command.sender.doors and door.name not in command.sender.doors:
            raise Refused("not for this door")
        return door


def _revoke(people: Path, person: str, reason: str, by: str) -> bool | None:
    """Whether the person is revoked by this and was not before; None if nobody has that id."""
    # The admin side of the list is for commands; the daemon loads it for this act alone.
    from gateway.people.schema import open_admin  # noqa: PLC0415
    from gateway.people.sync import apply  # noqa: PLC0415

    with closing(open_admin(people)) as db:
        if db.execute("SELECT 1 FROM person WHERE id = ?", (person,)).fetchone() is None:
            return None
        try:
            return apply.set_revoked(db, person, revoked=True, why=reason, by=by)
        except apply.SyncError as error:
            raise OSError(str(error)) from error
