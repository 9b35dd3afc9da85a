# ruff: noqa: E501 - rows of SQL
"""Make the databases of every schema version, as texts of SQL in tests/data/schemas.

    python tests/data/make_schemas.py people     # people-01.sql ... from the files of SQL in git
    python tests/data/make_schemas.py ledger     # by the code of each commit that changed its tables
    python tests/data/make_schemas.py console

A text is never made anew for a version that has one: it is there because the code of today can't
make it any more.  Everything in them is made up.  The PIN is in tests/gateway/upgrade/schemas.py.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / "schemas"
SHADOW = re.compile(r"person_search_")

# Rows by the version that has their table first.
PIN = "INSERT INTO pin VALUES ('e1', '@PIN@', NULL, '2026-11-20T08:00:00Z', 'x');"
ROWS: dict[int, tuple[str, ...]] = {
    1: (
        "INSERT INTO person VALUES ('e1','Ana','Norte S.A.','','2026-01-01',NULL,'active','[\"plant\"]');",
        "INSERT INTO person VALUES ('e2','Ben','','','2026-01-01',NULL,'active','[\"plant\"]');",
        "INSERT INTO person VALUES ('e3','Eva','','','2026-01-01',NULL,'suspended','[\"plant\"]');",
        "INSERT INTO credential VALUES ('em4100:18:1001','e1');",
        "INSERT INTO credential VALUES ('em4100:18:1002','e2');",
        "INSERT INTO credential VALUES ('em4100:18:1003','e3');",
        "INSERT INTO revocation VALUES ('e2','2026-11-20T08:00:00Z','left','x');",
        "INSERT INTO list_version VALUES (1,'2026-11-20T07:00:00Z','people.csv','ab',3,0,0,3,'x');",
        "INSERT INTO template VALUES ('t1','e1','dlib','2026-11-20T07:30:00Z','{}',x'00ff');",
        "INSERT INTO outbox VALUES ('act-1','2026-11-20T08:00:00Z','people.revoked','e2','{\"by\": \"x\"}');",
    ),
    2: (PIN,),
    3: (
        "INSERT INTO person_key VALUES ('e1',x'0102','2026-11-20T07:30:00Z','k1');",
        "INSERT INTO face_consent VALUES ('e1','2026-11-20T07:30:00Z','2028-01-01','paper','x');",
    ),
    4: (
        "INSERT INTO requirement (subject_kind, subject, kind, valid_until, set_at, by) "
        "VALUES ('person','e1','training','2030-01-01','2026-11-20T07:00:00Z','x');",
        "INSERT INTO requirement (subject_kind, subject, kind, valid_until, set_at, by) "
        "VALUES ('company','Norte S.A.','partner','2030-01-01','2026-11-20T07:00:00Z','x');",
        "INSERT INTO temporary_grant VALUES "
        "(1,'e3','door','gate','2026-11-20T00:00:00Z','2030-01-01T00:00:00Z','','x','2026-11-20T07:00:00Z');",
        "INSERT INTO escort VALUES ('e3','[\"e1\"]','2026-11-20T07:00:00Z','x');",
    ),
    5: (
        "INSERT INTO version_detail VALUES (1,'sync',NULL,'[]',NULL,NULL,'[]',100,1);",
        "INSERT INTO person_history VALUES (1,'e1','added','',NULL);",
        "INSERT INTO revocation_delay VALUES ('e2',1,'2026-11-20T07:59:00Z','2026-11-20T08:00:00Z',60.0);",
    ),
    6: (
        "INSERT INTO visit_badge VALUES ('em4100:18:777',1,'visit-1','José','Norte','','2026-11-20T08:00:00Z',"
        "'2030-01-01T00:00:00Z','[\"plant\"]');",
        "INSERT INTO partner VALUES ('norte s.a.','Norte S.A.','carrier','oea','1',NULL,'2099-01-01','active','',1,"
        "'2026-11-20T07:00:00Z','x');",
    ),
    13: ("INSERT INTO portrait VALUES ('e1','p1','2026-11-20T07:30:00Z','x',x'03');",),
    14: (
        "INSERT INTO operator VALUES ('rosa','e1','[\"guard\"]','[]','console','2026-11-20T07:00:00Z','x','');",
    ),
    16: ("INSERT INTO lost_badge VALUES (1,'em4100:18:1009','e1','2026-11-20T07:00:00Z','','x');",),
}
COMPANY_KEY = (  # version 7 keeps companies by the key of their name
    ("'company','Norte S.A.','partner'", "'company','norte sa','partner','Norte S.A.'"),
    ("'person','e1','training'", "'person','e1','training','e1'"),
    ("(subject_kind, subject, kind, valid_until", "(subject_kind, key, kind, subject, valid_until"),
    ("('norte s.a.','Norte S.A.'", "('norte sa','Norte S.A.'"),
)


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def dump(db: sqlite3.Connection) -> Iterator[str]:
    """The database as statements, with its schema version."""
    objects = db.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
        "ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid"
    ).fetchall()
    objects = [one for one in objects if not SHADOW.match(one[1])]
    for kind, name, sql in objects:
        if kind != "table":
            continue
        yield f"{sql};"
        if sql.upper().startswith("CREATE VIRTUAL"):
            continue
        columns = [row[1] for row in db.execute(f'PRAGMA table_info("{name}")')]
        quoted = " || ',' || ".join(f'quote("{column}")' for column in columns)
        for (values,) in db.execute(f'SELECT {quoted} FROM "{name}"'):
            yield f'INSERT INTO "{name}" VALUES ({values});'
    yield from (f"{sql};" for kind, _, sql in objects if kind != "table")
    if any(name == "person_search" for _, name, _ in objects):
        yield "INSERT INTO person_search(person_search) VALUES('rebuild');"
    yield f"PRAGMA user_version = {db.execute('PRAGMA user_version').fetchone()[0]};"


def people() -> None:
    """Each version by the files that it was released with."""
    sys.path.insert(0, str(ROOT))
    from gateway.people.lookup import compare_names
    from gateway.people.pins import Pins
    from gateway.people.schema import statements
    from gateway.vault.sitekey import SiteKey

    hashed = Pins(SiteKey(bytes(32))).hash("e1", "4711")
    scripts = []
    for file in sorted((ROOT / "gateway/people/schema").glob("0*.sql")):
        path = str(file.relative_to(ROOT))
        commits = git("log", "--format=%h", "--", path).split()
        scripts.append(git("show", f"{commits[0]}:{path}"))
    for version in range(1, len(scripts) + 1):
        target = OUT / f"people-{version:02}.sql"
        if target.exists():
            continue
        with closing(compare_names(sqlite3.connect(":memory:"))) as db:
            for script in scripts[:version]:
                for statement in statements(script):
                    db.execute(statement)
            for since, rows in ROWS.items():
                for row in rows if since <= version else ():
                    text = row.replace("@PIN@", hashed)
                    if version >= 7:
                        for old, new in COMPANY_KEY:
                            text = text.replace(old, new)
                    if not (version >= 8 and "revocation_delay" in text):
                        db.execute(text)
            if version >= 10:
                db.execute("UPDATE mark_key SET key = zeroblob(32)")
            db.execute(f"PRAGMA user_version = {version}")
            db.commit()
            target.write_text("\n".join(dump(db)) + "\n", encoding="utf-8")


LEDGERS = {1: "2288f1a", 2: "c362fdd", 3: "a7f0b78", 4: "85f6181"}
WRITE = """
import inspect, sys
from datetime import UTC, datetime
from pathlib import Path
try:
    from gateway.ledger.event import NewEvent
