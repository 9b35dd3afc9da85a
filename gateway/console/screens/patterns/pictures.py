"""Pictures beside a finding: which there are, and the process that draws them, all at once."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

from gateway.console.site import Site
from gateway.desk.findings import Known
from gateway.locale import N_, language

PLOTTER = "gateway.console.screens.patterns.plotter"
LASTS_S = 60.0
KEPT = 40
_MOST = 8 * 1024 * 1024
KINDS: Mapping[str, tuple[str, str]] = {
    "door": ("door", N_("The week of {about}, by day and hour")),
    "person": ("person", N_("When {about} passed doors, in eight weeks")),
    "arrivals": ("carrier", N_("When trucks of {about} came, in eight weeks")),
    "dwell": ("carrier", N_("How long trucks of {about} stayed, in eight weeks")),
}
"""The pictures by name: the key of `about` that each needs, and its caption (English)."""

_one = asyncio.Semaphore(1)
_drawn: WeakKeyDictionary[Site, OrderedDict[tuple[str, ...], dict[str, str]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that there is for a finding: its name in the address, and its caption (English)."""

    name: str
    about: str
    caption: str


def pictures_of(one: Known) -> list[Picture]:
    """Those that a finding may have, by what it is about; none if its day can't be read."""
    try:
        date.fromisoformat(one.day)
    except ValueError:
        return []
    return [
        Picture(name, one.about[key], caption)
        for name, (key, caption) in KINDS.items()
        if one.about.get(key)
    ]


async def drawn(site: Site, one: Known, picture: Picture) -> bytes | None:
    """The SVG of it in the language in use; None if it can't be drawn (in time)."""
    kept = _drawn.setdefault(site, OrderedDict())
    key = (one.id, one.day, language(), str(site.today()))
    async with _one:  # whoever waited for another picture of it finds this one drawn
        if key not in kept:
            order = {
                "act": "draw",
                "config": str(site.settings.path),
                "language": language(),
                "pictures": {item.name: item.about for item in pictures_of(one)},
                "day": one.day,
            }
            try:
                async with asyncio.timeout(LASTS_S):
                    kept[key] = await _ask(order)
            except (TimeoutError, OSError, ValueError):
                return None
            while len(kept) > KEPT:
                kept.popitem(last=False)
    svg = kept[key].get(picture.name)
    return svg.encode() if svg is not None else None


async def _ask(order: Mapping[str, object]) -> dict[str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        PLOTTER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_MOST,
    )
    try:
        said, _nothing = await process.communicate(json.dumps(order).encode() + b"\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = said.splitlines()
    told = json.loads(lines[-1]) if lines else {}
    done = told.get("done")
    return {str(name): str(svg) for name, svg in done.items()} if isinstance(done, dict) else {}
