"""One run of `garita setup`: what it asks, shows and does, in this order."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomlkit
import typer

from gateway import config, locale
from gateway.backup.contents import BackupError
from gateway.backup.restore import restore as restored_from
from gateway.cli import common
from gateway.cli.context import Context
from gateway.cli.firstrun.ask import Talk
from gateway.cli.firstrun.firstbadge import FirstBadge
from gateway.cli.firstrun.questions import Questions
from gateway.cli.firstrun.unattended import complete
from gateway.config import ConfigError, Settings
from gateway.locale import GaritaError, _
from gateway.people import account
from gateway.setup import answers as said_of
from gateway.setup import box, clock, edit
from gateway.setup.answers import Answers
from gateway.setup.draft import Draft, Places, mistakes
from gateway.setup.making import folders
from gateway.setup.steps import StepFailed, Wanted, host_names, perform, steps
from gateway.setup.virtual import VirtualGateThread
from gateway.state.health import synchronised
from gateway.vault.files import write_whole

WAIT_S = 300.0
UNFINISHED = ".setup-answers.toml"
UNITS = ("garita.service", "garita-console.service")


class SetUp:
    """One run.  `asks`: somebody sits at the terminal."""

    def __init__(
        self,
        ctx: Context,
        places: Places,
        talk: Talk,
        asks: bool,
        yes: bool,
        virtual: VirtualGateThread | None,
    ) -> None:
        self._ctx, self._places, self._talk = ctx, places, talk
        self._asks, self._yes, self._virtual = asks, yes, virtual
        self._restored = False
        self._unfinished = places.config.parent / UNFINISHED

    def run(self, known: Answers, *, changes: bool) -> None:
        """All of it: questions, what will be done, doing it, the first badge."""
        if self._asks and known.language is None:
            known = known.model_copy(update={"language": self._language()})
        locale.use(known.language or locale.language())
        self._clock()
        self._restore(known)
        settings = self._existing()
        tables = settings.tables if settings is not None else None
        before = edit.as_it_is(tables, known.door or "") if tables is not None else None
        if before is not None and tables is not None and known.door not in (None, *tables.doors):
            before = _without_door(before)
        said, before = self._answers(known, before, changes=changes)
        wanted = self._wanted(said, before)
        self._consent_and_do(wanted)
        self._first_badge(said.wait_s)

    def _language(self) -> str:
        options = [("en", "English"), ("es", "Español")]
        return self._talk.choose("Language / Idioma", options, locale.language())

    def _clock(self) -> None:
        now = clock.now()
        if (why := clock.impossible(now)) is not None:
            common.fail(str(why), common.REFUSED)
        if not synchronised():
            told = _("The clock shows {now}; no time server has confirmed it.")
            self._talk.say(told.format(now=now.astimezone().strftime("%Y-%m-%d %H:%M %Z")))

    def _restore(self, known: Answers) -> None:
        """The second question: a gate of a backup, where no gate is."""
        source, phrase = known.restore, ""
        while not self._places.config.exists() or known.restore is not None:
            if self._asks and known.restore is None:
                question = _("Make this gate of a backup? Its path, or Enter for a new gate")
                typed = self._talk.text(question, check=_file_or_nothing)
                source = Path(typed) if typed else None
            if source is None:
                return
            try:
                keys = _identities(known.restore_identity)
                if known.restore_passphrase_file is not None:
                    phrase = known.restore_passphrase_file.read_text("utf-8").split("\n", 1)[0]
                elif not keys and self._asks:
                    phrase = typer.prompt(_("passphrase"), hide_input=True, err=True)
                folders(self._places)
                done = restored_from(source, self._places.config, passphrase=phrase, keys=keys)
            except (GaritaError, BackupError, OSError) as error:
                if not self._asks or known.restore is not None:
                    common.fail(str(error), common.REFUSED)
                self._talk.say(str(error))
                continue
            told = _("restored: the log of the backup ends with event {last_seq}")
            self._talk.say(told.format(last_seq=done.last_seq))
            self._restored = True
            return

    def _existing(self) -> Settings | None:
        if not self._places.config.exists():
            return None
        try:
            return config.load(self._places.config)
        except ConfigError as error:
            said = _("{path} has mistakes; mend them first:").format(path=self._places.config)
            common.err.print(said, markup=False)
            common.mistaken(error.mistakes)

    def _answers(
        self, known: Answers, before: Draft | None, *, changes: bool
    ) -> tuple[Answers, Draft | None]:
        if not self._asks:
            return complete(known, before, self._places, self._virtual), before
        if before is not None:
            said = _("{path} is a gate already: only what you ask for is changed.")
            self._talk.say(said.format(path=self._places.config))
        asked = Questions(
            self._talk,
            self._places,
            dict(known.said),
            before,
            self._proposed() if before is None else {},
            self._virtual,
            self._keep,
        )
        if before is None:
            asked.all()
        elif not changes:
            asked.some()
        made, wrong = said_of.from_flags(asked.said)
        if wrong:
            common.mistaken(wrong)
        return made, asked.before

    def _wanted(self, said: Answers, before: Draft | None) -> Wanted:
        after = said.into(before or Draft(language=locale.language()))
        if said.credential is not None:
            why = box.no_credential() if said.credential else None
            if why is not None:
                told = _("The site key stays a file: systemd can't keep it ({why}).")
                self._talk.say(told.format(why=why))
            after = replace(after, credential=said.credential and why is None)
        own = said.broker == "own"
        if own:
            after = replace(after, broker="localhost", broker_port=said.broker_port or 8883)
        elif said.broker == "none":
            after = replace(after, broker="")
        if before is None and (found := mistakes(after, self._places)):
            common.mistaken(found)
        enable = self._places.of_service and said.enable is not False
        changes = before is None or before != after or self._restored or said.enable
        return Wanted(
            places=self._places,
            after=after,
            before=before,
            by=account.own(),
            own_broker=own,
            broker_names=said.broker_names or host_names(),
            broker_clients=said.broker_clients or (),
            admins=said.admins or (),
            desk=said.desk or (),
            units=UNITS if enable and changes else (),
        )

    def _consent_and_do(self, wanted: Wanted) -> None:
        try:
            todo = steps(wanted)
            self._show(wanted)
        except ConfigError as error:
            common.mistaken(error.mistakes)
        except (GaritaError, OSError) as error:
            common.fail(str(error), common.REFUSED)
        if not todo:
            self._talk.say(_("Nothing to change."))
            return
        self._talk.title(_("What will be done"))
        for number, step in enumerate(todo, 1):
            self._talk.say(f"  {number}  {step.what}")
        if self._asks:
            if not self._talk.yes(_("Do it?")):
                common.fail(_("nothing was changed"), common.REFUSED)
        elif not self._yes:
            common.fail(_("nothing was changed: --yes does it"), common.REFUSED)
        for step in todo:
            try:
                remark = perform(step)
            except StepFailed as error:
                told = _("{step}: {why}. What came before is done; run it again to go on.")
                common.fail(told.format(step=step.what, why=error), common.REFUSED)
            told = _("done: {step}").format(step=step.what)
            self._talk.say(f"  {told} - {remark}" if remark else f"  {told}")
        with contextlib.suppress(OSError):
            self._unfinished.unlink()
        if wanted.before is None:
            said = _("Keep a copy of {path} in a safe: without it, enrolled faces can't be read.")
            self._talk.say(said.format(path=self._places.key_file))

    def _show(self, wanted: Wanted) -> None:
        """The configuration: what changes in one that is there."""
        if wanted.before is None:
            return
        before = self._places.config.read_text(encoding="utf-8")
        text = edit.difference(before, wanted.text, self._places.config)
        if text:
            common.out.print(text, markup=False, soft_wrap=True)

    def _first_badge(self, wait_s: float | None) -> None:
        wait = WAIT_S if wait_s is None else wait_s
        if not wait:
            return
        try:
            settings = config.load(self._places.config)
            folders(self._places)
            if self._virtual is not None:
                self._virtual.give(self._places.data_dir)
        except (ConfigError, OSError) as error:
            common.fail(str(error), common.REFUSED)
        self._talk.title(_("The first badge"))
        told = _("I wait {seconds:.0f} s for a badge that opens a door; Ctrl-C ends the wait.")
        self._talk.say(told.format(seconds=wait))
        try:
            opened = FirstBadge(settings, wait, self._talk.say, self._virtual).run()
        except KeyboardInterrupt:
            opened = False
        if not opened:
            self._talk.say(
                _("No badge opened the door. All else is in place; garita setup tries it again.")
            )
            raise typer.Exit(common.CHECK_FAILED)
        self._talk.say(_("The door opened, and the record is on disk. This gate works."))

    def _proposed(self) -> dict[str, Any]:
        """What a run was told that was stopped."""
        with contextlib.suppress(ConfigError):
            if self._unfinished.exists():
                found = said_of.from_file(self._unfinished).said
                self._talk.say(_("An earlier run was stopped; its answers are proposed."))
                return found
        return {}

    def _keep(self, said: Mapping[str, Any]) -> None:
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in said.items()}
        with contextlib.suppress(OSError):
            self._unfinished.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            write_whole(self._unfinished, tomlkit.dumps(plain).encode(), mode=0o600)


def _without_door(draft: Draft) -> Draft:
    """What a further door does not take over."""
    return replace(draft, door="", reader_port="", camera="")


def _file_or_nothing(typed: str) -> str:
    if not typed or Path(typed).is_file():
        return ""
    return _("{path} is not there now.").format(path=typed)


def _identities(path: Path | None) -> list[str]:
    if path is None:
        return []
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
