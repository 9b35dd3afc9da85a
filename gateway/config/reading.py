"""Reads a TOML file into tables that pydantic validates, with the line of every mistake."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gateway.config.mistakes import (
    SCHEMA_HINT,
    ConfigError,
    KeyLines,
    Mistake,
    dotted,
    in_order,
    reason,
)
from gateway.locale import _, system

Table = TypeVar("Table", bound=BaseModel)
MOST_BYTES = 1024 * 1024


def read_file(path: Path) -> bytes:
    """The bytes of the file at `path`, as they are at one moment: a file that another one replaces
    meanwhile is read to its end.  Raises ConfigError for what can't be read, is not a file, or is
    larger than MOST_BYTES."""

    def wrong(why: str) -> ConfigError:
        return ConfigError([Mistake(str(path), 0, "", why)])

    try:
        # Without O_NONBLOCK a pipe of that name would hold us until somebody writes into it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise wrong(_("not a file"))
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise wrong(_("can't be read: {error}").format(error=system(error.strerror))) from error
    if len(raw) > MOST_BYTES:
        raise wrong(_("larger than {most} bytes").format(most=MOST_BYTES))
    return raw


def read(path: Path, model: type[Table], hint: str = SCHEMA_HINT) -> tuple[Table, KeyLines, bytes]:
    """The tables of the file at `path`, the lines of its keys, and its bytes.

    `hint` says where the keys are explained.  Raises ConfigError with every mistake.
    """
    raw = read_file(path)
    table, lines = parse(raw, str(path), model, hint)
    return table, lines, raw


def parse(
    raw: bytes, name: str, model: type[Table], hint: str = SCHEMA_HINT
) -> tuple[Table, KeyLines]:
    """The tables of a text, and the lines of its keys; mistakes name the file `name`."""
    try:
        text = raw.decode("utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError([Mistake(name, line, "", _("not UTF-8 text"))]) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else 0
        raise ConfigError(
            [Mistake(name, line, "", _("not valid TOML: {error}").format(error=error))]
        ) from error
    except RecursionError as error:
        raise ConfigError([Mistake(name, 0, "", _("nested too deeply"))]) from error
    lines = KeyLines(text)
    try:
        return model.model_validate(data), lines
    except ValidationError as error:
        raise ConfigError(
            in_order(
                Mistake(name, lines.find(item["loc"]), dotted(item["loc"]), reason(item, hint))
                for item in error.errors()
            )
        ) from error
