"""The witness's file: which logs it knows, its own name and key, and where it listens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.config import BrokerAddress
from gateway.config.log import LogKey
from gateway.config.reading import read
from gateway.config.tables import broker_address
from gateway.locale import N_, worded
from gateway.proof.note import COSIGNATURE, Signer, VerifierKey, good_name
from gateway.vault import signkey
from gateway.witness.judge import Logs
from gateway.witness.store import Store

HINT = N_("see config/witness.toml, which explains every key")
DEFAULT_CONFIG = Path("/etc/garita/witness.toml")
PORT = 8390


class WitnessTable(BaseModel):
    """The keys of witness.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """The name of its key: an address that its owner has, without the scheme."""
    key_file: Path = Path("witness.key")
    database: Path = Path("witness.db")
    listen: str = f"127.0.0.1:{PORT}"
    logs: Annotated[list[LogKey], Field(min_length=1, max_length=10_000)]
    new_origins: bool = True
    cert_file: Path | None = None
    cert_key_file: Path | None = None

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not good_name(name):
            raise ValueError(worded("the name of a key has no spaces and no plus sign"))
        return name

    @field_validator("listen")
    @classmethod
    def _listens(cls, text: str) -> str:
        broker_address(text, PORT)
        return text

    @property
    def address(self) -> BrokerAddress:
        """Where it listens."""
        return broker_address(self.listen, PORT)

    @property
    def known(self) -> Logs:
        """The logs that it cosigns."""
        return Logs(tuple(VerifierKey.parse(one) for one in self.logs), self.new_origins)

    def signer(self) -> Signer:
        """Its key, which is made if there is none; raises SignKeyError."""
        return Signer(self.name, signkey.load_or_make(self.key_file), COSIGNATURE)

    def opened(self) -> tuple[Signer, Store]:
        """Its key, and what it cosigned; both are made at the first start.  A key without the file
        has lost it.  Raises SignKeyError or StoreError."""
        if not self.key_file.exists() and not os.path.lexists(self.database):
            Store.begin(self.database)  # before the key: whoever has the key has had the file
        return self.signer(), Store(self.database)


def load(path: Path) -> WitnessTable:
    """Read the file at `path`, relative paths from its folder; raises ConfigError."""
    table, _, _ = read(path, WitnessTable, HINT)
    base = path.resolve().parent
    names = ("key_file", "database", "cert_file", "cert_key_file")
    files = {name: base / value for name in names if (value := getattr(table, name)) is not None}
    return table.model_copy(update=files)
