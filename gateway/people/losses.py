"""Every way to lose access, and when: decided at one time, in force at this gate at another.

In: an act at the gate, or a list that is put in force, inside the caller's transaction.  Out: one
row for each person and act, which `garita people revocations` measures and `garita people show`
names.  A validity that simply ends is not an act, and is not here.  Standard library only.

`how` says what was lost, several parted by commas:

left_list      the list does not name the person any more
shut_off       the list suspends or revokes the person
shorter        the validity begins later or ends earlier
fewer_badges   a badge is not theirs any more, also if another took its place
fewer_levels   an access level is gone
requirement    something that areas require was withdrawn, or lapses earlier
revoked_here   `garita people revoke`
grant          a temporary grant was ended
visitor_badge  a visitor left and did not give the badge back

`known_by` says where the time of the decision comes from: `revoked_at` (the person's row),
`generated_at` (the list says when it was made), `file` (when its file was last changed),
`received` (when this gate got it), `said` (an operator), `act` (the act at the gate itself), or
`source` (one of the first two, in rows of older versions).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

HOWS = (
    "left_list",
    "shut_off",
    "shorter",
    "fewer_badges",
    "fewer_levels",
    "requirement",
    "revoked_here",
    "grant",
    "visitor_badge",
)


@dataclass(frozen=True, slots=True)
class Loss:
    """`subject` is a person's id, a visit's, or a company's name; `detail` is what was lost, badges
    masked; times are aware; `version` is the list that did it, None for an act at the gate."""

    subject: str
    how: str
    detail: str
    revoked_at: datetime
    known_by: str
    effective_at: datetime
    version: int | None = None
    by: str = ""
    why: str = ""

    @property
    def seconds(self) -> float:
        """From the decision until the gate acted on it, never less than 0."""
        return max(0.0, round((self.effective_at - self.revoked_at).total_seconds(), 1))

    def as_json(self) -> dict[str, Any]:
        """The same for a script; times as RFC 3339 text, and ``person`` for the subject."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        times = {key: found[key].isoformat() for key in ("revoked_at", "effective_at")}
        return {"person": found.pop("subject"), **found, **times, "seconds": self.seconds}


_NAMES = tuple(field.name for field in fields(Loss))
_COLUMNS = ", ".join((*_NAMES, "seconds"))


def put(connection: sqlite3.Connection, loss: Loss) -> None:
    """Keep a loss, inside the caller's transaction."""
    values = [getattr(loss, name) for name in _NAMES]
    cells = [v.astimezone(UTC).isoformat() if isinstance(v, datetime) else v for v in values]
    connection.execute(
        f"INSERT INTO access_loss ({_COLUMNS}) VALUES ({', '.join('?' * (len(cells) + 1))})",  # noqa: S608
        (*cells, loss.seconds),
    )


def put_act(
    connection: sqlite3.Connection,
    subject: str,
    how: str,
    *,
    by: str,
    why: str = "",
    detail: str = "",
    said: datetime | None = None,
) -> Loss:
    """Keep a loss by an act at the gate, now; `said` is when it was decided, if the operator said
    so.  Inside the caller's transaction."""
    now = datetime.now(UTC)
    known = "said" if said else "act"
    loss = Loss(subject, how, detail, said or now, known, now, by=by, why=why)
    put(connection, loss)
    return loss


def since(connection: sqlite3.Connection, at: datetime) -> Iterator[Loss]:
    """What took effect at `at` (aware) or later, the slowest first."""
    return _found(
        connection,
        "WHERE effective_at >= ? ORDER BY seconds DESC, effective_at DESC, id",
        at.astimezone(UTC).isoformat(),
    )


def of(connection: sqlite3.Connection, subject: str) -> Iterator[Loss]:
    """What a person, visit or company lost, the newest first."""
    return _found(connection, "WHERE subject = ? ORDER BY id DESC", subject)


def _found(connection: sqlite3.Connection, where: str, value: str) -> Iterator[Loss]:
    names = ", ".join(_NAMES)
    rows = connection.execute(f"SELECT {names} FROM access_loss {where}", (value,))  # noqa: S608
    for row in rows:
        cells = dict(zip(_NAMES, row, strict=True))
        for name in ("revoked_at", "effective_at"):
            cells[name] = datetime.fromisoformat(cells[name])
        yield Loss(**cells)
