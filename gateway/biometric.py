"""Who stands at the camera, held against the templates of one cardholder.

Joins three parts that don't know each other: the roster keeps sealed templates, the vault
opens them, the face process compares.  Plain templates live only for the time of a match.
"""

from __future__ import annotations

import time

from gateway.config import FaceTable
from gateway.face.service import FaceService
from gateway.face.vault import Vault, VaultError
from gateway.model import FaceOutcome, FaceResult
from gateway.roster import Roster, RosterUnavailable


class CardholderMatcher:
    """One-to-one verification; `match` answers within the configured time or so."""

    def __init__(self, service: FaceService, roster: Roster, vault: Vault, face: FaceTable) -> None:
        self._service = service
        self._roster = roster
        self._vault = vault
        self._face = face

    async def match(self, camera: str, person_id: str, tapped_at: float) -> FaceResult:
        """Compare the newest frames of `camera` with everything enrolled for `person_id`."""
        try:
            templates = [
                self._vault.open(person_id, item.id, item.model, item.sealed, item.key)
                for item in self._roster.templates(person_id)
            ]
        except (VaultError, RosterUnavailable) as error:
            return FaceResult(FaceOutcome.UNAVAILABLE, detail=str(error))
        started = time.monotonic()
        result = await self._service.match(
            camera,
            templates,
            threshold=self._face.threshold,
            tapped_at=tapped_at,
            timeout_s=self._face.timeout_s,
            max_age_s=self._face.max_frame_age_s,
        )
        took = (time.monotonic() - started) * 1000
        timing = {**result.timing_ms, "total": took}
        return FaceResult(
            result.outcome,
            result.distance,
            result.frames,
            result.frame_age_s,
            result.detail,
            timing,
        )
