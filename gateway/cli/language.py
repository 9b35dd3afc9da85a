"""Which language a command speaks; known before it prints anything, its help too.

In this order: GARITA_LANG; `site.language` of the configuration that the command will use;
LC_ALL, LC_MESSAGES or LANG; English.  A configuration that can't be read is passed over here: the
command itself says what is wrong with it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway import locale
from gateway.cli.context import CONFIG_VARIABLE, DEFAULT_CONFIG

VARIABLE = "GARITA_LANG"
_OF_SYSTEM = ("LC_ALL", "LC_MESSAGES", "LANG")
_MAX_BYTES = 4 << 20  # no configuration is larger; a device or a log given by mistake is


def chosen(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str:
    """The language for a command line, without the program's name."""
    wanted = environment.get(VARIABLE, "")
    if wanted in locale.LANGUAGES:
        return wanted
    return _of_site(config_path(arguments, environment)) or _of_system(environment)


def config_path(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Path:
    """The configuration file that a command line names, or the default."""
    path = environment.get(CONFIG_VARIABLE) or str(DEFAULT_CONFIG)
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            break
        if argument in ("-c", "--config"):
            path = next(rest, path)
        elif argument.startswith("--config="):
            path = argument.removeprefix("--config=")
        elif argument.startswith("-c") and not argument.startswith("--"):
            path = argument[2:].removeprefix("=")
    return Path(path)


def _of_site(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return ""
        site = tomllib.loads(path.read_text(encoding="utf-8")).get("site", {})
        language = site.get("language", "en") if isinstance(site, dict) else ""
    except (OSError, ValueError, RecursionError):
        return ""
    return language if language in locale.LANGUAGES else ""


def _of_system(environment: Mapping[str, str]) -> str:
    for name in _OF_SYSTEM:
        if value := environment.get(name):
            language = value.replace("-", "_").split("_")[0].split(".")[0].lower()
            return language if language in locale.LANGUAGES else "en"
    return "en"
