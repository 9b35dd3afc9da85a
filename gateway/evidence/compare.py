"""What changed against an earlier packet, such as last year's: figures, deviations, standing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from gateway.evidence import machine, manifest
from gateway.evidence.errors import PacketError
from gateway.evidence.model import Figure
from gateway.evidence.packet import Change, Section
from gateway.locale import Message, system, worded

MOST_BYTES = 256 << 20
Value = int | float | str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier packet: what its packet.json says, and SHA-256 (hex) of its manifest."""

    told: Mapping[str, Any]
    manifest: str

    @property
    def summary(self) -> dict[str, Any]:
        """As a packet names the one that it compares with."""
        span = self.told["span"]
        return {
            "gateway": str(self.told.get("gateway", "")),
            "first": str(span["first"]),
            "last": str(span["last"]),
            "manifest": self.manifest,
        }


def load(path: Path) -> Earlier:
    """The packet at `path`, a folder or a zip.

    Its files are not verified: the stand-alone programs do that.  Raises PacketError.
    """
    try:
        told, listed = (_read(path, name) for name in (machine.FILE, manifest.FILE))
        found = json.loads(told)
        if not isinstance(found, dict) or found.get("form") != machine.FORM:
            raise ValueError("form")
        known = json.loads(listed)["files"]
        if {"path": machine.FILE, **manifest.facts(told)} not in known:
            raise PacketError(
                worded("{path}: packet.json is not the one of its manifest", path=str(path))
            )
        earlier = Earlier(found, str(manifest.facts(listed)["sha256"]))
        json.dumps(earlier.summary)
        return earlier
    except OSError as error:
        why = system(error.strerror)
        raise PacketError(worded("{path}: {error}", path=str(path), error=why)) from error
    except (ValueError, KeyError, TypeError, RecursionError, RuntimeError, zipfile.BadZipFile) as e:
        raise PacketError(worded("{path} is not a packet of evidence", path=str(path))) from e


def _read(path: Path, name: str) -> bytes:
    if path.is_dir():
        with (path / name).open("rb") as file:
            found = file.read(MOST_BYTES + 1)
    else:
        with zipfile.ZipFile(path) as held, held.open(name) as part:
            found = part.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise ValueError("too large")
    return found


def changes(sections: Sequence[Section], earlier: Earlier) -> list[Change]:
    """What differs in these sections from the earlier packet, in order."""
    before = earlier.told.get("sections")
    known = {
        one["id"]: one
        for one in (before if isinstance(before, list) else ())
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    }
    return [
        change
        for section in sections
        if section.criterion.id in known
        for change in _section(section, known[section.criterion.id])
    ]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two packets, said in one language."""

    criterion: str
    label: str
    then: Value
    now: Value


def between(then: Earlier, now: Earlier, language: str) -> Iterator[Difference]:
    """What differs between two packets that lie there."""
    before = {str(one.get("id")): one for one in _dicts(then.told.get("sections"))}
    for section in _dicts(now.told.get("sections")):
        key = str(section.get("id"))
        if key not in before:
            continue
        old, new = (_all(one, language) for one in (before[key], section))
        for name, (label, value) in new.items():
            if name in old and old[name][1] != value:
                yield Difference(key, label, old[name][1], value)


def _all(section: Mapping[str, Any], language: str) -> dict[str, tuple[str, Value]]:
    """The figures of a section by key, with their labels, and its deviations."""
    found: dict[str, tuple[str, Value]] = {}
    for one in _dicts(section.get("figures")):
        label, value = one.get("label"), one.get("value")
        if _is_value(value):
            said = label.get(language) if isinstance(label, dict) else ""
            found[str(one.get("key"))] = (str(said or one.get("key")), value)
    failed = _dicts(section.get("deviations"))
    still = sum(one.get("open") is True for one in failed)
    found["*deviations"] = (worded("deviations").say(language), len(failed))
    found["*open"] = (worded("deviations still open").say(language), still)
    return found


def _dicts(given: object) -> list[dict[str, Any]]:
    return [one for one in _list(given) if isinstance(one, dict)]


def _section(now: Section, then: Mapping[str, Any]) -> Iterator[Change]:
    key = now.criterion.id
    told = _figures(then.get("figures"))
    for figure in now.figures:
        if figure.key in told and not _same(told[figure.key], figure):
            yield Change(key, figure.label, told[figure.key], figure.value)
    failed = _dicts(then.get("deviations"))
    pairs: tuple[tuple[Message, int, int], ...] = (
        (worded("deviations"), len(failed), len(now.deviations)),
        (
            worded("deviations still open"),
            sum(one.get("open") is True for one in failed),
            sum(one.open for one in now.deviations),
        ),
    )
    for label, old, new in pairs:
        if old != new:
            yield Change(key, label, old, new)


def _figures(given: object) -> dict[str, Value]:
    return {
        str(one["key"]): one["value"]
        for one in _list(given)
        if isinstance(one, dict) and "key" in one and _is_value(one.get("value"))
    }


def _is_value(given: object) -> TypeGuard[Value]:
    return given is None or isinstance(given, int | float | str)


def _same(then: Value, now: Figure) -> bool:
    return then == now.value


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else []
