"""Reading and verifying the log, from any process, while the gateway writes it.

Opens the file read-only and holds no transaction for longer than one chunk, so a long
export or verification never hinders the writer.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.ledger import chain
from gateway.ledger.clockback import ClockBack
from gateway.ledger.errors import LedgerDamaged, LedgerUnavailable
from gateway.ledger.event import Event
from gateway.ledger.heads import Heads
from gateway.ledger.kept import Kept
from gateway.ledger.marks import Marks
from gateway.ledger.origin import followed
from gateway.ledger.redacted import Redactions
from gateway.ledger.rows import CHUNK, Gone, Rows
from gateway.ledger.signed import Checkpoints, Covered
from gateway.locale import worded
from gateway.proof.merkle import Frontier
from gateway.proof.note import Note, VerifierKey

MAX_PROBLEMS = 100
_EVER = 2**62
_TYPE_LAST = re.compile(r'"type":"[a-z_.]{1,60}"\}$')


@dataclass(frozen=True, slots=True)
class Problem:
    """Something an auditor must know: at which record, and what."""

    seq: int
    what: str


@dataclass(slots=True)
class VerifyReport:
    """What a verification found; `problems` holds at most the first hundred."""

    count: int = 0
    head_seq: int = 0
    head_hash: str = chain.GENESIS.hex()
    head_time: str = ""
    problems: list[Problem] = field(default_factory=list)
    covered: Covered = field(default_factory=Covered)
    begins: int = 1
    """The first record that is still kept: the archives before it were deleted, on record."""
    redacted: int = 0
    """Records whose personal data are gone; their digests are checked."""
    clock_back: list[tuple[int, int]] = field(default_factory=list)
    """At which records the time went back, and by how many seconds (clockback.py)."""
    before: dict[str, Any] | None = None
    """What the log says of another log that this gate had before it (origin.py), if it had one."""

    @property
    def ok(self) -> bool:
        return not self.problems

    def add(self, seq: int, what: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(seq, what))


class LedgerReader(Rows):
    """Read access to the log at `path` with its archives (archives.py); every method raises
    LedgerUnavailable if it can't.

    `copy` says that nobody writes the file: SQLite then makes no files beside it, and a folder that
    can't be written is no hindrance.
    """

    def marks(self) -> Marks:
        """The times by which the clock is judged; none for a log of before they were kept."""
        known = self._rows("SELECT 1 FROM sqlite_master WHERE name = 'clock_marks'")
        rows = self._rows("SELECT high, sure FROM clock_marks") if known else []
        return Marks(str(rows[0][0]), str(rows[0][1])) if rows else Marks()

    def after(self, seq: int, limit: int) -> list[Event]:
        """Up to `limit` records after `seq`, in order."""
        return [event_of(kept) for kept in self.kept_after(seq, limit)]

    def kept_after(self, seq: int, limit: int) -> list[Kept]:
        """The same as they are kept, not read."""
        return self._span(seq + 1, _EVER, limit)

    def get(self, seq: int) -> Event | None:
        """One record, or None."""
        try:
            found = self._span(seq, seq, 1)
        except LedgerUnavailable:
            found = self._stays(seq)  # its archive can't be read
            if not found:
                raise
        found = found or self._stays(seq)
        return event_of(found[0]) if found else None

    def newest(self, kind: str) -> Event | None:
        """The newest record of exactly that type, or None; reads backwards, so what is rare
        takes a while."""
        rows = self._rows(
            "SELECT seq, body, hash FROM events WHERE body LIKE ? ORDER BY seq DESC LIMIT 1",
            (f'%"type":"{kind}"}}',),
        )
        archives = self._archived()
        for seq, body, digest in rows:
            if seq > archives.last:
                return event_of(Kept(seq, body, digest, b""))
        for kept in archives.holding(f'"type":"{kind}"}}', kinds=(kind,)):
            event = event_of(kept)
            if event.type == kind:
                return event
        return None

    def tail(self, count: int) -> list[Event]:
        """The newest `count` records, oldest first."""
        return self.after(max(0, self.last_seq - count), count)

    def back(self, *types: str, since: str = "", most: int | None = None) -> Iterator[Event]:
        """Records of `types`, newest first; the others are looked over, not read.

        Ends after `most` records of any type, or at CHUNK in a row from before `since` (RFC 3339
        text in UTC): a few with a wrong time, after a clock's step, hide nothing behind them.
        """
        end = self.last_seq
        first = max(0, end - most) if most is not None else 0
        # What json.dumps writes; a text that holds this has its quotes escaped.
        marks = [f'"type":{json.dumps(kind)}' for kind in types]
        while end > max(first, self._archived().last):
            begin = max(first, self._archives.last, end - CHUNK)
            rows = self._of(marks, begin, end)
            if self._archived().last > begin:
                continue  # they went into an archive meanwhile
            for seq, body, digest, prev in rows:
                event = event_of(Kept(seq, body, digest, prev or b""))
                if event.type in types and event.time >= since:
                    yield event
            if since and not self._younger(begin, end, since):
                return
            end = begin
        while end > first:
            if not since and (before := self._before_those_without(types, end)) < end:
                end = before
                continue
            begin = max(first, end - CHUNK)
            span = self._span(begin + 1, end, CHUNK)
            for kept in reversed(span):
                if any(mark in kept.body for mark in marks):
                    event = event_of(kept)
                    if event.type in types and event.time >= since:
                        yield event
            if not span or (since and not any(_time_of(kept.body) >= since for kept in span)):
                return
            end = begin

    def _before_those_without(self, types: tuple[str, ...], end: int) -> int:
        """The last record before the archive that holds record `end`, if it has none of `types`:
        its file is not read then, and need not be there.  Else `end`."""
        for one in self._archived().all:
            if one.first <= end <= one.last and not one.deleted and not one.may_hold(types):
                return one.first - 1
        return end

    @property
    def oldest_seq(self) -> int:
        """The first record that is still kept."""
        return self._archived().begins

    def holding(self, begin: int, end: int, marks: Sequence[Sequence[str]]) -> Iterator[Event]:
        """The records after `begin` up to `end` whose body has of each of `marks` at least one text
        (a part of the JSON as chain.canonical writes it), the newest first."""
        return map(event_of, self._holding(begin, end, marks))

    def any_since(self, begin: int, end: int, since: str) -> bool:
        """Whether any record after `begin` up to `end` is from `since` (RFC 3339 text in UTC) or
        later."""
        if begin >= self._archived().last:
            return self._younger(begin, end, since)
        return any(_time_of(kept.body) >= since for kept in self._span(begin + 1, end, end - begin))

    def _of(self, marks: list[str], begin: int, end: int) -> list[tuple]:  # type: ignore[type-arg]
        """The rows after `begin` up to `end` that hold one of `marks`, newest first.

        The type stands last in a body, whose keys are sorted: its end is looked at, and the whole
        body only of those few.  A body with another end may hold its type elsewhere.
        """
        ends = tuple(f"{mark}}}" for mark in marks)
        looked = self._rows(
            "SELECT seq, substr(body, -80) FROM events WHERE seq > ? AND seq <= ?", (begin, end)
        )
        found = [
            int(seq)
            for seq, last in looked
            if isinstance(last, str) and (last.endswith(ends) or not _TYPE_LAST.search(last))
        ]
        if not found:
            return []
        rows = self._rows(
            "SELECT e.seq, e.body, e.hash, p.hash FROM events e "  # noqa: S608 - all marks
            "LEFT JOIN events p ON p.seq = e.seq - 1 "
            f"WHERE e.seq IN ({', '.join('?' * len(found))}) ORDER BY e.seq DESC",
            tuple(found),
        )
        return [row for row in rows if any(mark in row[1] for mark in marks)]

    def _younger(self, begin: int, end: int, since: str) -> bool:
        """Whether any record after `begin` up to `end` is from `since` or later."""
        sql = (
            "SELECT EXISTS (SELECT 1 FROM events WHERE seq > ? AND seq <= ? "
            "AND json_extract(body, '$.time') >= ?)"
        )
        return bool(self._rows(sql, (begin, end, since))[0][0])

    def search(
        self,
        *,
        type_prefix: str = "",
        subject: str = "",
        person: str = "",
        since: str = "",
        until: str = "",
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Event]:
        """Records that fit everything given, in order; times are RFC 3339 text in UTC."""
        for event, _ in self.walk(progress):
            holder = event.data.get("person")
            if (
                event.type.startswith(type_prefix)
                and (not subject or event.subject == subject)
                and (not person or (isinstance(holder, dict) and holder.get("id") == person))
                and (not since or event.time >= since)
                and (not until or event.time < until)
            ):
                yield event

    def verify(
        self,
        progress: Callable[[int], None] | None = None,
        head: tuple[int, str] | None = None,
        keys: Sequence[VerifierKey] | None = None,
        look: Callable[[Event], None] | None = None,
        checkpoints: Sequence[Note] = (),
    ) -> VerifyReport:
        """Check every record: number, form, hash.

        `head` is a number and hash noted elsewhere (by an MQTT subscriber, on paper): a log
        cut off before it, or written anew, is found by it.  So is one that was signed: `keys` are
        the public keys that the log is known to be signed with; None takes those that the log
        itself names, and then somebody who wrote the whole log anew is not found.  `checkpoints`
        are those that somebody kept elsewhere, which must be of this log.
        `look` is called with each record that can be read.
        """
        report = VerifyReport()
        heads = Heads(self._path, copy=self._mode == "immutable=1")
        signed = Checkpoints(heads.all(), keys, report.add, checkpoints)
        clock = ClockBack()
        prev, expected = chain.GENESIS, 1
        head_found = head is None
        newest = ""
        redactions = Redactions()
        for item in self._all(progress):
            if isinstance(item, Gone):
                self._step_over(report, signed, expected, item)
                prev, expected = item.archive.hash, item.archive.last + 1
                continue
            kept, given_id = item
            seq, body, digest = kept.seq, kept.body, kept.hash
            if seq != expected:
                self._jump(report, expected, seq, followed(body))
            if not isinstance(body, str) or not isinstance(digest, bytes):
                report.add(seq, "the record is not in its form")
                prev, expected = digest if isinstance(digest, bytes) else b"", seq + 1
                continue
            if kept.redacted is not None:
                report.redacted += 1
                fits = kept.redacted.old or digest == chain.link(prev, seq, kept.digest)
            else:
                fits = chain.fits(prev, seq, body, digest)
            if not fits:
                report.add(seq, "the record or its link was changed")
            self._check_form(report, seq, given_id, body)
            clock.take(seq, body)
            signed.take(seq, body, kept.leaf)
            redactions.take(kept)
            if look is not None:
                with contextlib.suppress(LedgerUnavailable):
                    look(event_of(kept))
            if head is not None and seq == head[0]:
                head_found = digest.hex() == head[1].lower()
            prev, expected = digest, seq + 1
            report.count += 1
            report.head_seq, report.head_hash = seq, digest.hex()
            newest = body
        signed.finish()
        redactions.finish(report.add)
        report.covered, report.clock_back = signed.covered, clock.found
        if report.count == 0:
            report.add(0, "the log is empty")
        with contextlib.suppress(ValueError, TypeError, KeyError):
            report.head_time = str(json.loads(newest)["time"])
        if not head_found and head is not None:
            report.add(head[0], "the record noted elsewhere is not in this log")
        return report

    @staticmethod
    def _step_over(report: VerifyReport, signed: Checkpoints, expected: int, item: Gone) -> None:
        """Records that are not to be had.  What the log says of them is taken on trust: the next
        checkpoint shows whether it is true."""
        one = item.archive
        if one.deleted:
            report.begins = one.last + 1
        else:
            report.add(expected, item.why)
        signed.resume(one.origin, one.last, one.roots)
        report.head_seq, report.head_hash = one.last, one.hash.hex()

    @staticmethod
    def _jump(report: VerifyReport, expected: int, seq: int, told: dict[str, Any] | None) -> None:
        """Numbers are skipped.  If the log is the second one of this gate, nothing of it is
        missing; if it lost its end, it says so."""
        if told is not None and told["known_chain"] != told["chain"]:
            report.before = told
            return
        said = " (the gateway noticed: see the next record)" if told else ""
        report.add(expected, f"records {expected} to {seq - 1} are missing{said}")

    @staticmethod
    def _check_form(report: VerifyReport, seq: int, given_id: str | None, body: str) -> None:
        try:
            item = json.loads(body)
            held = {name: item[name] for name in ("id", "time", "type", "subject", "data")}
            same = chain.canonical(item) == body
            wrong_id = given_id is not None and given_id != held["id"]
            first = seq == 1 and held["type"] != chain.CREATED
        except (ValueError, KeyError, TypeError):
            report.add(seq, "the record can't be read")
            return
        if not same:
            report.add(seq, "the record is not in canonical form")
        if wrong_id:
            report.add(seq, "the record's id was changed")
        if first:
            report.add(seq, "the log does not begin with its first record")

    def walk(
        self, progress: Callable[[int], None] | None = None, last: int | None = None
    ) -> Iterator[tuple[Event, Kept]]:
        """Every record up to `last` (None: the newest one at the start), in order, read and as it
        is kept."""
        for kept in self.kept(progress, last):
            yield event_of(kept), kept

    def begins(self) -> tuple[int, Frontier]:
        """The origin of the first record that is still kept (the number of its first record), and
        the tree over those of it that were deleted with their archives."""
        gone = [one for one in self._archived().all if one.deleted]
        if not gone:
            return 1, Frontier()
        origin, roots = gone[-1].origin, gone[-1].roots
        parts = [roots[at : at + 32] for at in range(0, len(roots), 32)]
        return origin, Frontier(gone[-1].last + 1 - origin, parts)

    def kept(
        self, progress: Callable[[int], None] | None = None, last: int | None = None
    ) -> Iterator[Kept]:
        """Every record up to `last` (None: the newest at the start), in order, as it is kept."""
        for item in self.stretches(progress, last):
            if not isinstance(item, Gone):
                yield item
            elif not item.archive.deleted:
                raise LedgerUnavailable(item.why)

    def stretches(
        self, progress: Callable[[int], None] | None = None, last: int | None = None
    ) -> Iterator[Kept | Gone]:
        """As `kept`, with the archives that are not to be had in their places."""
        for item in self._all(progress, last):
            yield item if isinstance(item, Gone) else item[0]

    def between(self, begin: int, end: int) -> list[Kept]:
        """The records from `begin` to `end`, in order, as they are kept."""
        return self._span(begin, end, end - begin + 1)

    def last_of(self, since: str, until: str) -> int:
        """The number of the last record with a time from `since` up to and without `until` (RFC
        3339 text in UTC); 0 if there is none.  Archives that can't be read are left out."""
        sql = (
            "SELECT seq FROM events WHERE json_valid(body) AND json_extract(body, '$.time') >= ? "
            "AND json_extract(body, '$.time') < ? ORDER BY seq DESC LIMIT 1"
        )
        rows = self._rows(sql, (since, until))
        archives = self._archived()
        found = int(rows[0][0]) if rows else 0
        if found > archives.last:
            return found
        for one in reversed(archives.all):
            if one.deleted or one.time < since:
                continue
            with contextlib.suppress(LedgerUnavailable):
                seqs = [
                    kept.seq
                    for kept in archives.rows(one.first, one.last)
                    if since <= _time_of(kept.body) < until
                ]
                if seqs:
                    return max(found, seqs[-1])
        return found

    def mentions(self, text: str) -> bool:
        """Whether any record holds `text` as a whole JSON string."""
        sql = "SELECT EXISTS (SELECT 1 FROM events WHERE instr(body, ?))"
        wanted = json.dumps(text, ensure_ascii=False)
        if self._rows(sql, (wanted,))[0][0]:
            return True
        return next(self._archived().holding(wanted), None) is not None


def event_of(kept: Kept) -> Event:
    """A record, read.  Raises LedgerDamaged if it is not in its form."""
    try:
        event = chain.to_event(kept.seq, kept.body, kept.hash, kept.prev)
        if kept.redacted is None:
            return event
        told = {"act": kept.redacted.act, "body": kept.redacted.digest.hex()}
        return replace(event, redacted=told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LedgerDamaged(
            worded("record {seq} can't be read: {error}", seq=kept.seq, error=error)
        ) from error


def _time_of(body: str) -> str:
    """The time of a record; it stands near the end of the body, whose keys are sorted."""
    at = body.rfind('"time":"')
    return body[at + 8 : at + 32]
