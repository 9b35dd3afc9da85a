"""Pictures that the gateway shows to people: what a camera sees now, and somebody's portrait.

The control socket asks.  That somebody looks is on record before they see anything; looking on,
for VIEW_S, is the same view.  A still is kept nowhere: the newest one of each camera stays in
memory for a moment, so that many viewers cost the face process no more than one.
"""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.daemon.control import Refused
from gateway.face.service import FaceService
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.locale import worded
from gateway.people import RosterUnavailable, portraits
from gateway.people.portraits import SealedPortrait
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

Append = Callable[[NewEvent], Awaitable[Event]]
VIEW_S = 300.0
FRESH_S = 0.25
AT_ONCE = 2  # portraits; the doors need the same disk


class Views:
    """Puts on record who looks at what: once for each view, before the picture is shown."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._since: dict[tuple[str, str, str], float] = {}

    async def begin(self, kind: EventType, subject: str, by: str) -> None:
        """`by` looks at `subject` now.  Raises LedgerUnavailable: then nothing is shown."""
        now = time.monotonic()
        key = (kind.value, subject, by)
        if now - self._since.get(key, float("-inf")) < VIEW_S:
            return
        await self._append(NewEvent(kind, subject, {"by": by}))
        self._since = {k: at for k, at in self._since.items() if now - at < VIEW_S}
        self._since[key] = now


class Pictures:
    """The handlers of ``still`` and ``portrait``.  `wanted` is whether the site keeps portraits."""

    def __init__(
        self,
        *,
        faces: FaceService | None,
        people: Path,
        key: SiteKey,
        wanted: bool,
        append: Append,
    ) -> None:
        self._faces, self._people, self._wanted = faces, people, wanted
        self._vault = Vault(key)
        self.views = Views(append)
        self._newest: dict[str, tuple[float, dict[str, Any]]] = {}
        self._looking: dict[str, asyncio.Lock] = {}
        self._few = asyncio.Semaphore(AT_ONCE)

    def table(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]]:
        """The handlers by the name of the operation."""
        return {"still": self.still, "portrait": self.portrait}

    async def still(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a camera sees now: ``still`` (a JPEG, base64) and ``state``, the camera's own word
        for how its feed is."""
        camera = str(request["camera"])
        if self._faces is None or camera not in self._faces.cameras:
            raise Refused(worded("there is no camera {camera}", camera=camera[:60]))
        await self.views.begin(EventType.CAMERA_VIEWED, camera, request["by"])
        async with self._looking.setdefault(camera, asyncio.Lock()):
            at, answer = self._newest.get(camera, (float("-inf"), {}))
            if time.monotonic() - at >= FRESH_S:
                answer = await self._faces.still(camera)
                self._newest[camera] = (time.monotonic(), answer)
                asyncio.get_running_loop().call_later(FRESH_S, self._forget, camera)
        if not answer.get("still"):
            raise Refused(no_picture(camera, str(answer.get("refused") or "unavailable")))
        return {"still": answer["still"], "state": answer["state"]}

    async def portrait(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The portrait of a person: ``jpeg`` (base64) and ``made_at``."""
        person = str(request["person"])
        if not self._wanted:
            raise Refused(worded("this site keeps no portraits"))
        async with self._few:
            found = await asyncio.to_thread(self._find, person)
            if found is None:
                raise Refused(worded("no portrait is kept of {person}", person=person[:120]))
            try:
                jpeg = portraits.open_portrait(self._vault, person, found)
            except VaultError as error:
                raise Refused(*error.args) from error
            await self.views.begin(EventType.FACE_PORTRAIT_VIEWED, person, request["by"])
        return {"jpeg": base64.b64encode(jpeg).decode(), "made_at": found.made_at}

    def _find(self, person: str) -> SealedPortrait | None:
        uri = f"{self._people.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
                return portraits.find(db, person)
        except sqlite3.Error as error:
            raise RosterUnavailable(f"{self._people.name}: {error}") from error

    def _forget(self, camera: str) -> None:
        at, _ = self._newest.get(camera, (time.monotonic(), {}))
        if time.monotonic() - at >= FRESH_S:
            self._newest.pop(camera, None)


def no_picture(camera: str, state: str) -> Any:
    """Why there is no picture, for people; `state` is the camera's own word."""
    return worded("camera {camera} gives no picture: {state}", camera=camera, state=state)
