"""What operators prove themselves with, and how long it holds."""

from __future__ import annotations

import sqlite3
import stat
import time
from pathlib import Path

import pyotp
import pytest

from gateway.config.console import ConsoleTable
from gateway.console.security import codes, passwords
from gateway.console.security.credentials import Passkey
from gateway.console.security.passwords import WeakPassword
from gateway.console.security.store import (
    ENROL,
    FULL,
    SECOND,
    STAGE_S,
    Store,
    browser_mark,
    network,
)

GOOD = "cuatro perros en la nieve"
TABLE = ConsoleTable(session_h=12, idle_min=60)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "own" / "console.db")


def test_the_file_and_its_key_are_for_one_account_alone(store: Store, tmp_path: Path) -> None:
    for name in ("console.db", "console.key"):
        assert stat.S_IMODE((tmp_path / "own" / name).stat().st_mode) == 0o600
    assert Store(tmp_path / "own" / "console.db").key is not None  # the same key again


def test_a_password_is_argon2id_and_a_wrong_one_is_not_right() -> None:
    known = passwords.hashed(GOOD)
    assert known.startswith("$argon2id$") and GOOD not in known
    assert passwords.right(known, GOOD)
    for typed in ("", GOOD + " ", GOOD.upper(), "x" * 100_000, "\ud800"):
        assert not passwords.right(known, typed)
    assert not passwords.right("", "nobody's password")  # nobody has no password
    assert not passwords.right("no hash at all", GOOD)


@pytest.mark.parametrize(
    "typed",
    ["", "short", "aaaaaaaaaaaaaaaaa", "password1234567", "contraseña segura",
     "rosa.diaz de garita", "ab\u202ecdefghijklmn", "x1y2" * 100],
)  # fmt: skip
def test_a_password_that_is_guessed_first_is_not_taken(typed: str) -> None:
    with pytest.raises(WeakPassword) as told:
        passwords.check_new(typed, typed, "rosa.diaz")
    assert not typed or typed not in str(told.value)


def test_a_good_password_is_typed_twice() -> None:
    passwords.check_new(GOOD, GOOD, "rosa")
    with pytest.raises(WeakPassword):
        passwords.check_new(GOOD, GOOD + "x", "rosa")


def test_a_code_of_the_app_counts_once(store: Store) -> None:
    secret = pyotp.random_base32()
    store.credentials.set_totp("rosa", secret, 0)
    app = pyotp.TOTP(secret)
    now = app.now()
    assert not codes.shown(store.credentials, "luis", now)
    assert codes.shown(store.credentials, "rosa", f" {now[:3]} {now[3:]} ")
    assert not codes.shown(store.credentials, "rosa", now)
    for typed in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 10_000):
        assert not codes.shown(store.credentials, "rosa", typed)


