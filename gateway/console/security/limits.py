"""How often a sign-in may be tried: so that nobody guesses, and nobody is locked out by another.

There is no lock on an account.  Tries are counted in moving windows (the library `limits`), for the
browser, for the name at one address, for the name and for the address.  A browser at which the
operator has signed in before has a count of its own, so a stranger who tries a thousand passwords
stops neither the last administrator nor anybody else at their own screen (the "device cookies" of
OWASP).  A one-time code has 60 bits and needs no count, so the box itself is always a way in.
A right password that comes while a count is full is not looked at.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

KNOWN = RateLimitItemPerMinute(10, 5)
NAME_HERE = RateLimitItemPerMinute(5, 5)
NAME = RateLimitItemPerMinute(30, 30)
ADDRESS = RateLimitItemPerMinute(25, 5)
ALL = RateLimitItemPerMinute(120, 5)
TOLD = RateLimitItemPerMinute(1, 5)
TOLD_ALL = RateLimitItemPerMinute(30, 5)
"""So many refusals that were not looked at are put on record."""
SECOND = RateLimitItemPerMinute(6, 5)
"""Tries with a second factor: of a million codes six are tried."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try to sign in: the name that was typed, the address, and the token of a browser that
    the operator is known at ("" for any other)."""

    name: str
    address: str
    known: str = ""


class Limits:
    """The counts, in memory: a console that starts anew begins at none."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)

    def wait_s(self, what: Try) -> float:
        """Count a try; returns 0, or for how many seconds the next one is not looked at."""
        full = [
            self._limiter.get_window_stats(item, *key).reset_time
            for item, key in _windows(what)
            if not self._limiter.test(item, *key)
        ]
        if full:
            return max(1.0, max(full) - time.time())
        for item, key in _windows(what):
            self._limiter.hit(item, *key)
        return 0.0

    def first_told(self, what: Try) -> bool:
        """Whether a refusal of this name and address has not been put on record just before."""
        return self._limiter.hit(TOLD, "told", what.name, what.address) and self._limiter.hit(
            TOLD_ALL, "told"
        )

    def second_wait_s(self, operator: str) -> float:
        """The same for a try with a second factor, by the operator who has shown the first."""
        if self._limiter.hit(SECOND, "second", operator):
            return 0.0
        stats = self._limiter.get_window_stats(SECOND, "second", operator)
        return max(1.0, stats.reset_time - time.time())

    def good(self, what: Try) -> None:
        """A try that was right: what was counted for this browser or name here is forgotten."""
        for item, key in _windows(what)[:1]:
            self._limiter.clear(item, *key)

    def good_second(self, operator: str) -> None:
        """A second factor that was right."""
        self._limiter.clear(SECOND, "second", operator)


def _windows(what: Try) -> list[tuple[RateLimitItemPerMinute, tuple[str, ...]]]:
    if what.known:
        return [(KNOWN, ("known", what.known, what.name))]
    return [
        (NAME_HERE, ("here", what.name, what.address)),
        (NAME, ("name", what.name)),
        (ADDRESS, ("address", what.address)),
        (ALL, ("all",)),
    ]
