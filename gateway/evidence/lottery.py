"""A sample drawn by lot, which either side can draw again.

The seed is SHA-256 of the checkpoint's root (hex), a line feed, and the word that the auditor names
(UTF-8, NFC, without blanks at its ends): neither the site nor the auditor alone chooses it.  For a
population of n rows, row i (from 0) gets the ticket

    SHA-256( seed | 0x00 | key of the table (UTF-8) | 0x00 | i as 8 bytes, big endian )

and the rows with the smallest tickets are drawn, in the order of their tickets.  Whoever has the
list of rows and a program that makes SHA-256 can do it again; docs/evidence.md shows it.
"""

from __future__ import annotations

import hashlib
import heapq
import unicodedata

DAILY_SAMPLE = 25
"""How many are drawn of what happens daily: between the 20 and 30 that auditors are used to."""


def seed_of(root: bytes, word: str) -> bytes:
    """The seed, 32 bytes, from the root of a checkpoint (32 bytes) and the auditor's word."""
    said = unicodedata.normalize("NFC", word.strip())
    return hashlib.sha256(f"{root.hex()}\n{said}".encode()).digest()


def draw(seed: bytes, table: str, count: int, size: int) -> list[int]:
    """The numbers of `size` rows out of `count` (all of them if there are fewer)."""
    begin = seed + b"\0" + table.encode() + b"\0"

    def ticket(row: int) -> bytes:
        return hashlib.sha256(begin + row.to_bytes(8, "big")).digest()

    return heapq.nsmallest(size, range(count), key=ticket)
