"""Whether a person of the list may pass at all today, as one code.

The codes are ``active``, ``suspended``, ``revoked``, ``expired`` and ``not_yet``, for which
`gateway.wording.words` has words.
"""

from __future__ import annotations

from datetime import date


def standing(status: str, revoked: object, first: str | None, last: str | None, today: date) -> str:
    """The code of a person.

    Args:
        status: As the list has it.
        revoked: Whether there is a revocation that was made at this gate; it is stronger.
        first: The first valid day, ISO text; None or "": no such day.
        last: The last valid day, likewise.
        today: The day at the site.
    """
    if revoked:
        return "revoked"
    if status != "active":
        return status
    if last and last < today.isoformat():
        return "expired"
    return "not_yet" if first and first > today.isoformat() else "active"
