"""Judges whether a person stands before the camera, or a picture of one.

`Challenge` asks for turns of the head and measures whether a head with a nose turned.  `Passive`
watches without asking and names signs of a print or a screen.  Observations of one tracked face go
in; results with their figures come out.  Both use NumPy and OpenCV only, no I/O and no clock, so
the same frames give the same answer.  They recognise nobody and grant nothing, and a turn that
can't be measured does not pass.  docs/spoofing.md says which attacks they do not stop.
"""

from gateway.face.vision.liveness.challenge import (
    Challenge,
    ChallengeReason,
    ChallengeResult,
    Prompt,
    Turn,
    draw,
)
from gateway.face.vision.liveness.observation import Observation
from gateway.face.vision.liveness.passive import Passive, Suspicion

__all__ = [
    "Challenge",
    "ChallengeReason",
    "ChallengeResult",
    "Observation",
    "Passive",
    "Prompt",
    "Suspicion",
    "Turn",
    "draw",
]
