"""How old what other gates say of who is inside is, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from gateway.locale import _
from gateway.wording import words
from gateway.wording.details import detail


def said_of_gate(part: Mapping[str, Any], zone: ZoneInfo) -> list[tuple[str, bool]]:
    """How far what another gate says is known: sentences, each with whether the list is not
    complete because of it.  `part` is one of ``parts`` in the daemon's answer to ``muster``."""
    facts = {"gate": part["gate"], "areas": ", ".join(part["areas"])}
    known = words.moment(part["as_of"], zone, named=True) if part["as_of"] else ""
    if not part["away"]:
        line = _("{gate} ({areas}): known up to {known}").format(known=known, **facts)
    elif known:
        line = _(
            "NOT COMPLETE: {gate} ({areas}) is known up to {known} only: {why}. Ask there."
        ).format(known=known, why=detail(part["away"]), **facts)
    else:
        line = _("NOT COMPLETE: nothing is known of {gate} ({areas}): {why}. Ask there.").format(
            why=detail(part["away"]), **facts
        )
    said = [(line, bool(part["away"]))]
    if part["missing"]:
        line = _("{gate}: records that it could not give: {count}")
        said.append((line.format(count=part["missing"], **facts), True))
    return said
