"""Writing verdicts down: the access events of one reader, and the alarms that come with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.decide.model import PinOutcome, Reason, Request
from gateway.decide.policy import Site
from gateway.decide.record import access_event
from gateway.doors.services import AccessPoint, Services, loop_time
from gateway.doors.steps import Verdict
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.people import RosterUnavailable


class AccessRecorder:
    """The log of one reader."""

    def __init__(self, services: Services, point: AccessPoint) -> None:
        self._services = services
        self._point = point
        self._pictures: set[asyncio.Task[None]] = set()

    async def record(
        self, verdicts: Sequence[Verdict], site: Site, more: Mapping[str, Any] | None = None
    ) -> Event:
        """Wait until all verdicts are on disk; returns the event of the last.

        `site` is the policy by which they were decided.  `more` is added to the data of each event.
        Raises LedgerUnavailable if the log can't be written and ValueError if a record can't hold
        what the verdict says.
        """
        key, ledger = self._services.key, self._services.ledger
        events, decided_at = [], loop_time()
        for verdict in verdicts:
            if verdict.request.pin is PinOutcome.DURESS:  # also where a face or interlock refuses
                self._note_duress(verdict.request)
            if verdict.decision.reason is Reason.DENIED_FACE_MISMATCH:
                self._note_lent_badge(verdict.request)
            # The face process says when somebody arrived, and it may say anything.
            took_s = max(0.0, decided_at - verdict.read_at)
            self._services.timed("asked" if verdict.asked else "decided", took_s)
            about = {
                "reader": self._point.reader,
                "way": self._point.direction.value,
                "took_ms": round(took_s * 1000, 1),
                **(more or {}),
            }
            events.append(access_event(verdict.request, verdict.decision, site, key, about))
        if len(events) == 1:
            recorded = [await ledger.append(events[0])]
        else:  # handed over together, so that they reach the disk in one transaction
            recorded = list(await asyncio.gather(*(ledger.append(event) for event in events)))
        self._services.timed("durable", loop_time() - decided_at)
        for verdict, event in zip(verdicts, recorded, strict=True):
            self._note_beside(verdict)
            self._keep_picture(verdict.request, event)
        return recorded[-1]

    def _note_beside(self, verdict: Verdict) -> None:
        """What the rules found worth recording although it did not decide."""
        person = verdict.request.person
        who = {"id": person.id, "name": person.name, "company": person.company} if person else {}
        for kind, detail in verdict.decision.notes:
            data = {"person": who, "detail": detail}
            self._services.note(NewEvent(kind, self._point.door, data))

    def _keep_picture(self, request: Request, recorded: Event) -> None:
        """Seal the picture in a task of its own: no badge waits for that."""
        faces = self._services.faces
        if faces is None or request.face is None or not request.face.picture:
            return
        person = request.person.id if request.person else ""
        task = asyncio.create_task(faces.keep_picture(recorded, person, request.face))
        self._pictures.add(task)
        task.add_done_callback(self._pictures.discard)

    def _note_duress(self, request: Request) -> None:
        """The silent alarm: an event of its own, while the door does what it does for anybody."""
        data = {"door": self._point.door, "reader": self._point.reader}
        if request.person is not None:
            data |= {"person": request.person.id, "name": request.person.name}
        self._services.note(NewEvent(EventType.ALARM_DURESS, self._point.door, data))

    def _note_lent_badge(self, request: Request) -> None:
        """The badge of one person was shown with the face of another who is on the list: the alarm
        names both."""
        face, person = request.face, request.person
        if face is None or face.nearest is None or person is None or request.identified:
            return
        other_id, distance = face.nearest
        other = None
        with contextlib.suppress(RosterUnavailable):
            other = self._services.roster.find_person(other_id).person
        data = {
            "door": self._point.door,
            "reader": self._point.reader,
            "person": {"id": person.id, "name": person.name, "company": person.company},
            "face_person": other_id,
            "face_name": other.name if other else "",
            "distance": round(distance, 4),
        }
        self._services.note(NewEvent(EventType.ALARM_LENT_BADGE, self._point.door, data))
