"""What one run of the first-run wizard knows: the answers so far, the port that it listens at, and
the gateway that it started."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway import config
from gateway.people import account
from gateway.setup import found
from gateway.setup.draft import Draft, Places, missing
from gateway.setup.found import FoundCamera, FoundPort
from gateway.setup.listening import Heard, Listening
from gateway.setup.making import make
from gateway.setup.trial import Trial
from gateway.setup.virtual import VirtualGate

STEPS = ("site", "reader", "lock", "camera", "person", "check", "door")
FIELDS = {
    "site": ("gateway", "timezone"),
    "reader": ("reader_port", "reader_driver", "badge"),
    "lock": ("lock_port", "fail", "door"),
    "camera": (),
    "person": ("person", "operator"),
}
"""Which answers each step needs before the next."""


@dataclass
class Wizard:
    """`places` says where the files go; `virtual` stands in for devices."""

    places: Places
    virtual: VirtualGate | None = None
    draft: Draft = field(default_factory=Draft)
    code: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    form: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    listening: Listening | None = None
    trial: Trial | None = None
    seen: set[str] = field(default_factory=set)
    """Devices of ports that were there before, to mark one that was just plugged in."""
    camera_asked: bool = False

    def change(self, **answers: object) -> None:
        """Take answers into the draft."""
        self.draft = replace(self.draft, **answers).tidied()  # type: ignore[arg-type]

    @property
    def made(self) -> bool:
        """Whether the configuration is written."""
        return self.places.config.exists()

    def done(self, step: str) -> bool:
        """Whether a step has what it needs."""
        if step == "check":
            return self.made
        if step == "door":
            return False
        return not set(FIELDS[step]) & set(missing(self.draft))

    def answered(self, step: str) -> bool:
        """Whether a step is behind us: a camera is left out only when somebody said so."""
        return self.done(step) and (step != "camera" or self.camera_asked or self.made)

    def reachable(self, step: str) -> bool:
        """Whether the step's page may be shown: after `check` there is no way back, and no step
        comes before what it builds on."""
        if self.made or step == "door":
            return self.made and step == "door"
        before = STEPS[: STEPS.index(step)]
        return all(self.done(name) for name in before)

    def current(self) -> str:
        """The step to go on with."""
        return next((step for step in STEPS if not self.done(step)), "door")

    def ports(self) -> list[tuple[FoundPort, bool]]:
        """The ports now, each with whether it was just plugged in."""
        ports = [*(self.virtual.ports if self.virtual else ()), *found.ports()]
        devices = {port.device for port in ports}
        new = devices - self.seen if self.seen else set()
        self.seen |= devices if not self.seen else set()
        return [(port, port.device in new) for port in ports]

    def cameras(self) -> list[FoundCamera]:
        """The cameras of the box."""
        return list(found.cameras())

    async def listen(self, path: str) -> None:
        """Listen at a port, and at no other."""
        await self.quiet()
        self.listening = Listening(path)
        self.listening.start()

    async def quiet(self) -> None:
        """Listen no more: the gateway needs the port."""
        listening, self.listening = self.listening, None
        if listening is not None:
            await listening.stop()

    def heard(self) -> Heard | None:
        """What came from the port that is listened at."""
        return self.listening.heard() if self.listening is not None else None

    def write(self) -> None:
        """Write the gate.  Blocks; raises NotMade."""
        make(self.draft, self.places, account.own())

    async def open_gate(self) -> Trial:
        """The trial of the gate that was made, with its gateway running."""
        if self.trial is None:
            self.trial = Trial(config.load(self.places.config))
        await self.trial.start()
        return self.trial

    async def close(self) -> None:
        """End what was started."""
        await self.quiet()
        if self.trial is not None:
            await self.trial.stop()
        if self.virtual is not None:
            self.virtual.close()


def wizard(path: Path, virtual: VirtualGate | None = None) -> Wizard:
    """A wizard for a configuration at `path`."""
    return Wizard(Places.of(path), virtual)
