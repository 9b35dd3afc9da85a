"""Drivers by name, from the installed entry points.

A package that declares an entry point in ``garita.readers``, ``garita.buses``,
``garita.inputs``, ``garita.locks``, ``garita.cameras`` or ``garita.embedders`` adds a driver
(or a face model) without any change to this repository.  Loading a class to check its options
must be cheap: a driver imports a heavy library when it starts to work, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from drivers import base, buses
from drivers.base import Options

Kind = Literal["readers", "buses", "inputs", "locks", "cameras", "embedders"]

_PROTOCOLS: Mapping[str, tuple[type, ...]] = {
    "readers": (base.ReaderDriver,),
    "buses": (buses.BusDriver,),
    "inputs": (base.InputBoard, base.InputLines),
    "locks": (base.LockDriver,),
    "cameras": (base.CameraDriver,),
    "embedders": (),  # gateway/face/vision/embedder.py checks those: they are no drivers
}


class UnknownDriver(LookupError):
    """There is no usable driver of that name.  The message says which there are, or what is
    wrong with this one."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Factory:
    """A driver's class, which makes drivers from options."""

    cls: Any

    @property
    def needs_port(self) -> bool:
        """Whether the gateway opens a serial port for such inputs.  A class with a method `open`
        has inputs of the box itself."""
        return not hasattr(self.cls, "open")

    def check(self, options: Mapping[str, Any]) -> Options:
        """The validated options.  Raises pydantic.ValidationError, which names every mistake."""
        checked: Options = self.cls.Options.model_validate(dict(options))
        return checked

    def make(self, options: Mapping[str, Any]) -> Any:
        """A driver with these options.  Raises as `check` does."""
        return self.cls(self.check(options))


def names(kind: Kind) -> list[str]:
    """The names of the installed drivers of a kind."""
    return sorted({point.name for point in _points(kind)})


def load(kind: Kind, name: str) -> Factory:
    """The driver `name`.  Raises UnknownDriver when there is none, when its package fails to
    import, or when its class lacks a method of the Protocol."""
    for point in _points(kind):
        if point.name == name:
            return Factory(_load(kind, point))
    known = ", ".join(names(kind)) or "none"
    raise UnknownDriver(f"no driver {name!r} among the {kind}; there are: {known}")


def _load(kind: Kind, point: EntryPoint) -> type:
    about = f"driver {point.name!r} ({point.value})"
    try:
        cls = point.load()
    except Exception as error:  # another's package, in any state
        raise UnknownDriver(f"{about} fails: {error}") from error
    if not (isinstance(cls, type) and hasattr(cls, "Options")):
        raise UnknownDriver(f"{about} is not a driver class")
    lacking: list[list[str]] = [_lacking(cls, protocol) for protocol in _PROTOCOLS[kind]]
    if lacking and all(lacking):
        fewest = min(lacking, key=len)
        raise UnknownDriver(f"{about} lacks {', '.join(fewest)}")
    return cls


def _lacking(cls: type, protocol: type) -> list[str]:
    """The methods and nested classes of `protocol` that `cls` does not have.  A property may be
    an attribute that the constructor sets, so properties are not looked for."""
    methods = [name for name, value in vars(protocol).items() if callable(value)]
    nested = [
        name for name in vars(protocol).get("__annotations__", {}) if name.endswith("Options")
    ]
    wanted = [name for name in (*nested, *methods) if not name.startswith("_")]
    return [name for name in wanted if not hasattr(cls, name)]


def _points(kind: Kind) -> list[EntryPoint]:
    return list(entry_points(group=f"garita.{kind}"))
