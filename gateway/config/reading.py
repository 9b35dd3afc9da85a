"""Reads a TOML file into tables that pydantic validates, with the line of every mistake."""

from __future__ import annotations

import re
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


def read(path: Path, model: type[Table], hint: str = SCHEMA_HINT) -> tuple[Table, KeyLines, bytes]:
    """The tables of the file at `path`, the lines of its keys, and its bytes.

    `hint` says where the keys are explained.  Raises ConfigError with every mistake.
    """
    name = str(path)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(
            [Mistake(name, 0, "", _("can't be read: {error}").format(error=system(error.strerror)))]
        ) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError([Mistake(name, line, "", _("not UTF-8 text"))]) from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else 0
        raise ConfigError(
            [Mistake(name, line, "", _("not valid TOML: {error}").format(error=error))]
        ) from error
    lines = KeyLines(text)
    try:
        return model.model_validate(data), lines, raw
    except ValidationError as error:
        raise ConfigError(
            in_order(
                Mistake(name, lines.find(item["loc"]), dotted(item["loc"]), reason(item, hint))
                for item in error.errors()
            )
        ) from error
