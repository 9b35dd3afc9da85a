"""The table [reports]: which standard reports are made each week, and where they go.

gateway/evidence/reports makes them; `garita report week`, which a timer starts, sends them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.config.hosts import is_loopback
from gateway.locale import worded

ReportName = Literal[
    "access",
    "denied",
    "visitors",
    "pickups",
    "seals",
    "inspections",
    "requirements",
    "revocations",
    "badges",
    "alarms",
    "downtime",
    "reviews",
    "findings",
]
ReportForm = Literal["pdf", "csv"]


def _address(text: str) -> str:
    """An address of e-mail that can stand in a header; raises ValueError."""
    name, at, host = text.partition("@")
    if not (name and at and host) or not text.isascii() or set(text) & set(' \r\n,;<>"'):
        raise ValueError(worded("expected an address such as security@example.com"))
    return text


Address = Annotated[str, AfterValidator(_address)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MailTable(_Table):
    """The site's mail server (SMTP submission, RFC 6409).

    Reports name people, so they travel in clear to no other machine: `security` ``none`` is for a
    server on this box.
    """

    server: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/]+$")]
    """The mail server's name."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    """The login there, if it asks for one."""
    password_file: Path | None = None
    ca_file: Path | None = None
    sender: Address = Field(alias="from")
    """The sender of the mail."""
    to: Annotated[list[Address], Field(min_length=1, max_length=20)]
    """Who gets it."""

    @model_validator(mode="after")
    def _safe(self) -> MailTable:
        if bool(self.username) != (self.password_file is not None):
            raise ValueError(worded("username and password_file belong together"))
        if self.security == "none" and not is_loopback(self.server):
            raise ValueError(worded("security 'none' is for a mail server on this box alone"))
        return self


class ReportsTable(_Table):
    """The weekly reports.  An empty `reports` means all of them.  A week begins on `weekday`, and
    its reports are made when it is over."""

    reports: list[ReportName] = []
    formats: Annotated[list[ReportForm], Field(min_length=1)] = ["pdf"]
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"
    folder: Path | None = None
    mail: MailTable | None = None

    def absolute(self, base: Path) -> ReportsTable:
        """The same with each relative path begun at `base`."""
        mail, folder = self.mail, self.folder
        if mail is not None:
            keys = ("password_file", "ca_file")
            held = {key: base / path for key in keys if (path := getattr(mail, key)) is not None}
            mail = mail.model_copy(update=held)
        update = {"mail": mail, "folder": base / folder if folder is not None else None}
        return self.model_copy(update=update)

    @property
    def wanted(self) -> bool:
        """Whether they go anywhere."""
        return self.folder is not None or self.mail is not None
