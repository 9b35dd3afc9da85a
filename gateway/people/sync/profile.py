"""An import profile: how the list that a site's HR keeps becomes a personnel list.

A profile is a TOML file, ``profiles/NAME.toml`` beside the configuration or in the data folder,
written by `garita people map` or by hand.  It names their columns and says everything that would
be a guess otherwise: which number of a date is the day, the encoding, what stands before a card
number, and which access levels somebody gets.  docs/people.md lists the keys.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.locale import GaritaError, worded
from gateway.locale.text import fold, tidy
from gateway.people.schema import now_text
from gateway.people.sync.header import COLUMNS, OP, REQUIRES, REVOKED_AT
from gateway.vault.files import adopt, write_whole

OTHERS = "*"  # in `levels`: every value that is not named
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

Dates = Literal["day-first", "month-first", "year-first"]
Encoding = Literal["utf-8", "utf-16", "windows-1252"]


class ProfileError(GaritaError):
    """A profile can't be used; the message says why."""


class Profile(BaseModel):
    """How one kind of list is read.

    `columns` maps our column to the header in their file; other columns of the file are ignored.
    `levels_from` is the header of the column (such as the department) from whose value `levels`
    takes the access levels; everybody gets `access_levels` besides.  `digits` fills ids or card
    numbers with the zeros in front that a spreadsheet took away.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str]
    dates: Dates | None = None
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    sheet: str = ""
    header_row: Annotated[int, Field(ge=1, le=100)] = 1
    credential_prefix: str = ""
    digits: dict[Literal["id", "credentials"], Annotated[int, Field(ge=1, le=30)]] = {}
    access_levels: list[str] = []
    levels_from: str = ""
    levels: dict[str, list[str]] = {}
    statuses: dict[str, Literal["active", "suspended", "revoked"]] = {}

    @model_validator(mode="after")
    def _whole(self) -> Profile:
        known = {*COLUMNS, REVOKED_AT, OP}
        for name in self.columns:
            if name not in known and not name.startswith(REQUIRES):
                raise ValueError(f"columns.{name}: known are {', '.join(sorted(known))}")
        if missing := [
            name for name in ("id", "name", "credentials") if not self.columns.get(name)
        ]:
            raise ValueError(f"columns must name {', '.join(missing)}")
        heads = [fold(head) for head in self.columns.values()]
        if len(set(heads)) < len(heads):
            raise ValueError("two of columns name the same header")
        if bool(self.levels_from) != bool(self.levels):
            raise ValueError("levels_from and levels belong together")
        if not (self.access_levels or self.levels or "access_levels" in self.columns):
            raise ValueError("nothing says who gets which access levels")
        if self.credential_prefix and not re.fullmatch(
            r"[a-z0-9_-]+:(\d*:)?", self.credential_prefix
        ):
            raise ValueError("credential_prefix is format: or format:facility:")
        return self

    def unknown_levels(self, known: Collection[str]) -> list[str]:
        """The access levels of this profile that the configuration does not have."""
        named = {*self.access_levels, *(level for found in self.levels.values() for level in found)}
        return sorted(named.difference(known))


def path_of(name: str, folders: Sequence[Path]) -> Path:
    """Where a profile is: a path that ends in .toml, or a name in the first of `folders` that has
    it; a new one is the first folder's.

    Raises ProfileError for a name that can't be a file's.
    """
    if name.endswith(".toml"):
        return Path(name)
    places = [path_in(folder, name) for folder in folders]
    return next((path for path in places if path.exists()), places[0])


def path_in(folder: Path, name: str) -> Path:
    """The profile's file in `folder`; raises ProfileError for a name that can't be a file's."""
    if not NAME.fullmatch(name):
        raise ProfileError(worded("a profile's name has letters, digits, '-' and '_', at most 64"))
    return folder / f"{name}.toml"


def write(path: Path, profile: Profile, *, source: str, by: str, replace: bool) -> None:
    """Write `profile`, learnt from the list named `source` by the account `by`, to `path`.

    Raises OSError and, without `replace`, FileExistsError.
    """
    comment = f"How {tidy(source)} is read: garita people sync FILE --profile {path.stem}"
    comment += f"\nWritten by {tidy(by)} on {now_text()[:10]}."
    path.parent.mkdir(parents=True, exist_ok=True)
    adopt(path.parent)
    write_whole(path, to_toml(profile, comment).encode(), mode=0o644, replace=replace)


def load(path: Path, levels: Collection[str]) -> Profile:
    """Read a profile; `levels` are the access levels of the configuration.

    Raises ProfileError with every mistake.
    """
    try:
        profile = Profile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ProfileError(
            worded("profile {path}: {why}", path=path.name, why=error.strerror)
        ) from error
    except ValidationError as error:
        raise ProfileError(
            worded("profile {path}: {why}", path=path.name, why=_mistakes(error))
        ) from error
    except ValueError as error:  # not TOML, not UTF-8
        raise ProfileError(worded("profile {path}: {why}", path=path.name, why=error)) from error
    if unknown := profile.unknown_levels(levels):
        raise ProfileError(
            worded(
                "profile {path}: the configuration has no level {levels}",
                path=path.name,
                levels=", ".join(unknown),
            )
        )
    return profile


def make(values: Mapping[str, Any]) -> Profile:
    """A profile of these values; raises ProfileError with every mistake."""
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        raise ProfileError(_mistakes(error)) from error


def to_toml(profile: Profile, comment: str) -> str:
    """The profile as the text of a TOML file."""
    lines = [f"# {line}" for line in comment.splitlines()]
    tables = []
    for name, value in profile.model_dump(exclude_defaults=True).items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *(f"{_toml(k)} = {_toml(v)}" for k, v in value.items())]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _toml(value: Any) -> str:
    """A string, number or list of strings.  JSON's strings are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _mistakes(error: ValidationError) -> str:
    found = []
    for item in error.errors():
        where = ".".join(map(str, item["loc"]))
        what = item["msg"].removeprefix("Value error, ")
        found.append(f"{where}: {what}" if where else what)
    return "; ".join(found)
