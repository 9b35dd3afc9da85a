"""What somebody asks of a packet: the fields of its form, checked, and their address again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from gateway.config.criteria import in_order
from gateway.console.page import Page
from gateway.desk.errors import DeskError
from gateway.desk.text import clean
from gateway.locale import N_, GaritaError, Message, worded

LANGUAGES = ("both", "es", "en")
MOST_DAYS = 1500
"""A validation looks back over up to four years."""


class AskedError(GaritaError):
    """A field can't be used; `field` is its name."""

    def __init__(self, field: str, message: Message) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Asked:
    """A packet.  `criteria` () are all of the site's set; `language` is one of LANGUAGES.
    `newest`: as of the newest signed head, and not of the first one that covers the days."""

    first: date
    last: date
    criteria: tuple[str, ...] = ()
    word: str = ""
    language: str = LANGUAGES[0]
    redacted: bool = False
    newest: bool = False

    def link(self) -> str:
        """The address of the form with these fields."""
        fields: list[tuple[str, str]] = [
            ("from", self.first.isoformat()),
            ("to", self.last.isoformat()),
            ("word", self.word),
            ("language", self.language),
            ("redacted", "1" if self.redacted else ""),
            ("newest", "1" if self.newest else ""),
            *(("criterion", item) for item in self.criteria),
        ]
        return "/evidence?" + urlencode([(name, value) for name, value in fields if value])

    def order(self) -> dict[str, Any]:
        """For the process that makes it."""
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "criteria": list(self.criteria),
            "word": self.word,
            "languages": ["es", "en"] if self.language == "both" else [self.language],
            "redacted": self.redacted,
            "newest": self.newest,
        }


def last_month(today: date) -> Asked:
    """The whole month before `today`."""
    last = today.replace(day=1) - timedelta(days=1)
    return Asked(last.replace(day=1), last)


def offered(page: Page) -> Asked:
    """What the form shows at first: the fields of the address as far as they can be used, else
    those of the last month."""
    begin = last_month(page.today)
    try:
        first = _day(page.query("from"), "from") if page.query("from") else begin.first
        last = _day(page.query("to"), "to") if page.query("to") else begin.last
    except AskedError:
        first, last = begin.first, begin.last
    known = page.site.settings.criteria.criteria
    asked = page.request.query_params.getlist("criterion")
    language = page.query("language")
    return Asked(
        first,
        last,
        tuple(item for item in in_order(asked) if item in known),
        page.query("word")[:200],
        language if language in LANGUAGES else LANGUAGES[0],
        page.query("redacted") == "1",
        page.query("newest") == "1",
    )


def asked(page: Page) -> Asked:
    """What the form that was sent asks for.  Raises AskedError."""
    first, last = _day(page.field("from"), "from"), _day(page.field("to"), "to")
    if last < first:
        raise AskedError("to", worded("the last day is not before the first"))
    if last > page.today:
        raise AskedError("to", worded("{day} is still to come", day=last.isoformat()))
    if (last - first).days >= MOST_DAYS:
        raise AskedError("from", worded("at most {n} days", n=MOST_DAYS))
    known = page.site.settings.criteria.criteria
    criteria = in_order(page.fields("criterion"))
    for item in criteria:
        if item not in known:
            raise AskedError("criterion", worded("there is no criterion {item}", item=item[:20]))
    try:
        word = clean(page.field("word"), N_("the auditor's word"), most=120, needed=False)
    except DeskError as error:
        raise AskedError("word", error.message) from error
    language = page.field("language") or LANGUAGES[0]
    if language not in LANGUAGES:
        raise AskedError("language", worded("choose a language"))
    everything = set(criteria) == set(known)
    return Asked(
        first,
        last,
        () if everything else criteria,
        word,
        language,
        page.field("redacted") == "1",
        page.field("newest") == "1",
    )


def _day(text: str, field: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise AskedError(field, worded("write a day as 2026-11-25")) from error
    if not 2000 <= found.year <= 9000:
        raise AskedError(field, worded("write a day as 2026-11-25"))
    return found
