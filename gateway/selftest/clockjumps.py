"""A clock that jumps, for one process: nobody may set the clock of a box that guards a gate.

What the gateway takes for the time of day comes from `datetime.now` and from the default of
gateway.state.clock.Clock.  Both are replaced in this process.  The monotonic clock, which nobody
can set, is left alone.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from gateway.state.clock import Clock

_real = datetime
_ahead_s = 0.0


class _Shifted(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _Shifted:
        moment = _real.now(tz) + timedelta(seconds=_ahead_s)
        return cls.combine(moment.date(), moment.timetz())


def _wall() -> float:
    return time.time() + _ahead_s


def install(jumps: Sequence[tuple[float, float]]) -> None:
    """From now on the clock jumps: `after_s` seconds from now it is `ahead_s` seconds ahead of the
    true one (behind, if negative)."""
    for name, module in list(sys.modules.items()):
        if name.startswith("gateway.") and getattr(module, "datetime", None) is datetime:
            module.datetime = _Shifted  # type: ignore[attr-defined]
    defaults = Clock.__init__.__kwdefaults__
    assert defaults is not None
    defaults["wall"] = _wall
    for after_s, ahead_s in jumps:
        if after_s <= 0:
            _jump(ahead_s)
        else:
            timer = threading.Timer(after_s, _jump, (ahead_s,))
            timer.daemon = True
            timer.start()


def _jump(ahead_s: float) -> None:
    global _ahead_s  # noqa: PLW0603 - there is one clock in a process
    _ahead_s = ahead_s
