"""Lists from HTTPS, SQL, LDAP and signed bundles: real servers, and servers that misbehave."""

from __future__ import annotations

import hashlib
import http.server
import ipaddress
import json
import os
import shutil
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from demo.broker import free_port
from gateway.config import SourceTable
from gateway.decide.model import PersonStatus
from gateway.people import Roster
from gateway.people.schema import open_admin
from gateway.people.sources import Asked, Pulled, SourceError, bundle, pull, read
from gateway.people.sync import apply as sync
from gateway.people.sync.tripwires import Limits, check
from tests.postgres import Postgres

LEVELS = frozenset({"plant", "night"})
ASKED = Asked(LEVELS, "gate-1", UTC)
LIST = "id,name,credentials,access_levels\ne1,Ana,h10301:12:345,plant\ne2,Luis,,night\n"
BIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def table(**values: Any) -> SourceTable:
    return SourceTable.model_validate(values)


def refused(source: SourceTable, asked: Asked = ASKED) -> str:
    with pytest.raises(SourceError) as found:
        read("hr", source, asked)
    return str(found.value)


# HTTPS


def certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"test {folder.name}")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "server.pem").write_bytes(pem + (folder / "ca.pem").read_bytes())


class Web:
    """An HTTPS server on 127.0.0.1; `answer` is called with the handler of each request."""

    def __init__(self, folder: Path) -> None:
        certificate(folder)
        web = self
        self.seen: list[dict[str, str]] = []
        self.answer: Callable[[http.server.BaseHTTPRequestHandler], None] = lambda _: None

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.seen.append({key.lower(): value for key, value in self.headers.items()})
                web.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}/people.csv"
        self.table = table(kind="https", url=self.url, ca_file=folder / "ca.pem", timeout_s=3)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def gives(self, body: bytes, code: int = 200, **headers: str) -> None:
        """Answer so; a header that is "" is left out."""
        told = {"Content_Type": "text/csv", "Content_Length": str(len(body)), **headers}

        def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
            handler.send_response(code)
            for key, value in told.items():
                if value:
                    handler.send_header(key.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answer = answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    yield web
    web.close()


def test_a_list_over_https(web: Web, tmp_path: Path) -> None:
    web.gives(LIST.encode(), ETag='"7"')
    found = read("hr", web.table, ASKED)
    assert found.source is not None and found.etag == '"7"'
    assert found.source.errors == [] and [p.id for p in found.source.people] == ["e1", "e2"]
    assert found.source.sha256 == hashlib.sha256(LIST.encode()).hexdigest()
    assert "authorization" not in web.seen[0] and "if-none-match" not in web.seen[0]
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    web.gives(b"", 304)
    source = web.table.model_copy(update={"token_file": token})
    again = read("hr", source, Asked(LEVELS, "gate-1", UTC, etag='"7"'))
    assert again.source is None and again.etag == '"7"'
    assert web.seen[1]["if-none-match"] == '"7"'
    assert web.seen[1]["authorization"] == "Bearer s3cret"
    token.chmod(0o644)
    assert "others may read token" in refused(source)


def test_json_by_its_type(web: Web) -> None:
    web.gives(b'{"people": []}', Content_Type="application/json; charset=utf-8")
    found = read("hr", web.table, ASKED).source
    assert found is not None and found.errors == [] and found.people == []


@pytest.mark.parametrize(
    ("body", "code", "headers", "why"),
    [
        (b"", 500, {}, "the server answers 500"),
        (b"", 401, {}, "the server answers 401"),
        (b"", 304, {}, "the server answers 304"),  # without having been asked
        (b"<html>log in</html>", 200, {"Content_Type": "text/html"}, "the answer is text/html"),
        (b"id,", 200, {"Content_Length": "900"}, "broke off after 3 of 900 bytes"),
        (LIST.encode(), 200, {"Content_Length": ""}, "does not say how long"),
        (LIST.encode(), 200, {"Content_Length": "-5"}, "does not say how long"),
        (b"\x1f\x8b", 200, {"Content_Encoding": "gzip"}, "compressed"),
        (b"", 200, {"Content_Length": "99999999999"}, "larger than 256 MiB"),
        (b"5\r\nid,", 200, {"Content_Length": "", "Transfer_Encoding": "chunked"}, "broke off"),
        (b"zz\r\n", 200, {"Content_Length": "", "Transfer_Encoding": "chunked"}, "broke off"),
        (b"", 302, {"Location": "http://127.0.0.1:1/x"}, "redirected to an address without https"),
        (b"", 302, {"Location": "file:///etc/passwd"}, "the server answers 302"),
        (b"", 302, {"Location": "/people.csv"}, "the server answers 302"),  # round and round
    ],
)
def test_answers_that_are_no_list(
    web: Web, body: bytes, code: int, headers: dict[str, str], why: str
) -> None:
    web.gives(body, code, **headers)
    assert why in refused(web.table)


def test_a_chunked_list_that_never_ends_is_cut(web: Web) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/csv")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        part = b"x" * 65536
        while True:
            handler.wfile.write(b"10000\r\n" + part + b"\r\n")

    web.answer = answer
    assert "larger than 2 MiB" in refused(web.table.model_copy(update={"max_mb": 2}))


@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "a byte now and then"])
def test_a_server_that_takes_for_ever_is_given_up(web: Web, drip: bytes) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/csv")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(60):
            handler.wfile.write(drip)
            time.sleep(0.1)

    web.answer = answer
    begun = time.monotonic()
    why = refused(web.table.model_copy(update={"timeout_s": 1.0}))
    assert "in time" in why or "within 1 s" in why
    assert time.monotonic() - begun < 3


