"""Is a person there, or a picture of one?  Judged from what one camera sees over time.

`Challenge` asks for turns of the head and measures whether something with a nose turned;
`Passive` watches without asking and names what looks like a print or a screen.  Observations
of one tracked face go in, verdicts with their figures come out.  No I/O, no clock, no model:
numpy and OpenCV, the same answer each time.  It recognises nobody, it never grants anything,
and what it can't measure never passes.  docs/spoofing.md says what it does not stop.
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
