"""What differs between two configurations, key by key, and whether a running gateway can take it.

`TAKES` says it of every table.  A key that it does not know needs a restart: that is the safe
answer for whatever is added to the file later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.config import Settings
from gateway.config.tables import Tables

Path = tuple[str, ...]
ANY = "*"
LONGEST_VALUE = 200  # characters of a value that are shown
HIDDEN = "(not shown)"


class Takes(StrEnum):
    """How a change of a key comes into force."""

    RELOAD = "reload"  # `garita reload`
    RESTART = "restart"  # the gateway has to start again
    ELSEWHERE = "elsewhere"  # commands and the console read it themselves when they start


TAKES: Mapping[Path, Takes] = {
    ("site",): Takes.RESTART,
    ("holidays",): Takes.RELOAD,
    ("schedules",): Takes.RELOAD,
    ("access_levels",): Takes.RELOAD,
    ("buses",): Takes.RESTART,
    ("readers",): Takes.RESTART,
    ("inputs",): Takes.RESTART,
    ("locks",): Takes.RESTART,
    ("cameras",): Takes.RESTART,
    ("interlocks",): Takes.RESTART,
    # What a door asks of people; its wiring and its times are the hardware's.
    ("doors",): Takes.RESTART,
    ("doors", ANY, "mode"): Takes.RELOAD,
    ("doors", ANY, "mode_out"): Takes.RELOAD,
    ("doors", ANY, "badge_max_age_s"): Takes.RELOAD,
    ("doors", ANY, "on_tamper"): Takes.RELOAD,
    ("doors", ANY, "challenge"): Takes.RELOAD,
    ("doors", ANY, "suspect"): Takes.RELOAD,
    ("doors", ANY, "area"): Takes.RELOAD,
    ("doors", ANY, "from_area"): Takes.RELOAD,
    ("doors", ANY, "remote_open"): Takes.RELOAD,
    ("areas",): Takes.RELOAD,
    ("areas", ANY, "shared"): Takes.RESTART,
    ("requirements",): Takes.RELOAD,
    ("threat_levels",): Takes.RELOAD,
    ("threat",): Takes.RESTART,
    ("threat", "on_unknown"): Takes.RELOAD,
    ("command_keys",): Takes.RESTART,
    ("degraded",): Takes.RELOAD,
    ("presence",): Takes.RELOAD,
    ("health",): Takes.RELOAD,
    ("log",): Takes.RESTART,
    ("peers",): Takes.RESTART,
    ("criteria",): Takes.RESTART,
    ("pin",): Takes.RELOAD,
    ("face",): Takes.RESTART,
    ("face", "threshold"): Takes.RELOAD,
    ("face", "lent_threshold"): Takes.RELOAD,
    ("face", "min_templates"): Takes.RELOAD,
    ("face", "timeout_s"): Takes.RELOAD,
    ("face", "max_frame_age_s"): Takes.RELOAD,
    ("face", "require_consent"): Takes.RELOAD,
    ("face", "keep_pictures"): Takes.RELOAD,
    ("face", "keep_pictures_days"): Takes.RELOAD,
    ("visits",): Takes.ELSEWHERE,
    ("partners",): Takes.ELSEWHERE,
    ("freight",): Takes.ELSEWHERE,
    ("operators",): Takes.RELOAD,
    ("console",): Takes.ELSEWHERE,
    ("console", "account"): Takes.RESTART,
    ("console", "desk_reader"): Takes.RESTART,
    ("evidence",): Takes.ELSEWHERE,
    ("alarms",): Takes.RELOAD,
    ("alarms", "siren"): Takes.RESTART,
    ("patterns",): Takes.ELSEWHERE,
    ("metrics",): Takes.RESTART,
    # The connection is made anew; a gateway without a broker has no part that could.
    ("mqtt",): Takes.RESTART,
    ("mqtt", "host"): Takes.RELOAD,
    ("mqtt", "brokers"): Takes.RELOAD,
    ("mqtt", "port"): Takes.RELOAD,
    ("mqtt", "username"): Takes.RELOAD,
    ("mqtt", "password_file"): Takes.RELOAD,
    ("mqtt", "tls"): Takes.RELOAD,
    ("mqtt", "ca_file"): Takes.RELOAD,
    ("mqtt", "cert_file"): Takes.RELOAD,
    ("mqtt", "key_file"): Takes.RELOAD,
    ("mqtt", "keepalive_s"): Takes.RELOAD,
    ("reports",): Takes.ELSEWHERE,
    ("sync",): Takes.ELSEWHERE,
    ("sync", "sources"): Takes.RESTART,
    ("sync", "bundles"): Takes.RESTART,
}
"""By key; a longer key stands before the table that it is in.  docs/reload.md says the same."""

_SECRET = re.compile(r"password|passwd|secret|token|credential|pin$", re.IGNORECASE)
_WITH_SECRETS = ("options", "embedder_options")  # of drivers: we don't know what they hold
_ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]*)://(?:[^@/\s]*@)?([^/?#\s]*)[^\s]*$", re.IGNORECASE)


def listed(answer: Takes) -> str:
    """The keys with that answer, as config/garita.toml and docs/reload.md have them."""
    return ", ".join(".".join(key) for key, takes_it in TAKES.items() if takes_it is answer)


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs; None is a key that is not there.  `old` and `new` are JSON values."""

    path: Path
    old: Any
    new: Any
    takes: Takes

    @property
    def key(self) -> str:
        """As the file has it, such as ``doors.main-gate.mode``."""
        return ".".join(self.path)

    def shown(self) -> dict[str, Any]:
        """For records and for people: secrets hidden, long values cut."""
        return {"key": self.key, "old": _shown(self.path, self.old), "new": self._new()}

    def _new(self) -> Any:
        return _shown(self.path, self.new)