def test_who_is_not_who_they_say_is_refused(web: Web) -> None:
    web.gives(LIST.encode())
    stranger = web.table.model_copy(update={"ca_file": None})
    assert "certificate is not good" in refused(stranger)
    assert web.seen == []
    elsewhere = table(kind="https", url=f"https://127.0.0.1:{free_port()}/x", timeout_s=2)
    assert "refused" in refused(elsewhere).lower()


def test_a_token_goes_to_no_other_address(web: Web, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    token.chmod(0o600)
    (tmp_path / "other").mkdir()
    other = Web(tmp_path / "other")
    try:
        other.gives(LIST.encode())
        web.gives(b"", 302, Location=other.url)
        both = tmp_path / "both.pem"
        both.write_bytes(
            (tmp_path / "ca.pem").read_bytes() + (tmp_path / "other" / "ca.pem").read_bytes()
        )
        source = web.table.model_copy(update={"token_file": token, "ca_file": both})
        assert read("hr", source, ASKED).source is not None
        assert web.seen[0]["authorization"] == "Bearer s3cret"
        assert "authorization" not in other.seen[0]
    finally:
        other.close()


def test_a_file_larger_than_any_list_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(300 << 20)  # takes no room on the disk
    begun = time.monotonic()
    found = read("hr", table(kind="file", path=path), ASKED).source
    assert found is not None and "larger than 256 MiB" in str(found.errors[0])
    assert time.monotonic() - begun < 1


def test_a_half_written_file_gives_nobody_more_than_the_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "hr.csv"
    whole = {"e1": ({"h10301:12:345"}, {"plant"}), "e2": (set(), {"night"})}
    for end in range(len(LIST)):
        path.write_text(LIST[:end])
        found = read("hr", table(kind="file", path=path), ASKED).source
        assert found is not None
        for person in () if found.errors else found.people:
            badges, levels = whole[person.id]
            assert {c.key for c in person.credentials} <= badges
            assert set(person.access_levels) <= levels


# SQL


@pytest.mark.slow
def test_a_list_from_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "hr.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE staff (no INTEGER, name TEXT, badge TEXT, until TEXT)")
        db.execute("INSERT INTO staff VALUES (7, 'Ana', 'h10301:1:2', '2027-01-31')")
    query = (
        "SELECT no AS id, name AS nombre, badge AS credentials, 'plant' AS access_levels, "
        'until AS "requires:training" FROM staff'
    )
    source = table(kind="sql", url=f"sqlite:///{path}", query=query)
    found = read("hr", source, ASKED).source
    assert found is not None and found.errors == []
    assert [(p.id, p.name) for p in found.people] == [("7", "Ana")]
    assert found.requirements == {"7": {"training": date(2027, 1, 31)}}
    for wrong, why in (
        ("SELECT * FROM elsewhere", "no such table"),
        ("DELETE FROM staff", "no rows: it must be a SELECT"),
    ):
        assert why in refused(source.model_copy(update={"query": wrong}))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM staff").fetchone() == (1,)
    odd = read("hr", source.model_copy(update={"query": "SELECT 1 AS id, 2 AS x"}), ASKED).source
    assert odd is not None and "unknown column" in str(odd.errors[0])
    gone = table(kind="sql", url=f"sqlite:///{tmp_path}/none.db", query="SELECT 1")
    assert "no such database file" in refused(gone) and not (tmp_path / "none.db").exists()


def pg8000(server: Postgres) -> str:
    """The server's URL for the driver that the extra `sql` leaves to the site."""
    return server.url().replace("postgresql", "postgresql+pg8000", 1)


