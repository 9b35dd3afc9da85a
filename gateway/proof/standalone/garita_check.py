#!/usr/bin/env python3
"""Check a log of Garita without Garita: this one file and Python 3.9 or newer, nothing else.

    python3 garita_check.py [--trust FILE] [--key VKEY] FILE...

A FILE is a copy of ledger.db, an export (JSON lines), a checkpoint, or a proof (NAME.tlog-proof,
with the record beside it in NAME.json).  --trust names a trust file (c2sp.org/tlog-policy), --key a
log's public key, as `garita log key` prints it.  Without either, a signature proves nothing about
who made it, and the program says so.

It prints what is proven and what is not.  Exit code 0: all that was checked is right.  3: something
is wrong.  2: it can't be read.

The program says it in Spanish if LANG begins with es.  It is one long file on purpose: so it can be
handed on, read and run anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sqlite3
import sys
from pathlib import Path

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
    "it is not a log, an export, a checkpoint or a proof": (
        "no es una bitácora, una exportación, una cabeza firmada ni una prueba"
    ),
    "RIGHT": "BIEN",
    "WRONG": "MAL",
}


class Wrong(Exception):
    """Something that was checked is not right."""


class Unreadable(Exception):
    """The file is not in its form."""


def tell(text: str, **facts: object) -> str:
    spanish = os.environ.get("LANG", "").startswith("es")
    return (SPANISH[text] if spanish else text).format(**facts)


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

    def add(self, leaf: bytes) -> None:
        full, level = leaf, 0
        while self.size >> level & 1:
            full, level = node_hash(self.roots.pop(), full), level + 1
        self.roots.append(full)
        self.size += 1

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
        self.name, _, rest = vkey.strip().partition("+")
        key_id, _, packed = rest.partition("+")
        raw = unpacked(packed)
        if len(raw) != 33 or raw[0] not in (1, 4) or not self.name or " " in self.name:
            raise Unreadable(vkey)
        self.kind, self.public = raw[0], raw[1:]
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
            if not ed25519(self.public, message, signature):
                raise Wrong(tell("the signature of {name} is wrong", name=self.name))
        return bool(lines)


class Note:
    """A signed checkpoint: its text and signature lines, then what the text says."""

    def __init__(self, whole: str) -> None:
        text, blank, lines = whole.rpartition("\n\n")
        rows = lines.split("\n")
        if not blank or rows.pop() != "" or len(rows) > 100:
            raise Unreadable("note")
        self.text = text + "\n"
        if any(ord(c) < 32 and c != "\n" for c in whole):
            raise Unreadable("note")
        self.lines: list[tuple[str, bytes, bytes]] = []
        for row in rows:
            dash, _, rest = row.partition(" ")
            name, _, packed = rest.partition(" ")
            raw = unpacked(packed)
            if dash != "\u2014" or not name or "+" in name or len(raw) < 5:
                raise Unreadable("note")
            self.lines.append((name, raw[:4], raw[4:]))
        said = self.text.split("\n")
        if len(said) < 4 or not all(said[:-1]) or not re.fullmatch("0|[1-9][0-9]{0,18}", said[1]):
            raise Unreadable("checkpoint")
        self.origin, self.size, self.root = said[0], int(said[1]), unpacked(said[2])


class Trust:
    """The keys that somebody trusts: given one by one, or in a trust file."""

    def __init__(self, keys: list[Key], text: str = "") -> None:
        self.logs = {key.name: key for key in keys}
        self.given = bool(keys or text)
        self._members: dict[str, Key | tuple[int, list[str]]] = {}
        self._quorum = "none"
        for number, line in enumerate(text.split("\n"), 1):
            words = re.split("[ \t]+", line.strip(" \t"))
            if words == [""] or words[0].startswith("#"):
                continue
            try:
                self._take(words)
            except (IndexError, KeyError, ValueError, Unreadable) as error:
                raise Unreadable(f"{number}: {line}") from error

    def _take(self, words: list[str]) -> None:
        if words[0] == "log":
            key = Key(words[1])
            self.logs[key.name] = key
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

    def check(self, note: Note) -> list[str]:
        """What the signatures of a note prove; raises Wrong."""
        key = self.logs.get(note.origin)
        if key is None or not key.signed(note):
            raise Wrong(tell("nobody whom you trust signed it"))
        if self._quorum == "none":
            return []
        if not self._met(self._quorum, note):
            raise Wrong(tell("the witnesses that the trust file asks for did not sign"))
        return [tell("the witnesses that the trust file asks for signed")]


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


class Log:
    """Takes the records of a log in order, and says what is wrong and what else is to be said."""

    def __init__(self, trust: Trust, heads: list[tuple[int, int, str]]) -> None:
        self.wrong: list[str] = []
        self.said: list[str] = []
        self._trust = trust
        self._named: dict[str, Key] = {}  # the keys that the log itself names
        self._heads: dict[int, dict[int, Note]] = {}
        for first, size, text in heads:
            self._heads.setdefault(first, {})[size] = Note(text)
        self._previous, self._expected = bytes(32), 1
        self._first, self._tree = 1, Tree()
        self._count, self._time = 0, ""
        self._covered, self._by = 0, ""

    def take(self, seq: int, body: object, digest: object) -> None:
        if not isinstance(body, str) or not isinstance(digest, bytes):
            self.wrong.append(tell("record {seq} is not in its form", seq=seq))
            self._previous, self._expected = bytes(32), seq + 1
            return
        if seq != self._expected:
            self._jump(seq, follows(body))
        raw = body.encode()
        if not chained(self._previous, seq, raw, digest):
            self.wrong.append(tell("record {seq} was changed", seq=seq))
        item = json.loads(body)
        if seq == 1 and item["type"] != "ledger.created":
            self.wrong.append(tell("the log does not begin with its first record"))
        if item["type"] == "ledger.checkpoint" and "key" in item["data"]:
            key = Key(item["data"]["key"])
            self._named[key.name] = key
        if seq == self._first + self._tree.size:
            self._tree.add(leaf_hash(raw))
            note = self._heads.get(self._first, {}).pop(self._tree.size, None)
            if note is not None:
                self._compare(seq, note)
        self._previous, self._expected = digest, seq + 1
        self._count, self._time = self._count + 1, str(item["time"])

    def _jump(self, seq: int, told: dict[str, object] | None) -> None:
        """Numbers are skipped before record `seq`."""
        if told is None:
            self.wrong.append(tell("record {seq} is missing", seq=self._expected))
            return
        if told["known_chain"] != told["chain"]:
            text = "another log came before this one: {chain}, up to {seq}"
            self.said.append(tell(text, chain=told["known_chain"], seq=told["known_seq"]))
        else:
            text = "records {first} to {last} were lost; record {seq} says so"
            self.wrong.append(tell(text, first=self._expected, last=seq - 1, seq=seq))
        self._heads.pop(self._first, None)
        self._first, self._tree = seq, Tree()

    def _compare(self, seq: int, note: Note) -> None:
        trusted = self._trust if self._trust.given else Trust(list(self._named.values()))
        try:
            if note.root != self._tree.root():
                raise Wrong(tell("the records up to {seq} are not those that were signed", seq=seq))
            self.said += [one for one in trusted.check(note) if one not in self.said]
            self._covered, self._by = seq, note.origin
        except Wrong as error:
            self.wrong.append(str(error))

    def finish(self) -> None:
        last = self._expected - 1
        for first, heads in self._heads.items():
            for size in heads:
                text = "records up to {seq} were signed, and not all are here"
                self.wrong.append(tell(text, seq=first + size - 1))
        if not self._count:
            self.wrong.append(tell("the log is empty"))
        text = "{count} records, the last one {seq} of {time}"
        self.said.insert(0, tell(text, count=self._count, seq=last, time=self._time))
        if not self._covered:
            self.said.append(tell("nothing of it is signed"))
            if self._trust.given:
                self.wrong.append(tell("nobody whom you trust signed it"))
            return
        text = "signed up to record {seq} by {name}"
        self.said.append(tell(text, seq=self._covered, name=self._by))
        if newer := last - self._covered:
            text = "{count} newer records are not covered by a signature"
            self.said.append(tell(text, count=newer))
        if not self._trust.given:
            text = "the key is the log's own word: give --key or --trust with one noted elsewhere"
            self.said.append(tell(text))


def check_log(path: Path, trust: Trust) -> tuple[list[str], list[str]]:
    """A copy of ledger.db; returns what is wrong and what is to be said."""
    with path.open("rb") as file:
        in_wal_mode = file.read(20)[18:] == b"\2\2"
    wal = Path(f"{path}-wal")
    alone = in_wal_mode and not (wal.exists() and wal.stat().st_size)
    how = "immutable=1" if alone else "mode=ro"
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    heads = []
    if "checkpoints" in tables:
        heads = db.execute("SELECT origin, size, note FROM checkpoints").fetchall()
    log = Log(trust, heads)
    for row in db.execute("SELECT seq, body, hash FROM events ORDER BY seq"):
        log.take(*row)
    log.finish()
    db.close()
    if alone:
        text = "the file was copied without its -wal file; newer records may be missing"
        log.said.append(tell(text))
    return log.wrong, log.said


def check_export(path: Path) -> tuple[list[str], list[str]]:
    """An export, with its proof beside it if records were left out."""
    shown = [json.loads(line) for line in lines_of(path)]
    hidden: list[dict[str, object]] = []
    head: dict[str, object] | None = None
    proof = Path(f"{path}.proof")
    if proof.exists():
        opening, *hidden = [json.loads(line) for line in lines_of(proof)]
        head = opening["head"]
    if not shown:
        raise Unreadable(str(path))
    previous, expected, unlinked = bytes.fromhex(shown[0]["prev"]), shown[0]["seq"], 0
    for record in sorted(shown + hidden, key=lambda item: item["seq"]):
        seq = record["seq"]
        told = record.get("data", {}).get("follows", {})
        if seq != expected and told.get("seq") != expected - 1:
            raise Wrong(tell("record {seq} is missing", seq=expected))
        begin = previous + seq.to_bytes(8, "big")
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
        expected = seq + 1
    if head is not None and (head["seq"], head["hash"]) != (expected - 1, previous.hex()):
        raise Wrong(tell("the chain does not end at the head of the proof"))
    text = "{shown} records shown of {first} to {last}; the others are hidden"
    said = [tell(text, shown=len(shown), first=shown[0]["seq"], last=expected - 1)]
    if unlinked:
        text = "{count} hidden records of an earlier version are not linked"
        said.append(tell(text, count=unlinked))
    text = "nothing is signed: the head {head} is worth what you know of it"
    said.append(tell(text, head=f"{expected - 1}:{previous.hex()}"))
    return [], said


def check_proof(path: Path, trust: Trust) -> tuple[list[str], list[str]]:
    """NAME.tlog-proof with NAME.json beside it (c2sp.org/tlog-proof)."""
    head, blank, text = read(path).partition("\n\n")
    rows = head.split("\n")
    if not blank or rows.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Unreadable(str(path))
    if rows and rows[0].startswith("extra "):
        rows.pop(0)
    index = re.fullmatch("index (0|[1-9][0-9]{0,18})", rows.pop(0) if rows else "")
    note = Note(text)
    if index is None or len(rows) > 63:
        raise Unreadable(str(path))
    beside = path.with_suffix(".json")
    if not beside.exists():
        raise Unreadable(tell("the record itself is missing: {path}", path=beside))
    leaf = leaf_hash(beside.read_bytes())
    number = int(index[1])
    if not includes(note.root, note.size, number, leaf, [unpacked(row) for row in rows]):
        raise Wrong(tell("the record is not in the log at this place"))
    said = trust.check(note)
    return [], [tell("record {seq} is in the log {name}", seq=number + 1, name=note.origin), *said]


def check_checkpoint(path: Path, trust: Trust) -> tuple[list[str], list[str]]:
    note = Note(read(path))
    said = trust.check(note)
    return [], [f"{note.origin}: " + tell("a checkpoint of {size} records", size=note.size), *said]


def read(path: Path) -> str:
    return path.read_bytes().decode()


def lines_of(path: Path) -> list[str]:
    return [line for line in read(path).split("\n") if line.strip()]


def check(path: Path, trust: Trust) -> tuple[list[str], list[str]]:
    """Whatever the file is; returns what is wrong and what is to be said."""
    with path.open("rb") as file:
        begin = file.read(64)
    if begin.startswith(b"SQLite format 3\0"):
        return check_log(path, trust)
    if begin.startswith(b"c2sp.org/tlog-proof"):
        return check_proof(path, trust)
    if begin.lstrip().startswith(b"{"):
        return check_export(path)
    return check_checkpoint(path, trust)


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
    worst = 0
    for path in files:
        try:
            wrong, said = check(path, trust)
        except Wrong as error:
            wrong, said = [str(error)], []
        except (OSError, sqlite3.Error, Unreadable, ValueError, KeyError, TypeError) as error:
            reason = error if isinstance(error, (OSError, Unreadable)) else ""
            print(f"{path}: {tell('it is not a log, an export, a checkpoint or a proof')} {reason}")
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
