"""What the help of a command says, as values: for the man pages and the reference of the site.

Everything is in the language in use, from the same words as `-h` (`helptext`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from typer.core import TyperArgument, TyperGroup

from gateway.cli import helptext
from gateway.cli.app import HELP_OPTIONS
from gateway.cli.context import Context


@dataclass(frozen=True)
class Param:
    """One argument or option of a command."""

    names: tuple[str, ...]
    """``("--config", "-c")`` as typed; an argument has its one name."""
    argument: bool
    kind: str
    """What it takes, such as ``<text>`` or ``[on|off]``; empty for a flag."""
    help: str
    default: str
    variable: str
    """The environment variable that stands for it, or empty."""
    required: bool


@dataclass(frozen=True)
class Described:
    """One command or group."""

    path: tuple[str, ...]
    """``("garita", "people", "list")``."""
    usage: str
    """What follows the path on the command line."""
    paragraphs: tuple[str, ...]
    params: tuple[Param, ...]
    commands: tuple[Described, ...]
    """Of a group, in the order of its help."""
    runs: bool
    """A command does something; a group may, without one of its commands."""
    panel: str
    """Under which heading its group lists it; most groups have none."""
    listed: str
    """The one line that its group's help shows for it."""

    @property
    def name(self) -> str:
        return " ".join(self.path)


def described(command: Any, path: tuple[str, ...] = ("garita",), listed: Any = None) -> Described:
    """`command` and all that is below it; `listed` is what its group shows of it."""
    context: Any = Context(command, info_name=path[-1], **HELP_OPTIONS)
    spoken = helptext.shown(command)
    shown = helptext.shown(listed or command)
    below: tuple[Described, ...] = ()
    if isinstance(command, TyperGroup):
        below = tuple(
            described(command.get_command(context, name), (*path, name), _listed(command, name))
            for name in command.list_commands(context)
        )
    return Described(
        path=path,
        usage=" ".join(helptext.pieces(command.collect_usage_pieces(context))),
        paragraphs=_plain(spoken.help),
        params=tuple(_params(spoken, context)),
        commands=below,
        runs=not below or command.invoke_without_command,
        panel=shown.rich_help_panel or "",
        listed=next(iter(_plain(shown.help)), ""),
    )


def everything() -> Described:
    """`garita` and all of its commands."""
    from gateway.cli import tree  # noqa: PLC0415 - loads every command

    _path, root = next(tree.walk())
    return described(root)


def _listed(group: Any, name: str) -> Any:
    return group.listed(name) if hasattr(group, "listed") else group.commands[name]


def _plain(text: str | None) -> tuple[str, ...]:
    """The paragraphs of a help text that was made safe for Rich."""
    return tuple(part.replace("\\[", "[") for part in (text or "").split("\n\n") if part)


def _params(spoken: Any, context: Any) -> Iterator[Param]:
    for param in spoken.get_params(context):
        if getattr(param, "hidden", False):
            continue
        is_argument = isinstance(param, TyperArgument)
        kind = param.display_type_rich(ctx=context) or ""
        limits = param._get_number_range_help_str()
        yield Param(
            names=(_argument(param),)
            if is_argument
            else (*sorted(param.opts, key=len, reverse=True), *param.secondary_opts),
            argument=is_argument,
            kind=f"{kind} [{limits}]" if limits else kind,
            help=" ".join(_plain(param.help)),
            default=_default(param, context),
            variable=str(param.envvar or ""),
            required=bool(param.required),
        )


def _argument(param: Any) -> str:
    many = param.metavar is None and param.nargs != 1
    return f"{param.display_name_raw}{'...' if many else ''}"


def _default(param: Any, context: Any) -> str:
    value = param._extract_default_help_str(ctx=context)
    named = isinstance(param.show_default, str)
    if not named and (value is None or not param.show_default):
        return ""
    return str(
        param._get_default_string(ctx=context, show_default_is_str=named, default_value=value)
    )
