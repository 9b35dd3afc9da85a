"""The daemon leaves its databases to SQLite.

Whoever closes a database that the same process has open drops SQLite's locks on it (fcntl(2)), and
two writers then damage it (sqlite.org/howtocorrupt.html, section 2.2).  It was so: a look at the
list every other second opened and closed people.db, and a truck at the console damaged it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.daemon.logwatch import LogWatch
from tests.gateway.daemon.onesite import Site

OPENED: list[str] = []

_hooked = False


def _note(event: str, given: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(given[0], str | os.PathLike):
        OPENED.append(os.fspath(given[0]))


def listen() -> None:
    """Note what this process opens by other means than SQLite; a hook stays for ever."""
    global _hooked  # noqa: PLW0603
    if not _hooked:
        sys.addaudithook(_note)
        _hooked = True
    OPENED.clear()


def databases(data: Path) -> list[str]:
    names = ("people.db", "ledger.db")
    return [name for name in map(Path, OPENED) if name.parent == data and name.name in names]


async def test_looks_at_list_and_log_open_no_database(make_site: Callable[..., Site]) -> None:
    site = make_site()
    await site.start()
    listen()
    for _ in range(3):
        site.parts.lists.doubt()  # a deep look
        await site.parts.lists.look()
    assert databases(site.data) == []
    watch = LogWatch(site.settings.ledger_path, site.ledger)
    handles = set(Path("/proc/self/fd").iterdir())
    assert [watch._look() for _ in range(3)] == ["", "", ""]
    # Once, and it stays open.
    assert [path.name for path in databases(site.data)] == ["ledger.db"]
    assert len(set(Path("/proc/self/fd").iterdir()) - handles) == 1
