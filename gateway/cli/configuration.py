"""`garita reload`, `garita config` and `garita check --diff`: other settings for a running gateway,
and back to those of before."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.table import Table

from gateway import config
from gateway.cli import common
from gateway.cli.app import App
from gateway.cli.configschema import schema
from gateway.cli.context import Context
from gateway.config import Settings, kept
from gateway.config.differences import Takes, differences
from gateway.config.tables import SiteTable
from gateway.daemon import control
from gateway.locale import N_, _, system
from gateway.vault.files import DamagedFile, write_whole
from gateway.wording import words

app = App(help="Configurations that were in force, and back to one.")
app.command()(schema)

_TAKES = {
    Takes.RELOAD: N_("garita reload"),
    Takes.RESTART: N_("needs a restart"),
    Takes.ELSEWHERE: N_("counts from the next start of a command or the console"),
}
VersionArgument = Annotated[str, typer.Argument(help="As `garita config history` shows it.")]


def reload(ctx: Context, json: common.JsonOption = False) -> None:
    """Have the running gateway take the changed configuration: all of it or nothing.

    What needs a restart is named, and then nothing was changed.  Exit codes: 0 in force, 1 refused,
    4 the file has mistakes, 5 the gateway is not running.
    """
    answer = common.ask(ctx.settings, "reload", timeout_s=control.LONGEST_S)
    if json:
        common.print_json(answer)
    elif answer.get("mistakes") is None:
        _show(answer["changes"])
    if mistakes := answer.get("mistakes"):
        for mistake in mistakes:
            common.err.print(mistake, markup=False, soft_wrap=True)
        raise typer.Exit(common.BAD_CONFIG)
    if restart := answer.get("restart"):
        said = _("nothing was changed, because this needs a restart: {keys}")
        common.fail(said.format(keys=", ".join(restart)), common.REFUSED)
    if json:
        return
    for warning in answer.get("warnings", ()):
        common.say(_("warning: {warning}").format(warning=warning))
    said = _("in force: {version} (before: {before})")
    if not answer["applied"]:
        said = _("nothing to do: {version} is in force")
    common.say(said.format(**answer))


def show_differences(settings: Settings, *, json: bool) -> None:
    """What of the file is not in force; exit code 3 if something needs a restart."""
    before, source = _in_force(settings)
    if before is None:
        common.fail(_("no configuration was in force here yet"), common.REFUSED)
    changes = differences(before, settings)
    restart = [one.key for one in changes if one.takes is Takes.RESTART]
    shown = [{**one.shown(), "takes": one.takes.value} for one in changes]
    if json:
        about = {"in_force": before.site.policy_version, "running": source == "running"}
        common.print_json({**about, "changes": shown, "restart": restart})
    else:
        said = _("compared with {version}, which is in force")
        if source != "running":
            said = _("compared with {version}, which was in force last; the gateway is stopped")
        common.say(said.format(version=before.site.policy_version))
        _show(shown)
        if restart:
            common.say(_("needs a restart: {keys}").format(keys=", ".join(restart)))
        elif changes:
            common.say(_("garita reload puts it in force"))
        else:
            common.say(_("nothing differs"))
    if restart:
        raise typer.Exit(common.CHECK_FAILED)


@app.command()
def history(ctx: Context, json: common.JsonOption = False) -> None:
    """The configurations that were in force, the newest first.  Works with a file that has
    mistakes too."""
    site = _site(ctx.config)
    folder = site.data_dir / "config"
    try:
        found = kept.kept(folder)
    except OSError as error:
        common.fail(f"{folder}: {system(error.strerror)}", common.UNREACHABLE)
    if json:
        common.print_json([{"version": one.version, "since": one.since} for one in found])
        return
    table = Table(_("version"), _("since"), box=None)
    for one in found:
        table.add_row(one.version, words.moment(one.since, ZoneInfo(site.timezone)))
    common.out.print(table)


@app.command()
def show(ctx: Context, version: VersionArgument) -> None:
    """Print one of them."""
    typer.echo(_kept(_site(ctx.config), version).decode("utf-8-sig"), nl=False)


@app.command()
def back(ctx: Context, version: VersionArgument, json: common.JsonOption = False) -> None:
    """Write one of them into the configuration file, and have the running gateway take it.

    If that needs a restart, the file is written and the gateway has to be restarted.
    """
    path = ctx.config.resolve()
    raw = _kept(_site(path), version)
    try:
        settings = config.load_text(path, raw)
    except config.ConfigError as error:
        common.mistaken(error.mistakes)
    try:
        before = path.stat()
        write_whole(path, raw, mode=before.st_mode & 0o777)
        os.chown(path, before.st_uid, before.st_gid)
    except OSError as error:
        common.fail(f"{path}: {system(error.strerror)}", common.REFUSED)
    try:
        control.ask(settings.socket_path, "status")
    except control.Unreachable:
        common.say(_("{path}: written; it counts when the gateway starts").format(path=path))
        return
    except control.ControlError as error:
        common.fail(str(error), common.UNREACHABLE)
    reload(ctx, json)


def _show(changes: Sequence[Mapping[str, Any]]) -> None:
    for one in changes:
        how = _(_TAKES[Takes(one["takes"])])
        said = _("{key}: {old} -> {new} ({how})")
        common.say(
            said.format(key=one["key"], old=_value(one["old"]), new=_value(one["new"]), how=how)
        )


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inside = ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        inside = ", ".join(map(_value, value))
        return f"[{inside}]"
    return str(value)


def _in_force(settings: Settings) -> tuple[Settings | None, str]:
    """What is in force: as the running gateway says, or else what was in force last."""
    try:
        answer = control.ask(settings.socket_path, "config")
        return config.load_text(settings.path, str(answer["text"]).encode()), "running"
    except control.Unreachable:
        pass
    except control.ControlError as error:
        common.fail(str(error), common.UNREACHABLE)
    try:
        found = kept.kept(settings.kept_path)
        return (config.load_text(settings.path, found[0].read()), "kept") if found else (None, "")
    except OSError as error:
        common.fail(f"{settings.kept_path}: {system(error.strerror)}", common.UNREACHABLE)
    except DamagedFile as error:
        common.fail(str(error), common.UNREACHABLE)


def _site(path: Path) -> SiteTable:
    """The table [site] with whole paths.  If the file has mistakes, what can be read of it, or what
    a package sets up: whoever goes back to a good file has a bad one."""
    try:
        return config.load(path).tables.site
    except config.ConfigError:
        pass
    given: dict[str, Any] = {"gateway": "gate", "timezone": "UTC"}
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        given |= tomllib.loads(path.read_text("utf-8-sig"))["site"]
    try:
        site = SiteTable.model_validate(given)
    except ValidationError:
        site = SiteTable(gateway="gate", timezone="UTC")
    base = path.resolve().parent
    folders = {"data_dir": base / site.data_dir, "run_dir": base / site.run_dir}
    return site.model_copy(update=folders)


def _kept(site: SiteTable, version: str) -> bytes:
    """The content of one of them; ends the command if there is none."""
    folder = site.data_dir / "config"
    try:
        found = kept.find(folder, version)
        if found is None:
            said = _("no configuration {version} is kept: garita config history")
            common.fail(said.format(version=version), common.REFUSED)
        return found.read()
    except OSError as error:
        common.fail(f"{folder}: {system(error.strerror)}", common.UNREACHABLE)
    except DamagedFile as error:
        common.fail(str(error), common.UNREACHABLE)
