"""Inspection checklists as data: which there are, and which of them a truck needs.

In: the TOML file that comes with the program, and the site's own, which corrects it.  Out: frozen
checklists.  A file that can't be used raises DeskError with the place.

Authorities name different points, so there are several sets of lists (CTPAT's of today, OEA's,
CTPAT's older ones), and the site says which one is in force.  A truck goes by the set that was in
force when it arrived, even if the site changes the set meanwhile.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.desk.errors import DeskError
from gateway.locale import Message, Words, worded

HERE = Path(__file__).parent / "checklists.toml"
DEFAULT_SET = "msc-2020"
FIRST_SET = "legacy"
"""The set of trucks whose records are older than the sets."""

_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Point:
    """One place to look at; if it is `optional`, the guard may answer ``na``."""

    id: str
    words: Words
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Checklist:
    """One list of points.  `per_unit`: each trailer or container needs its own.  `pests`: a bad
    point means that pests were found."""

    name: str
    title: Words
    criteria: tuple[str, ...]
    points: tuple[Point, ...]
    per_unit: bool = False
    pests: bool = False


@dataclass(frozen=True, slots=True)
class Checklists:
    """All lists by name.

    `name` is the set in force.  `required` has the names of the lists that a truck needs in it, by
    what it pulls (``none``: a tractor alone).  `sets` has the same for every set.
    """

    lists: Mapping[str, Checklist]
    required: Mapping[str, tuple[str, ...]]
    name: str = ""
    sets: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def needed(self, kind: str, begun: str) -> tuple[str, ...]:
        """The lists for a unit of `kind` on a truck that came while the set `begun` was in force
        ("": before there were sets).

        For a kind without lists it returns a name that no list has.  Nobody can do that inspection,
        so such a truck does not leave.
        """
        required = self.sets.get(begun or FIRST_SET, self.required)
        return required.get(kind, (f"required.{kind}",))


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


Text = Annotated[str, Field(min_length=1, max_length=120)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class _Title(_Table):
    en: Text
    es: Text


class _Point(_Title):
    id: _Name
    optional: bool = False


class _List(_Table):
    title: _Title
    criteria: list[Text] = []
    per_unit: bool = False
    pests: bool = False
    points: Annotated[list[_Point], Field(min_length=1, max_length=100)]


class _File(_Table):
    required: dict[str, list[str]] = {}
    sets: dict[_Name, dict[str, list[str]]] = {}
    checklists: dict[_Name, _List] = {}


def load(own: Path | None = None, name: str = DEFAULT_SET) -> Checklists:
    """The program's lists, corrected by the site's `own` file, with the set `name` in force.

    The site's `[required]` holds in every set.  Raises DeskError.
    """
    base = _read(HERE)
    more = _read(own) if own is not None else _File()
    lists = {
        key: _checklist(key, item) for key, item in {**base.checklists, **more.checklists}.items()
    }
    sets = {
        key: {kind: tuple(names) for kind, names in {**required, **more.required}.items()}
        for key, required in {**base.sets, **more.sets}.items()
    }
    for key, required in sets.items():
        for kind, names in required.items():
            for wanted in names:
                if wanted not in lists:
                    place = f"{'required' if kind in more.required else f'sets.{key}'}.{kind}"
                    why = worded(
                        "{place}: there is no checklist {wanted}",
                        place=place,
                        wanted=wanted,
                    )
                    raise _bad(own or HERE, why)
    if name not in sets:
        known = ", ".join(sorted(sets))
        raise _bad(
            own or HERE,
            worded(
                "there is no set of checklists {name}; there are {known}", name=name, known=known
            ),
        )
    return Checklists(lists, sets[name], name, sets)


def _read(path: Path) -> _File:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _bad(path, worded("larger than 1 MB"))
        found = _File.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise _bad(path, error.strerror or "") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _bad(path, worded("not valid TOML: {error}", error=error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _bad(path, f"{where}: {first['msg']}") from error
    for name, item in found.checklists.items():
        ids = [point.id for point in item.points]
        if len(set(ids)) != len(ids):
            raise _bad(path, worded("checklists.{name}: a point comes twice", name=name))
    return found


def _checklist(name: str, item: _List) -> Checklist:
    points = tuple(Point(p.id, (p.en, p.es), p.optional) for p in item.points)
    title = (item.title.en, item.title.es)
    return Checklist(name, title, tuple(item.criteria), points, item.per_unit, item.pests)


def _bad(path: Path, why: Message | str) -> DeskError:
    return DeskError("bad_checklists", "{path}: {why}", path=path, why=why)