def test_a_list_from_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    postgres.execute(
        "DROP TABLE IF EXISTS staff",
        "CREATE SEQUENCE counter",
        "CREATE TABLE staff (no int, name text, badge text, till date, training date, "
        "left_at timestamptz)",
        "INSERT INTO staff VALUES (7, 'Ana', 'h10301:1:2', '2027-01-31', '2026-12-01', NULL), "
        "(8, 'Zoë', NULL, NULL, NULL, '2026-11-24T10:00:00-08')",
    )
    secret = tmp_path / "url"
    secret.write_text(pg8000(postgres))
    secret.chmod(0o600)
    query = (
        "SELECT no AS id, name, badge AS credentials, 'plant' AS access_levels, "
        'till AS valid_until, training AS "requires:training", left_at AS revoked_at, '
        "CASE WHEN left_at IS NULL THEN 'active' ELSE 'revoked' END AS status FROM staff"
    )
    source = table(kind="sql", url_file=secret, query=query, timeout_s=20)
    found = read("hr", source, ASKED).source
    assert found is not None and found.errors == []
    assert [(p.id, p.name, p.status.value) for p in found.people] == [
        ("7", "Ana", "active"),
        ("8", "Zoë", "revoked"),
    ]
    assert found.people[0].valid_until == date(2027, 1, 31)
    assert found.revoked_at["8"] == datetime(2026, 11, 24, 18, tzinfo=UTC)
    for zone in ("America/Tijuana", "Asia/Tokyo"):
        # An instant that is midnight at the site, a wall-clock time, and that of a day.
        at = f"timestamptz '2027-01-01 00:00:00 {zone}'"
        days = f"SELECT '1' AS id, 'A' AS name, NULL AS credentials, NULL AS access_levels, {at}"
        of = replace(ASKED, zone=ZoneInfo(zone))
        last = read("hr", source.model_copy(update={"query": f"{days} AS valid_until"}), of).source
        assert last is not None and last.people[0].valid_until == date(2026, 12, 31)
        first = read("hr", source.model_copy(update={"query": f"{days} AS valid_from"}), of).source
        assert first is not None and first.people[0].valid_from == date(2027, 1, 1)
        wall = f"{days.replace('timestamptz', 'timestamp')[:-1]}' AS valid_until"
        wall = wall.replace(f" {zone}''", "'")
        day = read("hr", source.model_copy(update={"query": wall}), of).source
        assert day is not None and day.people[0].valid_until == date(2027, 1, 1)
    for query_that_writes, why in (
        ("SELECT nextval('counter')::text AS id", "read-only"),
        ("WITH gone AS (DELETE FROM staff RETURNING *) SELECT * FROM gone", "data-modifying"),
    ):
        assert why in refused(source.model_copy(update={"query": query_that_writes}))
    assert read("hr", source, ASKED) == Pulled(found)
    half = f"{query} WHERE 1 / (no - 8) < 0"
    assert "division by zero" in refused(source.model_copy(update={"query": half}))
    slow = source.model_copy(update={"query": "SELECT pg_sleep(20)", "timeout_s": 1.0})
    assert "within 1 s" in refused(slow)
    secret.write_text(pg8000(postgres).replace("s3cret", "wr0ng"))
    why = refused(source)
    assert "password authentication failed" in why and "wr0ng" not in why


def test_a_database_that_goes_down_in_mid_query_gives_no_list(
    postgres: Postgres, tmp_path: Path
) -> None:
    secret = tmp_path / "url"
    secret.write_text(pg8000(postgres))
    secret.chmod(0o600)
    postgres.execute("SELECT 1")
    query = "SELECT n::text AS id, pg_sleep(0.01)::text AS name FROM generate_series(1, 1000) n"
    source = table(kind="sql", url_file=secret, query=query, timeout_s=20)
    timer = threading.Timer(
        0.7,
        lambda: postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ),
    )
    timer.start()
    begun = time.monotonic()
    assert refused(source)
    assert time.monotonic() - begun < 8
    timer.join()
    secret.write_text(f"postgresql+pg8000://hr:s3cret@127.0.0.1:{free_port()}/postgres")
    assert "s3cret" not in refused(source)


# LDAP

SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.98 NAME 'primaryGroupID' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.146 NAME 'objectSid' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.3 NAME 'leaves' EQUALITY generalizedTimeMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'badge' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.99999.2 NAME 'worker' SUP top AUXILIARY
  MAY ( badge $ userAccountControl $ accountExpires $ primaryGroupID $ leaves ) )
