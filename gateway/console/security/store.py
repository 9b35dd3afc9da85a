"""console.db: credentials of operators, and sessions.

A session's token is in the browser's cookie; here is its SHA-256, so a copy of the file signs
nobody in.  Every method blocks for a moment.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS credential (
    operator TEXT PRIMARY KEY,
    password TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS session (
    token TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    csrf TEXT NOT NULL,
    began REAL NOT NULL,
    seen REAL NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.  `began` and `seen` are Unix times."""

    digest: str
    operator: str
    csrf: str
    began: float
    seen: float


class Store:
    """The file at `path`, made if it is missing, for its owner alone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(SCHEMA)

    def password(self, operator: str) -> str:
        """The hash of the operator's password; "" if they have none."""
        row = self._one("SELECT password FROM credential WHERE operator = ?", operator)
        return str(row[0]) if row else ""

    def set_password(self, operator: str, hashed: str) -> None:
        """Keep a password's hash and end the operator's sessions."""
        self._do(
            "INSERT INTO credential (operator, password) VALUES (?, ?) "
            "ON CONFLICT (operator) DO UPDATE SET password = excluded.password",
            operator,
            hashed,
        )
        self._do("DELETE FROM session WHERE operator = ?", operator)

    def taste(self, operator: str) -> tuple[str, str]:
        """The operator's language and theme; "" for what they have not chosen."""
        row = self._one("SELECT language, theme FROM credential WHERE operator = ?", operator)
        return (str(row[0]), str(row[1])) if row else ("", "")

    def set_taste(self, operator: str, language: str, theme: str) -> None:
        """Keep the operator's language and theme."""
        self._do(
            "INSERT INTO credential (operator, language, theme) VALUES (?, ?, ?) "
            "ON CONFLICT (operator) DO UPDATE SET language = excluded.language, "
            "theme = excluded.theme",
            operator,
            language,
            theme,
        )

    def begin(self, operator: str) -> str:
        """A new session; returns its token, for the cookie alone."""
        token, now = secrets.token_urlsafe(32), time.time()
        self._do(
            "INSERT INTO session (token, operator, csrf, began, seen) VALUES (?, ?, ?, ?, ?)",
            _digest(token),
            operator,
            secrets.token_urlsafe(32),
            now,
            now,
        )
        return token

    def session(self, token: str) -> Session | None:
        """The session of a cookie's token; None if there is none."""
        return self.by_digest(_digest(token))

    def by_digest(self, digest: str) -> Session | None:
        """The session as the file has it now; None if it was ended."""
        row = self._one(
            "SELECT token, operator, csrf, began, seen FROM session WHERE token = ?", digest
        )
        return Session(*row) if row else None

    def touch(self, session: Session) -> None:
        """The person of the session did something."""
        self._do("UPDATE session SET seen = ? WHERE token = ?", time.time(), session.digest)

    def end(self, session: Session) -> None:
        """End one session."""
        self._do("DELETE FROM session WHERE token = ?", session.digest)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        with self._lock:
            found: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return found

    def _do(self, sql: str, *values: object) -> None:
        with self._lock:
            self._db.execute(sql, values)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
