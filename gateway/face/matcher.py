"""Compares who stands at the camera with the templates of one cardholder, or of everybody.

Joins three parts that don't know each other: the roster keeps sealed templates, the vault opens
them, the face process compares.  Each match opens the templates anew, so removing or forgetting a
person takes effect at the next badge.  The gallery of all people follows the list within seconds;
it finds lent badges and faces without badges.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from gateway.config import FaceTable
from gateway.decide.model import FaceOutcome, FaceResult
from gateway.face.evidence import Evidence, Kept, site_sealer
from gateway.face.result import result_of
from gateway.face.service import FaceService, OnPrompt
from gateway.ledger.event import Event, EventType
from gateway.locale import english
from gateway.people import Roster, RosterUnavailable, SealedTemplate
from gateway.people.days import day_of
from gateway.vault.sitekey import SiteKey
from gateway.vault.templates import Vault, VaultError

log = logging.getLogger("garita.face.matcher")

GALLERY_POLL_S = 2.0
OTHER_MODEL = "the templates are of another face model"
CHUNK = 400  # people a message, and bytes of templates
PACK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Identified:
    """A face that was found among all people: whose it is, how near, among how many."""

    person_id: str
    result: FaceResult
    searched: int


class CardholderMatcher:
    """Answers within about the configured time.  Every failure is `unavailable`, which denies."""

    def __init__(
        self,
        service: FaceService,
        roster: Roster,
        key: SiteKey,
        face: FaceTable,
        pictures: Path,
        zone: tzinfo = UTC,
    ) -> None:
        self._service = service
        self._roster = roster
        self._vault = Vault(key)
        self._face = face
        self._pictures = Evidence(pictures)
        self._zone = zone
        self._strangers = site_sealer(key)
        self._one_picture = asyncio.Lock()
        self.enrolled = 0
        """People in the gallery of the face process."""

    def use(self, face: FaceTable) -> None:
        """Compare by another table from the next face on.  `decide()` looks at the distance by the
        rules of the attempt, so for an attempt under way the stricter of both holds."""
        self._face = face

    async def match(
        self,
        camera: str,
        person_id: str,
        tapped_at: float,
        *,
        challenge: bool = False,
        on_prompt: OnPrompt | None = None,
    ) -> FaceResult:
        """Compare who stands at `camera` with everything enrolled for `person_id`."""
        try:
            sealed = self._roster.templates(person_id)
            templates = [
                self._vault.open(person_id, item.id, item.model, item.sealed, item.key)
                for item in sealed
            ]
        except (VaultError, RosterUnavailable) as error:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=english(error))
        if self._service.ready.is_set():
            model = self._service.model
            own = [at for at, item in enumerate(sealed) if item.model == model]
            # Too few for the door, because the others are of a model that is no longer used.
            if len(own) < min(len(sealed), self._face.min_templates):
                return FaceResult(FaceOutcome.UNAVAILABLE, detail=f"enrol anew: {OTHER_MODEL}")
            sealed, templates = [sealed[at] for at in own], [templates[at] for at in own]
        started = time.monotonic()
        answer = await self._service.match(
            camera,
            person_id,
            templates,
            threshold=self._face.threshold,
            tapped_at=tapped_at,
            timeout_s=self._face.timeout_s,
            max_age_s=self._face.max_frame_age_s,
            challenge=challenge,
            picture=self._face.keep_pictures != "never",
            on_prompt=on_prompt,
        )
        result = result_of(answer, self._face.threshold)
        if result.nearest is not None and result.nearest[1] > self._face.lent_threshold:
            result = replace(result, nearest=None)  # too unlike to name anybody
        return _with_templates(result, camera, sealed, time.monotonic() - started)

    async def identify(self, camera: str, track: int, threshold: float) -> Identified:
        """Find whose face the announced `track` is, at most `threshold` away."""
        answer = await self._service.identify(
            camera, track, threshold=threshold, timeout_s=self._face.timeout_s
        )
        result = result_of(answer, threshold)
        person = str(answer.get("person", ""))
        sealed: list[SealedTemplate] = []
        try:
            sealed = self._roster.templates(person) if person else []
        except RosterUnavailable as error:
            result = FaceResult(FaceOutcome.UNAVAILABLE, detail=english(error))
        searched = answer.get("searched", 0)
        return Identified(
            person,
            _with_templates(result, camera, sealed, None),
            searched if isinstance(searched, int) else 0,
        )

    async def keep_picture(self, event: Event, person_id: str, face: FaceResult) -> None:
        """Seal and keep the picture of a recorded decision, if the site keeps pictures.

        The key is the person's if the face matched, otherwise the site's evidence key.
        """
        denied = event.type != EventType.ACCESS_GRANTED
        if not face.picture or (self._face.keep_pictures == "denied" and not denied):
            return
        # The site's day, by which pictures are deleted too.
        day = day_of(datetime.fromisoformat(event.time), self._zone)
        try:
            held = self._roster.templates(person_id) if face.outcome is FaceOutcome.MATCH else []
            sealer, holder = self._strangers, None
            if held and held[0].key is not None:
                sealer = self._vault.sealer(person_id, held[0].key)
                holder = (person_id, held[0].key[0])
        except (VaultError, RosterUnavailable) as error:
            log.warning("the picture of %s is not kept: %s", event.id, error)
            return
        async with self._one_picture:
            keep = self._pictures.keep
            kept = await asyncio.to_thread(keep, event.id, day, face.picture, sealer, holder)
        if kept is not Kept.KEPT:
            log.warning("the picture of %s is not kept: %s", event.id, kept)

    async def keep_gallery(self, people_path: Path) -> None:
        """Keep the gallery of the face process up to date, for ever.  A new process gets all."""
        held: dict[str, str] = {}
        starts, mark = -1, ""
        while True:
            await self._service.ready.wait()
            try:
                now = await asyncio.to_thread(_mark, people_path)  # it counts all templates
                fresh = self._service.starts != starts
                if fresh or now != mark:
                    # Before the next await: a process that starts meanwhile must get everything.
                    starts, mark = self._service.starts, now
                    held = await self._bring(people_path, {} if fresh else held, replace=fresh)
                    self.enrolled = len(held)
            except (RosterUnavailable, OSError) as error:  # OSError: the process died meanwhile
                starts = -1
                log.warning("the gallery of faces can't be updated: %s", error)
            await asyncio.sleep(GALLERY_POLL_S)

    async def _bring(
        self, people_path: Path, held: Mapping[str, str], *, replace: bool
    ) -> dict[str, str]:
        """Send what changed; returns what the process has now, by person."""
        wanted = await asyncio.to_thread(_enrolled, people_path)
        changed = [person for person, sign in wanted.items() if held.get(person) != sign]
        gone = [person for person in held if person not in wanted]
        first = replace
        for start in range(0, len(changed), CHUNK):
            part = changed[start : start + CHUNK]
            opened = await asyncio.to_thread(self._open_all, people_path, part)
            for pack in _packs(opened):
                self._service.gallery(pack, replace=first)
                await self._service.drained()
                first = False
        if gone or first:
            self._service.gallery(dict.fromkeys(gone, b""), replace=first)
        return wanted

    def _open_all(self, people_path: Path, people: Sequence[str]) -> dict[str, bytes]:
        """Open some people's templates.  Runs in a thread, with its own database connection."""
        roster, opened = Roster(people_path), {}
        try:
            for person in people:
                try:
                    opened[person] = b"".join(
                        self._vault.open(person, item.id, item.model, item.sealed, item.key)
                        for item in roster.templates(person)
                        if item.model == self._service.model
                    )
                except (VaultError, RosterUnavailable) as error:
                    log.warning("somebody's templates can't be compared: %s", error)
                    opened[person] = b""
        finally:
            roster.close()
        return opened