objectclass ( 1.3.6.1.4.1.99999.4 NAME 'sidGroup' SUP top AUXILIARY MAY objectSid )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
TLSCertificateFile {folder}/ca.pem
TLSCertificateKeyFile {folder}/server.pem
sizelimit size.soft=5 size.hard=5 size.prtotal=unlimited size.pr=5
database mdb
suffix "dc=acme"
rootdn "cn=admin,dc=acme"
rootpw s3cret
directory {folder}/db
maxsize 10485760
overlay memberof
access to * by dn.exact="cn=reader,dc=acme" read by anonymous auth by * none
limits dn.exact="cn=reader,dc=acme" size.soft=5 size.hard=5 size.prtotal=unlimited
"""


class Slapd:
    """A real OpenLDAP server of the test's own on a free port of 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("slapd", path=BIN)
        if binary is None:
            pytest.fail("the tests need slapd: sudo apt install slapd")
        (folder / "db").mkdir(parents=True)
        certificate(folder)
        (folder / "slapd.conf").write_text(SLAPD.format(folder=folder))
        self.ca = folder / "ca.pem"
        self.url = f"ldap://127.0.0.1:{free_port()}"
        self.secure_url = f"ldaps://127.0.0.1:{free_port()}"
        self._server = subprocess.Popen(
            [binary, "-f", folder / "slapd.conf", "-h", f"{self.url} {self.secure_url}", "-d", "0"],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("w"),
        )
        import ldap3

        deadline = time.monotonic() + 20
        while True:
            try:
                self.admin = ldap3.Connection(
                    self.url, "cn=admin,dc=acme", "s3cret", auto_bind=True, raise_exceptions=True
                )
                break
            except Exception:
                if time.monotonic() > deadline or self._server.poll() is not None:
                    pytest.fail(f"slapd did not start: {(folder / 'log').read_text()[-500:]}")
                time.sleep(0.05)
        self.admin.add("dc=acme", ["dcObject", "organization"], {"o": "Acme"})
        reader = {"cn": "reader", "userPassword": "s3cret"}
        self.admin.add("cn=reader,dc=acme", ["applicationProcess", "simpleSecurityObject"], reader)

    def person(self, key: str, **more: Any) -> None:
        values = {"cn": f"Name {key}", "sn": key, "employeeNumber": key, **more}
        self.admin.add(f"uid={key},dc=acme", ["inetOrgPerson", "worker"], {"uid": key, **values})

    def stop(self) -> None:
        self.admin.unbind()
        self._server.terminate()
        self._server.wait(timeout=10)


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    server = Slapd(tmp_path / "slapd")
    yield server
    server.stop()


def ldap_table(slapd: Slapd, folder: Path, **more: Any) -> SourceTable:
    secret = folder / "password"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    return table(
        kind="ldap",
        url=slapd.url,
        bind_dn="cn=reader,dc=acme",
        password_file=secret,
        base="dc=acme",
        filter="(objectClass=worker)",
        page_size=3,
        timeout_s=10,
        attributes={
            "id": "employeeNumber",
            "name": "cn",
            "company": "o",
            "credentials": "badge",
            "status": "userAccountControl",
            "valid_until": "accountExpires",
        },
        levels={"CN=Plant, DC=acme": ["plant"], "cn=night,dc=acme": ["night"]},
        credential_prefix="h10301:12:",
        **more,
    )


