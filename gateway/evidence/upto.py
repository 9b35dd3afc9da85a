"""Which checkpoint a packet is made of.

It is the first one that covers the last record of the span (and that the witnesses of the site
cosigned, if it has any).  So the same days give the same packet, however much the log grew since.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from gateway.config import Settings
from gateway.evidence.model import Span
from gateway.ledger import LedgerReader
from gateway.ledger.heads import Heads, Signed


@dataclass(frozen=True, slots=True)
class Upto:
    """Where the packet ends: the checkpoint, or None if nothing is signed; the newest record that
    is taken in; and whether the checkpoint covers all records of the span."""

    head: Signed | None
    last_seq: int
    covers: bool


def upto(settings: Settings, span: Span, *, newest: bool = False) -> Upto:
    """Choose it; `newest` takes the newest checkpoint of all.  Raises LedgerUnavailable."""
    path = settings.ledger_path
    heads = Heads(path)
    with closing(LedgerReader(path)) as ledger:
        end = ledger.last_seq
        wanted = ledger.last_of(span.begin, span.end)
    trust = settings.tables.log.trust()
    known = sorted(heads.all(), key=lambda one: one.last_seq)
    met = [one for one in known if trust.met(one.note)] or known
    if not met:
        return Upto(None, end, covers=True)
    head = None if newest else _first(met, wanted)
    head = head or met[-1]
    return Upto(head, head.last_seq, covers=head.last_seq >= wanted)


def _first(heads: Iterable[Signed], wanted: int) -> Signed | None:
    """The first that covers record `wanted`; None if none does, or if the span has no records."""
    if not wanted:
        return None
    return next((one for one in heads if one.last_seq >= wanted), None)
