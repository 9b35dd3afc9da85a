"""What `garita status` says of the log beside its size: lost, not signed, not cosigned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.ledger.origin import KEY_LOST
from gateway.locale import Message, _
from gateway.wording import words

SOURCE = "restore"  # as gateway/backup/restore.py writes it
LATE = timedelta(hours=3)  # a checkpoint goes out every hour


def lines(answer: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[str, bool]]:
    """Sentences out of the gateway's `answer`, each with whether somebody has to look."""
    follows = answer["ledger"].get("follows")
    if follows and follows["known_by"] == SOURCE:
        said = _("restored from a backup: records after {seq} are not in it; see docs/backup.md")
        yield said.format(**follows), True
    elif follows and follows["known_by"] == KEY_LOST:
        said = _(
            "the key that signed the log was lost: behind event {seq} it has a new name and a new"
            " key; see docs/ledger.md"
        )
        yield said.format(**follows), True
    elif follows:
        said = _(
            "records were lost: it ended with {seq}, and {known_by} knows {known_seq};"
            " see docs/ledger.md"
        )
        yield said.format(**follows), True
    if (head := answer.get("checkpoint")) and head.get("error"):
        yield head["error"], True
    if held := answer.get("archives"):
        if held["error"]:
            yield held["error"], True
        if held["missing"]:
            said = _("archives of the log are missing: {files}")
            yield said.format(files=", ".join(held["missing"])), True
    if witnesses := answer.get("witnesses"):
        yield from _cosigned(witnesses, zone)


def _cosigned(witnesses: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[str, bool]]:
    needed, quorum = witnesses["needed"], witnesses["quorum"]
    if quorum is None:
        said = _("cosigned by no quorum yet, of which {needed} are needed")
        yield said.format(needed=needed), True
    else:
        said = _("cosigned by a quorum ({needed}) at {time}")
        at = datetime.fromisoformat(quorum["time"])
        time = words.moment(at, zone, named=True)
        yield said.format(needed=needed, time=time), datetime.now(UTC) - at > LATE
    for name, seen in witnesses["cosigners"].items():
        if error := seen["error"]:
            text = Message(error["text"], error["facts"])
            yield _("witness {name}: {error}").format(name=name, error=text), True