def test_a_list_from_a_directory(slapd: Slapd, tmp_path: Path) -> None:
    ticks = (datetime(2027, 2, 1, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).days * 864 * 10**9
    slapd.person("e1", badge=["345", "346"], userAccountControl=512, accountExpires=ticks)
    slapd.person("e2", userAccountControl=514, accountExpires=0)
    slapd.person("e3", accountExpires=0x7FFF_FFFF_FFFF_FFFF)  # says nothing of being enabled
    for n in range(4, 12):  # more than a page, and more than the server gives at once
        slapd.person(f"e{n}", userAccountControl=512)
    for group, members in (("plant", ("e1", "e2")), ("night", ("e1",)), ("other", ("e2",))):
        names = [f"uid={key},dc=acme" for key in members]
        slapd.admin.add(f"cn={group},dc=acme", ["groupOfNames"], {"member": names})
    found = read("ad", ldap_table(slapd, tmp_path), ASKED).source
    assert found is not None and found.errors == []
    people = {person.id: person for person in found.people}
    assert len(people) == 11
    assert "valid_from" in found.absent and "valid_until" not in found.absent  # as attributes say
    first = people["e1"]
    assert [c.key for c in first.credentials] == ["h10301:12:345", "h10301:12:346"]
    assert set(first.access_levels) == {"plant", "night"}
    assert (first.valid_until, first.status) == (date(2027, 1, 31), PersonStatus.ACTIVE)
    assert people["e2"].status is PersonStatus.SUSPENDED and people["e2"].valid_until is None
    assert people["e2"].access_levels == ("plant",)
    assert people["e3"].status is PersonStatus.SUSPENDED and people["e3"].valid_until is None
    same = read("ad", ldap_table(slapd, tmp_path), ASKED).source
    assert same is not None and same.sha256 == found.sha256


def ticks(at: datetime) -> int:
    """A FILETIME: 100 ns since 1601."""
    return (at - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10


@pytest.mark.parametrize("zone", ["America/Tijuana", "Asia/Tokyo", "UTC"])
def test_an_account_that_ends_with_a_day_ends_with_that_day(
    slapd: Slapd, tmp_path: Path, zone: str
) -> None:
    """It ended a day late wherever the clock is behind UTC."""
    site = ZoneInfo(zone)
    ends = (date(2026, 12, 31), date(2026, 3, 7), date(2026, 3, 8), date(2026, 11, 1))
    for n, day in enumerate(ends):
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), site)
        at = midnight.astimezone(UTC)
        slapd.person(f"a{n}", userAccountControl=512, accountExpires=ticks(at))
        slapd.person(f"g{n}", userAccountControl=512, leaves=f"{at:%Y%m%d%H%M%S}Z")
    asked = replace(ASKED, zone=site)
    table = ldap_table(slapd, tmp_path)
    found = read("ad", table, asked).source
    assert found is not None and found.errors == []
    until = {person.id: person.valid_until for person in found.people}
    assert [until[f"a{n}"] for n in range(4)] == list(ends)
    leaves = table.model_copy(update={"attributes": {**table.attributes, "valid_until": "leaves"}})
    found = read("ad", leaves, asked).source
    assert found is not None and found.errors == []
    until = {person.id: person.valid_until for person in found.people}
    assert [until[f"g{n}"] for n in range(4)] == list(ends)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20270101080000Z", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("20270101080000.0Z", datetime(2027, 1, 1, 8, tzinfo=UTC)),  # as Active Directory writes
        ("20270101000000-0800", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("202701010530+0530", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027010108Z", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("2027010108.5Z", datetime(2027, 1, 1, 8, 30, tzinfo=UTC)),
        ("20261231235960Z", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-12-31", "2026-12-31"),
        ("20261331000000Z", "20261331000000Z"),
        ("20261231000000", "20261231000000"),  # without a zone: the list's reader refuses it
        ("20261231000000+9999", "20261231000000+9999"),
    ],
)
def test_generalized_times(text: str, expected: object) -> None:
    from gateway.people.sources.ldap import generalized_time

    assert generalized_time(text) == expected


def test_account_expires_at_the_ends_of_its_range() -> None:
    from gateway.people.sources.ldap import account_expires

    assert account_expires("0") == account_expires(str(0x7FFF_FFFF_FFFF_FFFF)) == ""
    assert account_expires("soon") == "soon"
    assert account_expires(str(0x7FFF_FFFF_FFFF_FFFE)) == datetime.max.replace(tzinfo=UTC)


def test_groups_inside_groups_are_asked_of_active_directory_only(
    slapd: Slapd, tmp_path: Path
) -> None:
    """OpenLDAP takes the filter, finds nobody and says nothing: that must not pass for a list."""
    slapd.person("e1", userAccountControl=512)
    nested = ldap_table(slapd, tmp_path, nested_groups=True)
    assert "nested_groups" in refused(nested)
    from gateway.people.sources.ldap import chain_filter

    wanted = chain_filter("cn=plant (a*b),dc=acme", "(objectClass=worker)")
    assert wanted == (
        "(&(objectClass=worker)(memberOf:1.2.840.113556.1.4.1941:=cn=plant \\28a\\2ab\\29,dc=acme))"
    )
    assert slapd.admin.search("dc=acme", wanted) is False  # understood, and nobody matches


def test_primary_groups_and_nested_groups_give_levels(
    slapd: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The searches against a real server, with a matching rule that slapd knows in place of the
    rule in chain; that rule itself only Active Directory has."""
    from gateway.people.sources import ldap

    monkeypatch.setattr(ldap, "IN_CHAIN", "2.5.13.1")  # distinguishedNameMatch
    monkeypatch.setattr(ldap, "_knows_chain", lambda _: True)
    for n, more in enumerate(({}, {"primaryGroupID": 1105}, {"primaryGroupID": 513}), 1):
        slapd.person(f"e{n}", userAccountControl=512, **more)
    sid = bytes.fromhex("0105000000000005150000000102030405060708090a0b0c") + (1105).to_bytes(
        4, "little"
    )
    members = {"member": ["uid=e1,dc=acme"], "objectSid": sid}
    slapd.admin.add("cn=plant,dc=acme", ["groupOfNames", "sidGroup"], members)
    slapd.admin.add("cn=night,dc=acme", ["groupOfNames"], {"member": ["uid=e3,dc=acme"]})
    source = ldap_table(slapd, tmp_path, nested_groups=True)
    found = read("ad", source, ASKED).source
    assert found is not None and found.errors == []
    assert {p.id: p.access_levels for p in found.people} == {
        "e1": ("plant",),
        "e2": ("plant",),
        "e3": ("night",),
    }
    gone = {"CN=Gone,DC=acme": ["plant"]}
    assert "noSuchObject" in refused(source.model_copy(update={"levels": gone}))


def test_a_directory_that_gives_no_whole_answer(slapd: Slapd, tmp_path: Path) -> None:
    for n in range(9):
        slapd.person(f"e{n}", userAccountControl=512)
    source = ldap_table(slapd, tmp_path)
    assert "LimitExceeded" in refused(source.model_copy(update={"page_size": 100}))
    assert "noSuchObject" in refused(source.model_copy(update={"base": "dc=nowhere"}))
    assert refused(source.model_copy(update={"filter": "(&(broken"}))
    (tmp_path / "password").write_text("wr0ng")
    why = refused(source)
    assert "invalidCredentials" in why and "wr0ng" not in why
    gone = source.model_copy(update={"url": f"ldap://127.0.0.1:{free_port()}"})
    assert refused(gone)


def test_a_directory_is_known_by_its_certificate(slapd: Slapd, tmp_path: Path) -> None:
    slapd.person("e1", userAccountControl=512)
    plain = ldap_table(slapd, tmp_path)
    for change in (
        {"url": slapd.secure_url, "ca_file": slapd.ca},
        {"start_tls": True, "ca_file": slapd.ca},
    ):
        found = read("ad", plain.model_copy(update=change), ASKED).source
        assert found is not None and [p.id for p in found.people] == ["e1"]
        stranger = plain.model_copy(update={**change, "ca_file": None})
        assert "certificate verify failed" in refused(stranger)
    other = tmp_path / "other"
    other.mkdir()
    certificate(other)
    change = {"url": slapd.secure_url, "ca_file": other / "ca.pem"}
    assert "certificate verify failed" in refused(plain.model_copy(update=change))


# Signed bundles

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def sealed(body: bytes = LIST.encode(), **more: Any) -> bytes:
    values = {"form": "csv", "gateways": ["gate-1"], "generated_at": NOW, "serial": 5, **more}
    return bundle.seal(body, values.pop("key", KEY), **values)


def test_a_bundle_is_opened_by_whom_it_is_for(tmp_path: Path) -> None:
    (tmp_path / "hr.pub").write_bytes(
        KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    path = tmp_path / "list.bundle"
    source = table(kind="bundle", path=path)
    asked = Asked(LEVELS, "gate-1", UTC, (tmp_path / "hr.pub",), serial=5)
    path.write_bytes(sealed(serial=6))
    found = read("hr", source, asked).source
    assert found is not None and len(found.people) == 2
    assert (found.serial, found.generated_at) == (6, NOW)
    path.write_bytes(sealed(serial=5))
    assert read("hr", source, asked).source is None
    path.write_bytes(sealed(serial=4))
    assert "serial 4 is older than 5" in refused(source, asked)
    path.write_bytes(sealed(serial=9, gateways=["gate-2"]))
    assert "not for gate-1" in refused(source, asked)
    path.write_bytes(sealed(serial=9, gateways=["*"]))
    assert read("hr", source, asked).source is not None
    path.write_bytes(sealed(serial=9, key=Ed25519PrivateKey.generate()))
    assert "not signed by a key that is trusted" in refused(source, asked)
    path.write_bytes(sealed(serial=9)[:-7])
    assert "holds 69 of 76 bytes" in refused(source, asked)
    path.unlink()
    assert "can't be read" in refused(source, asked)


def test_no_changed_byte_goes_unnoticed() -> None:
    raw = sealed()
    keys = [KEY.public_key()]
    assert bundle.unseal(raw, keys).body == LIST.encode()
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(SourceError):
            bundle.unseal(bytes(changed), keys)
    for end in range(len(raw)):
        with pytest.raises(SourceError):
            bundle.unseal(raw[:end], keys)
    with pytest.raises(SourceError):
        bundle.unseal(raw, [])


@given(st.binary(max_size=400))
def test_a_bundle_is_good_or_refused_never_anything_else(raw: bytes) -> None:
    for junk in (raw, bundle.MAGIC + raw):
        with pytest.raises(SourceError):
            bundle.unseal(junk, [KEY.public_key()])


def test_a_header_that_was_signed_is_still_read_with_care() -> None:
    import base64

    good = json.loads(sealed().split(b"\n")[1])
    for name, value in (
        ("serial", "5"),
        ("serial", -1),
        ("serial", True),
        ("size", 1.5),
        ("kind", "doors"),
        ("gateways", "gate-1"),
        ("format", "exe"),
        ("generated_at", "now"),
        ("sha256", "x"),
    ):
        line = json.dumps({**good, name: value}).encode()
        signed = bundle.MAGIC + line + b"\n"
        raw = signed + base64.b64encode(KEY.sign(signed)) + b"\n" + LIST.encode()
        with pytest.raises(SourceError, match="header"):
            bundle.unseal(raw, [KEY.public_key()])


def test_a_pair_of_keys_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """Of a key that is there already, no half of another pair may lie beside it."""
    for there, other in (("hr.key", "hr.pub"), ("hr.pub", "hr.key")):
        folder = tmp_path / there
        folder.mkdir()
        (folder / there).write_text("kept")
        with pytest.raises(SourceError, match=there):
            bundle.keygen(folder / "hr.key", folder / "hr.pub")
        assert (folder / there).read_text() == "kept" and not (folder / other).exists()


def test_keys_are_made_once_and_kept_close(tmp_path: Path) -> None:
    private, public = tmp_path / "hr.key", tmp_path / "hr.pub"
    bundle.keygen(private, public)
    assert private.stat().st_mode & 0o777 == 0o600
    key = bundle.load_private(private)
    assert bundle.key_id(bundle.load_public(public)) == bundle.key_id(key.public_key())
    with pytest.raises(SourceError):
        bundle.keygen(private, public)
    with pytest.raises(SourceError, match="no private key"):
        public.chmod(0o600)
        bundle.load_private(public)
    with pytest.raises(SourceError, match="no public key"):
        bundle.load_public(private)
    private.chmod(0o640)
    with pytest.raises(SourceError, match="others may read"):
        bundle.load_private(private)


# What is remembered between pulls


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


def kinds(people: Path) -> list[str]:
    return [event.type for event in Roster(people).outbox(50)]


def test_a_source_that_fails_is_told_once_and_when_it_is_back(people: Path, tmp_path: Path) -> None:
    db = open_admin(people)
    path = tmp_path / "hr.csv"
    sources = {"hr": table(kind="file", path=path)}
    for _ in range(3):
        with pytest.raises(SourceError, match="can't be read"):
            pull.pull(db, "hr", sources, ASKED)
    path.write_text("id,name\n")
    with pytest.raises(SourceError, match="missing and 1 more"):
        pull.pull(db, "hr", sources, ASKED)
    assert kinds(people) == ["people.sync_failed"] * 2
    since = pull.state(db, "hr").failing_since
    assert since is not None and since.tzinfo is not None
    shown = pull.state(db, "hr").as_json()
    assert shown["failing_since"].endswith("Z") and shown["good_at"] == ""
    path.write_text(LIST)
    found = pull.pull(db, "hr", sources, ASKED)
    assert found.source is not None
    sync.apply(db, sync.plan(db, found.source), by="x")
    pull.good(db, "hr", found)
    assert kinds(people)[-1] == "people.sync_recovered"
    assert not pull.state(db, "hr").reason


def test_a_list_that_trips_waits_as_it_was_seen(people: Path, tmp_path: Path) -> None:
    db = open_admin(people)
    path, folder = tmp_path / "hr.csv", tmp_path / "pending"
    sources = {"hr": table(kind="file", path=path)}
    path.write_text(LIST)
    first = pull.pull(db, "hr", sources, ASKED).source
    assert first is not None
    sync.apply(db, sync.plan(db, first), by="x")
    path.write_text(LIST.splitlines()[0] + "\n")

    def look() -> tuple[Pulled, sync.Plan]:
        found = pull.pull(db, "hr", sources, ASKED)
        assert found.source is not None
        plan = sync.plan(db, found.source)
        check(db, plan, Limits(), inside=set, today=NOW.date())
        return found, plan

    folder.mkdir(mode=0o700)  # as older versions made it, which HR could not read
    for _ in range(3):
        pull.put_aside(db, folder, "hr", *look())
    assert kinds(people).count("people.sync_waiting") == 1
    assert pull.state(db, "hr").waiting == "empty"
    assert (folder / "hr.json").stat().st_mode & 0o777 == 0o640
    assert folder.stat().st_mode & 0o777 == 0o750
    path.write_text(LIST)  # what comes later is not what was seen
    held = pull.waiting(folder, "hr", LEVELS, UTC)
    assert held.source.people == [] and held.tripped == ("empty",)
    pull.forget(db, folder, "hr", dropped_by="eva")
    assert kinds(people)[-1] == "people.sync_dropped" and not pull.state(db, "hr").waiting
    with pytest.raises(SourceError, match="no list of hr waits"):
        pull.waiting(folder, "hr", LEVELS, UTC)
    (folder / "hr.json").write_text("{")
    with pytest.raises(SourceError, match="damaged"):
        pull.waiting(folder, "hr", LEVELS, UTC)


def test_what_waits_comes_back_whole(people: Path, tmp_path: Path) -> None:
    head = "id,name,company,valid_until,status,credentials,access_levels,revoked_at,requires:t\n"
    rows = (
        "a,A,C,2027-01-01,,h10301:1:2,plant;night,,2027-02-02\n"
        "b,B,,,revoked,,,2026-11-24T00:00:00Z,\n"
    )
    path = tmp_path / "hr.csv"
    path.write_text(head + rows)
    db = open_admin(people)
    found = pull.pull(db, "hr", {"hr": table(kind="file", path=path)}, ASKED)
    assert found.source is not None
    pull.put_aside(db, tmp_path / "p", "hr", found, sync.plan(db, found.source))
    held = pull.waiting(tmp_path / "p", "hr", LEVELS, UTC).source
    for name in ("people", "requirements", "kinds", "revoked_at", "sha256", "generated_at"):
        assert getattr(held, name) == getattr(found.source, name), name


def test_nobody_is_in_two_sources_of_one_list(people: Path, tmp_path: Path) -> None:
    db = open_admin(people)
    hr, firm = tmp_path / "hr.csv", tmp_path / "firm.csv"
    hr.write_text(LIST)
    firm.write_text("id,name,credentials,access_levels\nc1,Eva,h10301:1:9,plant\n")
    sources = {
        "hr": table(kind="file", path=hr, include=["firm"]),
        "firm": table(kind="file", path=firm),
    }
    found = pull.pull(db, "hr", sources, ASKED).source
    assert found is not None and [p.id for p in found.people] == ["e1", "e2", "c1"]
    firm.write_text("id,name,credentials,access_levels\ne1,Eva,,plant\n")
    with pytest.raises(SourceError, match="firm: e1 is in hr too"):
        pull.pull(db, "hr", sources, ASKED)
    firm.write_text("id,name,credentials,access_levels\nc1,Eva,h10301:12:345,plant\n")
    with pytest.raises(SourceError, match="a badge of c1 is in hr too"):
        pull.pull(db, "hr", sources, ASKED)
    firm.unlink()
    with pytest.raises(SourceError, match="can't be read"):
        pull.pull(db, "hr", sources, ASKED)


@pytest.mark.parametrize("serial", [0, 7])
def test_a_bundle_that_has_not_changed_takes_nobody_off_a_joined_list(
    people: Path, tmp_path: Path, serial: int
) -> None:
    """ "Nothing new" from one of two sources left its people out, or hid the other's changes."""
    db = open_admin(people)
    signer(tmp_path, serial, LIST)
    firm = tmp_path / "firm.csv"
    firm.write_text("id,name,credentials,access_levels\nc1,Eva,h10301:1:9,plant\n")
    asked = Asked(LEVELS, "gate-1", UTC, (tmp_path / "hr.pub",))
    of_bundle = table(kind="bundle", path=tmp_path / "l.bundle")
    of_file = table(kind="file", path=firm)
    for first, second in (("hr", "firm"), ("firm", "hr")):
        sources = {"hr": of_bundle, "firm": of_file}
        sources[first] = sources[first].model_copy(update={"include": [second]})
        for _ in range(2):
            found = pull.pull(db, first, sources, asked)
            assert found.source is not None
            assert {p.id for p in found.source.people} == {"e1", "e2", "c1"}
            pull.good(db, first, found)


def signer(folder: Path, serial: int, body: str) -> None:
    """A bundle of `body` at folder/l.bundle, and its key at folder/hr.pub."""
    (folder / "hr.pub").write_bytes(
        KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    raw = bundle.seal(
        body.encode(), KEY, form="csv", gateways=["gate-1"], generated_at=NOW, serial=serial
    )
    (folder / "l.bundle").write_bytes(raw)
