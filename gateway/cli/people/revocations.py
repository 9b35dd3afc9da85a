"""`garita people revocations`: who lost access, and how long it took until this gate denied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.people import show
from gateway.cli.personnel import open_list
from gateway.locale import _
from gateway.people import losses
from gateway.wording import words


def revocations(
    ctx: Context,
    days: Annotated[int, typer.Option(min=1, max=3650, help="So many past days.")] = 30,
    json: common.JsonOption = False,
) -> None:
    """Who lost access, and how long it took from the decision until this gate denied."""
    settings = ctx.settings
    db = open_list(settings)
    found = list(losses.since(db, datetime.now(UTC) - timedelta(days=days)))
    db.close()
    figures = _figures([loss.seconds for loss in found])
    if json:
        kinds = sorted({loss.known_by for loss in found})
        by_known = {
            kind: _figures([loss.seconds for loss in found if loss.known_by == kind])
            for kind in kinds
        }
        people = [loss.as_json() for loss in found]
        common.print_json({"days": days, **figures, "known_by": by_known, "people": people})
        return
    if not found:
        common.out.print(_("nobody lost access in {days} day(s)").format(days=days))
        return
    names = [name for name in figures if name != "count"]
    shown = ", ".join(f"{name.removesuffix('_s')} {figures[name]:g} s" for name in names)
    common.out.print(
        _("{count} revocation(s) in {days} day(s): {shown}").format(
            count=len(found), days=days, shown=shown
        )
    )
    table = Table(
        _("person"),
        _("lost"),
        _("decided"),
        _("known by"),
        _("denied here"),
        _("seconds"),
        _("by"),
        box=None,
    )
    zone = settings.site.zone
    for loss in found[: show.SHOWN]:
        what = show.lost(loss)
        times = [words.moment(at, zone) for at in (loss.revoked_at, loss.effective_at)]
        cells = (loss.subject, what, times[0], words.loss(loss.known_by), times[1])
        table.add_row(*map(escape, cells), f"{loss.seconds:g}", escape(loss.by))
    common.out.print(table)
    if len(found) > show.SHOWN:
        common.out.print(
            _("... and {count} more (--json lists all)").format(count=len(found) - show.SHOWN)
        )


def _figures(seconds: Sequence[float]) -> dict[str, float]:
    """How many, the median, the 95th percentile and the longest."""
    found: dict[str, float] = {"count": len(seconds)}
    if ordered := sorted(seconds):
        found |= {f"p{p}_s": _percentile(ordered, p) for p in (50, 95)}
        found["max_s"] = ordered[-1]
    return found


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """By nearest rank: a value that was measured."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
