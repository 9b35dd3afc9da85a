"""The weekly reports at a real mail server (aiosmtpd: TLS, a password) and in a folder."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from click.testing import Result

from demo.broker import free_port
from gateway import config
from gateway.cli import common
from gateway.config.mistakes import ConfigError
from gateway.desk.visits import register
from gateway.evidence.reports import REPORTS, week
from gateway.people.schema import open_admin
from tests.gateway.cli.conftest import Site
from tests.gateway.desk import test_visits as visits
from tests.gateway.uplink.certificates import Authority

NAME = "<b>=José\u202e 漢字"
HOST = "Laura Gil"


class Server:
    """A mail server with STARTTLS that takes what `gate-1` sends with the right password."""

    def __init__(self, ca: Authority) -> None:
        self.got: list[EmailMessage] = []
        self.unknown = ""
        cert, key = ca.make("mail")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=free_port(),
            tls_context=context,
            require_starttls=True,
            authenticator=_right,
            auth_required=True,
        )

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.unknown:
            return "550 5.1.1 nobody has this address"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.got.append(found)
        return "250 OK"

    def start(self) -> int:
        self._controller.start()
        return int(self._controller.port)

    def stop(self) -> None:
        self._controller.stop(no_assert=True)


def _right(server: Any, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (b"gate-1", b"s3cret")
    return AuthResult(success=good, handled=False)


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    (tmp_path / "ca").mkdir()
    return Authority(tmp_path / "ca")


@pytest.fixture
def server(ca: Authority) -> Iterator[Server]:
    made = Server(ca)
    yield made
    made.stop()


@pytest.fixture
def gate(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with a visit of today on record."""
    now = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setattr(visits, "NOW", now)
    with closing(open_admin(site.people)) as db:
        plan = visits.Plan("=José Núñez", HOST, now, now + timedelta(hours=1))
        visit = visits.on_site(db, plan)
        register.depart(db, visit.id, by=visits.G, now=now)
    common.nudge(config.load(site.config))
    return site


def reports(
    gate: Site, port: int, ca: Authority, *, password: str = "s3cret", formats: str = '"csv"'
) -> None:
    (gate.folder / "mail.password").write_text(password + "\n")
    text = gate.config.read_text()
    gate.config.write_text(
        text.split("\n[reports]")[0]
        + f"""
[reports]
reports = ["visitors"]
formats = [{formats}]
folder = "{gate.folder}/out"
[reports.mail]
server = "127.0.0.1"
port = {port}
username = "gate-1"
password_file = "{gate.folder}/mail.password"
ca_file = "{ca.ca_file}"
from = "gate-1@example.com"
to = ["security@example.com", "hq@example.com"]
"""
    )


def run(gate: Site) -> Result:
    return gate.run("report", "week", "--from", str(today(gate)))


def today(gate: Site) -> date:
    return datetime.now(config.load(gate.config).site.zone).date()


def names(gate: Site) -> list[str]:
    folder = gate.folder / "out"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_reports_go_into_the_folder_and_to_the_mail_server_once(
    gate: Site, server: Server, ca: Authority
) -> None:
    reports(gate, server.start(), ca, formats='"pdf", "csv"')
    done = run(gate)
    assert done.exit_code == 0, done.output
    (mail,) = server.got
    assert mail["To"] == "security@example.com, hq@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    parts = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert sorted(parts) == names(gate) and len(parts) > 1
    csv = next(
        text
        for name, text in parts.items()
        if name and name.endswith(f"{today(gate) + timedelta(days=6)}.csv")
    )
    assert "'=José Núñez" in csv and HOST in csv  # no spreadsheet runs a name
    pdf = next(data for name, data in parts.items() if name.endswith(".pdf"))
    assert pdf.startswith(b"%PDF-")
    again = run(gate)
    assert again.exit_code == 0 and len(server.got) == 1
    (told,) = gate.run("log", "export", "--type", "records").output.splitlines()
    assert json.loads(told)["data"]["format"] == "report"


def test_a_mail_server_that_is_down_costs_nothing(
    gate: Site, server: Server, ca: Authority
) -> None:
    reports(gate, 1, ca)
    done = run(gate)
    assert done.exit_code == common.UNREACHABLE and "127.0.0.1" in done.output
    assert names(gate)
    for path in (gate.folder / "out").iterdir():
        path.unlink()
    reports(gate, server.start(), ca)
    assert run(gate).exit_code == 0
    assert len(server.got) == 1 and names(gate) == []  # the folder had its copy


