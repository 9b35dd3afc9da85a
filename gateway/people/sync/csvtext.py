"""The lines of a CSV file as cells: its encoding, its delimiter, its quotes.

Without a profile the text must be UTF-8.  With one it is what the profile says, but a byte order
mark at the beginning wins.  The delimiter is the profile's, or that of the header.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from gateway.locale import worded
from gateway.people.sync.header import Unended
from gateway.people.sync.profile import Profile
from gateway.people.sync.source import RowError, Source

MAX_HEAD = 100_000  # characters in which the header must be
DELIMITERS = ",;\t"
_SEP = re.compile(r'"?sep=(.)"?')
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def guess(raw: bytes) -> str:
    """The encoding that a CSV file seems to have: by its byte order mark, as UTF-8 if it is valid
    UTF-8, else Windows-1252, which is what Excel writes in Mexico and the USA."""
    if raw.startswith(_UTF16):
        return "utf-16"
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def utf8(raw: bytes, source: Source) -> str | None:
    """UTF-8 text, or None and an error with the line."""
    if raw.startswith(_UTF16):
        source.errors.append(RowError(1, "", worded("UTF-16 text; save it as CSV UTF-8")))
        return None
    return _decoded(raw, "utf-8-sig", source)


def _decoded(raw: bytes, encoding: str, source: Source) -> str | None:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        message = worded(
            "not {name} text (byte {n}); save it as CSV UTF-8, or use a profile that names its "
            "encoding (garita people map)",
            name=name,
            n=error.start,
        )
        source.errors.append(RowError(line, "", message))
        return None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        source.errors.append(RowError(line, "", worded("holds a NUL byte: not a text file")))
        return None
    return text


def _encoding(raw: bytes, profile: Profile | None, source: Source) -> str | None:
    """The encoding of CSV.  A byte order mark wins over the profile; without a profile UTF-16 is
    refused."""
    if raw.startswith(_UTF16) and profile is not None:
        return "utf-16"
    if raw.startswith(b"\xef\xbb\xbf") or profile is None:
        return "utf-8-sig"
    if profile.encoding == "windows-1252" and not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return "windows-1252"
        message = worded(
            "the profile says windows-1252, but this is UTF-8 text: names would be garbled; set "
            'encoding = "utf-8"'
        )
        source.errors.append(RowError(0, "", message))
        return None
    # Without a mark, UTF-16 as Windows writes it.
    return {"utf-8": "utf-8-sig", "utf-16": "utf-16-le"}.get(profile.encoding, profile.encoding)


def lines(raw: bytes, source: Source, profile: Profile | None) -> Iterator[tuple[int, list[Any]]]:
    """Each line's number from 1 and its cells; what is wrong goes to `source.errors`."""
    encoding = _encoding(raw, profile, source)
    if encoding is None:
        return
    text = utf8(raw, source) if profile is None else _decoded(raw, encoding, source)
    if text is None:
        return
    skipped = 0
    head = text[:MAX_HEAD].splitlines()
    delimiter: str = (profile.delimiter if profile else None) or ""
    if head and (said := _SEP.fullmatch(head[0].strip())):  # Excel's own word for its delimiter
        skipped, delimiter = 1, said[1]
    if not delimiter:
        at = max(skipped, profile.header_row - 1 if profile else 0)
        line = head[at] if at < len(head) else ""
        delimiter = max(DELIMITERS, key=line.count)
    ended = text.endswith(("\r", "\n"))
    del text  # decoded again line by line: a large list is not kept twice
    file = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline="")
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        number, last = 1, None
        for cells in reader:
            if last is not None:
                yield last
            last = (number, cells) if number > skipped else None
            number = reader.line_num + 1
        if last is not None:
            yield last if ended else (last[0], Unended(last[1]))
    except csv.Error as error:
        source.errors.append(RowError(reader.line_num, "", worded("not CSV: {why}", why=error)))
