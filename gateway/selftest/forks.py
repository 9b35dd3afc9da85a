"""The process that forks a program for each trial: ``python -m gateway.selftest.forks``.

A start of Python takes most of a second, and a fork some milliseconds.  One line of JSON on stdin
is one trial; this prints the number of the forked process, what the program says, and how it ended.

    {"what": "writer" | "gate", "config": PATH, "seed": N}
    "cut": {"root", "store", "after", "at", "trouble"}: on a simulated disk that loses power at
    operation `at` (disk.py)
    "clock": [[AFTER_S, AHEAD_S], ...]: with a clock that jumps (clockjumps.py)
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from gateway.daemon.__main__ import main as daemon
from gateway.selftest import clockjumps, writer
from gateway.selftest.disk import Disk, Trouble
from gateway.selftest.filecalls import FileCalls
from gateway.selftest.sqlitevfs import LAB_FAULT, Watch

_out = os.dup(1)
_NICE = 10  # a gateway that runs on this box comes first


def serve() -> None:
    """Fork for each line, one at a time."""
    os.nice(_NICE)
    sys.setswitchinterval(0.001)
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            code = LAB_FAULT
            try:
                code = _run(job)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        say("started", pid=child)
        _, status = os.waitpid(child, 0)
        say("ended", code=os.waitstatus_to_exitcode(status))


def say(what: str, **more: Any) -> None:
    """One line to whoever counts: whole, and without a buffer that a kill would empty."""
    os.write(_out, json.dumps({"what": what, **more}).encode() + b"\n")


def _run(job: dict[str, Any]) -> int:
    if job.get("cut"):
        _on_simulated_disk(job["cut"], job["seed"])
    if job.get("clock"):
        clockjumps.install(job["clock"])
    if job["what"] == "writer":
        logging.disable(logging.CRITICAL)
        return writer.work(Path(job["config"]), job["seed"], say)
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)
    os.setsid()
    sys.argv = ["garita run", "-c", job["config"]]
    return daemon()


def _on_simulated_disk(cut: dict[str, Any], seed: int) -> None:
    disk = Disk(
        Path(cut["root"]),
        Path(cut["store"]),
        Path(cut["after"]),
        chance=random.Random(seed),  # noqa: S311 - a trial that can be repeated
        cut_at=cut["at"],
        die=_die,
        trouble=Trouble(**cut["trouble"]) if cut.get("trouble") else None,
        lies=cut.get("lies", False),
    )
    Watch(disk).install()
    FileCalls(disk).install()


def _die(unsynced: int, gone: int) -> None:
    say("cut", unsynced=unsynced, gone=gone)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve()
