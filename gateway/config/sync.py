"""The [sync] tables: when the gateway holds back a new personnel list, and where lists come from.

For a secret (a token, a password, a database's URL) the configuration names the file that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.locale import _, worded

UNITS = {"m": 60, "h": 3600, "d": 86400}


def _every(value: str) -> str:
    found = re.fullmatch(r"([1-9]\d{0,3})([mhd])", value)
    if not found:
        raise ValueError(
            worded("expected a number of minutes, hours or days, such as 15m, 4h or 1d")
        )
    return value


def _at(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(worded("expected a time such as 05:00"))
    return value


Every = Annotated[str, AfterValidator(_every)]
At = Annotated[str, AfterValidator(_at)]
Percent = Annotated[float, Field(ge=0, le=100)]
_NEEDS = {
    "file": ("path",),
    "https": ("url",),
    "sql": ("query",),
    "ldap": ("url", "base", "attributes"),
    "bundle": ("path",),
}
_COMMON = frozenset({"kind", "include", "every", "at", "timeout_s", "max_mb"})
_ALLOWS = {
    "file": {"path", "profile"},
    "https": {"url", "token_file", "ca_file", "format", "profile"},
    "sql": {"url", "url_file", "query"},
    "ldap": {
        "url",
        "bind_dn",
        "password_file",
        "ca_file",
        "start_tls",
        "base",
        "filter",
        "attributes",
        "levels",
        "nested_groups",
        "page_size",
        "credential_prefix",
    },
    "bundle": {"path"},
}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceTable(_Table):
    """Where a list comes from (`kind`), and when the gateway pulls it.

    `every` is an interval and `at` are times of the site's day; with neither, only a command pulls
    it.  The people of the sources in `include` belong to the same list.
    """

    kind: Literal["file", "https", "sql", "ldap", "bundle"]
    """What the source is."""
    include: list[str] = []
    every: Every | None = None
    at: list[At] = []
    """Times of the site's day at which it is pulled, instead of `every`."""
    timeout_s: Annotated[float, Field(ge=1, le=600)] = 30.0
    max_mb: Annotated[int, Field(ge=1, le=256)] = 256
    path: Path | None = None
    """kind file or bundle: the file."""
    profile: Path | None = None
    """kind file or https: the import profile that reads it (`garita people map`)."""
    url: str = ""
    """kind https, sql or ldap: the address; a password never stands in it."""
    url_file: Path | None = None
    """kind sql: the file with the database's URL, mode 0600."""
    token_file: Path | None = None
    ca_file: Path | None = None
    """kind https or ldap: who vouches for the certificate, if that is nobody whom the system
    knows."""
    format: Literal["csv", "json"] | None = None
    """kind https: what the answer is, if its type does not say so."""
    query: str = ""
    """kind sql: the SELECT that gives the list."""
    bind_dn: str = ""
    """kind ldap: the account that asks."""
    password_file: Path | None = None
    """kind ldap: the file with the password of that account, mode 0600."""
    start_tls: bool = False
    """kind ldap: TLS on ldap://."""
    base: str = ""
    """kind ldap: where in the tree the people are."""
    filter: str = "(objectClass=person)"
    """kind ldap: who of them."""
    attributes: dict[str, str] = {}
    levels: dict[str, list[str]] = {}
    nested_groups: bool = False
    """kind ldap: a member of a group in a group counts."""
    credential_prefix: str = ""
    """kind ldap: stands before the badge number, such as h10301:17:."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    """kind ldap: so many entries an answer."""

    @property
    def every_s(self) -> float | None:
        return int(self.every[:-1]) * UNITS[self.every[-1]] if self.every else None

    @model_validator(mode="after")
    def _whole(self) -> SourceTable:
        for name in _NEEDS[self.kind]:
            if not getattr(self, name):
                raise ValueError(
                    worded("a source of kind {kind} needs {name}", kind=self.kind, name=name)
                )
        if extra := sorted(self.model_fields_set - _COMMON - _ALLOWS[self.kind]):
            raise ValueError(
                worded(
                    "a source of kind {kind} has no {extra}", kind=self.kind, extra=", ".join(extra)
                )
            )
        if self.every and self.at:
            raise ValueError(worded("every or at, not both"))
        if self.kind == "https" and not self.url.startswith("https://"):
            raise ValueError(worded("url must begin with https://"))
        if self.kind == "sql":
            if bool(self.url) == bool(self.url_file):
                raise ValueError(
                    worded("a source of kind sql needs url_file, or url without a password")
                )
            if self.url and urlsplit(self.url).password:
                raise ValueError(worded("a password stands in a file of its own: use url_file"))
        if self.kind == "ldap":
            self._ldap()
        return self

    def _ldap(self) -> None:
        if not self.url.startswith(("ldap://", "ldaps://")):
            raise ValueError(worded("url must begin with ldaps:// (or ldap://, with start_tls)"))
        local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        if self.url.startswith("ldap://") and not self.start_tls and not local:
            raise ValueError(
                worded("the password would travel in clear: ldaps://, or start_tls = true")
            )
        if missing := {"id", "name", "credentials"} - set(self.attributes):
            raise ValueError(
                worded("attributes must name {missing}", missing=", ".join(sorted(missing)))
            )
        if self.nested_groups and not self.levels:
            raise ValueError(worded("nested_groups needs levels: which group gives which levels"))


class BundlesTable(_Table):
    """Signed lists: whose signature counts, and whether lists may come over MQTT.  `watch` names
    gates that should have the same list as this one within `late_minutes`."""

    trusted: list[Path] = Field(min_length=1)
    mqtt: bool = False
    watch: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]] = []
    late_minutes: Annotated[float, Field(gt=0, le=100_000)] = 15.0


class SyncTable(_Table):
    """When the gateway holds back a list (docs/people.md), how much history it keeps, the
    sources."""

    removed_percent: Percent = 5.0
    losing_percent: Percent = 5.0
    added_percent: Percent = 20.0
    widened_percent: Percent = 10.0
    few: Annotated[int, Field(ge=0, le=1000)] = 5
    reissue_days: Annotated[int, Field(ge=0, le=365)] = 30
    history_versions: Annotated[int, Field(ge=1, le=10_000)] = 100
    history_mb: Annotated[int, Field(ge=1, le=10_000)] = 200
    rehearse_days: Annotated[int, Field(ge=1, le=366)] = 30
    bundles: BundlesTable | None = None
    sources: dict[str, SourceTable] = {}

    @model_validator(mode="after")
    def _names(self) -> SyncTable:
        for name, source in self.sources.items():
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
                raise ValueError(
                    worded(
                        "sources.{name}: use letters, digits, '-' and '_', at most 64", name=name
                    )
                )
            if source.kind == "bundle" and self.bundles is None:
                raise ValueError(
                    worded("sources.{name}: bundles need [sync.bundles] trusted", name=name)
                )
            for other in source.include:
                if other not in self.sources or other == name or self.sources[other].include:
                    raise ValueError(
                        worded("sources.{name}: include names other sources, one deep", name=name)
                    )
        timed = [name for name, source in self.sources.items() if source.every or source.at]
        if len(timed) > 1:
            raise ValueError(
                worded(
                    "sources {timed}: each gives the whole list, so the one would undo the "
                    "other; schedule one and let it include the others",
                    timed=", ".join(timed),
                )
            )
        return self


def warnings(table: SyncTable) -> Iterator[str]:
    """Sentences about settings in [sync] that are legal and may surprise."""
    for name, source in table.sources.items():
        if source.profile is not None and not source.profile.is_file():
            yield _(
                "sync.sources.{name}: there is no profile {profile} (garita people map)"
            ).format(name=name, profile=source.profile)
        if source.kind == "ldap" and source.levels and not source.nested_groups:
            yield _(
                "sync.sources.{name}: memberOf does not name groups inside groups, nor the "
                "primary group; with Active Directory, nested_groups = true asks for both"
            ).format(name=name)


def absolute(table: SyncTable, base: Path) -> SyncTable:
    """The same table with every path made absolute, from the folder `base`."""
    sources = {}
    for name, source in table.sources.items():
        files = ("path", "profile", "url_file", "token_file", "ca_file", "password_file")
        update = {key: base / value for key in files if (value := getattr(source, key))}
        sources[name] = source.model_copy(update=update)
    bundles = table.bundles
    if bundles is not None:
        bundles = bundles.model_copy(update={"trusted": [base / key for key in bundles.trusted]})
    return table.model_copy(update={"sources": sources, "bundles": bundles})