def _packs(people: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """People in parts of at most PACK bytes each, since another model's templates may be long."""
    pack: dict[str, bytes] = {}
    size = 0
    for person, templates in people.items():
        if pack and size + len(templates) > PACK:
            yield pack
            pack, size = {}, 0
        pack[person] = templates
        size += len(templates)
    yield pack


def _mark(people_path: Path) -> str:
    with closing(Roster(people_path)) as roster:  # a connection belongs to its thread
        return roster.templates_mark()


def _enrolled(people_path: Path) -> dict[str, str]:
    roster = Roster(people_path)  # a connection belongs to its thread
    try:
        return roster.enrolled()
    finally:
        roster.close()


def _with_templates(
    result: FaceResult, camera: str, sealed: Sequence[SealedTemplate], took_s: float | None
) -> FaceResult:
    """The result with what the record adds: the camera, which templates, the time taken."""
    version = hashlib.sha256("".join(item.id for item in sealed).encode()).hexdigest()[:8]
    timing = dict(result.about.get("timing_ms", {}))
    if took_s is not None and math.isfinite(took_s):
        timing["total"] = round(took_s * 1000, 2)
    about = {
        **result.about,
        "camera": camera,
        "templates": len(sealed),
        "template_version": version if sealed else "",
        "timing_ms": timing,
    }
    return replace(result, about=about)
