"""A configuration that is there already, with what was asked changed, and nothing else.

tomlkit keeps comments, order and layout.  What comes out is read as `garita check` reads it before
anything is written.
"""

from __future__ import annotations

import difflib
import secrets
from pathlib import Path
from typing import Any

import tomlkit

from gateway import config
from gateway.config import Settings
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.tables import Tables
from gateway.locale import GaritaError, worded
from gateway.setup.draft import CREDENTIAL, Draft, Places, mqtt


class NotEditable(GaritaError):
    """What was asked can't be changed by a set-up; the message says why and where it is done."""


def as_it_is(tables: Tables, door: str = "") -> Draft:
    """What a configuration says of its gate and of one door: the one named, or the first.  For a
    door that is not there yet, what the site has in common."""
    site = tables.site
    said: dict[str, Any] = {
        "gateway": site.gateway,
        "timezone": site.timezone,
        "language": site.language,
        "door": door or next(iter(tables.doors), "main-gate"),
        "credential": site.key_file.startswith("credential:"),
    }
    if tables.mqtt is not None:
        said |= {"broker": tables.mqtt.host, "broker_port": tables.mqtt.port}
    if (table := tables.doors.get(said["door"])) is not None:
        said |= {"channel": table.channel, "fail": table.fail, "pulse_s": table.pulse_s}
        if (reader := tables.readers.get(table.reader or "")) is not None:
            said |= {"reader_driver": reader.driver, "reader_port": reader.port}
            said |= {"reader_baudrate": reader.baudrate}
        if (lock := tables.locks.get(table.lock or "")) is not None:
            said |= {"lock_driver": lock.driver, "lock_port": lock.port}
            said |= {"channels": int(lock.options.get("channels", 1))}
        if (camera := tables.cameras.get(table.camera or "")) is not None:
            said["camera"] = str(camera.options.get("source", ""))
    return Draft(**said)


def changed(text: str, before: Draft, after: Draft, places: Places) -> str:
    """The text of a configuration with the differences between two drafts.  Raises NotEditable."""
    new = {key for key in Draft.__slots__ if getattr(before, key) != getattr(after, key)}
    if not new:
        return text
    document = tomlkit.parse(text)
    root: Any = document
    for key in ("gateway", "timezone", "language"):
        if key in new:
            root["site"][key] = getattr(after, key)
    if "credential" in new:
        root["site"]["key_file"] = CREDENTIAL if after.credential else str(places.key_file)
    if new & {"broker", "broker_port"}:
        if after.broker:
            table = root.setdefault("mqtt", tomlkit.table())
            table.pop("brokers", None)
            table.update(mqtt(after, places))
        else:
            root.pop("mqtt", None)
    if after.door not in root.get("doors", {}):
        return _with_door(document, after)
    _door(root, new, after)
    return str(tomlkit.dumps(document))


_READER = {"reader_driver": "driver", "reader_port": "port", "reader_baudrate": "baudrate"}
_LOCK = {"lock_driver": "driver", "lock_port": "port"}


def _door(root: Any, new: set[str], after: Draft) -> None:
    """Change a door that is there, its reader, its lock and its camera."""
    door = root["doors"][after.door]
    for kind, keys in (("readers", _READER), ("locks", _LOCK)):
        if new & set(keys):
            name = door.get(kind.removesuffix("s"), "")
            table = root.get(kind, {}).get(name)
            where = f"{kind}.{name}"
            if table is None or "bus" in table or "reader" in table:
                raise NotEditable(
                    worded(
                        "{table} is not on a port of its own: change it in the file"
                        " (docs/osdp.md, docs/drivers.md)",
                        table=where,
                    )
                )
            table.update({keys[key]: getattr(after, key) for key in keys if key in new})
    if "channels" in new and (board := root.get("locks", {}).get(door.get("lock", ""))):
        board.setdefault("options", tomlkit.inline_table())["channels"] = after.channels
    for key in ("channel", "fail", "pulse_s"):
        if key in new:
            door[key] = getattr(after, key)
    if "camera" in new:
        _camera(root, door, after)


def _camera(root: Any, door: Any, after: Draft) -> None:
    if not after.camera:
        door.pop("camera", None)
        return
    source: str | int = int(after.camera) if after.camera.isdecimal() else after.camera
    name = door.setdefault("camera", after.door)
    cameras = root.setdefault("cameras", tomlkit.table(is_super_table=True))
    table = cameras.setdefault(name, tomlkit.table())
    table.setdefault("options", tomlkit.inline_table())["source"] = source


def _with_door(document: Any, after: Draft) -> str:
    """A further door at the end of the file: its own reader, and a relay of a board that is there
    if it has that port.  Whoever may pass everywhere (the level `all`) may pass it."""
    boards = document.get("locks", {})
    board = next((n for n, t in boards.items() if t.get("port") == after.lock_port), None)
    lock = board or (f"{after.door}-board" if "board" in boards else "board")
    text = tomlkit.dumps(document).rstrip("\n") + "\n"
    made: Any = tomlkit.document()
    made.add(
        "readers",
        _nested(
            f"{after.door}-in",
            driver=after.reader_driver,
            port=after.reader_port,
            baudrate=after.reader_baudrate,
        ),
    )
    if board is None:
        options = tomlkit.inline_table()
        options["channels"] = after.channels
        made.add(
            "locks", _nested(lock, driver=after.lock_driver, port=after.lock_port, options=options)
        )
    facts: dict[str, Any] = {"mode": "badge", "reader": f"{after.door}-in", "lock": lock}
    facts |= {"channel": after.channel, "pulse_s": after.pulse_s, "fail": after.fail}
    if after.camera:
        source: str | int = int(after.camera) if after.camera.isdecimal() else after.camera
        options = tomlkit.inline_table()
        options["source"] = source
        made.add("cameras", _nested(after.door, options=options))
        facts["camera"] = after.door
    made.add("doors", _nested(after.door, **facts))
    whole: Any = tomlkit.parse(text + "\n" + tomlkit.dumps(made))
    options = whole["locks"][lock].setdefault("options", tomlkit.inline_table())
    if after.channels > options.get("channels", 1):
        options["channels"] = after.channels
    if (level := whole.get("access_levels", {}).get("all")) is not None:
        level.setdefault("doors", tomlkit.inline_table())[after.door] = "always"
    return str(tomlkit.dumps(whole))


def _nested(name: str, **facts: Any) -> Any:
    outer, table = tomlkit.table(is_super_table=True), tomlkit.table()
    table.update(facts)
    outer.add(name, table)
    return outer


def checked(text: str, places: Places) -> Settings:
    """The settings that `text` makes in the place of the configuration.  Raises ConfigError with
    the mistakes of the file that it would be, and OSError."""
    path = places.config.with_name(f".garita-{secrets.token_hex(8)}.toml")
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return config.load(path)
    except ConfigError as error:
        shown = [Mistake(places.config.name, m.line, m.key, m.reason) for m in error.mistakes]
        raise ConfigError(shown) from error
    finally:
        path.unlink(missing_ok=True)


def difference(before: str, after: str, path: Path) -> str:
    """What would change, as diff -u shows it."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm="", n=1
    )
    return "\n".join(lines)
