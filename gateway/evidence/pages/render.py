"""Sets a document in a process of its own, which gives its memory back when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.locale import GaritaError, worded

LONGEST_S = 300.0
"""A document that takes longer is given up: 300 pages take less than 20 s on a desk computer."""


class PagesError(GaritaError):
    """A PDF could not be made; the message says why."""


def run(order: Mapping[str, Any], folder: Path) -> None:
    """Have `child` do what `order` says, with `folder` as its place to work.

    It is ended with whoever asked for it.  Raises PagesError, and OSError if the disk is full.
    """
    told = folder / "order.json"
    told.write_text(json.dumps(order, ensure_ascii=False), encoding="utf-8", errors="replace")
    command = [sys.executable, "-m", "gateway.evidence.pages.child", str(told)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=root,
    ) as process:
        try:
            _, said = process.communicate(timeout=LONGEST_S)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise PagesError(
                    worded("the PDF was not ready after {seconds} s", seconds=int(LONGEST_S))
                ) from error
            raise
    if process.returncode != 0:
        why = said.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
        raise PagesError(worded("the PDF could not be made: {why}", why=why or process.returncode))
