"""Inspection checklists as data: which there are, which a truck needs.

In: the TOML file that comes with the program, and the site's own over it.  Out: frozen
checklists.  A file that can't be used raises DeskError with its place; nothing is half read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.desk.errors import DeskError, Words

HERE = Path(__file__).parent / "checklists.toml"
PESTS = "pests"
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Point:
    """One place to look at; an `optional` one may be answered ``na``."""

    id: str
    words: Words
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Checklist:
    """`per_unit`: one for each trailer or container; `pests`: what it finds is a pest."""

    name: str
    title: Words
    criteria: tuple[str, ...]
    points: tuple[Point, ...]
    per_unit: bool = False
    pests: bool = False


@dataclass(frozen=True, slots=True)
class Checklists:
    """All lists by name, and the names that a truck needs by what it pulls (``none`` for a
    tractor alone)."""

    lists: Mapping[str, Checklist]
    required: Mapping[str, tuple[str, ...]]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


Text = Annotated[str, Field(min_length=1, max_length=120)]


class _Title(_Table):
    en: Text
    es: Text


class _Point(_Title):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    optional: bool = False


class _List(_Table):
    title: _Title
    criteria: list[Text] = []
    per_unit: bool = False
    pests: bool = False
    points: Annotated[list[_Point], Field(min_length=1, max_length=100)]


class _File(_Table):
    required: dict[str, list[str]] = {}
    checklists: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")], _List] = {}


def load(own: Path | None = None) -> Checklists:
    """The lists that come with the program, and the site's `own` over them."""
    base = _read(HERE)
    more = _read(own) if own is not None else _File()
    lists = {
        name: _checklist(name, item)
        for name, item in {**base.checklists, **more.checklists}.items()
    }
    required = {name: tuple(names) for name, names in {**base.required, **more.required}.items()}
    for kind, names in required.items():
        for name in names:
            if name not in lists:
                raise _bad(own or HERE, f"required.{kind}: there is no checklist {name}")
    return Checklists(lists, required)


def _read(path: Path) -> _File:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _bad(path, "larger than 1 MB")
        found = _File.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise _bad(path, str(error.strerror)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(path, f"not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _bad(path, f"{where}: {first['msg']}") from error
    for name, item in found.checklists.items():
        ids = [point.id for point in item.points]
        if len(set(ids)) != len(ids):
            raise _bad(path, f"checklists.{name}: a point comes twice")
    return found


def _checklist(name: str, item: _List) -> Checklist:
    points = tuple(Point(p.id, (p.en, p.es), p.optional) for p in item.points)
    title = (item.title.en, item.title.es)
    return Checklist(name, title, tuple(item.criteria), points, item.per_unit, item.pests)


def _bad(path: Path, why: str) -> DeskError:
    return DeskError("bad_checklists", f"{path}: {why}", f"{path}: {why}")