def differences(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Every key whose value differs, in the order of the file's tables.  A key that is written out
    with its default value is no change.  Other content of the site's file of criteria is one."""
    found = tuple(_walk((), _plain(old.tables), _plain(new.tables)))
    if old.criteria != new.criteria and not any(one.path[0] == "criteria" for one in found):
        labels = old.criteria.label, new.criteria.label
        found += (Change(("criteria", "file"), *labels, takes(("criteria",))),)
    return found


def takes(path: Path, value: Any = None) -> Takes:
    """How a change of this key comes into force; for a whole table (`value`) the answer of the key
    in it that asks for most."""
    answers = {_of(leaf) for leaf, inner in _leaves(path, value) if inner not in (None, [], "")}
    answers.add(_of(path))
    for answer in (Takes.RESTART, Takes.RELOAD):
        if answer in answers:
            return answer
    return Takes.ELSEWHERE


def _of(path: Path) -> Takes:
    found = [key for key in TAKES if len(key) <= len(path) and _fits(key, path)]
    return TAKES[max(found, key=len)] if found else Takes.RESTART


def _fits(key: Path, path: Path) -> bool:
    return all(part in (ANY, given) for part, given in zip(key, path, strict=False))


def _plain(tables: Tables) -> dict[str, Any]:
    plain: dict[str, Any] = tables.model_dump(mode="json", by_alias=True)
    return plain


def _walk(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            yield from _walk((*path, name), old.get(name), new.get(name))
        return
    asks = {takes(path, value) for value in (old, new)}
    worst = next(answer for answer in (Takes.RESTART, *Takes) if answer in asks)
    yield Change(path, old, new, worst)


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves((*path, name), inner)
    else:
        yield path, value


def _shown(path: Path, value: Any) -> Any:
    """The value as a record may have it."""
    name = path[-1] if path else ""
    if any(part in _WITH_SECRETS for part in path):
        return None if value is None else HIDDEN
    if isinstance(value, dict):
        return {key: _shown((*path, key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(path, inner) for inner in value]
    if not isinstance(value, str):
        return value
    if _SECRET.search(name) and not name.endswith("_file") and value:
        return HIDDEN
    if found := _ADDRESS.match(value):  # an address may hold a login, or a token after the `?`
        value = f"{found[1]}://{found[2]}"
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
