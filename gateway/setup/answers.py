"""Every answer that a set-up may be given, from flags or a file (config/setup.toml explains it).

None stands for what nobody said.  A flag has the name of its key with dashes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.config.mistakes import Mistake, dotted, reason
from gateway.config.reading import read
from gateway.config.tables import Name, Zone
from gateway.locale import N_, worded
from gateway.people import account
from gateway.setup.draft import Draft

HINT = N_("see config/setup.toml, which explains every answer")
LISTEN = "listen"
"""In the place of a port or a badge: the reader that a badge is held to says it."""
OF_DRAFT = (
    "gateway",
    "timezone",
    "language",
    "reader_driver",
    "reader_port",
    "reader_baudrate",
    "lock_driver",
    "lock_port",
    "channels",
    "channel",
    "fail",
    "pulse_s",
    "camera",
    "door",
    "person",
    "badge",
    "operator",
)


def _account(value: str) -> str:
    if not account.exists(value):
        raise ValueError(worded("this machine has no account {name}", name=value[:60]))
    return value


Account = Annotated[str, AfterValidator(_account)]


class Answers(BaseModel):
    """The keys of an answers file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Literal["en", "es"] | None = None
    restore: Path | None = None
    restore_passphrase_file: Path | None = None
    restore_identity: Path | None = None
    gateway: Name | None = None
    timezone: Zone | None = None
    reader_port: Annotated[str, Field(min_length=1)] | None = None
    reader_driver: str | None = None
    reader_baudrate: Annotated[int, Field(ge=300, le=4_000_000)] | None = None
    lock_port: Annotated[str, Field(min_length=1)] | None = None
    lock_driver: str | None = None
    channels: Annotated[int, Field(ge=1, le=16)] | None = None
    channel: Annotated[int, Field(ge=1, le=16)] | None = None
    fail: Literal["secure", "safe"] | None = None
    pulse_s: Annotated[float, Field(gt=0, le=60)] | None = None
    door: Name | None = None
    camera: str | None = None
    person: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    badge: Annotated[str, Field(min_length=1)] | None = None
    operator: Name | None = None
    admins: list[Account] | None = None
    desk: list[Account] | None = None
    credential: bool | None = None
    broker: Literal["none", "own"] | None = None
    broker_names: Annotated[list[str], Field(min_length=1)] | None = None
    broker_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    broker_clients: list[Name] | None = None
    enable: bool | None = None
    wait_s: Annotated[float, Field(ge=0, le=86_400)] | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What somebody said, by its key."""
        return {key: value for key, value in self if value is not None}

    def into(self, draft: Draft) -> Draft:
        """`draft` with the answers that belong to it."""
        mine = {key: value for key, value in self.said.items() if key in OF_DRAFT}
        mine = {key: value for key, value in mine.items() if value != LISTEN}
        return replace(draft, **mine).tidied()


def from_file(path: Path) -> Answers:
    """The answers of a file; raises ConfigError with every mistake and its line."""
    return read(path, Answers, HINT)[0]


def from_flags(flags: Mapping[str, Any]) -> tuple[Answers, list[Mistake]]:
    """The answers of the command line, and every mistake there, with the flag in the place of a
    file."""
    said = {key: value for key, value in flags.items() if value is not None}
    try:
        return Answers.model_validate(said), []
    except ValidationError as error:
        return Answers(), [
            Mistake(flag(dotted(item["loc"][:1])), 0, "", reason(item, HINT))
            for item in error.errors()
        ]


def flag(key: str) -> str:
    """The flag of an answer."""
    return "--" + key.replace("_", "-")


def together(first: Answers, second: Answers) -> Answers:
    """Both; `second` wins."""
    return first.model_copy(update=second.said)


def plain_name(typed: str) -> str:
    """A name as the gateway takes it, of what somebody typed: "Puerta Ñ 1" is "puerta-n-1"."""
    bare = unicodedata.normalize("NFKD", typed).encode("ascii", "ignore").decode().lower()
    words = "".join(letter if letter.isalnum() or letter in "._-" else " " for letter in bare)
    return "-".join(words.split())[:64].lstrip("._-")
