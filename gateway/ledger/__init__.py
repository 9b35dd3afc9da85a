"""The append-only log of the gateway: one table, one writer, one sequence without holes.

`Ledger` writes (one thread, group commit, durable before it answers), `LedgerReader` reads
and verifies from any process.  Nobody changes or removes a record, neither
this package nor what uses it.
"""

from gateway.ledger.errors import LedgerBusy, LedgerDamaged, LedgerUnavailable
from gateway.ledger.reader import LedgerReader, Problem, VerifyReport
from gateway.ledger.writer import Ledger

__all__ = [
    "Ledger",
    "LedgerBusy",
    "LedgerDamaged",
    "LedgerReader",
    "LedgerUnavailable",
    "Problem",
    "VerifyReport",
]
