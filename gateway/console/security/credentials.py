"""What operators prove themselves with: password, second factor, passkeys, one-time codes.

Everything here is for one operator at a time, by the name with which they sign in.  Every method
blocks for a moment.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from gateway.console.security.database import Database, digest
from gateway.vault.sitekey import Sealer, SealError

CODE_H = 24
"""A one-time code is good for so many hours."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another
_GROUPS, _GROUP = 3, 4

KNOWN_S = 400 * 86400.0
"""A browser stays known for so long, which is the longest that browsers keep a cookie."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey (WebAuthn, level 2).  `id` is base64url; times are Unix times, `used` 0: never."""

    id: str
    operator: str
    public_key: bytes = field(repr=False)
    sign_count: int = 0
    label: str = ""
    added: float = 0.0
    used: float = 0.0


class Credentials:
    """The credentials in `db`; `sealer` seals the secrets that codes are made from."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db, self._sealer = db, sealer

    def password(self, operator: str) -> str:
        """The hash of the operator's password; "" if they have none."""
        row = self._db.one("SELECT password FROM credential WHERE operator = ?", operator)
        return str(row[0]) if row else ""

    def set_password(self, operator: str, hashed: str) -> None:
        """Keep the hash of a password."""
        self._db.do(
            "INSERT INTO credential (operator, password) VALUES (?, ?) "
            "ON CONFLICT (operator) DO UPDATE SET password = excluded.password",
            operator,
            hashed,
        )

    def has_second(self, operator: str) -> bool:
        """Whether the operator has a second factor."""
        return self.has_totp(operator) or bool(self.passkeys(operator))

    def has_totp(self, operator: str) -> bool:
        """Whether the operator has an app that makes codes."""
        row = self._db.one("SELECT totp <> x'' FROM credential WHERE operator = ?", operator)
        return bool(row and row[0])

    def totp(self, operator: str) -> str:
        """The secret of the operator's codes (base32, RFC 6238); "" if there is none, or if it was
        sealed with another key."""
        row = self._db.one("SELECT totp FROM credential WHERE operator = ?", operator)
        try:
            return self._sealer.open(row[0], operator).decode() if row and row[0] else ""
        except SealError:
            return ""

    def set_totp(self, operator: str, secret: str, step: int) -> None:
        """Keep the secret, sealed; `step` is that of the code which proved it."""
        self._db.do(
            "INSERT INTO credential (operator, totp, totp_step) VALUES (?, ?, ?) "
            "ON CONFLICT (operator) DO UPDATE SET totp = excluded.totp, "
            "totp_step = excluded.totp_step",
            operator,
            self._sealer.seal(secret.encode(), operator),
            step,
        )

    def take_step(self, operator: str, step: int) -> bool:
        """Use up the code of one step of 30 s; False if it or a later one was used before."""
        return (
            self._db.do(
                "UPDATE credential SET totp_step = ? WHERE operator = ? AND totp_step < ?",
                step,
                operator,
                step,
            )
            == 1
        )

    def forget_totp(self, operator: str) -> None:
        """The operator's app makes no code any more."""
        self._db.do("UPDATE credential SET totp = x'', totp_step = 0 WHERE operator = ?", operator)

    def passkeys(self, operator: str) -> list[Passkey]:
        """The operator's passkeys, the oldest first."""
        rows = self._db.all(
            "SELECT id, operator, public_key, sign_count, label, added, used FROM passkey "
            "WHERE operator = ? ORDER BY added",
            operator,
        )
        return [Passkey(*row) for row in rows]

    def add_passkey(self, key: Passkey) -> None:
        """Keep a passkey; one of the same id is not replaced."""
        self._db.do(
            "INSERT OR IGNORE INTO passkey (id, operator, public_key, sign_count, label, added, "
            "used) VALUES (?, ?, ?, ?, ?, ?, ?)",
            key.id,
            key.operator,
            key.public_key,
            key.sign_count,
            key.label,
            key.added,
            key.used,
        )

    def used_passkey(self, key: str, sign_count: int) -> None:
        """A passkey was used; its own count of signatures goes along."""
        self._db.do(
            "UPDATE passkey SET sign_count = ?, used = ? WHERE id = ?",
            sign_count,
            time.time(),
            key,
        )

    def drop_passkey(self, operator: str, key: str) -> bool:
        """Forget one of the operator's passkeys; returns whether there was one."""
        return self._db.do("DELETE FROM passkey WHERE id = ? AND operator = ?", key, operator) == 1

    def forget_second(self, operator: str) -> None:
        """The operator lost their second factor: all of it is forgotten."""
        self.forget_totp(operator)
        self._db.do("DELETE FROM passkey WHERE operator = ?", operator)

    def new_code(self, operator: str) -> str:
        """A one-time code to choose a password with; one from before is worth nothing any more."""
        groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        code = "-".join(groups)
        self._db.do(
            "INSERT OR REPLACE INTO code (operator, digest, ends) VALUES (?, ?, ?)",
            operator,
            digest(_plain(code)),
            time.time() + CODE_H * 3600,
        )
        return code

    def has_code(self, operator: str) -> bool:
        """Whether a code waits to be used."""
        return bool(
            self._db.one(
                "SELECT 1 FROM code WHERE operator = ? AND ends > ?", operator, time.time()
            )
        )

    def take_code(self, operator: str, code: str) -> bool:
        """Use up the operator's code; returns whether `code` is it.  A wrong one uses up nothing:
        the limits on tries do that."""
        return (
            self._db.do(
                "DELETE FROM code WHERE operator = ? AND digest = ? AND ends > ?",
                operator,
                digest(_plain(code)),
                time.time(),
            )
            == 1
        )

    def forget(self, operator: str) -> None:
        """Everything of an operator who may sign in no more."""
        for table in ("passkey", "code", "known", "credential", "session"):
            self._db.do(f"DELETE FROM {table} WHERE operator = ?", operator)  # noqa: S608

    def know_browser(self, operator: str, token: str) -> None:
        """The operator has signed in at the browser that has `token` in a cookie."""
        now = time.time()
        self._db.do("DELETE FROM known WHERE since < ?", now - KNOWN_S)
        self._db.do(
            "INSERT OR REPLACE INTO known (token, operator, since) VALUES (?, ?, ?)",
            digest(token),
            operator,
            now,
        )

    def knows_browser(self, operator: str, token: str) -> bool:
        """Whether that browser is one at which the operator has signed in before."""
        return bool(
            token
            and self._db.one(
                "SELECT 1 FROM known WHERE token = ? AND operator = ? AND since > ?",
                digest(token),
                operator,
                time.time() - KNOWN_S,
            )
        )


def _plain(code: str) -> str:
    """A code as people type it: without what parts its groups, in any case."""
    return "".join(char for char in code.upper() if char.isalnum())[:64]
