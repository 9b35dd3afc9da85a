"""The log's head is signed when it is due, and held against what the broker holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.daemon import checkpoints
from gateway.daemon.checkpoints import Checkpoints
from gateway.daemon.control import Refused
from gateway.daemon.logkeys import LogKeys, at_start, hold_against
from gateway.ledger import Ledger, LedgerReader, LedgerUnavailable
from gateway.ledger.event import Event, EventType, NewEvent
from gateway.ledger.heads import Heads
from gateway.ledger.operator import Operator
from gateway.proof import note
from gateway.proof.checkpoint import Checkpoint, open_checkpoint, sign
from gateway.proof.merkle import leaf_hash, root_of
from gateway.proof.note import Signer, VerifierKey
from gateway.vault import logkey
from gateway.vault.logkey import LogKeyError, load_or_make, restore
from gateway.vault.sitekey import SiteKey
from gateway.vault.statefile import Damage

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NAME = "example.com/site/g"


def signed_by(origin: str, key: Ed25519PrivateKey) -> bytes:
    return sign(Checkpoint(origin, 9, bytes(32)), Signer(origin, key)).write().encode()


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.head = folder / "log-head.json"
        self.ledger = Ledger.open(self.path, gateway="g")

    def checkpoints(self, *, broker: bool = False, every: int = 1000) -> Checkpoints:
        return Checkpoints(
            ledger=self.ledger,
            gateway="g",
            name=NAME,
            key=KEY,
            path=self.head,
            every=every,
            minutes=60,
            facts=lambda: {"boot": "b1"},
            broker=broker,
        )

    async def append(self, count: int) -> None:
        for n in range(count):
            await self.ledger.append(NewEvent(EventType.DOOR_REX, "yard", {"n": n}))

    def records(self) -> list[Event]:
        reader = LedgerReader(self.path)
        try:
            return reader.after(0, 100_000)
        finally:
            reader.close()

    def bodies(self) -> list[bytes]:
        reader = LedgerReader(self.path)
        try:
            return [kept.body.encode() for _, kept in reader.walk()]
        finally:
            reader.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.ledger.close()


async def made(maker: Checkpoints) -> note.Note:
    """The next checkpoint; there may be none while a busy machine computes the tree."""
    async with asyncio.timeout(30):
        while (newest := await maker.make()) is None:
            await asyncio.sleep(0.05)
    return newest


async def test_a_checkpoint_is_the_root_over_all_records_and_signed(world: World) -> None:
    await world.append(300)
    maker = world.checkpoints()
    newest = await made(maker)
    head = open_checkpoint(note.parse(newest.write()), maker.signer().key)
    bodies = world.bodies()
    assert head == Checkpoint(
        f"{NAME}/{world.ledger.chain}", len(bodies), root_of([leaf_hash(b) for b in bodies])
    )
    bound = world.records()[-1]
    assert (bound.type, bound.data["boot"]) == ("ledger.checkpoint", "b1")
    assert bound.data["key"] == str(maker.signer().key)
    held = json.loads(world.head.read_text())
    assert (held["seq"], held["hash"]) == (bound.seq, bound.hash)
    assert held["checkpoint"] == newest.write()


async def test_it_is_due_after_so_many_records_and_after_an_hour_of_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LOOK_EVERY_S", 0.01)
    maker = world.checkpoints(every=10)

    async def until(count: int) -> None:
        async with asyncio.timeout(20):
            while sum(e.type == "ledger.checkpoint" for e in world.records()) < count:
                await asyncio.sleep(0.02)

    task = asyncio.create_task(maker.run())
    try:
        await until(1)
        await world.append(9)
        assert not maker._due(asyncio.get_running_loop().time())
        await world.append(1)
        await until(2)
        assert maker._due(asyncio.get_running_loop().time() + checkpoints.HEARTBEAT_S + 1)
    finally:
        task.cancel()


async def test_a_disk_image_that_was_put_back_begins_anew_when_the_broker_knows_better(
    world: World,
) -> None:
    await world.append(5)
    maker, key = world.checkpoints(broker=True), world.checkpoints().signer()
    newer = sign(Checkpoint(key.name, 191, bytes(32)), key)
    task = asyncio.create_task(maker.run())
    await asyncio.sleep(0.05)
    assert maker.newest is None  # it waits for the broker
    await maker.judge(newer.write().encode())
    async with asyncio.timeout(20):
        while maker.newest is None:
            await asyncio.sleep(0.02)
    task.cancel()
    assert world.ledger.follows is not None
    assert world.ledger.follows["known_by"] == "broker"
    begun, alarm = (e for e in world.records() if e.seq in (192, 193))
    assert (begun.type, alarm.type) == ("ledger.created", "alarm.log_lost")
    # What is signed next is of the new origin, and nothing was signed of the cut one.
    head = open_checkpoint(maker.newest, maker.signer().key)
    assert head.size == 3
    assert [e.type for e in world.records()].count("ledger.checkpoint") == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"nothing\n",
        sign(
            Checkpoint(f"{NAME}/x", 9, bytes(32)), Signer(f"{NAME}/x", Ed25519PrivateKey.generate())
        )
        .write()
        .encode(),
        sign(Checkpoint("o/x", 9, bytes(32)), Signer("o/x", KEY)).write().encode(),
    ],
)
async def test_nobody_else_makes_the_log_begin_anew(world: World, payload: bytes) -> None:
    maker = world.checkpoints()
    await maker.judge(payload)
    assert world.ledger.follows is None


async def test_an_older_checkpoint_of_ours_says_nothing_new(world: World) -> None:
    await world.append(50)
    maker = world.checkpoints()
    old = await made(maker)
    await world.append(5)
    await maker.judge(old.write().encode())
    assert world.ledger.follows is None


async def test_another_history_of_the_same_length_is_noticed(world: World) -> None:
    await world.append(5)
    maker = world.checkpoints()
    key = maker.signer()
    await maker.judge(sign(Checkpoint(key.name, 4, bytes(32)), key).write().encode())
    assert world.ledger.follows is not None
    assert world.ledger.first_seq == 7


def test_the_key_is_kept_sealed_and_a_damaged_file_is_not_replaced(tmp_path: Path) -> None:
    path, site = tmp_path / "log-key.json", SiteKey(bytes(32))
    made = load_or_make(path, site)
    assert load_or_make(path, site).private_bytes_raw() == made.private_bytes_raw()
    assert path.stat().st_mode & 0o777 == 0o600
    assert made.private_bytes_raw().hex() not in path.read_bytes().hex()
    with pytest.raises(LogKeyError, match="does not open"):
        load_or_make(path, SiteKey(b"x" * 32))
    told: list[Damage] = []
    for damaged in ("", "{}", '{"sealed": "AAAA"}', '{"sealed": 5}', "[]"):
        path.write_text(damaged)
        assert load_or_make(path, site).private_bytes_raw() == made.private_bytes_raw()
        assert path.read_text() == damaged  # a command only reads
    restore(path, site, told.append)
    assert [(d.done, bool(d.aside)) for d in told] == [("previous", True)]
    (tmp_path / "log-key.json.previous").write_text("{")
    path.write_text(damaged)
    restore(path, site, told.append)
    assert (told[-1].done, told[-1].aside) == ("not_signed", "")
    with pytest.raises(LogKeyError, match="log-key"):
        load_or_make(path, site)
    assert path.read_text() == damaged


@pytest.fixture
def site(tmp_path: Path) -> SiteKey:
    SiteKey.create(tmp_path / "site.key", None)
    return SiteKey.load(str(tmp_path / "site.key"))


def keys_of(world: World, site: SiteKey) -> tuple[Checkpoints, LogKeys, Path]:
    path = world.path.with_name("log-key.json")
    maker = world.checkpoints()
    maker._key = at_start(path, site, world.path)
    return maker, LogKeys(maker, path, site, operators=False), path


def verified(world: World, key: str) -> list[str]:
    reader = LedgerReader(world.path)
    try:
        report = reader.verify(keys=[VerifierKey.parse(key)])
        assert report.covered.last_seq == report.head_seq
        return [problem.what for problem in report.problems]
    finally:
        reader.close()


async def test_the_key_is_changed_and_the_old_one_signs_that(world: World, site: SiteKey) -> None:
    maker, keys, path = keys_of(world, site)
    await world.append(5)
    await made(maker)
    answer = await keys.asked({"by": Operator("rosa")})
    assert maker.newest is not None and answer["old"] != answer["new"]
    for key in (answer["old"], answer["new"]):
        assert verified(world, key) == []
    changed = [e for e in world.records() if e.type == "ledger.key_changed"]
    assert [e.data["by"] for e in changed] == ["rosa"]
    assert at_start(path, site, world.path).private_bytes_raw() == maker._key.private_bytes_raw()
    assert "next" not in json.loads(path.read_text())


@pytest.mark.parametrize("recorded", [False, True])
async def test_a_change_that_a_power_cut_interrupts_is_ended_at_the_start(
    world: World, site: SiteKey, recorded: bool
) -> None:
    maker, _, path = keys_of(world, site)
    old = maker._key.private_bytes_raw()
    made = logkey.prepare(path, site)
    if recorded:
        await maker.change_key(lambda: made, {})
    again = at_start(path, site, world.path)  # before `settle`
    expected = made.private_bytes_raw() if recorded else old
    assert again.private_bytes_raw() == expected
    assert logkey.pending(path, site) is None
    assert logkey.load(path, site).private_bytes_raw() == expected


async def test_nothing_is_signed_while_the_record_of_a_change_is_in_doubt(
    world: World, site: SiteKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker, keys, path = keys_of(world, site)

    async def slow(event: NewEvent) -> Event:
        raise LedgerUnavailable("slow")

    with monkeypatch.context() as patch:
        patch.setattr(world.ledger, "append", slow)
        with pytest.raises(Refused):
            await keys.asked({"by": Operator("rosa")})
    assert await maker.make() is None
    assert logkey.pending(path, site) is not None


def lose(path: Path) -> None:
    """The file and the version before it, which would be used in its place."""
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["lost", "another", "changed back", "kept", "renewed"])
async def test_a_key_that_is_gone_begins_a_new_origin(
    world: World, site: SiteKey, tmp_path: Path, how: str
) -> None:
    """Under the old name a new key would look like a forger's; no record is lost."""
    maker, keys, path = keys_of(world, site)
    await world.append(5)
    await made(maker)
    before = path.read_bytes()
    chain, last_seq = world.ledger.chain, world.ledger.last_seq
    if how == "lost":
        lose(path)
    elif how == "another":
        lose(path)
        load_or_make(path, site)
    elif how in ("changed back", "renewed"):
        await keys.asked({"by": Operator("rosa")})
        last_seq = world.ledger.last_seq
    if how == "changed back":  # an older file from a backup
        path.write_bytes(before)
    await hold_against(path, site, world.ledger, world.path)
    if how in ("kept", "renewed"):
        assert world.ledger.chain == chain
        return
    told = world.ledger.follows
    assert told is not None and world.ledger.chain != chain and world.ledger.is_new
    assert (told["chain"], told["seq"], told["missing"]) == (chain, last_seq, 0)
    assert (told["known_by"], world.ledger.first_seq) == ("log-key.json", last_seq + 1)
    maker, _, _ = keys_of(world, site)
    await made(maker)
    newest = world.ledger.chain
    await hold_against(path, site, world.ledger, world.path)  # the next start
    assert world.ledger.chain == newest
    reader = LedgerReader(world.path)
    report = reader.verify(keys=Heads(world.path).log_keys())
    reader.close()
    assert report.ok and report.covered.keys_lost == [last_seq + 1]
    assert report.covered.last_seq == report.head_seq


async def test_a_damaged_key_is_kept_and_nothing_is_signed(world: World, site: SiteKey) -> None:
    """Perhaps it comes back from a backup: a person decides, by moving the file away."""
    maker, _, path = keys_of(world, site)
    await made(maker)
    chain = world.ledger.chain
    path.write_text('{"sealed": "AAAA"}')
    await hold_against(path, site, world.ledger, world.path)
    assert world.ledger.chain == chain and path.read_text() == '{"sealed": "AAAA"}'
    path.rename(path.with_name("log-key.damaged"))
    lose(path)  # the version before it as well
    await hold_against(path, site, world.ledger, world.path)
    assert world.ledger.chain != chain and path.exists()


async def test_who_may_not_change_the_key_is_refused(world: World, site: SiteKey) -> None:
    maker, _, path = keys_of(world, site)
    keys = LogKeys(maker, path, site, operators=True)
    before = path.read_bytes()
    with pytest.raises(Refused, match="administrator"):
        await keys.asked({"by": Operator("rosa", roles=frozenset({"guard"}))})
    assert path.read_bytes() == before