except ImportError:
    from gateway.model import NewEvent
from gateway.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]), gateway="gate")
for number in range(5):
    kind, data = "access.granted", {"door": "gate", "reason": "granted", "n": number}
    ledger.append_sync(NewEvent(kind, "gate", data, datetime(2026, 11, 20, 8, number, tzinfo=UTC)))
ledger.close()
"""


def ledger() -> None:
    """A log of five records, written by the code of each commit that changed the tables."""
    for version, commit in LEDGERS.items():
        target = OUT / f"ledger-{version:02}.sql"
        if target.exists():
            continue
        with tempfile.TemporaryDirectory() as name:
            tree, made = Path(name, "tree"), Path(name, "ledger.db")
            git("worktree", "add", "-q", "--detach", str(tree), commit)
            try:
                subprocess.run([sys.executable, "-c", WRITE, str(made)], cwd=tree, check=True)
            finally:
                git("worktree", "remove", "--force", str(tree))
            with closing(sqlite3.connect(made)) as db:
                target.write_text("\n".join(dump(db)) + "\n", encoding="utf-8")


CONSOLES = {
    1: ("76c7f13", "gateway/console/security/store.py"),
    2: ("2385b03", "gateway/console/security/database.py"),
}
CONSOLE_ROWS = {
    1: (
        "INSERT INTO credential VALUES ('rosa','$argon2id$x','es','dark')",
        "INSERT INTO session VALUES ('t','rosa','c',1.0,2.0)",
    ),
    2: (
        "INSERT INTO credential VALUES ('rosa','$argon2id$x',x'01',5,'es','dark')",
        "INSERT INTO note VALUES ('n1','console.signed_in','rosa','{}')",
    ),
}


def console() -> None:
    """The tables that each commit's code makes."""
    for version, (commit, path) in CONSOLES.items():
        target = OUT / f"console-{version:02}.sql"
        if target.exists():
            continue
        found = re.search(r'SCHEMA = """\n(.*?)"""', git("show", f"{commit}:{path}"), re.DOTALL)
        assert found
        with closing(sqlite3.connect(":memory:")) as db:
            db.executescript(found[1])
            for row in CONSOLE_ROWS[version]:
                db.execute(row)
            db.commit()
            target.write_text("\n".join(dump(db)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    {"people": people, "ledger": ledger, "console": console}[sys.argv[1]]()
