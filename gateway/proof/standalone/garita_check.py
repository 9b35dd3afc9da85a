#!/usr/bin/env python3
"""Check a log of Garita without Garita: this one file and Python 3.9 or newer, nothing else.

    python3 garita_check.py [--trust FILE] [--key VKEY] FILE...

A FILE is a packet of evidence (its folder or its .zip), a copy of ledger.db, an export (JSON
lines), a checkpoint, or a proof (NAME.tlog-proof, with the record beside it in NAME.json).
Checkpoints that somebody kept elsewhere, given together with a packet, a log or an export, show
whether it was cut or written anew since.  --trust names a trust file (c2sp.org/tlog-policy), --key
a log's public key, as `garita log key` prints it.  Without either, a signature proves nothing about
who made it, and the program says so.

It prints what is proven and what is not.  Exit code 0: all that was checked is right.  3: something
is wrong.  2: it can't be read.  garita-check.html does the same in a browser.

The program says it in Spanish if LANG begins with es.  It is one long file on purpose: so it can be
handed on, read and run anywhere.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import sqlite3
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

# ---------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032, section 5.1), to check signatures.  Slow, and enough: 3 ms for each.

_Point = tuple[int, int, int, int]
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _I % _P
    if (x * x - x2) % _P:
        return None
    return _P - x if x & 1 != sign else x


_BY = 4 * pow(5, _P - 2, _P) % _P
_BX = _recover_x(_BY, 0) or 0
_BASE = (_BX, _BY, 1, _BX * _BY % _P)
_ZERO = (0, 1, 1, 0)


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(s: int, p: _Point) -> _Point:
    total = _ZERO
    while s:
        if s & 1:
            total = _add(total, p)
        p = _add(p, p)
        s >>= 1
    return total


def _point(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


def _packed(p: _Point) -> bytes:
    z = pow(p[2], _P - 2, _P)
    x, y = p[0] * z % _P, p[1] * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key with the 32 bytes `public` made the 64-byte `signature` of `message`."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, s = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    minus = (_P - key[0], key[1], 1, _P - key[3])
    return _packed(_add(_times(s, _BASE), _times(k, minus))) == signature[:32]


# ---------------------------------------------------------------------------------------------
# What the program says.  A wrong file is `Wrong`; a file that can't be read is `Unreadable`.

SPANISH = {
    "{count} records, the last one {seq} of {time}": "{count} eventos, el último {seq} de {time}",
    "record {seq} is missing": "falta el evento {seq}",
    "records {first} to {last} were lost; record {seq} says so": (
        "se perdieron los eventos {first} a {last}; el evento {seq} lo dice"
    ),
    "another log came before this one: {chain}, up to {seq}": (
        "antes hubo otra bitácora: {chain}, hasta {seq}"
    ),
    "the key was lost before record {seq}: a new name and a new key begin there": (
        "la llave se perdió antes del evento {seq}: ahí empiezan un nombre nuevo y una llave nueva"
    ),
    "record {seq} was changed": "el evento {seq} fue cambiado",
    "record {seq} is not in its form": "el evento {seq} no tiene su forma",
    "the log does not begin with its first record": "la bitácora no empieza con su primer evento",
    "the log is empty": "la bitácora está vacía",
    "the records up to {seq} are not those that were signed": (
        "los eventos hasta {seq} no son los que se firmaron"
    ),
    "records up to {seq} were signed, and not all are here": (
        "se firmaron eventos hasta {seq}, y no están todos"
    ),
    "signed up to record {seq} by {name}": "firmada hasta el evento {seq} por {name}",
    "{count} newer records are not covered by a signature": (
        "{count} eventos posteriores no están cubiertos por una firma"
    ),
    "nothing of it is signed": "nada de ella está firmado",
    "the signature of {name} is wrong": "la firma de {name} es falsa",
    "nobody whom you trust signed it": "no lo firmó nadie en quien usted confíe",
    "the witnesses that the trust file asks for did not sign": (
        "no firmaron los testigos que pide el archivo de confianza"
    ),
    "the witnesses that the trust file asks for signed": (
        "firmaron los testigos que pide el archivo de confianza"
    ),
    "the witnesses that the trust file asks for signed up to record {seq}": (
        "los testigos que pide el archivo de confianza firmaron hasta el evento {seq}"
    ),
    "the key is the log's own word: give --key or --trust with one noted elsewhere": (
        "la llave la nombra la propia bitácora: dé --key o --trust con una anotada en otro lugar"
    ),
    "the file was copied without its -wal file; newer records may be missing": (
        "el archivo se copió sin su archivo -wal; pueden faltar eventos más nuevos"
    ),
    "record {seq} is in the log {name}": "el evento {seq} está en la bitácora {name}",
    "the record is not in the log at this place": "el evento no está en ese lugar de la bitácora",
    "the record itself is missing: {path}": "falta el evento mismo: {path}",
    "a checkpoint of {size} records": "una cabeza firmada de {size} eventos",
    "{shown} records shown of {first} to {last}; the others are hidden": (
        "se muestran {shown} eventos de {first} a {last}; los demás están ocultos"
    ),
    "the chain does not end at the head of the proof": (
        "la cadena no termina en la cabeza de la prueba"
    ),
    "nothing is signed: the head {head} is worth what you know of it": (
        "nada está firmado: la cabeza {head} vale lo que usted sepa de ella"
    ),
    "{count} hidden records of an earlier version are not linked": (
        "{count} eventos ocultos de una versión anterior no están enlazados"
    ),
    "it is not a packet, a log, an export, a checkpoint or a proof": (
        "no es un expediente, una bitácora, una exportación, una cabeza firmada ni una prueba"
    ),
    "the key was changed, and the one before it did not sign that": (
        "la llave fue cambiada, y la anterior no lo firmó"
    ),
    "another key of {name} signed it, and no record says that the key changed": (
        "la firmó otra llave de {name}, y ningún evento dice que la llave cambió"
    ),
    "nothing of the log {name} is here": "aquí no hay nada de la bitácora {name}",
    "two checkpoints of {size} records differ: the log was forked": (
        "dos cabezas firmadas de {size} eventos difieren: la bitácora fue bifurcada"
    ),
    "the clock went back by {seconds} s at record {seq}": (
        "el reloj retrocedió {seconds} s en el evento {seq}"
    ),
    "records before {seq} are not kept any more": (
        "los eventos anteriores a {seq} ya no se conservan"
    ),
    "{count} records are redacted: only their digests are here": (
        "{count} eventos están testados: solo están sus huellas"
    ),
    "{path} is missing": "falta {path}",
    "{path} was changed": "{path} fue cambiado",
    "{path} does not belong to the packet": "{path} no es del expediente",
    "the zip file itself was changed at {path}": "el propio archivo zip fue cambiado en {path}",
    "the log does not name this manifest": "la bitácora no nombra este manifiesto",
    "it is not sealed: nothing shows who made it": "no está sellado: nada muestra quién lo hizo",
    "a signature by {name} is of a key that trust.txt does not name": (
        "una firma de {name} es de una llave que trust.txt no nombra"
    ),
    "the records shown are not those that were signed": (
        "los eventos mostrados no son los que se firmaron"
    ),
    "record {seq} is quoted and not proven": "el evento {seq} se cita y no está probado",
    "the rows of {table} are not those that the lottery draws": (
        "las filas de {table} no son las que saca el sorteo"
    ),
    "{count} files are as the manifest says, and record {seq} of the log seals it": (
        "{count} archivos son como dice el manifiesto, y el evento {seq} de la bitácora lo sella"
    ),
    "{shown} records shown and {withheld} withheld, of {size} that {name} signed": (
        "{shown} eventos mostrados y {withheld} reservados, de {size} que firmó {name}"
    ),
    "{count} samples are as the lottery draws them": "{count} muestras son como las saca el sorteo",
    "the packet says itself that the log is not whole": (
        "el propio expediente dice que la bitácora no está completa"
    ),
    "{count} quoted records could not be proven, as the packet says itself": (
        "{count} eventos citados no se pudieron probar, como dice el propio expediente"
    ),
    "RIGHT": "BIEN",
    "WRONG": "MAL",
}


LARGEST = 2**63 - 1
# The type stands last in a record.
LEARNT = tuple(f'"type":"ledger.{kind}"}}' for kind in ("created", "checkpoint", "key_changed"))


class Wrong(Exception):
    """Something that was checked is not right."""


class Unreadable(Exception):
    """The file is not in its form."""


def tell(text: str, **facts: object) -> str:
    spanish = os.environ.get("LANG", "").startswith("es")
    shown = {name: visible(str(value)) for name, value in facts.items()}
    return (SPANISH[text] if spanish else text).format(**shown)


def visible(text: str) -> str:
    """Characters that nobody sees, or that turn the line around, as their numbers."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


