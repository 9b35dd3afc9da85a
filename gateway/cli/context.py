"""The context of one command: which configuration, and what a command does with it.

`-c FILE` is declared here, once: `garita -c FILE status` and `garita status -c FILE` are the same,
and GARITA_CONFIG stands for it where neither is given.  A command that needs the configuration
asks for `ctx: Context`; `gateway.cli.app.Command` then gives it the option.

Nothing heavy is imported until a command uses it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperOption

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.ledger.operator import Operator
    from gateway.people.operators import Operators

DEFAULT_CONFIG = Path("/etc/garita/garita.toml")
CONFIG_VARIABLE = "GARITA_CONFIG"
_META = "garita.config"


class Context(typer.Context):
    """What a command works with.  Settings are read when they are first used, and once."""

    @property
    def config(self) -> Path:
        """The configuration file that this command was given."""
        path: Path = self.meta.get(_META, DEFAULT_CONFIG)
        return path

    @cached_property
    def settings(self) -> Settings:
        """The validated configuration; every mistake on stderr and exit code 4 if it has any."""
        from gateway.cli import common  # noqa: PLC0415 - see the module's docstring

        return common.settings(self.config)

    @property
    def operator(self) -> Operator:
        """Who gives the order, for the record."""
        from gateway.cli import common  # noqa: PLC0415

        return common.operator(self.settings)

    @property
    def operators(self) -> Operators:
        """The operators of the site."""
        from gateway.cli import common  # noqa: PLC0415

        return common.operators(self.settings)

    def ask(self, op: str, **params: Any) -> dict[str, Any]:
        """Ask the running gateway; exit code 5 if it does not answer, 1 if it refuses."""
        from gateway.cli import common  # noqa: PLC0415

        return common.ask(self.settings, op, **params)

    def nudge(self) -> None:
        """Have what was just done recorded at once."""
        from gateway.cli import common  # noqa: PLC0415

        common.nudge(self.settings)

    def say(self, text: str) -> None:
        """One sentence on stdout, as it is: brackets in a name are not markup."""
        from gateway.cli import common  # noqa: PLC0415

        common.say(text)

    def json(self, value: Any) -> None:
        """One JSON document on stdout."""
        from gateway.cli import common  # noqa: PLC0415

        common.print_json(value)

    def stop(self, message: str, code: int) -> NoReturn:
        """Say on stderr what is wrong, and end with `code`."""
        from gateway.cli import common  # noqa: PLC0415

        common.fail(message, code)


class ConfigOption(TyperOption):
    """`-c FILE`.  What the command itself was given wins over what `garita` was given, that over
    the environment, that over the default."""

    def process_value(self, ctx: Any, value: Any) -> Any:
        source = ctx.get_parameter_source(self.name)
        given = source is not None and source.name == "COMMANDLINE"
        if given or _META not in ctx.meta:
            ctx.meta[_META] = Path(value)
        return None


def config_option() -> ConfigOption:
    """A new `-c` for a command or a group."""

    def declared(
        config: Annotated[
            Path,
            typer.Option(
                "--config",
                "-c",
                envvar=CONFIG_VARIABLE,
                help="The site's configuration file.",
                show_default=True,
                expose_value=False,
            ),
        ] = DEFAULT_CONFIG,
    ) -> None: ...

    one = typer.Typer(add_completion=False)
    one.command()(declared)
    made = typer.main.get_command(one).params[0]
    # Typer has no public way to make an option without a command: its own is taken over.
    made.__class__ = ConfigOption
    assert isinstance(made, ConfigOption)
    return made
