"""Enrolment at a camera, step by step, for whoever shows the person what to do.

The control socket asks: ``enrol_begin``, then ``enrol_look`` a few times a second, each answered
with what is wrong with the face now or that one more picture is taken, then ``enrol_store``.  The
templates stay in this process until they are stored by an errand: whoever asks sees pictures and
words, never a template.  An enrolment that nobody goes on with is forgotten after IDLE_S.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from gateway.config import FaceTable
from gateway.daemon.control import Refused
from gateway.daemon.pictures import Views
from gateway.face.service import FaceService
from gateway.ledger.event import EventType
from gateway.locale import worded
from gateway.people import RosterUnavailable, faces

Asked = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
IDLE_S = 120.0
PAUSE_S = 0.4  # between two pictures, so that they differ
MOST = 20
MODES = ("renew", "add", "replace")


@dataclass(slots=True)
class _Enrolment:
    """One that is under way: its good looks so far, and the number of the frame judged last."""

    id: str
    person: str
    camera: str
    by: str
    wanted: int
    touched: float
    looks: list[dict[str, Any]] = field(default_factory=list)
    frame: int = 0
    taken_at: float = float("-inf")
    one: asyncio.Lock = field(default_factory=asyncio.Lock)


class Enrolling:
    """The handlers of ``enrol_...``; one enrolment a camera.  `errand` stores, `today` is the
    site's day, `stored` is called when there are acts in the outbox."""

    def __init__(
        self,
        *,
        service: FaceService | None,
        table: Callable[[], FaceTable],
        people: Path,
        views: Views,
        errand: Asked,
        today: Callable[[], date],
        stored: Callable[[], None],
    ) -> None:
        self._service, self._table_in_force, self._people = service, table, people
        self._views, self._errand, self._today, self._stored = views, errand, today, stored
        self._by_camera: dict[str, _Enrolment] = {}

    @property
    def _table(self) -> FaceTable:
        return self._table_in_force()

    def table(self) -> dict[str, Asked]:
        """The handlers by the name of the operation."""
        return {
            "enrol_begin": self.begin,
            "enrol_look": self.look,
            "enrol_store": self.store,
            "enrol_end": self.end,
        }

    async def begin(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin to enrol `person` at `camera`: the answer has the enrolment's `id` and how many
        pictures are `wanted`.  Refused without consent where the site asks for it, and while
        somebody else enrols at that camera."""
        camera, person = str(request["camera"]), str(request["person"])
        if self._service is None or camera not in self._service.cameras:
            raise Refused(worded("there is no camera {camera}", camera=camera[:60]))
        if not await asyncio.to_thread(self._known, person):
            raise Refused(worded("nobody on the list has the id {person}", person=person[:120]))
        if self._table.require_consent and not await asyncio.to_thread(self._agreed, person):
            raise Refused(worded("{person} has not agreed to the face match", person=person[:120]))
        self._forget_idle()
        by = request["by"]
        under_way = self._by_camera.get(camera)
        if under_way is not None and under_way.by != by:
            raise Refused(worded("{by} enrols somebody at this camera now", by=under_way.by or "?"))
        wanted = min(MOST, max(1, int(request.get("shots") or self._table.min_templates)))
        await self._views.begin(EventType.CAMERA_VIEWED, camera, by)
        made = _Enrolment(secrets.token_hex(8), person, camera, by, wanted, time.monotonic())
        self._by_camera[camera] = made
        return {"id": made.id, "wanted": wanted}

    async def look(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Look at the face now.  The answer has `still` and `box` for the guard, `refused` (what is
        wrong with this look, or ""), `taken` pictures of `wanted`.  With `peek` nobody looks: it
        says how far it is."""
        made = self._find(request)
        async with made.one:
            if len(made.looks) < made.wanted and request.get("peek") is not True:
                answer = await self._looked(made)
            else:
                answer = {"refused": ""}
        made.touched = time.monotonic()
        shown = {name: answer[name] for name in ("still", "box") if answer.get(name)}
        refused = str(answer.get("refused", ""))
        return {**shown, "refused": refused, "taken": len(made.looks), "wanted": made.wanted}

    async def _looked(self, made: _Enrolment) -> dict[str, Any]:
        assert self._service is not None
        answer = await self._service.look(
            made.camera,
            after=made.frame,
            kept=[str(look["template"]) for look in made.looks],
            threshold=self._table.threshold,
            portrait=self._table.portraits,
        )
        made.frame = int(answer.get("frame", made.frame))
        if answer.get("template") and time.monotonic() - made.taken_at >= PAUSE_S:
            kept = ("template", "quality", "model", "portrait")
            made.looks.append({name: answer[name] for name in kept if name in answer})
            made.taken_at = time.monotonic()
        return answer

    async def store(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store what was taken.  The answer is that of the errand ``enrol``; after a refusal the
        enrolment stays, for another `mode` or with `allow_duplicate`."""
        made = self._find(request)
        mode = str(request.get("mode", MODES[0]))
        if mode not in MODES:
            raise Refused(worded("expected one of {acts}", acts=", ".join(MODES)))
        async with made.one:
            self._find(request)  # a second tap, while the first one was stored
            if not made.looks:
                raise Refused(worded("no good picture was taken yet"))
            photos = [
                {
                    "name": f"{made.camera} {number}",
                    "template": look["template"],
                    "quality": look["quality"],
                    "model": look["model"],
                }
                for number, look in enumerate(made.looks, 1)
            ]
            done = await self._errand(
                {
                    "act": "enrol",
                    "by": request["by"],
                    "person": made.person,
                    "photos": photos,
                    "mode": mode,
                    "allow_duplicate": request.get("allow_duplicate") is True,
                    "portrait": _best(made.looks),
                }
            )
            made.touched = time.monotonic()
            if not done.get("refused"):
                self._by_camera.pop(made.camera, None)
                self._stored()
        return {**done, "person": made.person}

    async def end(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Forget an enrolment, with its pictures; one that is over already is no mistake."""
        wanted = str(request["id"])
        for camera, made in list(self._by_camera.items()):
            if made.id == wanted and made.by == request["by"]:
                del self._by_camera[camera]
        return {}

    def _find(self, request: Mapping[str, Any]) -> _Enrolment:
        self._forget_idle()
        wanted = str(request["id"])
        for made in self._by_camera.values():
            if made.id == wanted and made.by == request["by"]:
                return made
        raise Refused(worded("this enrolment is over; begin again"))

    def _forget_idle(self) -> None:
        oldest = time.monotonic() - IDLE_S
        for camera, made in list(self._by_camera.items()):
            if made.touched < oldest and not made.one.locked():
                del self._by_camera[camera]

    def _known(self, person: str) -> bool:
        with closing(self._open()) as db:
            found = db.execute("SELECT 1 FROM person WHERE id = ?", (person,)).fetchone()
            return found is not None

    def _agreed(self, person: str) -> bool:
        with closing(self._open()) as db:
            return faces.has_consent(db, person, self._today())

    def _open(self) -> sqlite3.Connection:
        uri = f"{self._people.absolute().as_uri()}?mode=ro"
        try:
            return sqlite3.connect(uri, uri=True, timeout=5)
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{self._people.name}: {error}") from error


def _best(looks: list[dict[str, Any]]) -> str:
    """The portrait of the sharpest look (base64); "" if the site keeps none."""
    with_one = [look for look in looks if look.get("portrait")]
    if not with_one:
        return ""
    best = max(with_one, key=lambda look: float(look["quality"].get("sharpness", 0)))
    return str(best["portrait"])
