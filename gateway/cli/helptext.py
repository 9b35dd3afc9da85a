"""Help and usage errors in the language in use.

Help stands in the code as English literals (docstrings of commands, `help=`, names of panels) and
is looked up where it is shown.  Each paragraph is one message.  Square brackets in it are text:
Rich would take `[doors]` for markup and print nothing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from rich.markup import escape
from typer import rich_utils
from typer.core import TyperArgument, TyperGroup

from gateway.locale import N_, _

# Typer's own words.  It takes most of them from gettext when it is imported, some never.
_PLACES = {
    "DEPRECATED_STRING": N_("(deprecated) "),
    "DEFAULT_STRING": N_("[default: {}]"),
    "ENVVAR_STRING": N_("[env var: {}]"),
    "REQUIRED_LONG_STRING": N_("[required]"),
    "ARGUMENTS_PANEL_TITLE": N_("Arguments"),
    "OPTIONS_PANEL_TITLE": N_("Options"),
    "COMMANDS_PANEL_TITLE": N_("Commands"),
    "ERRORS_PANEL_TITLE": N_("Error"),
    "ABORTED_TEXT": N_("Aborted."),
    "RICH_HELP": N_("Try [blue]'{command_path} {help_option}'[/] for help."),
}
_TYPES = {
    "str": N_("text"),
    "int": N_("whole number"),
    "float": N_("number"),
    "path": N_("path"),
    "file": N_("file"),
    "directory": N_("folder"),
}
_PIECES = {
    "[OPTIONS]": N_("[OPTIONS]"),
    "COMMAND [ARGS]...": N_("COMMAND [ARGS]..."),
}
_USAGE = N_("Usage: ")

# What Click and Typer say of a wrong command line, by pattern: they build it from English pieces.
_ERRORS: tuple[tuple[str, str], ...] = (
    (r"Missing option (?P<name>'.*')\.?(?P<more>.*)", N_("Option {name} is missing.{more}")),
    (r"Missing argument (?P<name>'.*')\.?(?P<more>.*)", N_("Argument {name} is missing.{more}")),
    (r"Missing command\.", N_("A command is missing.")),
    (
        r"No such option: (?P<name>\S+) \(Possible options: (?P<names>.*)\)",
        N_("There is no option {name}. Similar: {names}"),
    ),
    (r"No such option: (?P<name>\S+)", N_("There is no option {name}.")),
    (
        r"No such command (?P<name>'.*')\. Did you mean (?P<names>.*)\?",
        N_("There is no command {name}. Similar: {names}"),
    ),
    (r"No such command (?P<name>'.*')\.", N_("There is no command {name}.")),
    (
        r"Got unexpected extra argument\(s\) \((?P<names>.*)\)",
        N_("More arguments than expected: {names}"),
    ),
    (r"Option (?P<name>'.*') does not take a value\.", N_("Option {name} takes no value.")),
    (r"Option (?P<name>'.*') requires an argument\.", N_("Option {name} needs a value.")),
    (
        r"Option (?P<name>'.*') requires (?P<n>\d+) arguments\.",
        N_("Option {name} needs {n} values."),
    ),
    (
        r"Argument (?P<name>'.*') takes (?P<n>\d+) values\.",
        N_("Argument {name} takes {n} values."),
    ),
    (r"Invalid value for (?P<name>'.*'): (?P<why>.*)", N_("{name} can't be so: {why}")),
    (r"Invalid value: (?P<why>.*)", N_("That value can't be used: {why}")),
)
_REASONS: tuple[tuple[str, str], ...] = (
    (r"Input should be a valid integer.*", N_("it must be a whole number")),
    (r"Input should be a valid number.*", N_("it must be a number")),
    (r"Input should be a finite number.*", N_("it must be a number")),
    (r"Input should be greater than or equal to (?P<n>\S+)", N_("it must be at least {n}")),
    (r"Input should be less than or equal to (?P<n>\S+)", N_("it must be at most {n}")),
    (r"Input should be greater than (?P<n>\S+)", N_("it must be more than {n}")),
    (r"Input should be less than (?P<n>\S+)", N_("it must be less than {n}")),
    (
        r"(?:Value error, )?(?P<value>'.*') is not one of (?P<names>.*?)\.?",
        N_("{value} is not one of {names}"),
    ),
    (r"\S+ (?P<path>'.*') does not exist\.", N_("{path} does not exist")),
    (r"\S+ (?P<path>'.*') is a file\.", N_("{path} is a file")),
    (r"\S+ (?P<path>'.*') is a directory\.", N_("{path} is a folder")),
    (r"\S+ (?P<path>'.*') is not readable\.", N_("{path} can't be read")),
    (r"\S+ (?P<path>'.*') is not writable\.", N_("{path} can't be written")),
)


def paragraphs(text: str) -> list[str]:
    """The messages of a help text: its paragraphs, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def said(text: str | None) -> str | None:
    """A help text in the language in use, safe for Rich."""
    if not text:
        return text
    return "\n\n".join(escape(_(part)) for part in paragraphs(text))


