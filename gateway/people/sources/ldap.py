"""A list from LDAP or Active Directory: entries to people, groups to access levels.

Needs the extra `ldap` (ldap3).  Reads only, page by page; if one page fails there is no list.
The configuration says which attribute holds what.  Two attributes of Active Directory are known
by name: `userAccountControl` as status makes a disabled account suspended, and `accountExpires`
as valid_until is the last day before that instant.

`memberOf` names only the groups that an entry is in directly.  With `nested_groups = true` the
server is asked, for each group of `levels`, who is in it through other groups (the matching rule
in chain, [MS-ADTS] 3.1.1.3.4.4.3) or has it as the primary group.  Active Directory and Samba
know that rule; OpenLDAP does not, and would silently find nobody, so it is refused.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from gateway.config import SourceTable
from gateway.locale import worded
from gateway.people.sources.errors import SourceError, secret
from gateway.people.sync.rows import Row

try:
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import parse_dn
except ImportError as _error:
    raise SourceError(worded("LDAP needs ldap3: pip install 'garita[ldap]'")) from _error

DISABLED = 0x2  # userAccountControl, ACCOUNTDISABLE
IN_CHAIN = "1.2.840.113556.1.4.1941"  # LDAP_MATCHING_RULE_TRANSITIVE_EVAL
ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"  # among the root DSE's supportedCapabilities
_NEVER = (0, 0x7FFF_FFFF_FFFF_FFFF)  # accountExpires
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_GENERALIZED = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d(?:\d\d)?)"
)


def fetch(table: SourceTable, most: int) -> list[Row]:
    """A row for each entry, at most `most`; raises SourceError."""
    try:
        connection = _connect(table)
        try:
            wanted = sorted({*table.attributes.values(), *(("memberOf",) if table.levels else ())})
            members = _members(connection, table) if table.nested_groups else {}
            groups = {_dn(group): names for group, names in table.levels.items()}
            rows: list[Row] = []
            for item in _search(connection, table, table.filter, wanted):
                if len(rows) >= most:
                    raise SourceError(worded("more than {most} people", most=most))
                row = _row(item["raw_attributes"], table, groups)
                row["access_levels"] += members.get(_dn(item["dn"]), [])
                rows.append((len(rows) + 1, row))
            return rows
        finally:
            connection.unbind()
    except (LDAPException, OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(_why(error)) from error


def chain_filter(group: str, people: str) -> str:
    """The filter that finds the entries of `people` (a filter) that are in `group` (a DN),
    directly or through other groups."""
    return f"(&{people}(memberOf:{IN_CHAIN}:={escape_filter_chars(group)}))"


def primary_filter(sids: list[bytes], people: str) -> str:
    """The filter that finds the entries of `people` whose primary group is one of `sids`.

    `primaryGroupID` holds the last part (RID) of the group's objectSid, a 32-bit number that the
    SID stores with its lowest byte first ([MS-DTYP] 2.4.2.2).
    """
    rids = sorted({int.from_bytes(sid[-4:], "little") for sid in sids if len(sid) >= 12})
    return f"(&{people}(|{''.join(f'(primaryGroupID={rid})' for rid in rids)}))" if rids else ""


def _members(connection: Any, table: SourceTable) -> dict[str, list[str]]:
    """The levels of each entry, by its DN, through nested groups and primary groups."""
    if not _knows_chain(connection):
        raise SourceError(
            worded(
                "this server does not say that it is Active Directory, and others do not "
                "know groups inside groups: leave nested_groups out"
            )
        )
    found: dict[str, list[str]] = {}
    for written, names in table.levels.items():
        group = "".join(f"{kind}={value}{after}" for kind, value, after in _parts(written))
        sids = [*_sids(connection, table, group)]
        filters = (chain_filter(group, table.filter), primary_filter(sids, table.filter))
        for wanted in filter(None, filters):
            for item in _search(connection, table, wanted, ["objectClass"]):
                found.setdefault(_dn(item["dn"]), []).extend(names)
    return found


def _parts(name: str) -> list[tuple[str, str, str]]:
    """The parts of a DN without the blanks that people put between them."""
    parts: list[tuple[str, str, str]] = parse_dn(name, strip=True)
    return parts


def _knows_chain(connection: Any) -> bool:
    """Whether the root DSE says that the server is Active Directory (Samba says so too)."""
    connection.search(
        "", "(objectClass=*)", ldap3.BASE, attributes=["supportedCapabilities"], size_limit=1
    )
    for item in connection.response or ():
        if ACTIVE_DIRECTORY.encode() in item.get("raw_attributes", {}).get(
            "supportedCapabilities", ()
        ):
            return True
    return False


def _sids(connection: Any, table: SourceTable, group: str) -> Iterator[bytes]:
    """The SIDs of a group and of all groups inside it: each may be somebody's primary group."""
    connection.search(group, "(objectClass=*)", ldap3.BASE, attributes=["objectSid"])
    found = list(connection.response or ())
    found += _search(connection, table, chain_filter(group, "(objectClass=group)"), ["objectSid"])
    for item in found:
        yield from item.get("raw_attributes", {}).get("objectSid", ())


