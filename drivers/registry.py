"""Drivers by name: one registry, the installed entry points.

A package that declares an entry point in ``garita.readers``, ``garita.buses``,
``garita.inputs``, ``garita.locks``, ``garita.cameras`` or ``garita.embedders`` adds a driver
(or a face model) without touching this repository.  Loading a class for its options must be
cheap: drivers import heavy libraries only when they run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from drivers.base import Options

Kind = Literal["readers", "buses", "inputs", "locks", "cameras", "embedders"]


class UnknownDriver(LookupError):
    """No usable driver of that name; the message says which there are, or why it fails."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Factory:
    """A driver's class, ready to be given its options."""

    cls: Any

    def check(self, options: Mapping[str, Any]) -> Options:
        """Validated options; raises pydantic.ValidationError with every mistake."""
        checked: Options = self.cls.Options.model_validate(dict(options))
        return checked

    def make(self, options: Mapping[str, Any]) -> Any:
        """A driver with these options; raises as `check` does."""
        return self.cls(self.check(options))


def names(kind: Kind) -> list[str]:
    """The drivers of a kind that are installed."""
    return sorted({point.name for point in _points(kind)})


def load(kind: Kind, name: str) -> Factory:
    """The driver `name`; raises UnknownDriver."""
    for point in _points(kind):
        if point.name == name:
            try:
                cls = point.load()
            except Exception as error:  # somebody else's package, in any state
                raise UnknownDriver(f"driver {name!r} ({point.value}) fails: {error}") from error
            if not (isinstance(cls, type) and hasattr(cls, "Options")):
                raise UnknownDriver(f"driver {name!r} ({point.value}) is no driver class")
            return Factory(cls)
    known = ", ".join(names(kind)) or "none"
    raise UnknownDriver(f"no driver {name!r} among the {kind}; there are: {known}")


def _points(kind: Kind) -> list[EntryPoint]:
    return list(entry_points(group=f"garita.{kind}"))
