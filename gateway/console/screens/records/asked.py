"""What somebody asks of the records: the fields of the filters, and their address again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlencode

from gateway.config import Settings
from gateway.console.page import Page
from gateway.desk.auditor import filters
from gateway.desk.auditor.filters import FilterError, Wanted
from gateway.ledger.event import Event
from gateway.locale import worded
from gateway.state.alarms.who import is_secret, sees_secret

FIELDS = ("from", "to", "door", "person", "criterion", "kind", "visit", "truck")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they were typed, by the names of FIELDS; what is left out is ""."""

    fields: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    def link(self, path: str = "/records", **other: object) -> str:
        """The address of these filters, with some of them other than they are."""
        told = {**self.fields, **{name.rstrip("_"): str(value) for name, value in other.items()}}
        query = urlencode({name: value for name, value in told.items() if value})
        return f"{path}?{query}" if query else path

    @property
    def everything(self) -> bool:
        """Whether everything is asked for."""
        return not any(self.fields.values())


def asked(page: Page, source: str = "query") -> Asked:
    """The filters of the address, or of a form."""
    read = page.query if source == "query" else page.field
    found = {name: read(name).strip()[:_LONGEST] for name in FIELDS}
    return Asked({name: value for name, value in found.items() if value})


def wanted(settings: Settings, given: Asked) -> Wanted:
    """The filters that the log is searched with; days are those of the site, the last one with it.
    Raises FilterError."""
    until = ""
    if given["to"]:
        try:
            until = (date.fromisoformat(given["to"]) + timedelta(days=1)).isoformat()
        except (ValueError, OverflowError) as error:
            said = worded("{given}: write a day as 2026-11-25", given=given["to"])
            raise FilterError("to", said) from error
    return filters.wanted(
        settings,
        lambda text: True,  # whoever is not on the list may be in the log: an empty page says so
        type=given["kind"],
        criteria=[given["criterion"]] if given["criterion"] else (),
        person=given["person"],
        door=given["door"],
        visit=_number(given["visit"], "visit"),
        truck=_number(given["truck"], "truck"),
        since=given["from"],
        until=until,
    )


def _number(text: str, name: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 15):
        raise FilterError(name, worded("{given} is not a number", given=text))
    return int(text)


@dataclass(frozen=True, slots=True)
class Eyes:
    """Which records a reader may see.  `secrets`: those of duress too.  `hidden` are the doors of
    areas that are not theirs."""

    secrets: bool
    hidden: frozenset[str] = frozenset()

    def may(self, event: Event) -> bool:
        """Whether the reader may see this one."""
        if not self.secrets and is_secret(event.type, event.data):
            return False
        return not self.hidden or str(event.data.get("door") or event.subject) not in self.hidden


def eyes(page: Page) -> Eyes:
    """Those of whoever asks."""
    tables, by = page.site.settings.tables, page.operator
    hidden = frozenset(
        name
        for name, door in tables.doors.items()
        if by.areas and by.areas.isdisjoint({door.area, door.from_area})
    )
    return Eyes(sees_secret(by.roles, tables.alarms), hidden)
