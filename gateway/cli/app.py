"""The command classes: our help, our context, and groups that are loaded when they are used.

`App` is Typer with these as its defaults.  `LazyGroup` knows its commands by a table, name, help
and where the code is, so that `garita --help` and `garita version` import none of them.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.exceptions import TyperException

from gateway import locale
from gateway.cli import language
from gateway.cli.context import Context, config_option
from gateway.locale import _

REFUSED, UNREACHABLE = 1, 5
HELP_OPTIONS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


class Flag(TyperOption):
    """A flag that is taken as it is: Typer would load pydantic to look at a bool."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        return self.callback(ctx, self, value) if self.callback is not None else value


class _Spoken:
    """Help in the language in use, for commands and groups alike."""

    context_class: type[Any] = Context

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.__class__ = Flag
        return option

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        from gateway.cli import helptext  # noqa: PLC0415 - brings Rich, which not all need

        pieces = helptext.pieces(self.collect_usage_pieces(ctx))  # type: ignore[attr-defined]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=helptext.usage_prefix())

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from typer import rich_utils  # noqa: PLC0415

        from gateway.cli import helptext  # noqa: PLC0415

        helptext.prepare()
        spoken = helptext.shown(self, getattr(self, "listed", None))
        rich_utils.rich_format_help(obj=spoken, ctx=ctx, markup_mode="rich")


class Command(_Spoken, TyperCommand):
    """One command.  It has `-c` if its function takes a `Context`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        function = getattr(self.callback, "__wrapped__", None)
        if function is not None:
            kinds = inspect.get_annotations(function).values()
            if any(kind is Context or kind == "Context" for kind in kinds):
                self.params.append(config_option())


class Group(_Spoken, TyperGroup):
    """A group of commands."""

    def listed(self, name: str) -> Any:
        """The command as `--help` of this group shows it."""
        return self.commands[name]


class App(typer.Typer):
    """Typer with our classes: without arguments it shows its help."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "cls": Group,
            "no_args_is_help": True,
            "add_completion": False,
            "pretty_exceptions_enable": False,
            "context_settings": HELP_OPTIONS,
        }
        super().__init__(**{**defaults, **options})

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        options.setdefault("cls", Command)
        return super().command(name, **options)


@dataclass(frozen=True)
class Entry:
    """A command or group that is not loaded yet."""

    target: str
    """``module:name`` of an `App`, or of a function."""
    panel: str
    help: str


class LazyGroup(Group):
    """A group whose commands are imported one by one, each when it is used."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loaded: dict[str, Any] = dict(self.commands)
        self.commands = {
            name: Command(name, help=entry.help, rich_help_panel=entry.panel)
            for name, entry in self.entries.items()
        } | self._loaded

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self._loaded and cmd_name in self.entries:
            self._loaded[cmd_name] = self._load(cmd_name)
        return self._loaded.get(cmd_name)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Names and help from the table alone."""
        spoken = Group(name=self.name, commands=dict(self.commands), params=self.params)
        return spoken.shell_complete(ctx, incomplete)

    def _load(self, name: str) -> Any:
        entry = self.entries[name]
        module, _colon, attribute = entry.target.partition(":")
        thing = getattr(import_module(module), attribute)
        if isinstance(thing, typer.Typer):
            made = typer.main.get_group(thing)
            made.name, made.help, made.rich_help_panel = name, entry.help, entry.panel
            return made
        single = App(no_args_is_help=False)
        single.command(name, help=inspect.getdoc(thing))(thing)
        return typer.main.get_command(single)


class Root(LazyGroup):
    """`garita` itself: chooses the language, and says an error in a sentence."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        for param in self.params:
            if getattr(param, "is_flag", False):
                param.__class__ = Flag
        return super().make_context(*args, **extra)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        locale.use(language.chosen(given))
        run = super().main
        if not standalone_mode:
            return run(given, prog_name, complete_var, False, windows_expand_args, **extra)
        try:
            code = run(given, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            if type(error).__name__ != "NoArgsIsHelpError":
                from gateway.cli import helptext  # noqa: PLC0415 - brings Rich

                helptext.show_error(error)
            sys.exit(error.exit_code)
        except typer.Abort:
            print(_("Aborted."), file=sys.stderr)
            sys.exit(REFUSED)
        except (BrokenPipeError, KeyboardInterrupt):
            # The reader of our output went away, or the user did: nothing to explain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(130)
        except Exception as error:
            if os.environ.get("GARITA_DEBUG"):
                raise
            sys.exit(_explained(error))
        sys.exit(code if isinstance(code, int) else 0)


def _explained(error: Exception) -> int:
    """Say an error that no command handled; returns the exit code."""
    from gateway.cli import common  # noqa: PLC0415 - an error may take its time
    from gateway.config import parts  # noqa: PLC0415
    from gateway.daemon import control  # noqa: PLC0415

    if isinstance(error, control.ControlError):
        common.err.print(f"garita: {error}", markup=False, soft_wrap=True)
        return UNREACHABLE
    missing = (getattr(error, "name", None) or "").split(".")[0]
    if isinstance(error, ModuleNotFoundError) and missing in parts.EXTRAS:
        text = _("garita: {module} is not installed: {command}").format(
            module=missing, command=parts.command(missing)
        )
        common.err.print(text, markup=False, soft_wrap=True)
        return REFUSED
    text = _("garita: {kind}: {error} (GARITA_DEBUG=1 shows where)").format(
        kind=type(error).__name__, error=error
    )
    common.err.print(text, markup=False, soft_wrap=True)
    return REFUSED