def _search(
    connection: Any, table: SourceTable, wanted: str, attributes: list[str]
) -> Iterator[Mapping[str, Any]]:
    """The entries below the base that match a filter, page by page."""
    found = connection.extend.standard.paged_search(
        table.base,
        wanted,
        ldap3.SUBTREE,
        attributes=attributes,
        paged_size=table.page_size,
        generator=True,
    )
    for item in found:
        if item.get("type") == "searchResEntry":  # a referral names another server's people
            yield item


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
            row[name] = account_expires(values[0] if values else "0")
        elif name in _TIMES or name.startswith("requires:"):
            row[name] = generalized_time(values[0]) if values else ""
        else:
            row[name] = values[0] if values else ""
    for group in texts("memberOf"):
        row["access_levels"] += levels.get(_dn(group), [])
    return row


_TIMES = ("valid_from", "valid_until", "revoked_at")


def _status(values: list[str]) -> str:
    """An account without a readable mark is suspended."""
    try:
        return "suspended" if int(values[0]) & DISABLED else "active"
    except (IndexError, ValueError):
        return "suspended"


def account_expires(value: str) -> datetime | str:
    """`accountExpires`: ticks of 100 ns since 1601 (FILETIME) as an aware time.

    Returns "" for "never", and the text itself if it is not a number, which the list's reader
    then refuses.  A number beyond the year 9999 is the end of that year.
    """
    try:
        ticks = int(value)
        if ticks in _NEVER:
            return ""
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except ValueError:
        return value
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def generalized_time(value: str) -> datetime | str:
    """A generalized time (RFC 4517, 3.3.13) as an aware time; any other text as it is.

    Minutes and seconds may be left out; a fraction belongs to the last part that is there.
    """
    found = _GENERALIZED.fullmatch(value)
    if found is None:
        return value
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    unit = 1 if second else 60 if minute else 3600
    more = timedelta(seconds=unit * int(fraction) / 10 ** len(fraction)) if fraction else None
    try:
        zone = UTC if offset == "Z" else timezone(_offset(offset))
        at = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute or 0),
            min(int(second or 0), 59),  # 60 is a leap second
            tzinfo=zone,
        )
        return at + more if more else at
    except (ValueError, OverflowError):
        return value


def _offset(text: str) -> timedelta:
    size = timedelta(hours=int(text[1:3]), minutes=int(text[3:5] or 0))
    return -size if text[0] == "-" else size


def _dn(name: str) -> str:
    """A DN in the form in which two are compared: without case, and without blanks between its
    parts."""
    return ",".join(part.strip() for part in name.casefold().split(","))


def _why(error: Exception) -> str:
    # ldap3's results name a code and the server's words; its socket errors the system's.
    text = getattr(error, "description", "") or str(error) or type(error).__name__
    return f"{type(error).__name__}: {text}".splitlines()[0][:200]
