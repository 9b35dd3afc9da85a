"""The other side of a job (gateway/console/jobs.py): the process that does it.

It may take minutes of a core, which would slow everybody's pages.  It reads one line of JSON, the
order, and prints lines of JSON: ``{"at": 2000, "of": 81234}`` as it goes, and at the end
``{"done": {...}}`` or ``{"refused": "..."}`` in the order's language.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway import config, locale
from gateway.config import Settings
from gateway.locale import GaritaError, system, worded

Act = Callable[[Settings, Mapping[str, Any]], dict[str, Any]]

NICE = 10
_EVERY_S = 0.3  # between two words on how far it is


def main(acts: Mapping[str, Act]) -> int:
    """Do the order on stdin: one of `acts`, with the settings and the order."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    with contextlib.suppress(OSError):  # the unit's hardening may forbid it
        os.nice(NICE)
    locale.use(str(order["language"]))
    try:
        say(done=acts[order["act"]](config.load(Path(order["config"])), order))
    except sqlite3.OperationalError as error:  # the disk is full, for one
        say(refused=str(worded("it could not be written: {error}", error=error)))
    except OSError as error:
        say(refused=system(error.strerror))
    except GaritaError as error:
        say(refused=str(error))
    return 0


def progress(last: int) -> Callable[[int], None]:
    """Says how far it is, of `last` records, from time to time."""
    told = 0.0

    def at(seq: int) -> None:
        nonlocal told
        if time.monotonic() - told > _EVERY_S:
            told = time.monotonic()
            say(at=seq, of=last)

    return at


def say(**facts: Any) -> None:
    """Tell the console something."""
    print(json.dumps(facts), flush=True)
