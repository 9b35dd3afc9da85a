"""The weekly reports: made when a week is over, put into a folder, sent by e-mail.

A timer starts it often.  What was delivered is noted in reports.json, folder and mail apart, so a
mail server that is down costs nothing: the next start sends what is still to be sent.  Whoever
is killed between the delivery and the note delivers once more.
"""

from __future__ import annotations

import json
import shutil
import smtplib
import ssl
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

from gateway.config import Settings
from gateway.config.reports import MailTable
from gateway.evidence.model import Span
from gateway.evidence.reports import REPORTS, Made, make
from gateway.evidence.reports.files import write
from gateway.evidence.spool import Spool
from gateway.locale import GaritaError, Message, _, speaking, worded
from gateway.vault.files import sync_folder
from gateway.vault.statefile import StateFile, json_object

MOST_BYTES = 15_000_000
"""Mail servers take some 20 to 25 MB; base64 adds a third."""
TIMEOUT_S = 60
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class NotSent(GaritaError):
    """The reports are made and could not be delivered; the message says why."""


@dataclass(slots=True)
class Sent:
    """What was done: `files` are the names of the reports, `left_out` those too large for mail;
    `folder` and `mail` say where they went now."""

    span: Span
    files: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    rows: int = 0
    folder: bool = False
    mail: bool = False


def last_week(settings: Settings, today: date) -> Span:
    """The last week that is over on the local day `today`."""
    begins = _DAYS.index(settings.tables.reports.weekday)
    first = today - timedelta(days=(today.weekday() - begins) % 7 + 7)
    return week_of(settings, first)


def week_of(settings: Settings, first: date) -> Span:
    """The seven days from `first` on."""
    return Span(first, first + timedelta(days=6), settings.site.zone)


def deliver(
    settings: Settings, span: Span, now: datetime, progress: Callable[[int], None] | None = None
) -> Sent | None:
    """Make the reports of these days and bring them where the site wants them.

    Returns None if all of it was done before.  Raises NotSent, LedgerUnavailable, NoRecords and
    OSError.
    """
    table, done = settings.tables.reports, _done(settings, span)
    to_folder = table.folder is not None and "folder" not in done
    to_mail = table.mail is not None and "mail" not in done
    if not (to_folder or to_mail):
        return None
    sent = Sent(span)
    with (
        tempfile.TemporaryDirectory(prefix="garita-reports-") as name,
        speaking(settings.tables.site.language),
    ):
        work = Path(name)
        files, sent.rows = _make(settings, span, work, progress)
        sent.files = [path.name for path in files]
        if to_folder and table.folder is not None:
            _put(files, table.folder)
            sent.folder = True
            _note(settings, span, done := {*done, "folder"})
        if to_mail and table.mail is not None:
            small, sent.left_out = _fitting(files)
            _send(table.mail, _message(settings, table.mail, span, small, sent.left_out, now))
            sent.mail = True
            _note(settings, span, done | {"mail"})
    return sent


def _make(
    settings: Settings, span: Span, work: Path, progress: Callable[[int], None] | None
) -> tuple[list[Path], int]:
    """The files, and how many rows their tables have."""
    table = settings.tables.reports
    names: Sequence[str] = table.reports or list(REPORTS)
    with closing(Spool(work / "rows.db")) as spool:
        made: list[Made] = make(settings, names, span, spool, progress)
        files = [
            path
            for one in made
            for form in table.formats
            for path in write(settings, one, spool, form, work)
        ]
        return files, sum(one.rows(spool) for one in made)


def _put(files: Sequence[Path], folder: Path) -> None:
    """Into the folder: each under a hidden name first, so that nobody reads half of one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    for path in files:
        part = folder / f".{path.name}.part"
        shutil.copyfile(path, part)
        part.replace(folder / path.name)
    sync_folder(folder)


def _fitting(files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that a mail can hold, and the names of the others: the smallest go first."""
    room, fitting = MOST_BYTES, set()
    for path in sorted(files, key=lambda one: one.stat().st_size):
        room -= path.stat().st_size
        if room >= 0:
            fitting.add(path)
    return (
        [path for path in files if path in fitting],
        [path.name for path in files if path not in fitting],
    )


def _message(
    settings: Settings,
    mail: MailTable,
    span: Span,
    files: Sequence[Path],
    left_out: Sequence[str],
    now: datetime,
) -> EmailMessage:
    gateway = settings.site.gateway
    days = {"gateway": gateway, "first": span.first, "last": span.last}
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Subject"] = _("{gateway}: reports of {first} to {last}").format(**days)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=mail.sender.partition("@")[2])
    # RFC 3834: no answer of an absent reader comes back to the gate.
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        _("The weekly reports of the gate {gateway}, {first} to {last}.").format(**days),
        _("They name people: hand them on only to whoever needs them."),
    ]
    if left_out:
        said = _("Too large for mail; they are at the gate: {files}")
        lines.append(said.format(files=", ".join(left_out)))
    message.set_content("\n".join(lines) + "\n")
    for path in files:
        if path.suffix == ".csv":
            text = path.read_text("utf-8")
            message.add_attachment(text, subtype="csv", charset="utf-8", filename=path.name)
        else:
            message.add_attachment(
                path.read_bytes(), maintype="application", subtype="pdf", filename=path.name
            )
    return message


def _send(mail: MailTable, message: EmailMessage) -> None:
    """Raises NotSent; all of the receivers get it, or it counts as not sent."""
    context = ssl.create_default_context(cafile=mail.ca_file)
    try:
        with (
            smtplib.SMTP_SSL(mail.server, mail.port, timeout=TIMEOUT_S, context=context)
            if mail.security == "tls"
            else smtplib.SMTP(mail.server, mail.port, timeout=TIMEOUT_S)
        ) as server:
            if mail.security == "starttls":
                server.starttls(context=context)
            if mail.password_file is not None:
                server.login(mail.username, mail.password_file.read_text("utf-8").strip())
            if refused := server.send_message(message):
                raise NotSent(_refused(mail, ", ".join(sorted(refused))))
    except smtplib.SMTPRecipientsRefused as error:
        raise NotSent(_refused(mail, ", ".join(sorted(error.recipients)))) from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise NotSent(_why(mail, f"{error.smtp_code} {text[:200]}")) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(_why(mail, str(error)[:200])) from error


def _why(mail: MailTable, why: str) -> Message:
    return worded(
        "the mail server {server} did not take the reports: {why}", server=mail.server, why=why
    )


def _refused(mail: MailTable, who: str) -> Message:
    return worded("the mail server {server} does not know {who}", server=mail.server, who=who)


def _done(settings: Settings, span: Span) -> set[str]:
    """What was delivered of these days.  A note that can't be read says nothing was: a report that
    comes twice is better than one that never comes."""
    try:
        found = _kept(settings).read().value or {}
    except OSError:
        return set()
    done = found.get("done")
    if found.get("first") != span.first.isoformat() or not isinstance(done, list):
        return set()
    return {str(item) for item in done}


def _note(settings: Settings, span: Span, done: set[str]) -> None:
    note = {"first": span.first.isoformat(), "done": sorted(done)}
    _kept(settings).write(json.dumps(note).encode())


def _kept(settings: Settings) -> StateFile[dict[str, Any]]:
    return StateFile(settings.reports_path, json_object, mode=0o644)