# ---------------------------------------------------------------------------------------------
# Trees (RFC 6962), signed notes, checkpoints and trust files (C2SP)


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree: the roots of its largest complete subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self.roots: list[bytes] = []

    def add(self, leaf: bytes, height: int = 0) -> None:
        """The next leaf; or the root over the next 2^height leaves."""
        if self.size % (1 << height):
            raise Unreadable("tree")
        full, level = leaf, height
        while self.size >> level & 1:
            full, level = node_hash(self.roots.pop(), full), level + 1
        self.roots.append(full)
        self.size += 1 << height

    def root(self) -> bytes:
        if not self.roots:
            return hashlib.sha256(b"").digest()
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = node_hash(left, root)
        return root


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: list[bytes]) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size or len(proof) > 64:
        return False
    at, last, here = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            here = node_hash(beside, here)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            here = node_hash(here, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and here == root


def unpacked(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise Unreadable("base64") from error
    if base64.b64encode(raw).decode() != text:
        raise Unreadable("base64")
    return raw


class Key:
    """A public key as ``name+id+base64``; kind 1 is a log's, 4 a witness's."""

    def __init__(self, vkey: str) -> None:
        self.name, _, rest = vkey.partition("+")
        key_id, _, packed = rest.partition("+")
        raw = unpacked(packed)
        if len(raw) != 33 or raw[0] not in (1, 4) or not good_name(self.name):
            raise Unreadable(vkey)
        self.vkey, self.kind, self.public = vkey, raw[0], raw[1:]
        named = self.name.encode() + b"\n" + raw
        self.id = hashlib.sha256(named).digest()[:4]
        if self.id.hex() != key_id:
            raise Unreadable(vkey)

    def signed(self, note: Note) -> bool:
        """Whether this key signed the note; raises Wrong if a line claims so and is wrong."""
        lines = [
            value for name, key_id, value in note.lines if (name, key_id) == (self.name, self.id)
        ]
        for value in lines:
            message, signature = note.text.encode(), value
            if self.kind == 4:
                time, signature = int.from_bytes(value[:8], "big"), value[8:]
                message = f"cosignature/v1\ntime {time}\n".encode() + message
                if time > LARGEST:
                    raise Wrong(tell("the signature of {name} is wrong", name=self.name))
            if not ed25519(self.public, message, signature):
                raise Wrong(tell("the signature of {name} is wrong", name=self.name))
        return bool(lines)


def good_name(name: str) -> bool:
    return bool(name) and not any(c.isspace() or c == "+" for c in name)


class Note:
    """A signed note: its text and its signature lines."""

    def __init__(self, whole: str) -> None:
        text, blank, lines = whole.rpartition("\n\n")
        rows = lines.split("\n")
        if not blank or rows.pop() != "" or len(rows) > 100 or len(whole) > 1_000_000:
            raise Unreadable("note")
        self.text = text + "\n"
        if any(ord(c) < 32 and c != "\n" for c in whole):
            raise Unreadable("note")
        self.lines: list[tuple[str, bytes, bytes]] = []
        for row in rows:
            dash, _, rest = row.partition(" ")
            name, _, packed = rest.partition(" ")
            raw = unpacked(packed)
            if dash != "\u2014" or not good_name(name) or len(raw) < 5:
                raise Unreadable("note")
            self.lines.append((name, raw[:4], raw[4:]))
        self.said = self.text.split("\n")[:-1]


class Head(Note):
    """A checkpoint: what the text of the note says."""

    def __init__(self, whole: str) -> None:
        super().__init__(whole)
        if len(self.said) < 3 or not all(self.said):
            raise Unreadable("checkpoint")
        self.origin, size, root = self.said[:3]
        self.size, self.root = number(size), unpacked(root)
        if not good_name(self.origin) or len(self.root) != 32:
            raise Unreadable("checkpoint")


def number(text: str) -> int:
    """A decimal number below 2^63 in its one form."""
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) > LARGEST:
        raise Unreadable(text[:40])
    return int(text)


class Trust:
    """The keys that somebody trusts: given one by one, or in a trust file."""

    def __init__(self, keys: list[Key], text: str = "") -> None:
        self.logs: dict[str, list[Key]] = {}
        for key in keys:
            self.logs.setdefault(key.name, []).append(key)
        self.one_by_one = list(self.logs)  # of these logs something must be here
        self.given = bool(keys or text)
        self._members: dict[str, Key | tuple[int, list[str]]] = {}
        self._quorum = "none"
        for line_number, line in enumerate(text.split("\n"), 1):
            words = re.split("[ \t]+", line.strip(" \t"))
            if words == [""] or words[0].startswith("#"):
                continue
            try:
                self._take(words)
            except (IndexError, KeyError, ValueError, Unreadable) as error:
                raise Unreadable(f"{line_number}: {visible(line)}") from error

    def _take(self, words: list[str]) -> None:
        if words[0] == "log":
            key = Key(words[1])
            self.logs.setdefault(key.name, []).append(key)
        elif words[0] == "witness":
            self._members[words[1]] = Key(words[2])
        elif words[0] == "group":
            who = words[3:]
            least = {"all": len(who), "any": 1}.get(words[2]) or int(words[2])
            if not 1 <= least <= len(who) or any(name not in self._members for name in who):
                raise ValueError(words)
            self._members[words[1]] = (least, who)
        elif words[0] == "quorum" and (words[1] == "none" or words[1] in self._members):
            self._quorum = words[1]
        else:
            raise ValueError(words)

    def _met(self, name: str, note: Note) -> bool:
        member = self._members[name]
        if isinstance(member, Key):
            try:
                return member.signed(note)
            except Wrong:
                return False
        least, who = member
        return sum(self._met(one, note) for one in who) >= least

    def keys(self) -> list[Key]:
        """All keys that are named, of logs and of witnesses."""
        logs = [key for keys in self.logs.values() for key in keys]
        return logs + [one for one in self._members.values() if isinstance(one, Key)]

    @property
    def asks(self) -> bool:
        """Whether witnesses have to sign."""
        return self._quorum != "none"

    def met(self, note: Note) -> bool:
        return not self.asks or self._met(self._quorum, note)

    def cosigned(self, note: Note) -> list[str]:
        """What the cosignatures of a note prove; raises Wrong."""
        if not self.asks:
            return []
        if not self.met(note):
            raise Wrong(tell("the witnesses that the trust file asks for did not sign"))
        return [tell("the witnesses that the trust file asks for signed")]

    def check(self, head: Head) -> list[str]:
        """What the signatures of one checkpoint prove; raises Wrong."""
        keys = self.logs.get(head.origin, [])
        signed = [key.signed(head) for key in keys]  # each: one that is wrong spoils the note
        if not any(signed):
            raise Wrong(tell("nobody whom you trust signed it"))
        return self.cosigned(head)


class Keys:
    """Which key speaks for one log at which size: its records say when the key changes.

    `trusted` are the keys that the reader has of it.  If the reader gave no key of any log, the
    first key that the log names itself has to do (`own_word`).
    """

    def __init__(self, trusted: list[Key], own_word: bool) -> None:
        self._trusted = {key.vkey: key for key in trusted}
        self._own_word = own_word
        self._first: Key | None = None
        self._changes: list[tuple[int, Key, Key]] = []
        self._broken_at: int | None = None

    def named(self, key: Key) -> None:
        self._first = self._first or key

    def change(self, size: int, text: object) -> None:
        """A note that both keys signed; raises Wrong if it is not one."""
        held = self._changes[-1][2] if self._changes else self._first
        try:
            note = Note(str(text))
            if len(note.said) != 4 or note.said[1] != "key-change/v1":
                raise Unreadable("key-change")
            old, new = Key(note.said[2]), Key(note.said[3])
            same = note.said[0] == old.name == new.name and old.vkey != new.vkey
            follows = self._broken_at is None and (held is None or held.vkey == old.vkey)
            if not (same and follows and old.signed(note) and new.signed(note)):
                raise Wrong
        except (Wrong, Unreadable) as error:
            if self._broken_at is None:
                self._broken_at = size
            text = "the key was changed, and the one before it did not sign that"
            raise Wrong(tell(text)) from error
        self._changes.append((size, old, new))

    def check(self, head: Head) -> None:
        """Whether the key of that time signed it; raises Wrong."""
        line: list[Key] = [self._first] if self._first and self._own_word else []
        if self._changes:
            line = [self._changes[0][1], *(new for _, _, new in self._changes)]
        if not self._own_word and not any(key.vkey in self._trusted for key in line):
            line = []
        keys = list(self._trusted.values())
        if line:
            if self._broken_at is not None and head.size >= self._broken_at:
                raise Wrong(tell("the key was changed, and the one before it did not sign that"))
            keys = [line[sum(1 for at, _, _ in self._changes if at <= head.size)]]
        signed = [key.signed(head) for key in keys]
        if not any(signed):
            if keys and any(name == head.origin for name, _, _ in head.lines):
                text = "another key of {name} signed it, and no record says that the key changed"
                raise Wrong(tell(text, name=head.origin))
            raise Wrong(tell("nobody whom you trust signed it"))


class Signed:
    """Follows the tree over records, and compares it with the checkpoints that were signed of it.

    `heads` are (number of the origin's first record, checkpoint); `noted` were kept elsewhere.
    """

    def __init__(self, trust: Trust, heads: list[tuple[int, Head]], noted: list[Head]) -> None:
        self.wrong: list[str] = []
        self.said: list[str] = []
        self.covered, self.by = 0, ""
        self._trust = trust
        self._keys: dict[str, Keys] = {}
        self._heads: dict[int, dict[int, list[Head]]] = {}
        for first, head in heads:
            self._await(first, head)
        self._noted = list(noted)
        self._same: list[tuple[int, Head]] = []
        self.first, self.tree = 1, Tree()
        self.whole = False  # whether all records are here
        self.own_word: list[Key] = []  # what is said outside the records

    def begin(self, first: int, size: int, roots: list[bytes]) -> None:
        """Go on behind `size` records of the origin that begins with `first`."""
        if size < 0 or bin(size).count("1") != len(roots):
            raise Unreadable("tree")
        self.first, self.tree.size, self.tree.roots = first, size, roots
        self._heads = {at: heads for at, heads in self._heads.items() if at >= first}
        left = self._heads.get(first, {})
        self._heads[first] = {at: heads for at, heads in left.items() if at > size}

    def _await(self, first: int, head: Head) -> None:
        self._heads.setdefault(first, {}).setdefault(head.size, []).append(head)

    def keys(self, origin: str) -> Keys:
        if origin not in self._keys:
            trusted = self._trust.logs.get(origin, [])
            self._keys[origin] = Keys(trusted, own_word=not self._trust.given)
        return self._keys[origin]

    def take(self, seq: int, body: str, leaf: bytes) -> None:
        """The next record; `body` is empty where it is hidden."""
        told = follows(body)
        if told:  # a new origin, with a gap or without
            if told.get("known_by") == "log-key.json":
                text = "the key was lost before record {seq}: a new name and a new key begin there"
                self.said.append(tell(text, seq=seq))
            self._heads.pop(self.first, None)
            self.first, self.tree = seq, Tree()
        elif seq != self.first + self.tree.size:
            return
        self.tree.add(leaf)
        if body.endswith(LEARNT):
            self._learn(json.loads(body))
        for head in self._heads.get(self.first, {}).pop(self.tree.size, []):
            if head.root != self.tree.root():
                text = "the records up to {seq} are not those that were signed"
                self.wrong.append(tell(text, seq=seq))
            else:
                self._same.append((seq, head))

    def _learn(self, item: dict[str, object]) -> None:
        """What the log says of itself: its name, and its keys."""
        data = item.get("data")
        if not isinstance(data, dict):
            return
        if item["type"] == "ledger.created":
            for head in self._noted:
                if head.origin.rpartition("/")[2] == data.get("chain"):
                    self._await(self.first, head)
        elif item["type"] == "ledger.checkpoint" and "key" in data:
            key = Key(data["key"])
            self.keys(key.name).named(key)
        elif item["type"] == "ledger.key_changed":
            text = str(data.get("note"))
            try:
                self.keys(text.split("\n", maxsplit=1)[0]).change(self.tree.size, text)
            except Wrong as error:
                self.wrong.append(str(error))

    def finish(self) -> None:
        for first, heads in self._heads.items():
            for size in heads:
                text = "records up to {seq} were signed, and not all are here"
                self.wrong.append(tell(text, seq=first + size - 1))
        for key in self.own_word:
            self.keys(key.name).named(key)
        unseen = {head.origin for head in self._noted} | set(self._trust.one_by_one)
        if self.whole:  # of a gate that is here all logs that the trust file names have to be here
            here = {head.origin.rpartition("/")[0] for _, head in self._same}
            named = {name for name in self._trust.logs if name.rpartition("/")[0] in here}
            unseen |= named or set(self._trust.logs)
        cosigned = 0
        for seq, head in self._same:
            try:
                self.keys(head.origin).check(head)
            except Wrong as error:
                self.wrong.append(str(error))
                continue
            unseen.discard(head.origin)
            if self._trust.met(head):
                cosigned = max(cosigned, seq)
            self.covered, self.by = max(self.covered, seq), head.origin
        if self._trust.asks and cosigned:
            text = "the witnesses that the trust file asks for signed up to record {seq}"
            self.said.append(tell(text, seq=cosigned))
        elif self._trust.asks:
            self.wrong.append(tell("the witnesses that the trust file asks for did not sign"))
        text = "nothing of the log {name} is here"
        self.wrong += [tell(text, name=name) for name in sorted(unseen)]

    def sum_up(self, last: int) -> None:
        """Say how far signatures reach in a log that ends with record `last`."""
        if not self.covered:
            self.said.append(tell("nothing of it is signed"))
            if self._trust.given:
                self.wrong.append(tell("nobody whom you trust signed it"))
            return
        text = "signed up to record {seq} by {name}"
        self.said.append(tell(text, seq=self.covered, name=self.by))
        if last > self.covered:
            text = "{count} newer records are not covered by a signature"
            self.said.append(tell(text, count=last - self.covered))
        if not self._trust.given:
            text = "the key is the log's own word: give --key or --trust with one noted elsewhere"
            self.said.append(tell(text))


# ---------------------------------------------------------------------------------------------
# The four kinds of file


def chained(previous: bytes, seq: int, body: bytes, digest: bytes) -> bool:
    """Whether `digest` chains the record to the one before; older records have a form of theirs."""
    begin = previous + seq.to_bytes(8, "big")
    forms = (hashlib.sha256(body).digest(), body)
    return any(hashlib.sha256(begin + form).digest() == digest for form in forms)


def follows(body: str) -> dict[str, object] | None:
    """What the first record of an origin says of the one before it."""
    if '"follows"' not in body:
        return None
    item = json.loads(body)
    told = item["data"].get("follows") if item["type"] == "ledger.created" else None
    return told if isinstance(told, dict) else None


class Clock:
    """Says where the times of the records go back: the order of records is their number."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._high, self._back = "", False

    def take(self, seq: int, kind: str, time: str) -> None:
        if kind == "clock.accepted" or time >= self._high:
            self._high, self._back = time, False
            return
        try:
            high, now = (datetime.fromisoformat(one[:19]) for one in (self._high, time))
        except ValueError:
            return
        seconds = int((high - now).total_seconds())
        if seconds > 60 and not self._back and len(self.said) < 10:
            self._back = True
            text = "the clock went back by {seconds} s at record {seq}"
            self.said.append(tell(text, seconds=seconds, seq=seq))


class Log:
    """Takes the records of a log in order, and says what is wrong and what else is to be said."""

    def __init__(self, signed: Signed, gone: dict[int, tuple[bytes, bytes]]) -> None:
        self.wrong: list[str] = []
        self.said: list[str] = []
        self._signed = signed
        self._gone = gone
        self._clock = Clock()
        self._previous, self._expected = bytes(32), 1
        self._count, self._time = 0, ""

    def begin(self, origin: int, last: int, digest: bytes, roots: bytes) -> None:
        """Records up to `last` are not kept any more; what they hashed to is."""
        self._signed.begin(
            origin, last + 1 - origin, [roots[n : n + 32] for n in range(0, len(roots), 32)]
        )
        self._previous, self._expected = digest, last + 1
        self.said.append(tell("records before {seq} are not kept any more", seq=last + 1))

    def take(self, seq: int, body: object, digest: object) -> None:
        if not isinstance(body, str) or not isinstance(digest, bytes):
            self.wrong.append(tell("record {seq} is not in its form", seq=seq))
            self._previous, self._expected = bytes(32), seq + 1
            return
        if seq != self._expected:
            self._jump(seq, follows(body))
        raw = body.encode()
        redacted = self._gone.get(seq)
        leaf = redacted[1] if redacted else leaf_hash(raw)
        begin = self._previous + seq.to_bytes(8, "big")
        if redacted:
            fits = hashlib.sha256(begin + redacted[0]).digest() == digest
        else:
            fits = chained(self._previous, seq, raw, digest)
        if not fits:
            self.wrong.append(tell("record {seq} was changed", seq=seq))
        item = json.loads(body)
        if seq == 1 and item["type"] != "ledger.created":
            self.wrong.append(tell("the log does not begin with its first record"))
        self._signed.take(seq, "" if redacted else body, leaf)
        self._previous, self._expected = digest, seq + 1
        self._count, self._time = self._count + 1, str(item["time"])
        self._clock.take(seq, item["type"], self._time)

    def _jump(self, seq: int, told: dict[str, object] | None) -> None:
        """Numbers are skipped before record `seq`."""
        if told is None:
            self.wrong.append(tell("record {seq} is missing", seq=self._expected))
        elif told["known_chain"] != told["chain"]:
            text = "another log came before this one: {chain}, up to {seq}"
            self.said.append(tell(text, chain=told["known_chain"], seq=told["known_seq"]))
        else:
            text = "records {first} to {last} were lost; record {seq} says so"
            self.wrong.append(tell(text, first=self._expected, last=seq - 1, seq=seq))

    def finish(self) -> None:
        last = self._expected - 1
        if not self._count:
            self.wrong.append(tell("the log is empty"))
        self._signed.finish()
        self._signed.sum_up(last)
        self.wrong += self._signed.wrong
        text = "{count} records, the last one {seq} of {time}"
        self.said.insert(0, tell(text, count=self._count, seq=last, time=self._time))
        self.said += self._clock.said + self._signed.said
        if self._gone:
            text = "{count} records are redacted: only their digests are here"
            self.said.append(tell(text, count=len(self._gone)))


def check_log(path: Path, trust: Trust, noted: list[Head]) -> tuple[list[str], list[str]]:
    """A copy of ledger.db; returns what is wrong and what is to be said."""
    with path.open("rb") as file:
        in_wal_mode = file.read(20)[18:] == b"\2\2"
    wal = Path(f"{path}-wal")
    alone = in_wal_mode and not (wal.exists() and wal.stat().st_size)
    how = "immutable=1" if alone else "mode=ro"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    heads, gone = [], {}
    if "checkpoints" in tables:
        rows = db.execute("SELECT origin, note FROM checkpoints")
        heads = [(first, Head(text)) for first, text in rows]
    if "redacted" in tables:
        rows = db.execute("SELECT seq, body, leaf FROM redacted")
        gone = {seq: (body, leaf) for seq, body, leaf in rows}
    signed = Signed(trust, heads, noted)
    signed.whole = True
    log, begins = Log(signed, gone), 0
    if "archives" in tables:
        query = "SELECT origin, last, hash, roots FROM archives WHERE deleted ORDER BY last DESC"
        for row in db.execute(f"{query} LIMIT 1"):
            log.begin(*row)
            begins = row[1]  # single records before it may be kept
    query = "SELECT seq, body, hash FROM events WHERE seq > ? ORDER BY seq"
    for row in db.execute(query, (begins,)):
        log.take(*row)
    log.finish()
    db.close()
    if alone:
        text = "the file was copied without its -wal file; newer records may be missing"
        log.said.append(tell(text))
    return log.wrong, log.said


def check_export(path: Path, trust: Trust, noted: list[Head]) -> tuple[list[str], list[str]]:
    """An export with its proof beside it."""
    shown = [json.loads(line) for line in lines_of(path)]
    hidden: list[dict[str, object]] = []
    opening: dict[str, object] = {}
    proof = Path(f"{path}.proof")
    if proof.exists():
        opening, *hidden = [json.loads(line) for line in lines_of(proof)]
    if not shown:
        raise Unreadable(str(path))
    signed = signed_part(opening, trust, noted)
    begins = signed.first + signed.tree.size if signed else shown[0]["seq"]
    if shown[0]["seq"] != begins:
        raise Wrong(tell("record {seq} is missing", seq=begins))
    previous, expected, unlinked = bytes.fromhex(shown[0]["prev"]), shown[0]["seq"], 0
    for record in sorted(shown + hidden, key=lambda item: item["seq"]):
        seq = record["seq"]
        told = record.get("data", {}).get("follows", {})
        if seq != expected and not (seq > expected and told.get("seq") == expected - 1):
            raise Wrong(tell("record {seq} is missing", seq=expected))
        begin, body = previous + seq.to_bytes(8, "big"), ""
        if "data" in record:
            held = {key: record[key] for key in ("id", "time", "type", "subject", "data")}
            body = json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            digest = bytes.fromhex(record["hash"])
            same = record["prev"] == previous.hex()
            if not same or not chained(previous, seq, body.encode(), digest):
                raise Wrong(tell("record {seq} was changed", seq=seq))
            previous = digest
        elif "body" in record:
            previous = hashlib.sha256(begin + bytes.fromhex(record["body"])).digest()
        else:
            previous, unlinked = bytes.fromhex(record["hash"]), unlinked + 1
        if signed:
            leaf = leaf_hash(body.encode()) if body else bytes.fromhex(record["leaf"])
            signed.take(seq, body, leaf)
        expected = seq + 1
    head = opening.get("head")
    if isinstance(head, dict) and (head["seq"], head["hash"]) != (expected - 1, previous.hex()):
        raise Wrong(tell("the chain does not end at the head of the proof"))
    text = "{shown} records shown of {first} to {last}; the others are hidden"
    said = [tell(text, shown=len(shown), first=shown[0]["seq"], last=expected - 1)]
    if unlinked:
        text = "{count} hidden records of an earlier version are not linked"
        said.append(tell(text, count=unlinked))
    if signed:
        signed.finish()
        signed.sum_up(expected - 1)
        return signed.wrong, said + signed.said
    text = "nothing is signed: the head {head} is worth what you know of it"
    said.append(tell(text, head=f"{expected - 1}:{previous.hex()}"))
    return [tell("nothing of it is signed")] if trust.given or noted else [], said


def signed_part(opening: dict[str, object], trust: Trust, noted: list[Head]) -> Signed | None:
    """What the proof of an export says of the tree; None for one of an earlier version."""
    heads, before, keys = (opening.get(name) for name in ("checkpoints", "before", "keys"))
    if not heads:
        return None
    if not (isinstance(heads, list) and isinstance(before, dict) and isinstance(keys, list)):
        raise Unreadable("proof")
    signed = Signed(trust, [(int(one["first"]), Head(one["note"])) for one in heads], noted)
    signed.own_word = [Key(vkey) for vkey in keys]
    roots = [bytes.fromhex(root) for root in before["roots"]]
    signed.begin(int(before["first"]), int(before["size"]), roots)
    return signed


def parse_proof(text: str) -> tuple[int, list[bytes], Head]:
    """A proof of one record: its index, the hashes, the checkpoint."""
    opening, blank, note = text.partition("\n\n")
    rows = opening.split("\n")
    if not blank or rows.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Unreadable("proof")
    if rows and rows[0].startswith("extra "):
        unpacked(rows.pop(0)[6:])
    index = rows.pop(0) if rows else ""
    hashes = [unpacked(row) for row in rows]
    if not index.startswith("index ") or len(rows) > 63 or any(len(h) != 32 for h in hashes):
        raise Unreadable("proof")
    return number(index[6:]), hashes, Head(note)


def check_proof(path: Path, trust: Trust) -> tuple[list[str], list[str]]:
    """NAME.tlog-proof with NAME.json beside it (c2sp.org/tlog-proof)."""
    index, hashes, head = parse_proof(read(path))
    beside = path.with_suffix(".json")
    if not beside.exists():
        raise Unreadable(tell("the record itself is missing: {path}", path=beside))
    leaf = leaf_hash(beside.read_bytes())
    if not includes(head.root, head.size, index, leaf, hashes):
        raise Wrong(tell("the record is not in the log at this place"))
    said = trust.check(head)
    return [], [tell("record {seq} is in the log {name}", seq=index + 1, name=head.origin), *said]


# ---------------------------------------------------------------------------------------------
# A packet of evidence: a folder or a zip whose manifest.json names each file by its hash, and whose
# manifest.seal.json is the log's record of that manifest.

MANIFEST, SEAL, SEAL_PROOF = "manifest.json", "manifest.seal.json", "manifest.seal.tlog-proof"
RECORDS, TRUST = "proofs/records.jsonl", "trust.txt"
PIECE = 1 << 20


class Folder:
    """The files of a packet in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.wrong: list[str] = []
        found = [one for one in path.rglob("*") if not one.is_dir()]
        self.names = {one.relative_to(path).as_posix() for one in found}

    def pieces(self, name: str) -> Iterator[bytes]:
        path = self._path / name
        if path.is_symlink() or not path.is_file():
            raise Unreadable(name)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


class Zip:
    """The files of a packet in a zip.  Each byte of its headers is held against what Garita writes
    (APPNOTE.TXT, 4.3), so nothing can be hidden in them."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.names = set(self._zip.namelist())
        self.wrong: list[str] = []
        with path.open("rb") as file:
            self._check(file, path.stat().st_size)

    def _check(self, file: IO[bytes], size: int) -> None:
        at, listed = 0, b""
        for one in self._zip.infolist():
            name = one.filename.encode()
            flags = 0 if name.isascii() else 0x800
            sizes = struct.pack("<3L", one.CRC, one.compress_size, one.file_size)
            middle = struct.pack("<4H", flags, 0, 0, 33) + sizes + struct.pack("<2H", len(name), 0)
            local = b"PK\3\4" + struct.pack("<H", 20) + middle + name
            file.seek(at)
            here = file.read(len(local))
            tail = struct.pack("<3H2L", 0, 0, 0, 0o100644 << 16, at)
            listed += b"PK\1\2" + struct.pack("<BBH", 20, 3, 20) + middle + tail + name
            if here != local or one.header_offset != at:
                self.wrong.append(
                    tell("the zip file itself was changed at {path}", path=name.decode())
                )
                return
            at += len(local) + one.compress_size
        count = len(self.names)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(listed), at, 0)
        file.seek(at)
        if file.read() != listed + end:
            self.wrong.append(tell("the zip file itself was changed at {path}", path="PK"))

    def pieces(self, name: str) -> Iterator[bytes]:
        with self._zip.open(name) as file:
            while piece := file.read(PIECE):
                yield piece


def whole(files: Folder | Zip, name: str, most: int = 1 << 28) -> bytes:
    """The bytes of a file of the packet."""
    if name not in files.names:
        raise Wrong(tell("{path} is missing", path=name))
    found = bytearray()
    for piece in files.pieces(name):
        found += piece
        if len(found) > most:
            raise Unreadable(name)
    return bytes(found)


def lines_in(files: Folder | Zip, name: str) -> Iterator[bytes]:
    if name not in files.names:
        raise Wrong(tell("{path} is missing", path=name))
    rest = b""
    for piece in files.pieces(name):
        *complete, rest = (rest + piece).split(b"\n")
        yield from complete
    if rest:
        yield rest


class Packet:
    """Checks one packet: `wrong` is what is wrong, `said` what else is to be said."""

    def __init__(self, files: Folder | Zip, trust: Trust, noted: list[Head]) -> None:
        self._files, self._noted = files, noted
        self.wrong, self.said = list(files.wrong), list[str]()
        if MANIFEST not in files.names:
            raise Unreadable(MANIFEST)
        try:
            self._manifest = json.loads(whole(files, MANIFEST))
            form = self._manifest["form"]
        except NOT_READ:
            form = ""
        if form != "garita-packet/1":
            raise Wrong(tell("{path} was changed", path=MANIFEST))
        self._given = trust.given
        own = Trust([])
        with contextlib.suppress(Wrong, *NOT_READ):  # that it was changed is told below
            own = Trust([], whole(files, TRUST).decode())
        self._trust = trust if trust.given else own
        keys = [*own.keys(), *trust.keys()]
        self._keys = {(key.name, key.id): key for key in keys}
        self._proven: set[int] = set()
        self._sealed = False

    def check(self) -> None:
        seal: dict[str, object] = {}
        steps: list[tuple[str, Callable[[], None]]] = [
            (SEAL, lambda: seal.update(self._seal())),
            (MANIFEST, lambda: self._listed(seal)),
            (RECORDS, self._records),
            ("packet.json", self._told),
        ]
        for name, step in steps:
            try:
                step()
            except Wrong as error:
                self.wrong.append(str(error))
            except NOT_READ:
                self.wrong.append(tell("{path} was changed", path=name))
        if self._sealed and not self._given:
            text = "the key is the log's own word: give --key or --trust with one noted elsewhere"
            self.said.append(tell(text))

    def _head(self, head: Head) -> list[str]:
        """The signatures of a checkpoint: each must be of a key that is known, and right."""
        said = self._trust.check(head)
        for name, key_id, _ in head.lines:
            key = self._keys.get((name, key_id))
            if key is None:
                text = "a signature by {name} is of a key that trust.txt does not name"
                raise Wrong(tell(text, name=name))
            key.signed(head)
        for other in self._noted:
            if (other.origin, other.size) == (head.origin, head.size) and other.root != head.root:
                text = "two checkpoints of {size} records differ: the log was forked"
                raise Wrong(tell(text, size=head.size))
        return said

    def _seal(self) -> dict[str, object]:
        """What the record of the log says that seals the manifest; {} if it does not."""
        files = self._files
        if SEAL not in files.names and SEAL_PROOF not in files.names:
            self.wrong.append(tell("it is not sealed: nothing shows who made it"))
            return {}
        try:
            body, proof = whole(files, SEAL), whole(files, SEAL_PROOF).decode()
            index, hashes, head = parse_proof(proof)
            if not includes(head.root, head.size, index, leaf_hash(body), hashes):
                raise Wrong(tell("the record is not in the log at this place"))
            said = self._head(head)
            record = json.loads(body)
            data = record["data"]
            digest = hashlib.sha256(whole(files, MANIFEST)).hexdigest()
            if record["type"] != "evidence.made" or data["manifest"] != digest:
                raise Wrong(tell("the log does not name this manifest"))
        except Wrong as error:
            self.wrong.append(str(error))
            return {}
        self._sealed = True
        text = "{count} files are as the manifest says, and record {seq} of the log seals it"
        self.said += [tell(text, count=len(self._manifest["files"]), seq=index + 1), *said]
        return dict(data["signed"])

    def _listed(self, signed: dict[str, object]) -> None:
        """Each file of the manifest is there as it says, and no other."""
        left = self._files.names - {MANIFEST, SEAL, SEAL_PROOF}
        for one in self._manifest["files"]:
            name, size = str(one["path"]), int(one["bytes"])
            if name not in left:
                self.wrong.append(tell("{path} is missing", path=name))
                continue
            left.discard(name)
            begin, all_of, read = hashlib.sha256(), hashlib.sha256(), 0
            with contextlib.suppress(*NOT_READ):  # a zip whose bytes can't be unpacked
                for piece in self._files.pieces(name):
                    begin.update(piece[: max(0, size - read)])
                    all_of.update(piece)
                    read += len(piece)
            good = begin.hexdigest() == one["sha256"] and read >= size
            if good and self._sealed and (read > size or name in signed):
                # A PDF, signed behind the beginning that the manifest lists.
                good = all_of.hexdigest() == signed.get(name)
            if not good:
                self.wrong.append(tell("{path} was changed", path=name))
        for name in sorted(left):
            self.wrong.append(tell("{path} does not belong to the packet", path=name))

    def _records(self) -> None:
        """The records that are shown lead to the root that the log's key signed."""
        told = self._manifest["log"]
        if told is None:
            self.said.append(tell("nothing of it is signed"))
            return
        head: Head | None = None
        first, tree, shown, withheld = 1, Tree(), 0, 0
        for line in lines_in(self._files, RECORDS):
            if line.startswith(b'{"data":'):
                self._proven.add(first + tree.size)
                tree.add(leaf_hash(line))
                shown += 1
                continue
            item = json.loads(line)
            if "hidden" in item:
                tree.add(bytes.fromhex(item["hidden"]["hash"]), int(item["hidden"]["level"]))
            elif "leaf" in item:
                self._proven.add(first + tree.size)
                tree.add(bytes.fromhex(item["leaf"]["hash"]))
                withheld += 1
            else:
                self._same(head, tree, shown, withheld)
                name = str(item["origin"]["checkpoint"])
                head = Head(whole(self._files, name).decode())
                first, tree, shown, withheld = int(item["origin"]["first"]), Tree(), 0, 0
        self._same(head, tree, shown, withheld)
        if head is None or (head.origin, head.size, head.root.hex()) != (
            told["origin"],
            told["size"],
            told["root"],
        ):
            self.wrong.append(tell("the records shown are not those that were signed"))

    def _same(self, head: Head | None, tree: Tree, shown: int, withheld: int) -> None:
        if head is None:
            return
        try:
            self._head(head)
        except Wrong as error:
            self.wrong.append(str(error))
        if (tree.size, tree.root()) != (head.size, head.root):
            self.wrong.append(tell("the records shown are not those that were signed"))
        text = "{shown} records shown and {withheld} withheld, of {size} that {name} signed"
        facts = {"shown": shown, "withheld": withheld, "size": head.size, "name": head.origin}
        self.said.append(tell(text, **facts))

    def _told(self) -> None:
        """What packet.json quotes is proven, and its samples are those of the lottery."""
        packet = json.loads(whole(self._files, "packet.json", 1 << 30))
        log, drawing = packet["log"], packet["lottery"]
        if not log["ok"]:
            self.said.append(tell("the packet says itself that the log is not whole"))
        if unproven := int(log["proofs"]["unproven"]):
            text = "{count} quoted records could not be proven, as the packet says itself"
            self.said.append(tell(text, count=unproven))
        root = log["checkpoint"]["root"] if log["checkpoint"] else "00" * 32
        seed = hashlib.sha256(f"{root}\n{drawing['word']}".encode()).digest()
        samples, missing = 0, set()
        for section in packet["sections"]:
            quoted = list(section["deviations"])
            for sample in section["samples"]:
                quoted += sample["rows"]
                size = drawing["daily"] if sample["frequency"] == "daily" else sample["count"]
                if size < sample["count"] or sample["frequency"] == "daily":
                    begin = seed + b"\0" + sample["table"].encode() + b"\0"
                    tickets = lambda n, begin=begin: hashlib.sha256(  # noqa: E731
                        begin + n.to_bytes(8, "big")
                    ).digest()
                    right = sorted(range(sample["count"]), key=tickets)[:size]
                else:
                    right = list(range(size))
                if sample["drawn"] != right:
                    text = "the rows of {table} are not those that the lottery draws"
                    self.wrong.append(tell(text, table=sample["table"]))
                samples += 1
            missing |= {seq for one in quoted for seq in one["records"]} - self._proven
        if not unproven and log["checkpoint"]:
            for seq in sorted(missing)[:10]:
                self.wrong.append(tell("record {seq} is quoted and not proven", seq=seq))
        self.said.append(tell("{count} samples are as the lottery draws them", count=samples))


def check_packet(path: Path, trust: Trust, noted: list[Head]) -> tuple[list[str], list[str]]:
    """A folder or a zip; raises Unreadable if it has no manifest."""
    packet = Packet(Folder(path) if path.is_dir() else Zip(path), trust, noted)
    packet.check()
    return packet.wrong, packet.said


def check_checkpoint(head: Head, trust: Trust, others: list[Head]) -> tuple[list[str], list[str]]:
    said = trust.check(head)
    for other in others:
        if (other.origin, other.size) == (head.origin, head.size) and other.root != head.root:
            text = "two checkpoints of {size} records differ: the log was forked"
            raise Wrong(tell(text, size=head.size))
    text = tell("a checkpoint of {size} records", size=head.size)
    return [], [f"{visible(head.origin)}: {text}", *said]


def read(path: Path) -> str:
    return path.read_bytes().decode()


def lines_of(path: Path) -> list[str]:
    return [line for line in read(path).split("\n") if line.strip()]


def kind_of(path: Path) -> str:
    if path.is_dir():
        return "packet"
    with path.open("rb") as file:
        begin = file.read(64)
    if begin.startswith(b"SQLite format 3\0"):
        return "log"
    if begin.startswith(b"PK\3\4"):
        return "packet"
    if begin.startswith(b"c2sp.org/tlog-proof"):
        return "proof"
    return "export" if begin.lstrip().startswith(b"{") else "checkpoint"


def heads_of(paths: list[Path]) -> list[Head]:
    """The checkpoints among the files, which logs and exports are held against."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError, ValueError, Unreadable):
            if kind_of(path) == "checkpoint":
                found.append(Head(read(path)))
    return found


def check(path: Path, trust: Trust, heads: list[Head]) -> tuple[list[str], list[str]]:
    """Whatever the file is; returns what is wrong and what is to be said."""
    kind = kind_of(path)
    if kind == "log":
        return check_log(path, trust, heads)
    if kind == "packet":
        return check_packet(path, trust, heads)
    if kind == "proof":
        return check_proof(path, trust)
    if kind == "export":
        return check_export(path, trust, heads)
    return check_checkpoint(Head(read(path)), trust, heads)


NOT_READ = (
    AttributeError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    Unreadable,
    ValueError,
    sqlite3.Error,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def main(arguments: list[str]) -> int:
    keys: list[Key] = []
    files: list[Path] = []
    text = ""
    try:
        words = iter(arguments)
        for word in words:
            if word == "--key":
                keys.append(Key(next(words)))
            elif word == "--trust":
                text = read(Path(next(words)))
            elif word.startswith("-"):
                raise Unreadable(word)
            else:
                files.append(Path(word))
        trust = Trust(keys, text)
    except (OSError, StopIteration, Unreadable, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 2
    if not files:
        print(__doc__)
        return 2
    worst, heads = 0, heads_of(files)
    for path in files:
        try:
            wrong, said = check(path, trust, heads)
        except Wrong as error:
            wrong, said = [str(error)], []
        except NOT_READ as error:
            reason = error if isinstance(error, (OSError, Unreadable)) else ""
            text = "it is not a packet, a log, an export, a checkpoint or a proof"
            print(f"{path}: {tell(text)} {reason}")
            worst = max(worst, 2)
            continue
        print(f"{path}: {tell('WRONG' if wrong else 'RIGHT')}")
        for line in [*wrong, *said]:
            print(f"  {line}")
        if wrong:
            worst = 3
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
