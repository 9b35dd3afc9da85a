"""What goes into an attempt and what comes out of it: see gateway/doors/attempt.py.

In: what a person `Presented`.  Out: a `Need`, or a tuple of `Verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.decide.model import Credential, Decision, FaceResult, Person, Request


@dataclass(frozen=True, slots=True)
class Presented:
    """What a person showed at the reader: a badge, or a face without one.

    For a face without a badge `credential` is None, `person_id` is who was found among `enrolled`
    people ("" for nobody) and `face` is the comparison.
    """

    credential: Credential | None = None
    person_id: str = ""
    face: FaceResult | None = None
    enrolled: int = 0

    @property
    def identified(self) -> bool:
        """Whether a face was shown, and no badge."""
        return self.credential is None and self.face is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's request with the decision on it; `read_at` is the loop's time (seconds) at
    which their badge was read."""

    request: Request
    decision: Decision
    read_at: float

    @property
    def asked(self) -> bool:
        """Whether the person was asked for more than the badge, so that people took the time."""
        request = self.request
        factors = (request.pin, request.face, request.confirmation)
        return request.waited or any(factor is not None for factor in factors)


@dataclass(frozen=True, slots=True)
class PinNeeded:
    """`person` has to type their PIN: `AccessAttempt.add_pin`."""

    person: Person


@dataclass(frozen=True, slots=True)
class FaceNeeded:
    """`person` has to look at the camera: `AccessAttempt.add_face`."""

    person: Person


@dataclass(frozen=True, slots=True)
class CompanyNeeded:
    """`person` may pass with a second person or an escort, whose badge is waited for during
    `wait_s` seconds: `AccessAttempt.companion` and `add_company`."""

    person: Person
    wait_s: float


@dataclass(frozen=True, slots=True)
class GuardNeeded:
    """A guard has to confirm that `person` may pass, because of `why`:
    `AccessAttempt.add_confirmation`."""

    person: Person
    why: str


Need = PinNeeded | FaceNeeded | CompanyNeeded | GuardNeeded
