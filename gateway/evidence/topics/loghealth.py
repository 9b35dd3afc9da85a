"""The log and the gateway itself: what was refused, damaged, redacted, exported and verified, and
which policy, list and program were in force from when to when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from gateway.evidence import taking
from gateway.evidence.model import (
    Deviation,
    Figure,
    Found,
    Frequency,
    Personal,
    Place,
    Population,
    Unit,
    When,
)
from gateway.evidence.taking import Taker
from gateway.evidence.topics import logtables as tables
from gateway.ledger.event import Event, EventType
from gateway.locale import N_, Message, worded

_TAKEN = frozenset(
    {
        EventType.RECORDS_EXPORTED,
        EventType.RECORDS_VERIFIED,
        EventType.EVIDENCE_MADE,
        EventType.LEDGER_REDACTED,
    }
)
_FORCE = ("policy_version", "list_version", "version")
_SAY_WHAT_IS_IN_FORCE = frozenset(
    {EventType.CONFIG_CHANGED, EventType.GATEWAY_STARTED, EventType.LEDGER_CHECKPOINT}
)


class LogHealth(Taker):
    """Takes what the gateway records about itself."""

    key: ClassVar[str] = "log"
    rules: ClassVar[Mapping[str, str]] = {
        "log_lost": N_("records that somebody knew were not in the log any more"),
        "log_recovered": N_("the log could not be written for a time"),
        "log_late": N_("records were written too late to count"),
        "log_found_broken": N_("a verification found the log broken"),
        "log_redacted": N_("personal data were taken out of records"),
        "archive_deleted": N_("old records were deleted because their time was over"),
        "command_refused": N_("a signed command was refused"),
        "state_damaged": N_("a file of the gateway was damaged when it started"),
        "gateway_not_stopped": N_("the gateway ended without stopping"),
        "gateway_task_failed": N_("a part of the gateway failed and was started again"),
        "log_key_changed": N_("the key that signs the log was changed"),
    }
    reads: ClassVar[frozenset[EventType]] = (
        _TAKEN
        | _SAY_WHAT_IS_IN_FORCE
        | {
            EventType.ALARM_LOG_LOST,
            EventType.COMMAND_ACCEPTED,
            EventType.COMMAND_REFUSED,
            EventType.GATEWAY_STOPPED,
            EventType.GATEWAY_TASK_FAILED,
            EventType.LEDGER_ARCHIVE_DELETED,
            EventType.LEDGER_KEY_CHANGED,
            EventType.LEDGER_LATE,
            EventType.LEDGER_RECOVERED,
            EventType.STATE_DAMAGED,
        }
    )
    before: ClassVar[frozenset[EventType]] = _SAY_WHAT_IS_IN_FORCE | {EventType.GATEWAY_STOPPED}

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counts: Counter[str] = Counter()
        self._deviations: list[Deviation] = []
        self._runs = False
        self._stopped_at = ""
        self._stood_s = 0.0
        self._checkpoint_at = ""
        self._gap_s: float | None = None
        self._force: dict[str, dict[str, object]] = {}
        self._first: dict[str, int] = {}
        self._history: list[tuple[dict[str, object], int]] = []
        self._acts: set[str] = set()

    def record(self, event: Event, when: When) -> None:
        """The next record; what comes after the span does not matter here."""
        if when is When.AFTER:
            return
        kind, inside = event.type, when is When.INSIDE
        self._counts[kind] += inside
        if kind in (EventType.GATEWAY_STARTED, EventType.GATEWAY_STOPPED):
            self._run(event, inside=inside)
        if kind in _SAY_WHAT_IS_IN_FORCE:
            self._in_force(event)
        if kind == EventType.LEDGER_CHECKPOINT:
            self._signed(event, inside=inside)
        if not inside:
            return
        if kind in _TAKEN:
            self._taken(event)
        elif kind in tables.TROUBLES:
            self._trouble(event)

    def _run(self, event: Event, *, inside: bool) -> None:
        if event.type == EventType.GATEWAY_STOPPED:
            self._runs, self._stopped_at = False, event.time
            return
        if inside and self._stopped_at:
            self._stood_s += max(0.0, taking.seconds(self._stopped_at, event.time) or 0.0)
        if self._runs and inside:
            words = worded("the gateway started anew and had not been stopped before")
            handled = worded("it started again")
            self._tell("gateway_not_stopped", words, event, handled)
        self._runs, self._stopped_at = True, ""

    def _in_force(self, event: Event) -> None:
        for what in _FORCE:
            if what not in event.data:
                continue
            value = event.data[what]
            said = str(value) if isinstance(value, int) else taking.text(event.data, what)
            held = self._force.get(what)
            if held is not None and held["value"] == said:
                continue
            if held is not None:
                held["until"] = event.time
            fresh: dict[str, object] = {"what": what, "value": said, "since": event.time}
            policy = what == "policy_version"
            fresh["by"] = taking.who(event.data) if policy else ""
            fresh["keys"] = _keys(event) if policy else ""
            self._force[what] = {**fresh, "until": ""}
            self._history.append((self._force[what], event.seq))

    def _signed(self, event: Event, *, inside: bool) -> None:
        if inside and self._checkpoint_at:
            gap = taking.seconds(self._checkpoint_at, event.time)
            self._gap_s = max(gap or 0.0, self._gap_s or 0.0)
        self._checkpoint_at = event.time

    def _taken(self, event: Event) -> None:
        data, kind = event.data, event.type
        act = taking.text(data, "act")
        if kind == EventType.LEDGER_REDACTED:
            records = data.get("records")
            self._counts["redacted"] += len(records) if isinstance(records, list) else 0
            if act in self._acts:
                return  # one act may have several records
            self._acts.add(act)
            words = worded("personal data were taken out of {count} records",
                           count=taking.count(data, "count"))  # fmt: skip
            handled = worded("reason given: {reason}", reason=Personal(taking.text(data, "reason")))
            self._tell("log_redacted", words, event, handled)
        if kind == EventType.RECORDS_VERIFIED and data.get("result") == "broken":
            words = worded("a verification found {count} problems", count=taking.count(data, "n"))
            self._tell("log_found_broken", words, event, None, still=True)
        count: int | None = None
        if kind == EventType.LEDGER_REDACTED:
            count = taking.count(data, "count")
        elif kind != EventType.EVIDENCE_MADE:
            count = taking.count(data, "n")
        row = {
            "at": event.time,
            "by": taking.who(data),
            "what": kind,
            "count": count,
            "result": taking.text(data, "result") or taking.text(data, "format"),
            "detail": _detail(event),
        }
        self.place.rows.add(tables.TAKEN, row, (event.seq,))

    def _trouble(self, event: Event) -> None:
        rule, text, key, handled = tables.TROUBLES[event.type]
        value = event.data.get(key)
        listed = isinstance(value, list) and taking.clean(", ".join(map(str, value[:100])))
        counted = str(value) if isinstance(value, int) and abs(value) < 2**63 else ""
        detail = listed or counted or taking.text(event.data, key)
        words = Message(text, {"detail": detail, "subject": taking.clean(event.subject)})
        row = {
            "at": event.time,
            "what": event.type,
            "subject": taking.clean(event.subject),
            "detail": detail,
            "by": taking.who(event.data),
            "count": taking.count(event.data, "count", 1),
        }
        self.place.rows.add(tables.TROUBLE, row, (event.seq,))
        self._tell(rule, words, event, Message(handled) if handled else None, still=not handled)

    def _tell(
        self,
        rule: str,
        words: Message,
        event: Event,
        handled: Message | None,
        *,
        still: bool = False,
    ) -> None:
        by, at = taking.who(event.data), event.time
        when = at if handled is not None else ""
        self._deviations.append(
            Deviation(rule, words, at, (event.seq,), handled, by, when, open=still)
        )

    def found(self) -> Found:
        """What the gateway recorded about itself in the span."""
        shown = tables.all_of(self.place)
        found = Found(self.key, worded("The log and the gateway"), tables=list(shown))
        for table in shown:
            found.populations.append(Population(table.key, table.title, Frequency.RARE))
        begin = self.place.span.begin
        changes: Counter[str] = Counter()
        for held, seq in self._history:
            until = str(held["until"])
            if until and until < begin:
                continue
            changes[str(held["what"])] += str(held["since"]) >= begin and seq != self._oldest(held)
            self.place.rows.add(tables.FORCE, held, (seq,))
        found.deviations += self._deviations
        found.figures += self._figures(changes)
        found.notes.append(
            worded(
                "A configuration that was reloaded names who did it; of one that came with a start "
                "of the gateway the log says what changed and when, not who wrote it."
            )
        )
        return self.told(found)

    def _oldest(self, held: Mapping[str, object]) -> int:
        """The record that first says what was in force: that is not a change."""
        return next(seq for one, seq in self._history if one["what"] == held["what"])

    def _figures(self, changes: Counter[str]) -> list[Figure]:
        counts = self._counts

        def counted(key: str, label: Message, kind: EventType) -> Figure:
            return Figure(key, label, counts[kind])

        return [
            counted("checkpoints", worded("signed heads"), EventType.LEDGER_CHECKPOINT),
            Figure("checkpoint_gap", worded("longest time without one"), self._gap_s, Unit.SECONDS),
            counted("gateway_starts", worded("starts of the gateway"), EventType.GATEWAY_STARTED),
            Figure("gateway_stood", worded("time stopped"), self._stood_s or None, Unit.SECONDS),
            Figure("policy_changes", worded("changes of the policy"), changes["policy_version"]),
            Figure("program_changes", worded("changes of the program"), changes["version"]),
            counted("exports", worded("exports of records"), EventType.RECORDS_EXPORTED),
            counted("verified", worded("verifications of the log"), EventType.RECORDS_VERIFIED),
            counted("packets", worded("packets made"), EventType.EVIDENCE_MADE),
            Figure("redactions", worded("acts of redaction"), len(self._acts)),
            Figure("records_redacted", worded("records redacted"), counts["redacted"]),
            counted("commands", worded("signed commands done"), EventType.COMMAND_ACCEPTED),
            counted("commands_refused", worded("commands refused"), EventType.COMMAND_REFUSED),
            counted("task_failures", worded("parts that failed"), EventType.GATEWAY_TASK_FAILED),
        ]


def _detail(event: Event) -> str:
    data = event.data
    if event.type == EventType.EVIDENCE_MADE:
        return " – ".join(filter(None, (taking.text(data, "first"), taking.text(data, "last"))))
    return taking.text(data, "asked") or taking.text(data, "reason")


def _keys(event: Event) -> str:
    """The keys of the configuration that changed, as far as the record names them."""
    keys = event.data.get("keys")
    return taking.clean(", ".join(map(str, keys[:20]))) if isinstance(keys, list) else ""