def prepare() -> None:
    """Give Typer its own words in the language in use."""
    for name, text in _PLACES.items():
        setattr(rich_utils, name, _(text))


def pieces(usage: list[str]) -> list[str]:
    """The parts of a usage line; the names of arguments stay."""
    return [_(_PIECES[piece]) if piece in _PIECES else piece for piece in usage]


def usage_prefix() -> str:
    return _(_USAGE)


def shown(command: Any, listed: Callable[[str], Any] | None = None) -> Any:
    """A copy of a command or group whose help is in the language in use, to be formatted."""
    spoken = copy.copy(command)
    spoken.help = said(command.help)
    spoken.short_help = said(command.short_help)
    spoken.epilog = said(command.epilog)
    if getattr(command, "rich_help_panel", None):
        spoken.rich_help_panel = _(command.rich_help_panel)
    more: dict[str, Any] = {"get_params": lambda ctx: list(_params(command.get_params(ctx)))}
    if isinstance(command, TyperGroup) and listed is not None:
        more["get_command"] = lambda ctx, name: shown(listed(name))
    vars(spoken).update(more)
    return spoken


def _params(params: list[Any]) -> Iterator[Any]:
    for param in params:
        spoken = copy.copy(param)
        spoken.help = said(param.help)
        if getattr(param, "rich_help_panel", None):
            spoken.rich_help_panel = _(param.rich_help_panel)
        if getattr(param, "is_flag", False):
            vars(spoken)["display_type_rich"] = lambda ctx: None
        else:
            vars(spoken)["display_type"] = lambda ctx, of=param: _type(of.display_type(ctx=ctx))
            if isinstance(param, TyperArgument):
                vars(spoken)["display_type_rich"] = spoken.display_type
        yield spoken


def _type(shown_type: str) -> str:
    """`<int range>` as `<whole number>`; choices stay, they are what is typed."""
    name = shown_type.strip("<>").removesuffix(" range")
    many = name.startswith("list[") and name.endswith("]")
    name = name[5:-1] if many else name
    if name not in _TYPES:
        return shown_type
    word = _(_TYPES[name])
    return f"<{word}>..." if many else f"<{word}>"


def show_error(error: Any) -> None:
    """Print what is wrong with a command line."""
    prepare()
    rich_utils.rich_format_error(_Said(error))  # type: ignore[arg-type]


class _Said:
    """A usage error with its message in the language in use."""

    def __init__(self, error: Any) -> None:
        self.ctx = getattr(error, "ctx", None)
        self._text = usage_error(error.format_message())

    def format_message(self) -> str:
        return self._text


def usage_error(text: str) -> str:
    """What Click or Typer says of a command line, in the language in use."""
    for pattern, words in _ERRORS:
        if found := re.fullmatch(pattern, text.strip(), re.DOTALL):
            facts = found.groupdict()
            if "why" in facts:
                facts["why"] = _matched(_REASONS, facts["why"])
            return _(words).format(**facts).strip()
    return text


def _matched(table: tuple[tuple[str, str], ...], text: str) -> str:
    for pattern, words in table:
        if found := re.fullmatch(pattern, text.strip(), re.DOTALL):
            return _(words).format(**found.groupdict())
    return text
