"""Makes the auditor's packet that somebody asked for at the console, in a process of its own
(gateway/console/work.py has the frame)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.console import work
from gateway.evidence import make
from gateway.evidence.model import Span
from gateway.evidence.packet import Packet, Standing
from gateway.ledger.operator import Operator
from gateway.locale import _

_EVERY_S = 0.3


def order_of(settings: Settings, told: Mapping[str, Any]) -> make.Order:
    """The order of the console as the packet's."""
    by = told["by"]
    first, last = (date.fromisoformat(told[name]) for name in ("first", "last"))
    return make.Order(
        Span(first, last, settings.site.zone),
        criteria=tuple(told["criteria"]),
        word=str(told["word"]),
        redacted=bool(told["redacted"]),
        newest=bool(told["newest"]),
        languages=tuple(told["languages"]),
        by=Operator(
            str(by["login"]),
            person=str(by["person"]),
            name=str(by["name"]),
            roles=frozenset(by["roles"]),
            areas=frozenset(by["areas"]),
        ),
    )


def _packet(settings: Settings, told: Mapping[str, Any]) -> dict[str, Any]:
    order = order_of(settings, told)
    first, last = order.span.first.isoformat(), order.span.last.isoformat()
    name = f"{settings.site.gateway}-{first}-{last}"
    made = make.make(settings, order, Path(told["folder"]) / name, _progress())
    assert made.zip is not None
    return {
        **_summary(made.packet),
        "file": made.zip.name,
        "bytes": made.zip.stat().st_size,
        "manifest": made.sha256,
        "unsealed": str(made.unsealed) if made.unsealed is not None else "",
    }


def _summary(packet: Packet) -> dict[str, Any]:
    """What the page says of it: how many criteria stand how, and whether the log is whole."""
    stands = [section.standing for section in packet.sections]
    still = {
        (one.rule, one.at, one.records)
        for section in packet.sections
        for one in section.deviations
        if one.open
    }
    return {
        "deviations": stands.count(Standing.DEVIATIONS),
        "shown": stands.count(Standing.SHOWN),
        "not_shown": stands.count(Standing.NOT_SHOWN),
        "open": len(still),
        "log_ok": packet.log.ok,
    }


def _progress() -> make.Progress:
    told, at = "", 0.0

    def progress(step: str, done: int, of: int) -> None:
        nonlocal told, at
        if step != told or time.monotonic() - at > _EVERY_S:
            told, at = step, time.monotonic()
            work.say(stage=_(make.STEPS.get(step, step)), at=done, of=of)

    return progress


if __name__ == "__main__":
    raise SystemExit(work.main({"packet": _packet}))
