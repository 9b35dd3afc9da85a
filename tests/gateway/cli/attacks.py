"""Logs that somebody changed, and what each verifier has to say of them.

Each attack makes the files of one case in a folder.  `good` is what all verifiers must find, `said`
a word that each must say in English where the case asks for one.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.logkeys import hold_against
from gateway.ledger import Ledger, LedgerReader, chain
from gateway.ledger import export as exports
from gateway.ledger.event import EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.ledger.origin import Known
from gateway.proof.checkpoint import cosign
from gateway.proof.keychange import sign_change
from gateway.proof.note import COSIGNATURE, Signature, Signer
from gateway.vault import logkey
from gateway.vault.sitekey import SiteKey

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 8))


@dataclass
class Case:
    """`file` is checked, with `keys` and the checkpoints in `kept` where there are any."""

    name: str
    file: Path
    good: bool
    keys: list[str] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    said: str = ""
    trust: Path | None = None


async def grow(path: Path, *counts: int, key: Ed25519PrivateKey = KEY, tag: str = "") -> None:
    """Add so many records before each checkpoint; `tag` makes them others."""
    ledger = Ledger.open(path, gateway="g")
    maker = maker_of(ledger, path, key)
    for count in counts:
        for n in range(count):
            data = {"n": n, "tag": tag, "x": 3.0, "ñ": "Iñaki \u2028"}
            await ledger.append(NewEvent(EventType.DOOR_REX, "yard", data))
        assert await maker.make() is not None
    ledger.close()


def maker_of(ledger: Ledger, path: Path, key: Ed25519PrivateKey) -> Checkpoints:
    return Checkpoints(
        ledger=ledger,
        gateway="g",
        name="garita/g",
        key=key,
        path=path.with_name("head.json"),
        every=1000,
        minutes=60,
        facts=dict,
        broker=False,
    )


async def change_key(path: Path, old: Ed25519PrivateKey, new: Ed25519PrivateKey) -> None:
    """The record with which a log's key changes; `old` signs."""
    ledger = Ledger.open(path, gateway="g")
    origin = f"garita/g/{ledger.chain}"
    (named, *_) = Heads(path).log_keys()
    note = sign_change(Signer(origin, old), Signer(origin, new))
    note = note.replace(str(Signer(origin, old).key), str(named))
    await ledger.append(NewEvent(EventType.LEDGER_KEY_CHANGED, "g", {"note": note}))
    ledger.close()


