"""The face process's answers, read as results for the decision.

The process handles pictures of strangers and may be wrong in any way, so every field is checked
for type, range and length here, and nothing else of an answer is used.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

from gateway.decide.model import FaceOutcome, FaceResult, Liveness

MAX_PICTURE = 1_400_000  # base64 of a megabyte; a multiple of four


def result_of(answer: Mapping[str, Any], threshold: float) -> FaceResult:
    """Read an answer.  An answer of any other form becomes `unavailable`, which denies."""
    try:
        lives = answer.get("liveness")
        nearest = answer.get("nearest")
        return FaceResult(
            outcome=FaceOutcome(answer["outcome"]),
            distance=_number(answer, "distance"),
            frames=int(answer.get("frames", 0)),
            frame_age_s=_number(answer, "frame_age_s"),
            detail=str(answer.get("detail", ""))[:80],
            seen_age_s=_number(answer, "seen_age_s"),
            liveness=None if lives is None else _liveness(lives),
            nearest=None if nearest is None else _nearest(nearest),
            about={**_about(answer), "threshold": threshold},
            picture=base64.b64decode(str(answer.get("picture", ""))[:MAX_PICTURE]),
        )
    except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        return FaceResult(FaceOutcome.UNAVAILABLE, detail=f"nonsense: {type(error).__name__}")


def _nearest(given: Mapping[str, Any]) -> tuple[str, float]:
    distance = _number(given, "distance")
    if distance is None:
        raise ValueError("no distance")
    return str(given["person"]), distance


def _number(answer: Mapping[str, Any], key: str) -> float | None:
    value = answer.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _liveness(lives: Mapping[str, Any]) -> Liveness:
    challenge = lives.get("challenge")
    if not (challenge is None or isinstance(challenge, bool)):
        raise ValueError("no answer to a challenge")
    # Only a clear "false" means that there is no suspicion.
    return Liveness(challenge, lives["suspect"] is not False, str(lives.get("detail", ""))[:80])


def _about(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that only the record uses, with types and lengths enforced."""
    about: dict[str, Any] = {}
    for key in ("quality", "timing_ms", "cues"):
        given = answer.get(key, {})
        about[key] = {
            str(name)[:40]: round(_number(given, name) or 0.0, 4) for name in list(given)[:40]
        }
    about["model"] = str(answer.get("model", ""))[:80]
    mark = str(answer.get("frame_hash", ""))
    about["frame_hash"] = mark if re.fullmatch("[0-9a-f]{64}", mark) else ""
    about["present_s"] = round(max(0.0, _number(answer, "present_s") or 0.0), 2)
    others = answer.get("others") or {"n": 0, "nearest": None, "below": 0}
    nearest = _number(others, "nearest")
    about["others"] = {
        "n": int(others["n"]),
        "nearest": None if nearest is None else round(nearest, 4),
        "below": int(others["below"]),
    }
    return about
