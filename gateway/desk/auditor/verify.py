"""Whether the log is whole, and whether people.db is as its records say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.ledger import LedgerReader, VerifyReport
from gateway.people import audit
from gateway.proof.note import Note, VerifierKey


@dataclass(frozen=True, slots=True)
class Verdict:
    """`report` is of the log, `tables` are the rows of people.db that differ from it, and `trail`
    what its records say of them."""

    report: VerifyReport
    tables: list[audit.Difference]
    trail: audit.Trail

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.report.ok and not self.tables


def verified(
    ledger: LedgerReader,
    people: Path | None,
    progress: Callable[[int], None] | None = None,
    *,
    head: tuple[int, str] | None = None,
    keys: Sequence[VerifierKey] | None = None,
    checkpoints: Sequence[Note] = (),
) -> Verdict:
    """Check the log as `LedgerReader.verify` does, and the tables of people.db against it; of a
    copy (`people` None) the log alone.  Raises LedgerUnavailable and RosterUnavailable."""
    trail = audit.Trail()
    look = None if people is None else trail.follow
    report = ledger.verify(progress, head, keys, look=look, checkpoints=checkpoints)
    if people is None:
        return Verdict(report, [], trail)
    return Verdict(report, _tables(people, ledger, trail, report.head_seq), trail)


def _tables(
    people: Path, ledger: LedgerReader, trail: audit.Trail, seq: int
) -> list[audit.Difference]:
    """Where the tables differ from the records.

    The gateway may record an act between the reading of the one and the other, so a difference
    counts only if no record was added meanwhile.
    """
    while True:
        found = audit.compare(people, trail)
        more = ledger.after(seq, 500) if found else []
        if not more:
            return found
        for event in more:
            trail.follow(event)
            seq = event.seq
