"""The table [console]: the web console, a process of its own (`garita console`).

The daemon reads two keys of it: the account whose word on who acts it takes, and the desk's reader.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.config.hosts import is_loopback
from gateway.config.metrics import MetricsTable
from gateway.config.operators import Role
from gateway.locale import worded

PORT = 8440
UNIX = "unix:"


def _listen(value: str) -> str:
    """`HOST:PORT`, `HOST` or ``unix:/path``."""
    if value.startswith(UNIX):
        if not value.removeprefix(UNIX).startswith("/"):
            raise ValueError(worded("write unix:/path/of/the.sock"))
        return value
    if not re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+)(:\d{1,5})?", value):
        raise ValueError(worded("write HOST:PORT, or unix:/path/of/the.sock"))
    return value


class OidcTable(BaseModel):
    """Signing in with the company's account (OpenID Connect): the client at the identity provider,
    and which of its groups has which roles here.

    `name_claim` holds the name to sign in with, `person_claim` the id on the list of people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    """The provider's address."""
    client_id: str = Field(min_length=1)
    """How the console is registered there."""
    client_secret_file: Path
    """The file with the secret of that registration, mode 0600."""
    name_claim: str = "preferred_username"
    """The claim that has the name of the account."""
    person_claim: str = "employee_id"
    groups_claim: str = "groups"
    """The claim that has the groups."""
    roles: dict[str, list[Role]] = Field(min_length=1)

    @model_validator(mode="after")
    def _safe(self) -> OidcTable:
        url = urlsplit(self.issuer)
        if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError(worded("issuer: an address that begins with https://"))
        return self


class ConsoleTable(BaseModel):
    """Where the console listens, as whom it runs, and where it keeps its own file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Annotated[str, AfterValidator(_listen)] = f"127.0.0.1:{PORT}"
    account: str = "garita-console"
    """The account of the operating system that the console runs as.  The daemon takes the name of
    the operator from this account alone."""
    data_dir: Path = Path("/var/lib/garita-console")
    cert_file: Path | None = None
    cert_key_file: Path | None = None
    """The private key of that certificate."""
    public_url: str = ""
    """The address that browsers use, such as ``https://gate.example.com``.  Passkeys need it."""
    bind_address: bool = True
    """A session belongs to the address of the browser that began it."""
    desk_reader: str = ""
    """One of [readers] on the guard's desk, which belongs to no door: operators change by badge and
    PIN, and visitors' badges are read there."""
    oidc: OidcTable | None = None
    metrics: MetricsTable = MetricsTable()
    session_h: Annotated[float, Field(gt=0, le=24)] = 12.0
    """A session ends after this time (hours)."""
    idle_min: Annotated[float, Field(gt=0, le=1440)] = 240.0
    """A session ends after this time without a request of its person (minutes)."""

    @model_validator(mode="after")
    def _certain(self) -> ConsoleTable:
        if (self.cert_file is None) != (self.cert_key_file is None):
            raise ValueError(worded("cert_file and cert_key_file come together"))
        if not self.local and self.cert_file is None:
            raise ValueError(
                worded(
                    "an address that others reach needs TLS: `garita console cert` makes "
                    "cert_file and cert_key_file"
                )
            )
        if self.oidc is not None and not self.public_url:
            raise ValueError(worded("oidc needs public_url: the provider sends browsers there"))
        return self

    @property
    def socket(self) -> Path | None:
        """The Unix socket that it listens on; None for a port."""
        return Path(self.listen.removeprefix(UNIX)) if self.listen.startswith(UNIX) else None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; without a meaning for a Unix socket."""
        host, colon, port = self.listen.rpartition(":")
        if not colon or self.listen.endswith("]"):
            host, port = self.listen, str(PORT)
        return host.strip("[]"), int(port)

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.socket is not None or is_loopback(self.address[0])
