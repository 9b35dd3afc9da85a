"""No command takes text without a limit into the log: a record must fit the broker's limit."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from demo.rig import Rig
from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.tree import walk

LONG = "x" * 201
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="minutes")
# The desk's commands go through gateway/desk/text.py, by the same rule.
DESK = ("visit", "freight", "partner")


def test_every_reason_and_note_has_the_limit() -> None:
    found = 0
    for path, command in walk():
        if not path or path[0] in DESK or not hasattr(command, "get_params"):
            continue
        for param in command.get_params(Context(command)):
            if param.name in ("reason", "note"):
                assert param.callback is not None, (path, param.name)
                with pytest.raises(Exception, match="longer than 200 characters"):
                    common.typed(LONG)
                found += 1
    assert found >= 10


@pytest.mark.parametrize(
    "command",
    [
        ("door", "out-of-service", "gate", "--reason", LONG),
        ("threat", "set", "alert", "--reason", LONG),
        ("camera", "accept", "c", "--reason", LONG),
        ("people", "revoke", "em4100:1:1", "--reason", LONG),
        ("face", "forget", "e1", "--reason", LONG),
        ("visit", "cancel", "1", "--reason", LONG),
        ("visit", "expect", LONG, "--host", "e1", "--until", TOMORROW),
        ("freight", "turn-away", "1", "--reason", LONG),
        ("partner", "add", LONG, "--until", "2030-01-01"),
    ],
)
@pytest.mark.parametrize("spanish", [False, True])
async def test_long_text_is_refused_with_the_limit(
    make_rig: Callable[..., Rig], command: tuple[str, ...], spanish: bool
) -> None:
    rig = make_rig(site='language = "es"' if spanish else "")
    done = await rig.acli(*command, check=False)
    said = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert done.returncode != 0
    limit = r"más de (120|200) caracteres" if spanish else r"longer than (120|200) characters"
    assert re.search(limit, said), said
    assert LONG not in said