def test_nothing_is_sent_to_a_server_whose_certificate_is_another_ones(
    gate: Site, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    reports(gate, server.start(), Authority(tmp_path / "other"))
    assert run(gate).exit_code == common.UNREACHABLE
    assert server.got == []


def test_a_wrong_password_is_said_and_not_shown(gate: Site, server: Server, ca: Authority) -> None:
    reports(gate, server.start(), ca, password="guessed-word")
    done = run(gate)
    assert done.exit_code == common.UNREACHABLE and "535" in done.output
    assert "guessed-word" not in done.output and server.got == []


def test_a_receiver_whom_the_server_does_not_know_is_named_and_all_of_it_tried_again(
    gate: Site, server: Server, ca: Authority
) -> None:
    server.unknown = "hq@example.com"
    reports(gate, server.start(), ca)
    done = run(gate)
    assert done.exit_code == common.UNREACHABLE and "hq@example.com" in done.output
    server.unknown = ""
    assert run(gate).exit_code == 0
    (*_, last) = server.got
    assert last["To"] == "security@example.com, hq@example.com"


def test_what_is_too_large_for_mail_is_named_in_it(
    gate: Site, server: Server, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(week, "MOST_BYTES", 10)
    reports(gate, server.start(), ca)
    assert run(gate).exit_code == 0
    (mail,) = server.got
    body = mail.get_body()
    assert body is not None and names(gate)[0] in body.get_content()
    assert list(mail.iter_attachments()) == []


@pytest.mark.parametrize("text", ["", "\0\0", '{"first": 3', "[]", '{"first": "x", "done": 7}'])
def test_a_damaged_note_of_what_was_sent_sends_once_more(
    gate: Site, server: Server, ca: Authority, text: str
) -> None:
    reports(gate, server.start(), ca)
    assert run(gate).exit_code == 0
    config.load(gate.config).reports_path.write_text(text)
    assert run(gate).exit_code == 0 and len(server.got) == 2


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('server = "mail.example.com"\nsecurity = "none"', "this box"),
        ('to = ["a@b.example\\nBcc: x@y.example"]', "address"),
        ('to = ["nobody"]', "address"),
        ('username = "gate-1"', "password_file"),
    ],
)
def test_a_table_that_would_send_in_clear_or_elsewhere_is_refused(
    site: Site,
    line: str,
    wrong: str,
) -> None:
    table = {"server": '"127.0.0.1"', "from": '"a@b.example"', "to": '["a@b.example"]'}
    given = dict(row.split(" = ", 1) for row in line.split("\n"))
    rows = "\n".join(f"{key} = {value}" for key, value in {**table, **given}.items())
    site.config.write_text(f"{site.config.read_text()}\n[reports.mail]\n{rows}\n")
    with pytest.raises(ConfigError) as refused:
        config.load(site.config)
    assert wrong in str(refused.value)


def test_by_itself_it_sends_the_last_whole_week(gate: Site, server: Server, ca: Authority) -> None:
    reports(gate, server.start(), ca)
    assert gate.run("report", "week").exit_code == 0
    settings = config.load(gate.config)
    last = week.last_week(settings, datetime.now(settings.site.zone).date())
    (mail,) = server.got
    assert str(last.first) in mail["Subject"] and str(last.last) in mail["Subject"]


def test_a_site_that_names_no_place_is_told(site: Site) -> None:
    done = run(site)
    assert done.exit_code == common.REFUSED and "[reports]" in done.output


def test_the_last_week_is_over(site: Site) -> None:
    settings = config.load(site.config)
    sunday, monday = date(2026, 11, 22), date(2026, 11, 23)
    assert week.last_week(settings, sunday).first == date(2026, 11, 9)
    span = week.last_week(settings, monday)
    assert (span.first, span.last) == (date(2026, 11, 16), sunday)


def test_each_report_of_the_configuration_is_one_that_is_made() -> None:
    from typing import get_args

    from gateway.config.reports import ReportName
    from gateway.evidence.topics import TOPICS

    assert set(REPORTS) == set(get_args(ReportName))
    known = {topic.key for topic in TOPICS} | {"registered"}
    assert {key for report in REPORTS.values() for key in report.topics} <= known
