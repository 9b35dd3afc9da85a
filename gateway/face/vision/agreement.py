"""Whether one more picture of an enrolment goes with those before it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.face.refusal import Refusal
from gateway.face.vision.protocols import Embedding
from gateway.face.vision.score import score

# Both limits are shares of the model's usual threshold, because each model has its own scale
# (docs/face.md).  Two pictures of one person are nearly always closer than SAME_PERSON, two
# people's nearly never.  Two shots of one person a second apart differ by more than SAME_PICTURE.
SAME_PERSON = 1.5
SAME_PICTURE = 0.05


def disagrees(embedding: Embedding, kept: Sequence[Embedding], usual: float) -> Refusal | None:
    """Why `embedding` does not join `kept`, the pictures accepted before; None if it does.

    `usual` is the model's usual threshold, a distance: another person than on the first picture,
    or the same picture again, which adds nothing.
    """
    near = [score(embedding[None], other[None]) / usual for other in kept]
    if not near or (near[0] <= SAME_PERSON and min(near) >= SAME_PICTURE):
        return None
    return Refusal.ANOTHER_PERSON if near[0] > SAME_PERSON else Refusal.SAME_PICTURE