def rows(path: Path) -> list[tuple[int, str | None, str]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT seq, id, body FROM events ORDER BY seq").fetchall()


def written(path: Path, bodies: list[str], *, relink: bool = True) -> None:
    """Put these bodies in place of the records, with a chain that is good in itself."""
    with closing(sqlite3.connect(path)) as db, db:
        hashes = [digest for (digest,) in db.execute("SELECT hash FROM events ORDER BY seq")]
        db.execute("DROP TRIGGER events_no_delete")
        db.execute("DELETE FROM events")
        prev = chain.GENESIS
        for seq, body in enumerate(bodies, 1):
            prev = chain.link(prev, seq, chain.digest_of(body)) if relink else hashes[seq - 1]
            db.execute("INSERT INTO events VALUES (?, NULL, ?, ?)", (seq, body, prev))
        db.execute("DELETE FROM tiles")


def cut(path: Path, last: int) -> None:
    """Everything after record `last` goes, checkpoints too."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER events_no_delete")
        db.execute("DELETE FROM events WHERE seq > ?", (last,))
        db.execute("DELETE FROM checkpoints WHERE size > ?", (last,))
        db.execute("DELETE FROM tiles")


CHANGES: dict[str, Callable[[list[str]], list[str]]] = {
    "edit": lambda b: [body.replace('"n":7', '"n":8') for body in b],
    "removal": lambda b: b[:8] + b[9:],
    "insertion": lambda b: [*b[:8], b[8].replace('"n":', '"m":'), *b[8:]],
    "reordering": lambda b: [*b[:8], b[9], b[8], *b[10:]],
    "cut tail, checkpoints left": lambda b: b[:30],
    "cut to one record": lambda b: b[:1],
}


def cases(folder: Path) -> Iterator[Case]:
    """All of them."""
    good = folder / "good.db"
    asyncio.run(grow(good, 20, 300, 5))
    (key,) = (str(key) for key in Heads(good).log_keys())
    heads = Heads(good).all()
    kept = folder / "kept"
    kept.write_text(heads[-1].note.write())
    yield Case("whole", good, True, [key], [kept])
    yield Case("whole, by its own word", good, True)
    for name, change in CHANGES.items():
        path = copied(good, folder / f"{name}.db")
        written(path, change([body for _, _, body in rows(path)]))
        yield Case(name, path, False, [key])
        yield Case(f"{name}, by its own word", path, False)
    plain = copied(good, folder / "edit of a body alone.db")
    written(plain, CHANGES["edit"]([body for _, _, body in rows(plain)]), relink=False)
    yield Case("edit of a body alone", plain, False, [key])
    yield from _beyond_the_file(folder, good, key, kept)
    yield from _keys(folder, good, key)
    yield from _exports(folder, good, key, kept)
    yield from _cosigned(folder, good, key)
    yield from _origins(folder, good, key)


def copied(path: Path, to: Path) -> Path:
    return Path(shutil.copy(path, to))


def _beyond_the_file(folder: Path, good: Path, key: str, kept: Path) -> Iterator[Case]:
    """What only a checkpoint that was kept elsewhere shows, or a key."""
    short = copied(good, folder / "cut tail.db")
    cut(short, Heads(good).all()[0].last_seq)
    yield Case("cut tail, nothing kept", short, True, [key])
    yield Case("cut tail", short, False, [key], [kept])
    fork = copied(good, folder / "fork.db")
    cut(fork, Heads(good).all()[0].last_seq)
    asyncio.run(grow(fork, 400, tag="other"))
    yield Case("fork, nothing kept", fork, True, [key])
    yield Case("fork", fork, False, [key], [kept])
    anew = folder / "anew.db"
    asyncio.run(grow(anew, 20, key=OTHER))
    yield Case("begun anew, by its own word", anew, True)
    yield Case("begun anew", anew, False, [key])
    yield Case("begun anew, held against what was kept", anew, False, [], [kept])
    false = folder / "false-checkpoint"
    origin, _, rest = kept.read_text().split("\n", 2)
    false.write_text(f"{origin}\n20\n{rest}")
    yield Case("a kept checkpoint that nobody signed", good, False, [key], [false])
    back = copied(good, folder / "clock.db")
    bodies = [body for _, _, body in rows(back)]
    year = json.loads(bodies[-1])["time"][:4]
    bodies[40:60] = [body.replace(f'"time":"{year}', '"time":"1970') for body in bodies[40:60]]
    with closing(sqlite3.connect(back)) as db, db:
        db.execute("DELETE FROM checkpoints")
    written(back, bodies)
    yield Case("clock set back", back, True, said="clock went back by")


def _keys(folder: Path, good: Path, key: str) -> Iterator[Case]:
    new = key.split("+", maxsplit=1)[0]
    new_key = str(Signer(new, OTHER).key)
    changed = copied(good, folder / "key changed.db")
    asyncio.run(change_key(changed, KEY, OTHER))
    asyncio.run(grow(changed, 5, 5, key=OTHER))
    for name, keys in {"old": [key], "new": [new_key], "no": []}.items():
        yield Case(f"key changed on record, {name} key given", changed, True, keys)
    silent = copied(good, folder / "key changed silently.db")
    asyncio.run(grow(silent, 5, key=OTHER))
    for name, keys in {"old": [key], "new": [new_key], "no": []}.items():
        case = Case(f"key changed without a record, {name} key given", silent, False, keys)
        case.said = "another key of"
        yield case
    forged = copied(good, folder / "key change forged.db")
    asyncio.run(change_key(forged, OTHER, Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)))
    asyncio.run(grow(forged, 5, key=Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)))
    for keys in ([key], []):
        yield Case(
            f"key change that the old key did not sign, {len(keys)} keys", forged, False, keys
        )
    stolen = copied(changed, folder / "old key goes on.db")
    asyncio.run(grow(stolen, 5, key=KEY))
    yield Case("the old key signs on after the change", stolen, False, [key])


def export(path: Path, out: Path, fits: Callable[[int], bool]) -> Path:
    """As `garita log export` writes it."""
    heads = Heads(path)
    newest = heads.newest()
    assert newest is not None
    with (
        closing(LedgerReader(path)) as reader,
        out.open("w", encoding="utf-8") as file,
        Path(f"{out}.proof").open("w", encoding="utf-8") as proof,
    ):
        head = reader.get(newest.last_seq)
        assert head is not None
        writer = exports.Proof(proof, head, {}, heads.newest_each(), heads.log_keys())
        walked = reader.walk(None, head.seq)
        for event in exports.chosen(walked, lambda e: fits(e.seq), writer):
            file.write(json.dumps(exports.record(event), ensure_ascii=False) + "\n")
    return out


def _exports(folder: Path, good: Path, key: str, kept: Path) -> Iterator[Case]:
    part = export(good, folder / "part.jsonl", lambda seq: seq > 4 and seq % 3 == 0)
    yield Case("a part", part, True, [key], [], said="signed up to")
    yield Case("all of it", export(good, folder / "all.jsonl", lambda _: True), True, [key])
    other = str(Signer(key.split("+", maxsplit=1)[0], OTHER).key)
    yield Case("a part, another key", part, False, [other])
    changed = export(folder / "key changed.db", folder / "c.jsonl", lambda seq: seq > 330)
    yield Case("a part, key changed before it", changed, True, [key])

    def forged(name: str, change: Callable[[list[dict], list[dict]], object]) -> Case:  # type: ignore[type-arg]
        out = folder / f"{name}.jsonl"
        lines = [json.loads(line) for line in part.read_text().split("\n") if line]
        proof = [json.loads(line) for line in Path(f"{part}.proof").read_text().split("\n") if line]
        change(lines, proof)
        for path, items in ((out, lines), (Path(f"{out}.proof"), proof)):
            path.write_text("".join(json.dumps(item) + "\n" for item in items))
        return Case(f"a part: {name}", out, False, [key])

    yield forged("edit", lambda lines, _: lines[3]["data"].update(n=99))
    yield forged("a shown record left out", lambda lines, _: lines.pop(4))
    yield forged("a hidden record left out", lambda _, proof: proof.pop(4))
    yield forged("a hidden leaf changed", lambda _, proof: proof[4].update(leaf="0" * 64))
    yield forged("the subtrees before it", lambda _, proof: _zero(proof[0]["before"]["roots"]))
    yield forged("it begins later", lambda _, proof: proof[0]["before"].update(first=2))
    yield forged("end cut", lambda _, proof: proof.pop())
    yield forged("a chain of its own", relinked)


def _zero(roots: list[str]) -> None:
    roots[0] = "0" * 64


def relinked(lines: list[dict], proof: list[dict]) -> None:  # type: ignore[type-arg]
    """An edit whose chain was written anew to the head: only what is signed shows it."""
    lines[3]["data"]["n"] = 99
    prev = bytes.fromhex(lines[0]["prev"])
    for item in sorted([*lines, *proof[1:]], key=lambda one: int(one["seq"])):
        if "data" in item:
            held = {name: item[name] for name in ("id", "time", "type", "subject", "data")}
            item["prev"] = prev.hex()
            prev = chain.link(prev, item["seq"], chain.digest_of(chain.canonical(held)))
            item["hash"] = prev.hex()
        else:
            prev = chain.link(prev, item["seq"], bytes.fromhex(item["body"]))
    proof[0]["head"]["hash"] = prev.hex()


def _cosigned(folder: Path, good: Path, key: str) -> Iterator[Case]:
    """Lies about what a witness signed."""
    witness, liar = (
        Signer("w.example", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32), COSIGNATURE)
        for n in (20, 21)
    )
    trust = folder / "trust"
    trust.write_text(f"log {key}\nwitness w {witness.key}\nquorum w\n")
    older, newest = Heads(good).all()[-2:]
    true = cosign(newest.note.text, witness, 1_700_000_000)
    late = true.value[:7] + bytes([true.value[7] ^ 1]) + true.value[8:]
    other = cosign(newest.note.text, liar, 1_700_000_000)
    lines = {
        "true": (True, true),
        "of another checkpoint": (False, cosign(older.note.text, witness, 1_700_000_000)),
        "of another key": (False, Signature(true.name, true.key_id, other.value)),
        "of an unknown witness": (False, other),
        "with another time": (False, Signature(true.name, true.key_id, late)),
        "of the log's own key": (False, Signature(true.name, true.key_id, true.value[8:])),
    }
    for name, (right, line) in lines.items():
        path = copied(good, folder / f"cosigned {name}.db")
        with closing(sqlite3.connect(path)) as db, db:
            note = newest.note.with_signatures([line]).write()
            size = newest.checkpoint.size
            db.execute("UPDATE checkpoints SET note = ? WHERE size = ?", (note, size))
        yield Case(f"cosigned: {name}", path, right, trust=trust)


def _origins(folder: Path, good: Path, key: str) -> Iterator[Case]:
    """Where the gateway itself begins anew: another history of the same length was known."""
    path = copied(good, folder / "origin.db")
    last = Heads(path).all()[-1].last_seq
    known = Known("broker", key.split("+", maxsplit=1)[0].rpartition("/")[2], last, "0" * 64)
    Ledger.open(path, gateway="g", known=[known]).close()
    asyncio.run(grow(path, 5, 5))
    yield Case("a new origin without a gap", path, True, [str(k) for k in Heads(path).log_keys()])
    yield from _lost_key(folder, good)
    part = export(path, folder / "origin.jsonl", lambda seq: seq > 300 and seq % 2 == 0)
    yield Case("a part over two origins", part, True)


def _lost_key(folder: Path, good: Path) -> Iterator[Case]:
    """The file with the key is gone, or somebody put another in its place."""
    path = copied(good, folder / "lost.db")
    site = SiteKey(bytes(32))

    async def start() -> None:
        ledger = Ledger.open(path, gateway="g")
        await hold_against(folder / "log-key.json", site, ledger, path)
        ledger.close()

    asyncio.run(start())
    asyncio.run(grow(path, 5, 5, key=logkey.load(folder / "log-key.json", site)))
    keys = [str(key) for key in Heads(path).log_keys()]
    yield Case("a lost key", path, True, keys, said="key was lost before")
    yield Case("a lost key, by its own word", path, True, said="key was lost before")
    yield Case("a lost key, and only the old one is known", path, False, keys[:1])