def test_a_clock_may_differ_by_one_step_and_not_by_two() -> None:
    secret = pyotp.random_base32()
    app, now = pyotp.TOTP(secret), 1_800_000_000.0
    assert codes.step_of(secret, app.at(now - 30), now) == int(now // 30) - 1
    assert codes.step_of(secret, app.at(now + 30), now) == int(now // 30) + 1
    far = app.at(now - 90)
    assert far in (app.at(now - 30), app.at(now), app.at(now + 30)) or (
        codes.step_of(secret, far, now) is None
    )


def test_the_secret_of_the_codes_is_sealed_for_its_operator(store: Store, tmp_path: Path) -> None:
    secret = pyotp.random_base32()
    store.credentials.set_totp("rosa", secret, 0)
    raw = b"".join(path.read_bytes() for path in (tmp_path / "own").glob("console.db*"))
    assert secret.encode() not in raw
    store.db.do(
        "INSERT INTO credential (operator, totp) SELECT 'luis', totp FROM credential "
        "WHERE operator = 'rosa'"
    )
    assert store.credentials.totp("luis") == ""  # moved to another row, it opens nothing
    assert store.credentials.totp("rosa") == secret


def test_a_one_time_code_counts_once_for_one_operator(store: Store, tmp_path: Path) -> None:
    held = store.credentials
    first = held.new_code("rosa")
    code = held.new_code("rosa")
    assert len(code) == 14 and held.has_code("rosa")
    raw = b"".join(path.read_bytes() for path in (tmp_path / "own").glob("console.db*"))
    assert code.replace("-", "").encode() not in raw
    assert not held.take_code("rosa", first)  # the newer one took its place
    assert not held.take_code("luis", code)
    assert held.take_code("rosa", code.lower().replace("-", " "))
    assert not held.take_code("rosa", code)
    held.new_code("rosa")
    store.db.do("UPDATE code SET ends = ?", time.time() - 1)
    assert not held.has_code("rosa")


def test_a_passkey_is_its_operators_alone(store: Store) -> None:
    held = store.credentials
    held.add_passkey(Passkey("abc", "rosa", b"key", 3, "tablet", 1.0))
    held.add_passkey(Passkey("abc", "luis", b"other", 0, "", 2.0))  # the same id: not replaced
    assert [key.label for key in held.passkeys("rosa")] == ["tablet"] and not held.passkeys("luis")
    assert held.has_second("rosa") and not held.has_second("luis")
    assert not held.drop_passkey("luis", "abc") and held.drop_passkey("rosa", "abc")


def test_a_browser_is_known_to_one_operator(store: Store) -> None:
    token = "of a cookie"
    store.credentials.know_browser("rosa", token)
    assert store.credentials.knows_browser("rosa", token)
    assert not store.credentials.knows_browser("luis", token)
    assert not store.credentials.knows_browser("rosa", "") and token not in str(
        store.db.all("SELECT * FROM known")
    )


def test_a_session_is_known_by_a_digest_of_its_token(store: Store) -> None:
    token = store.begin("rosa", browser=browser_mark("Firefox"), address="192.0.2.7")
    session = store.session(token)
    assert session is not None and session.operator == "rosa" and session.stage == FULL
    assert token not in str(store.db.all("SELECT * FROM session"))
    assert store.session(token + "x") is None and store.session("\ud800") is None


def test_a_session_ends_after_its_time_and_after_a_pause(store: Store) -> None:
    token = store.begin("rosa")
    session = store.session(token)
    assert session is not None
    assert session.alive(TABLE, session.began + 3599)
    assert not session.alive(TABLE, session.began + 3601)  # an hour without an act
    store.db.do("UPDATE session SET seen = seen + 43199")
    late = store.session(token)
    assert late is not None and late.alive(TABLE, late.began + 43199)
    assert not late.alive(TABLE, late.began + 43201)
    store.begin("luis", stage=SECOND)
    (half,) = store.sessions("luis")
    assert half.alive(TABLE, half.began + STAGE_S - 1)
    assert not half.alive(TABLE, half.began + STAGE_S + 1)
    store.db.do("UPDATE session SET began = began - 100000")
    store.sweep(TABLE)
    assert store.sessions() == []


def test_a_session_belongs_to_the_browser_and_address_that_began_it(store: Store) -> None:
    session = store.session(store.begin("rosa", browser="b", address="2001:db8::1:2"))
    assert session is not None
    assert session.bound("b", "2001:db8::aaaa") and not session.bound("b", "2001:db8:1::2")
    assert not session.bound("c", "2001:db8::1:2") and not session.bound("b", "192.0.2.1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1")
    assert network("fe80::1%eth0") == "fe80::/64" and network("unix") == "unix"


def test_a_sign_in_goes_on_under_a_new_token(store: Store) -> None:
    token = store.begin("rosa", stage=ENROL)
    half = store.session(token)
    assert half is not None
    whole = store.session(store.renew(half, stepped=5.0))
    assert whole is not None and whole.stage == FULL and whole.stepped == 5.0
    assert whole.csrf != half.csrf and store.session(token) is None


def test_a_challenge_is_signed_once(store: Store) -> None:
    session = store.session(store.begin("rosa"))
    assert session is not None
    store.challenge(session, "abc")
    assert store.take_challenge(session) == "abc" and store.take_challenge(session) == ""


def test_all_sessions_of_an_operator_end_but_their_own(store: Store) -> None:
    mine = store.session(store.begin("rosa"))
    store.begin("rosa")
    store.begin("luis")
    assert mine is not None and store.end_all("rosa", but=mine.digest) == 1
    assert [item.operator for item in store.sessions()] == ["luis", "rosa"]
    store.set_password("rosa", passwords.hashed(GOOD))
    assert [item.operator for item in store.sessions()] == ["luis"]


def test_a_session_may_use_fewer_roles(store: Store) -> None:
    session = store.session(store.begin("rosa", roles=["guard"]))
    assert session is not None and session.roles == {"guard"}
    none = store.session(store.begin("rosa", roles=[]))
    assert none is not None and none.roles == frozenset()


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    with pytest.raises(sqlite3.Error), store.db.transaction():
        store.db.do("INSERT INTO screen VALUES ('a', '', '', 0)")
        store.db.do("INSERT INTO screen VALUES ('a', '', '', 0)")
    assert store.db.all("SELECT * FROM screen") == []
