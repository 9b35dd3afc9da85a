"""What is wrong with a file, and on which line, since tomllib gives values without places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.locale import N_, GaritaError, _

SCHEMA_HINT = N_("see config/garita.toml, which explains every key")

# pydantic says these in English; its facts have these names.
_WORDS = {
    "bool_type": N_("Input should be a valid boolean"),
    "bool_parsing": N_("Input should be a valid boolean"),
    "int_type": N_("Input should be a valid integer"),
    "int_parsing": N_("Input should be a valid integer"),
    "int_from_float": N_("Input should be a valid integer"),
    "float_type": N_("Input should be a valid number"),
    "float_parsing": N_("Input should be a valid number"),
    "finite_number": N_("Input should be a finite number"),
    "string_type": N_("Input should be a valid string"),
    "list_type": N_("Input should be a valid list"),
    "dict_type": N_("Input should be a valid table"),
    "model_type": N_("Input should be a valid table"),
    "greater_than": N_("Input should be greater than {gt}"),
    "greater_than_equal": N_("Input should be greater than or equal to {ge}"),
    "less_than": N_("Input should be less than {lt}"),
    "less_than_equal": N_("Input should be less than or equal to {le}"),
    "literal_error": N_("Input should be {expected}"),
    "enum": N_("Input should be {expected}"),
    "string_too_short": N_("String should have at least {min_length} characters"),
    "string_too_long": N_("String should have at most {max_length} characters"),
    "string_pattern_mismatch": N_("String should match pattern '{pattern}'"),
    "too_short": N_("should have at least {min_length} items"),
    "too_long": N_("should have at most {max_length} items"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong.  `line` is 0 if there is none, as for a key that is missing."""

    file: str
    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.reason}" if self.key else f"{where}: {self.reason}"


class ConfigError(GaritaError):
    """The file can't be used; `mistakes` holds all of them, in the order of the file."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(map(str, mistakes)))


Loc = tuple[int | str, ...]


class KeyLines:
    """Finds the line of a key in TOML text, well enough for a message: tables by their
    headers, keys by their names below them."""

    _HEADER = re.compile(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
    _KEY = re.compile(
        r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*="""
    )

    def __init__(self, text: str) -> None:
        self._lines: dict[Loc, int] = {}
        table: Loc = ()
        arrays: Counter[Loc] = Counter()
        for number, line in enumerate(text.splitlines(), 1):
            if header := self._HEADER.match(line):
                table = self._split(header[1])
                if line.lstrip().startswith("[["):
                    arrays[table] += 1
                    table = (*table, arrays[table] - 1)
                self._lines.setdefault(table, number)
            elif key := self._KEY.match(line):
                self._lines.setdefault((*table, *self._split(key[1])), number)

    @staticmethod
    def _split(text: str) -> Loc:
        parts = re.findall(r"""\"([^\"]*)\"|'([^']*)'|([\w-]+)""", text)
        return tuple(next(p for p in part if p) if any(part) else "" for part in parts)

    def find(self, loc: Loc) -> int:
        """The line of `loc`, or of the nearest thing around it; 0 if there is none."""
        while loc:
            if loc in self._lines:
                return self._lines[loc]
            loc = loc[:-1]
        return 0


def dotted(loc: Loc) -> str:
    """A place as it is written in the file: ``doors.gate.pulse_s``."""
    return ".".join(str(part) for part in loc if part != "[key]")


def reason(item: Mapping[str, Any], hint: str = SCHEMA_HINT) -> str:
    """One of pydantic's errors in words for an installer; `hint` says where keys are explained."""
    kind, facts = item["type"], item.get("ctx") or {}
    if kind == "extra_forbidden":
        return _("unknown key; {hint}").format(hint=_(hint))
    if kind == "missing":
        return _("missing; {hint}").format(hint=_(hint))
    if kind == "value_error":
        return str(facts.get("error", item["msg"])).removeprefix("Value error, ")
    if kind in _WORDS:
        if "expected" in facts:
            last = _("or")
            facts = {"expected": str(facts["expected"]).replace(" or ", f" {last} ")}
        return _(_WORDS[kind]).format(**facts)
    return str(item["msg"])


def located(path: Path, found: Iterable[tuple[Loc, str]]) -> list[Mistake]:
    """Mistakes that were found after the file was read, with their lines in it."""
    lines = KeyLines(path.read_text(encoding="utf-8-sig"))
    return in_order(Mistake(str(path), lines.find(loc), dotted(loc), why) for loc, why in found)


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """As they come in the file."""
    return sorted(mistakes, key=lambda mistake: (mistake.line, mistake.key))
