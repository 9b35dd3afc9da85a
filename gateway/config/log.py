"""The table [log]: checkpoints and who cosigns them, and when records go into archives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.locale import worded
from gateway.proof.note import COSIGNATURE, ED25519, NoteError, VerifierKey
from gateway.proof.policy import NONE, Group, Trust

MOST_COSIGNERS = 32


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _key(text: str) -> str:
    try:
        kind = VerifierKey.parse(text).kind
    except NoteError as error:
        raise ValueError(worded("not the key of a witness: {error}", error=error)) from error
    if kind != COSIGNATURE:
        raise ValueError(worded("not the key of a witness: it is a log's (type 0x01)"))
    return text


def log_key(text: str) -> str:
    """`text` if it is the public key of a log, as `garita log key` prints it; raises ValueError."""
    try:
        kind = VerifierKey.parse(text).kind
    except NoteError as error:
        raise ValueError(
            worded("{text!r} is not a log's key: {error}", text=text[:60], error=error)
        ) from error
    if kind != ED25519:
        raise ValueError(worded("{text!r} is the key of a witness", text=text[:60]))
    return text


LogKey = Annotated[str, AfterValidator(log_key)]


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username or parts.query or parts.fragment or not text.isprintable():
        raise ValueError(worded("expected an address such as https://witness.example.com"))
    return text.rstrip("/")


CosignerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
CosignerKey = Annotated[str, AfterValidator(_key)]
Url = Annotated[str, AfterValidator(_url)]


class WitnessTable(_Table):
    """A witness: its public key, and where it takes checkpoints (c2sp.org/tlog-witness)."""

    key: CosignerKey
    url: Url
    monitor: Url | None = None
    """Where it shows what it cosigned, if that is another address."""
    ca_file: Path | None = None
    """Who vouches for its certificate, if that is not one of the system's."""


class LogTable(_Table):
    """The log: its checkpoints, who cosigns them, and when records go into archives."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,200}$")] = "garita"
    """Stands before the gateway's name in the origin of each checkpoint; an address that the site
    owns, without its scheme, is never another site's too (c2sp.org/tlog-checkpoint)."""
    checkpoint_records: Annotated[int, Field(ge=1, le=100_000)] = 200
    checkpoint_minutes: Annotated[float, Field(gt=0, le=60)] = 10
    on_damage: Literal["stop", "new"] = "stop"
    """If ledger.db is damaged, the gateway stops; or it puts the file aside and goes on with a new
    log, whose first record says so."""
    archive_after_days: Annotated[int, Field(ge=0, le=3660)] = 90
    """Records older than this leave ledger.db for an archive; 0: none does for its age."""
    archive_above_mb: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """While ledger.db holds more, its oldest records go into archives; 0: however large it is."""
    delete_archives_after_days: Annotated[int, Field(ge=0, le=36_600)] = 0
    """Archives whose newest record is older are deleted; 0: none is."""
    witnesses: dict[CosignerName, WitnessTable] = Field(default_factory=dict)
    mirrors: dict[CosignerName, CosignerKey] = Field(default_factory=dict)
    """Collectors, which cosign what they have stored; their cosignatures come over MQTT."""
    quorum: Annotated[int, Field(ge=1)] | None = None
    """So many of witnesses and mirrors have to cosign; None: more than half of them."""

    @model_validator(mode="after")
    def _agree(self) -> LogTable:
        names, keys = [*self.witnesses, *self.mirrors], list(self.cosigners.values())
        if len(names) > MOST_COSIGNERS:
            raise ValueError(worded("at most {count} witnesses and mirrors", count=MOST_COSIGNERS))
        if len({*names}) != len(names) or NONE in names:
            raise ValueError(worded("each witness and mirror has a name of its own"))
        if len({key.public for key in keys}) != len(keys):
            raise ValueError(worded("each witness and mirror has a key of its own"))
        if self.quorum is not None and self.quorum > len(names):
            raise ValueError(
                worded(
                    "a quorum of {quorum}, and {count} to cosign",
                    quorum=self.quorum,
                    count=len(names),
                )
            )
        return self

    @property
    def cosigners(self) -> dict[str, VerifierKey]:
        """The keys of witnesses and mirrors, by name."""
        keys = {name: one.key for name, one in self.witnesses.items()} | self.mirrors
        return {name: VerifierKey.parse(key) for name, key in keys.items()}

    def trust(self, logs: Iterable[VerifierKey] = ()) -> Trust:
        """What an auditor's trust file says: these logs, and the quorum of this table."""
        named = self.cosigners
        group, least = _free("quorum", named), self.quorum or len(named) // 2 + 1
        return Trust(
            logs={key.name: key for key in logs},
            witnesses=named,
            groups={group: Group(least, tuple(named))} if named else {},
            quorum=group if named else NONE,
            urls={name: one.url for name, one in self.witnesses.items()},
        )


def _free(name: str, taken: Iterable[str]) -> str:
    """A name that nobody has."""
    used = set(taken)
    while name in used:
        name += "-"
    return name
