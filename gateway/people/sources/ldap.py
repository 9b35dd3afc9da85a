"""A list from LDAP or Active Directory: entries to people, groups to access levels.

Needs the extra `ldap` (ldap3).  Read only, page by page; a page that fails gives no list.  The
configuration says which attribute holds what.  `userAccountControl` as status makes an account
that is disabled in Active Directory suspended here; `accountExpires` as valid_until is read as
Active Directory writes it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.config import SourceTable
from gateway.people.sources.errors import SourceError, secret
from gateway.people.sync.rows import Row

try:
    import ldap3
    from ldap3.core.exceptions import LDAPException
except ImportError as _error:
    raise SourceError("LDAP needs ldap3: pip install 'garita[ldap]'") from _error

DISABLED = 0x2  # userAccountControl, ACCOUNTDISABLE
_NEVER = (0, 0x7FFF_FFFF_FFFF_FFFF)  # accountExpires
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def fetch(table: SourceTable, most: int) -> list[Row]:
    """A row for each entry, at most `most`; raises SourceError."""
    try:
        connection = _connect(table)
        try:
            wanted = sorted({*table.attributes.values(), *(("memberOf",) if table.levels else ())})
            levels = {_dn(group): names for group, names in table.levels.items()}
            rows: list[Row] = []
            found = connection.extend.standard.paged_search(
                table.base,
                table.filter,
                ldap3.SUBTREE,
                attributes=wanted,
                paged_size=table.page_size,
                generator=True,
            )
            for item in found:
                if item.get("type") != "searchResEntry":
                    continue  # a referral: another server's people are another source
                if len(rows) >= most:
                    raise SourceError(f"more than {most} people")
                rows.append((len(rows) + 1, _row(item["raw_attributes"], table, levels)))
            return rows
        finally:
            connection.unbind()
    except (LDAPException, OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(_why(error)) from error


def _connect(table: SourceTable) -> Any:
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=table.ca_file and str(table.ca_file))
    limit = int(table.timeout_s)  # ldap3 takes whole seconds only
    server = ldap3.Server(table.url, tls=tls, get_info=ldap3.NONE, connect_timeout=limit)
    password = secret(table.password_file) if table.password_file is not None else None
    connection = ldap3.Connection(
        server,
        user=table.bind_dn or None,
        password=password,
        read_only=True,
        auto_referrals=False,
        raise_exceptions=True,
        receive_timeout=limit,
    )
    connection.open()
    if table.start_tls:
        connection.start_tls()
    connection.bind()
    return connection


def _row(
    found: Mapping[str, list[bytes]], table: SourceTable, levels: Mapping[str, list[str]]
) -> dict[str, Any]:
    lower = {name.lower(): values for name, values in found.items()}

    def texts(attribute: str) -> list[str]:
        return [value.decode("utf-8", "replace") for value in lower.get(attribute.lower(), [])]

    row: dict[str, Any] = {"access_levels": []}
    for name, attribute in table.attributes.items():
        values = texts(attribute)
        if name == "credentials":
            row[name] = [table.credential_prefix + value for value in values]
        elif name == "access_levels":
            row[name] += values
        elif attribute.lower() == "useraccountcontrol":
            row[name] = _status(values)
        elif attribute.lower() == "accountexpires":
            row[name] = _expires(values)
        elif name in ("valid_from", "valid_until"):
            row[name] = _day(values[0]) if values else ""
        else:
            row[name] = values[0] if values else ""
    for group in texts("memberOf"):
        row["access_levels"] += levels.get(_dn(group), [])
    return row


def _status(values: list[str]) -> str:
    """Who has no readable mark is let in by nothing."""
    try:
        return "suspended" if int(values[0]) & DISABLED else "active"
    except (IndexError, ValueError):
        return "suspended"


def _expires(values: list[str]) -> str:
    """A FILETIME (100 ns since 1601) as the last whole day before it."""
    try:
        ticks = int(values[0]) if values else 0
        if ticks in _NEVER:
            return ""
        return (_EPOCH + timedelta(microseconds=ticks // 10 - 1)).date().isoformat()
    except (ValueError, OverflowError):
        return values[0]


def _day(value: str) -> str:
    """A generalized time (RFC 4517, 3.3.13) as its day; whatever else as it is."""
    if len(value) >= 15 and value[:8].isdigit() and value[-1] == "Z":
        return f"{value[:4]}-{value[4:6]}-{value[6:8]}"
    return value


def _dn(name: str) -> str:
    """A name as two are compared: case and blanks between its parts don't count."""
    return ",".join(part.strip() for part in name.casefold().split(","))


def _why(error: Exception) -> str:
    # ldap3's results name a code and the server's words; its socket errors the system's.
    text = getattr(error, "description", "") or str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}".splitlines()[0][:200]
