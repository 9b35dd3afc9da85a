"""Pages of a handover that somebody looks at and may sign.

They are kept here, so that what is signed is what stood on the screen, and no browser can put
another page in its place.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from weakref import WeakKeyDictionary

from gateway.console.site import Site
from gateway.desk.handover.page import Page as Handover

MOST = 40
LASTS_S = 1800.0


class Drafts:
    """The drafts of one console, by a name that can't be guessed; each for one operator."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, str, Handover]] = OrderedDict()

    def keep(self, owner: str, page: Handover) -> str:
        """Keep a draft of `owner`; returns its name."""
        name = secrets.token_urlsafe(12)
        self._kept[name] = (time.monotonic(), owner, page)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str, owner: str) -> Handover | None:
        """The draft, if it is this operator's and not too old."""
        made, whose, page = self._kept.get(name, (0.0, "", {}))
        fresh = time.monotonic() - made < LASTS_S
        return page if page and fresh and whose == owner else None


_of: WeakKeyDictionary[Site, Drafts] = WeakKeyDictionary()


def drafts(site: Site) -> Drafts:
    """The drafts of this console."""
    return _of.setdefault(site, Drafts())
