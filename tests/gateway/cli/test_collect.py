"""`garita collect status`, `verify` and `key`: what somebody at headquarters reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from gateway.collector.database import Database
from gateway.collector.leases import Leases
from gateway.proof.note import COSIGNATURE, VerifierKey
from tests.gateway.collector.logs import Log
from tests.gateway.collector.test_sink import Store, store

__all__ = ["store"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["collect", *arguments])


@pytest.fixture
def config(store: Store, tmp_path: Path) -> Path:
    """The configuration of the store's database."""
    path = tmp_path / "collector.toml"
    url = store.database.engine.url
    if store.database.is_postgres:
        with store.database.engine.connect() as db:
            where = str(db.execute(text("SELECT current_database()")).scalar_one())
            port = db.execute(text("SHOW port")).scalar_one()
        url_text = f"postgresql://hr:s3cret@127.0.0.1:{port}/{where}"
    else:
        url_text = str(url.database)
    mirror = '[mqtt]\nhost = "b"\n[mirror]\nname = "hq.example/m"\n'
    path.write_text(f'name = "hq-1"\ndatabase = "{url_text}"\n{mirror}')
    return path


def test_status_says_how_far_and_what_is_wrong(
    store: Store, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log()
    store.take([*log.records, *log.badges(20), *log.checkpoint()])
    log.badges(1)
    store.take(log.badges(2))  # one before them is missing
    with store.db.begin():
        store.db.execute(text("UPDATE gateways SET heard = CURRENT_TIMESTAMP, status = 'online'"))
        store.db.execute(text("INSERT INTO gateways (name) VALUES ('gate-2')"))
        store.db.execute(
            text(
                "INSERT INTO alarms (gateway, kind, about, data, count)"
                " VALUES ('gate-1', 'root_differs', 'c:22', '{}', 2)"
            )
        )
    done = run("status", "-c", str(config), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    one, two = found["gateways"]
    assert (one["gateway"], one["last_seq"], one["proven_seq"], one["missing"]) == (
        "gate-1", 22, 22, 3,
    )  # fmt: skip
    assert not one["silent"] and one["lag_s"] > 0 and two["silent"]
    assert found["troubled"] == ["gate-1", "gate-2"]
    shown = run("status", "-c", str(config)).stdout
    assert "gate-2" in shown and "not heard of" in shown and "behind" in shown
    assert "what is stored is not what the gateway signed: c:22 (x2)" in shown
    monkeypatch.setenv("GARITA_LANG", "es")
    assert "sin noticias" in run("status", "-c", str(config)).stdout


def test_status_names_the_collectors(store: Store, config: Path) -> None:
    if not store.database.is_postgres:
        return  # a file has one collector, and no leases
    leases = Leases("hq-7", ttl_s=60)
    raw = store.db.connection.driver_connection
    leases.join(raw)  # type: ignore[arg-type]
    store.db.commit()
    shown = run("status", "-c", str(config)).stdout
    assert "collector hq-7: reads 0 gateways" in shown and "no gateway was heard of yet" in shown


def test_verify_ends_with_3_and_names_the_record(store: Store, config: Path) -> None:
    log = Log()
    store.take([*log.records, *log.badges(20), *log.checkpoint()])
    done = run("verify", "-c", str(config))
    assert done.exit_code == 0 and "records 1 to 22 are good" in done.stdout
    assert "compare it with `garita log key`" in done.stdout
    with store.db.begin():
        store.db.execute(text("UPDATE events SET body = replace(body, 'yard', 'yarb')"))
    done = run("verify", "gate-1", "-c", str(config))
    assert done.exit_code == 3 and "record 3 was changed" in done.stdout
    found = json.loads(run("verify", "-c", str(config), "--json").stdout)
    assert found[0]["wrong"] and found[0]["gateway"] == "gate-1"
    done = run("verify", "gate-9", "-c", str(config))
    assert done.exit_code == 1 and "gate-9" in done.output


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "collector.toml"
    path.write_text('name = "a"\ndatabase = "no.db"\n[mqtt]\nhost = "b"\n')
    for act in ("status", "verify"):
        done = run(act, "-c", str(path))
        assert done.exit_code == 5 and "no.db does not exist" in done.output
    path.write_text(
        'name = "a"\ndatabase = "postgresql://x:s3cr3t@127.0.0.1:1/d"\n[mqtt]\nhost = "b"\n'
    )
    done = run("status", "-c", str(path))
    assert done.exit_code == 5 and "can't be read" in done.output and "s3cr3t" not in done.output
    assert run("key", "-c", str(path)).exit_code == 1
    path.write_text("name = 1")
    assert run("status", "-c", str(path)).exit_code == 4


def test_an_empty_database_is_not_a_collectors(tmp_path: Path) -> None:
    path = tmp_path / "collector.toml"
    path.write_text('name = "a"\ndatabase = "c.db"\n[mqtt]\nhost = "b"\n')
    Database.sqlite(tmp_path / "c.db").engine.connect().close()
    done = run("status", "-c", str(path))
    assert done.exit_code == 5 and "start one" in done.output


def test_key_is_made_once_and_is_a_mirrors(store: Store, config: Path) -> None:
    first, again = run("key", "-c", str(config)), run("key", "-c", str(config))
    assert first.exit_code == 0 and first.stdout == again.stdout
    assert VerifierKey.parse(first.stdout.strip()).kind == COSIGNATURE
