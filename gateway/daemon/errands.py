"""The gateway's side of acts that need the site key: each is done by a process of its own.

gateway/daemon/errand.py is that process, and says which acts there are.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway import locale
from gateway.daemon.control import ControlError, Refused, for_operator
from gateway.ledger.operator import Operator
from gateway.locale import worded

LIMIT = 1024 * 1024  # of an answer
TEXT = "configuration"  # of a request: what the caller says under that name never counts
# More threads in the linear algebra would take cores that the gate needs.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Errands:
    """Does errands for commands, one after the other, so that many at once take no more memory.

    `text()` is the configuration in force, by which an errand goes although the file may have
    changed; "" for what the file has."""

    def __init__(
        self, config: Path, text: Callable[[], str] = str, *, python: str = sys.executable
    ) -> None:
        self._config, self._text = config, text
        self._python = python
        self._one = asyncio.Lock()

    async def asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what `request` asks for.  Raises Refused, and ControlError if it can't be done."""
        by = request.get("by", "")
        named = for_operator(by) if isinstance(by, Operator) and by else str(by)
        sent = {**request, "by": named, "language": locale.language(), TEXT: self._text()}
        async with self._one:
            process = await asyncio.create_subprocess_exec(
                self._python,
                "-m",
                "gateway.daemon.errand",
                "-c",
                str(self._config),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LIMIT,
                env={**os.environ, **ONE_THREAD},
            )
            try:
                said, _ = await process.communicate(json.dumps(sent).encode() + b"\n")
            finally:
                if process.returncode is None:  # the caller's time is over
                    process.kill()
                    await process.wait()
        try:
            answer: dict[str, Any] = json.loads(said)
            good = answer.pop("ok")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ControlError(
                worded("the gateway could not do it; journalctl says why")
            ) from error
        if not good:
            kind = Refused if answer.get("refused") else ControlError
            raise kind(str(answer.get("error", "")))
        return answer
