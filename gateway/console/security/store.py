"""Sessions: who is signed in, at which browser, since when, and how they proved it.

A session's token is in the browser's cookie; here is its digest.  A session is short (`alive`),
bound to the browser and the address that began it (`bound`), and any of them can be ended.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.config.console import ConsoleTable
from gateway.console.security.credentials import Credentials
from gateway.console.security.database import Database, digest, new_token
from gateway.locale import english
from gateway.vault.sitekey import KeyFileError, SiteKey
from gateway.vault.statefile import Damage, put_aside

STAGE_S = 600.0
"""So long a sign-in may take that has begun."""

FULL, SECOND, PASSWORD, ENROL = "", "second", "password", "enrol"
"""Stages of a sign-in: done; a second factor is missing; a password has to be chosen; a second
factor has to be set up.  In all but the first nothing but the sign-in can be reached."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in, or about to be.

    `began`, `seen` and `stepped` are Unix times; `stepped` is when they last showed their second
    factor, 0: never.  `how` is ``password``, ``badge``, ``code`` or ``oidc``.  `roles` are all that
    the session may use of the operator's; None: every one.  `challenge` is what a passkey has to
    sign.  `browser` is a digest of what the browser calls itself, `device` its short name.
    """

    digest: str
    operator: str
    csrf: str
    began: float
    seen: float
    how: str = "password"
    stage: str = FULL
    roles: frozenset[str] | None = None
    stepped: float = 0.0
    challenge: str = ""
    browser: str = ""
    address: str = ""
    device: str = ""

    def alive(self, table: ConsoleTable, now: float) -> bool:
        """Whether its time is not over."""
        if self.stage != FULL:
            return now - self.began < STAGE_S
        return now - self.began < table.session_h * 3600 and now - self.seen < table.idle_min * 60

    def bound(self, browser: str, address: str) -> bool:
        """Whether a request of that browser (`browser_mark`) and address belongs to it."""
        same = not self.address or network(self.address) == network(address)
        return same and (not self.browser or self.browser == browser)


_COLUMNS = (
    "token, operator, csrf, began, seen, how, stage, roles, stepped, challenge, browser, address, "
    "device"
)


class Store:
    """The console's own file at `path`, and the key beside it that seals what must be read again.
    Every method blocks for a moment.  Raises OSError, sqlite3.Error or KeyFileError."""

    def __init__(self, path: Path) -> None:
        key = path.with_name("console.key")
        self.db = Database(path, begun=os.path.lexists(key))
        self.key = self._key(key)
        self.credentials = Credentials(self.db, self.key.sealer("totp"))

    def _key(self, path: Path) -> SiteKey:
        """The key, or a new one in the place of one that is damaged: codes of apps that the old one
        sealed are wrong from then on, and nobody is let in without one."""
        if os.path.lexists(path):
            try:
                return SiteKey.load(str(path))
            except KeyFileError as error:
                if path.is_file() and path.stat().st_mode & 0o077:
                    raise  # it may be good: `chmod 600`
                aside = put_aside(path)
                self.db.damages.append(Damage(path.name, english(error), "apps_anew", aside))
        SiteKey.create(path, path.parent)
        return SiteKey.load(str(path))

    def begin(
        self,
        operator: str,
        *,
        how: str = "password",
        stage: str = FULL,
        roles: Iterable[str] | None = None,
        stepped: float = 0.0,
        browser: str = "",
        address: str = "",
        device: str = "",
    ) -> str:
        """A new session; returns its token, for the cookie alone."""
        token, now = new_token(), time.time()
        self.db.do(
            f"INSERT INTO session ({_COLUMNS}) VALUES ({', '.join('?' * 13)})",  # noqa: S608
            digest(token),
            operator,
            new_token(),
            now,
            now,
            how,
            stage,
            "" if roles is None else json.dumps(sorted(roles)),
            stepped,
            "",
            browser,
            address,
            device,
        )
        return token

    def session(self, token: str) -> Session | None:
        """The session of a cookie's token; None if there is none."""
        return self.by_digest(digest(token))

    def by_digest(self, key: str) -> Session | None:
        """The session as the file has it now; None if it was ended."""
        row = self.db.one(f"SELECT {_COLUMNS} FROM session WHERE token = ?", key)  # noqa: S608
        return _session(row) if row else None

    def sessions(self, operator: str = "") -> list[Session]:
        """All sessions, or those of one operator, the newest first."""
        rows = self.db.all(
            f"SELECT {_COLUMNS} FROM session WHERE ? IN ('', operator) ORDER BY began DESC",  # noqa: S608
            operator,
        )
        return [_session(row) for row in rows]

    def renew(self, session: Session, *, stage: str = FULL, stepped: float | None = None) -> str:
        """Go on with the session under a new token, which is returned; the old one is worth
        nothing from now on.  So nobody who knew a token before the sign-in has one after it.
        Whoever shows their second factor (`stepped`) may use all their roles."""
        token = new_token()
        at = session.stepped if stepped is None else stepped
        began = time.time() if session.stage != FULL and stage == FULL else session.began
        roles = "" if at > session.stepped else "roles"
        self.db.do(
            "UPDATE session SET token = ?, csrf = ?, stage = ?, stepped = ?, challenge = '', "  # noqa: S608
            f"began = ?, roles = {roles or repr('')} WHERE token = ?",
            digest(token),
            new_token(),
            stage,
            at,
            began,
            session.digest,
        )
        return token

    def challenge(self, session: Session, text: str) -> None:
        """What a passkey has to sign next."""
        self.db.do("UPDATE session SET challenge = ? WHERE token = ?", text, session.digest)

    def take_challenge(self, session: Session) -> str:
        """The same, once."""
        with self.db.transaction():
            row = self.db.one("SELECT challenge FROM session WHERE token = ?", session.digest)
            self.challenge(session, "")
        return str(row[0]) if row else ""

    def touch(self, session: Session) -> None:
        """The person of the session did something."""
        self.db.do("UPDATE session SET seen = ? WHERE token = ?", time.time(), session.digest)

    def end(self, session: Session) -> None:
        """End one session."""
        self.db.do("DELETE FROM session WHERE token = ?", session.digest)

    def end_all(self, operator: str, *, but: str = "") -> int:
        """End the sessions of an operator, but the one of that digest; returns how many."""
        return self.db.do("DELETE FROM session WHERE operator = ? AND token <> ?", operator, but)

    def sweep(self, table: ConsoleTable) -> None:
        """Forget sessions whose time is over, and codes that nobody used."""
        now = time.time()
        for session in self.sessions():
            if not session.alive(table, now):
                self.end(session)
        self.db.do("DELETE FROM code WHERE ends < ?", now)

    def pair(self, token: str, name: str, by: str) -> None:
        """The browser that has `token` in a cookie is a screen beside the desk's reader."""
        self.db.do(
            "INSERT OR REPLACE INTO screen (token, name, by, since) VALUES (?, ?, ?, ?)",
            digest(token),
            name,
            by,
            time.time(),
        )

    def paired(self, token: str) -> bool:
        """Whether that browser is such a screen."""
        found = self.db.one("SELECT 1 FROM screen WHERE token = ?", digest(token))
        return bool(token and found)

    def screens(self) -> list[tuple[str, str, str, float]]:
        """(digest, name, by, since) of the screens beside the desk's reader."""
        return self.db.all("SELECT token, name, by, since FROM screen ORDER BY since")

    def unpair(self, key: str) -> bool:
        """The screen of that digest stands there no more; returns whether there was one."""
        return self.db.do("DELETE FROM screen WHERE token = ?", key) == 1

    def password(self, operator: str) -> str:
        """The hash of the operator's password; "" if they have none."""
        return self.credentials.password(operator)

    def set_password(self, operator: str, hashed: str) -> None:
        """Keep a password's hash and end the operator's sessions."""
        self.credentials.set_password(operator, hashed)
        self.end_all(operator)

    def taste(self, operator: str) -> tuple[str, str]:
        """The operator's language and theme; "" for what they have not chosen."""
        row = self.db.one("SELECT language, theme FROM credential WHERE operator = ?", operator)
        return (str(row[0]), str(row[1])) if row else ("", "")

    def set_taste(self, operator: str, language: str, theme: str) -> None:
        """Keep the operator's language and theme."""
        self.db.do(
            "INSERT INTO credential (operator, language, theme) VALUES (?, ?, ?) "
            "ON CONFLICT (operator) DO UPDATE SET language = excluded.language, "
            "theme = excluded.theme",
            operator,
            language,
            theme,
        )

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()


def _session(row: tuple[object, ...]) -> Session:
    key, operator, csrf, began, seen, how, stage, roles, stepped, *rest = row
    held = frozenset(json.loads(str(roles))) if roles else None
    challenge, browser, address, device = map(str, rest)
    return Session(
        digest=str(key),
        operator=str(operator),
        csrf=str(csrf),
        began=float(str(began)),
        seen=float(str(seen)),
        how=str(how),
        stage=str(stage),
        roles=held,
        stepped=float(str(stepped)),
        challenge=challenge,
        browser=browser,
        address=address,
        device=device,
    )


def browser_mark(agent: str) -> str:
    """A digest of what a browser calls itself (the header User-Agent)."""
    return hashlib.sha256(agent.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def network(address: str) -> str:
    """The part of an address that a browser keeps: of IPv6 the first 64 bits (RFC 8981)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6:
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
