"""Which records gateways are asked for again, and when.  No I/O: time is an argument (seconds).

A hole is a run of numbers that did not come.  Its gateway has them, and sends them on its replay
topic when it is asked.  When a broker or a thousand gateways come back at once, everybody has
holes: a token bucket spaces the requests, so that not all answers come together.  A gateway has one
request under way at a time; one that is not answered is asked again, with growing pauses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST = 10_000  # numbers in one request (docs/mqtt.md)
AGAIN_S = (5.0, 300.0)  # first and longest pause before a request is made again
GUESS = 1_000
"""What a request counts for in the bucket where nobody knows how many records there are."""


@dataclass(frozen=True, slots=True)
class Request:
    """Ask `gateway` for the records from `first` to `last`; `id` names the answer's topic."""

    gateway: str
    id: str
    first: int
    last: int

    def payload(self) -> Mapping[str, object]:
        """What is published on the gateway's replay topic."""
        return {"id": self.id, "from": self.first, "to": self.last}


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` tokens a second, at most `size` of them; it may be overdrawn by one
    large request, which the next ones wait for."""

    rate: float
    size: float
    _tokens: float = field(init=False)
    _at: float | None = None

    def __post_init__(self) -> None:
        self._tokens = self.size

    def take(self, count: float, now: float) -> bool:
        """Take `count` tokens if there is any; a clock that goes back adds none."""
        if self._at is not None and now > self._at:
            self._tokens = min(self.size, self._tokens + (now - self._at) * self.rate)
        self._at = now if self._at is None else max(self._at, now)
        if self._tokens <= 0:
            return False
        self._tokens -= count
        return True

    def give_back(self, count: float) -> None:
        """So many were not needed."""
        self._tokens = min(self.size, self._tokens + max(0.0, count))


@dataclass(slots=True)
class _Asked:
    """What is wanted of one gateway: all numbers after `after`, up to `upto` (None: its newest)."""

    after: int
    upto: int | None
    request: Request | None = None
    cost: float = 0.0
    due: float = 0.0
    pause_s: float = AGAIN_S[0]
    tries: int = 0


class Replays:
    """What is wanted, of all the gateways that this collector reads.

    `name` is the collector's and begins the id of each request; `per_s` records a second are asked
    for, all gateways together.
    """

    def __init__(self, name: str, per_s: float) -> None:
        self._name = name
        self._bucket = Bucket(per_s, max(per_s, LONGEST))
        self._asked: dict[str, _Asked] = {}
        self._count = 0

    @property
    def waiting(self) -> int:
        """How many gateways have yet to send something."""
        return len(self._asked)

    def want(self, gateway: str, after: int, upto: int | None = None, *, now: float = 0.0) -> None:
        """Records of `gateway` are missing: those after the contiguous number `after`, up to `upto`
        where that is known.  Said again, the newer words count; what is under way goes on."""
        known = self._asked.get(gateway)
        if known is None:
            self._asked[gateway] = _Asked(after, upto, due=now)
        else:
            known.after = max(known.after, after)
            if known.upto is not None and upto is not None:
                known.upto = max(known.upto, upto)

    def stored(self, gateway: str, contiguous: int, now: float) -> None:
        """All records up to `contiguous` are stored: the request goes on from there, or is over."""
        known = self._asked.get(gateway)
        if known is None or contiguous <= known.after:
            return
        known.after, known.pause_s, known.tries = contiguous, AGAIN_S[0], 0
        if known.request is not None:
            known.due = now + known.pause_s  # it is being answered
        if known.upto is not None and contiguous >= known.upto:
            self.forget(gateway)

    def answered(self, gateway: str, id_: str, count: int, now: float) -> None:
        """The gateway has sent all that was asked for: `count` records.  What is still missing is
        asked for again, after a pause if nothing came."""
        known = self._asked.get(gateway)
        if known is None or known.request is None or known.request.id != id_:
            return
        self._bucket.give_back(known.cost - count)
        whole = count >= known.request.last - known.request.first + 1
        known.request = None
        if known.upto is None and not whole:
            self.forget(gateway)  # that was its newest
        elif not whole:  # the gateway does not have them, or has a new origin that skips them
            known.due, known.pause_s = now + known.pause_s, min(known.pause_s * 2, AGAIN_S[1])
        else:
            known.due = now

    def again(self, gateway: str, now: float) -> None:
        """The gateway is there again: what it did not answer is asked for now."""
        if (known := self._asked.get(gateway)) is not None:
            known.due, known.pause_s, known.tries = now, AGAIN_S[0], 0

    def forget(self, gateway: str) -> None:
        """Nothing more is wanted of it, or another collector reads it now."""
        self._asked.pop(gateway, None)

    def due(self, now: float) -> list[Request]:
        """The requests to make now, each gateway in its turn."""
        found: list[Request] = []
        for gateway in [name for name, known in self._asked.items() if known.due <= now]:
            known = self._asked[gateway]
            first = known.after + 1
            last = first + LONGEST - 1
            if known.upto is not None:
                last = min(last, max(known.upto, first))
            cost = last - first + 1 if known.upto is not None else GUESS
            if not self._bucket.take(cost, now):
                break
            known.cost = cost
            self._count += 1
            known.tries += 1
            if known.tries > 1:
                known.pause_s = min(known.pause_s * 2, AGAIN_S[1])
            known.due = now + known.pause_s
            known.request = Request(gateway, f"{self._name}-{self._count}", first, last)
            self._asked[gateway] = self._asked.pop(gateway)  # the others come first next time
            found.append(known.request)
        return found
