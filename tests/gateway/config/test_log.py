"""The table [log]: witnesses, mirrors and the quorum, and the trust file that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from gateway import config
from gateway.config.log import LogTable
from gateway.proof.checkpoint import Checkpoint, cosign, sign
from gateway.proof.note import COSIGNATURE, Signer
from gateway.proof.policy import parse

LOG = Signer("garita/g/0011223344556677", Ed25519PrivateKey.from_private_bytes(bytes(32)))
COSIGNERS = [
    Signer(f"w.example/{n}", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32), COSIGNATURE)
    for n in range(1, 5)
]
KEYS = [str(one.key) for one in COSIGNERS]
URL = "https://witness.example.com/a"


def table(quorum: int | None = None, **more: Any) -> LogTable:
    witnesses = {f"w{n}": {"key": KEYS[n], "url": URL} for n in range(3)}
    values = {"witnesses": witnesses, "mirrors": {"hq": KEYS[3]}, "quorum": quorum, **more}
    return LogTable.model_validate(values)


def test_without_witnesses_nobody_has_to_cosign() -> None:
    trust = LogTable().trust([LOG.key])
    assert (trust.quorum, dict(trust.logs)) == ("none", {LOG.name: LOG.key})
    assert parse(trust.write()) == trust


@pytest.mark.parametrize(("quorum", "least"), [(None, 3), (1, 1), (4, 4)])
def test_a_trust_file_says_what_the_table_says(quorum: int | None, least: int) -> None:
    trust = table(quorum).trust([LOG.key])
    again = parse(trust.write())
    assert again == trust
    assert again.urls["w0"] == URL
    note = sign(Checkpoint(LOG.name, 3, bytes(32)), LOG)
    lines = [cosign(note.text, one, 9) for one in COSIGNERS]
    assert not again.met(note.with_signatures(lines[: least - 1]))
    assert again.open(note.with_signatures(lines[-least:])).size == 3


def test_a_name_of_a_witness_may_be_that_of_the_group() -> None:
    made = LogTable.model_validate({"mirrors": {"quorum": KEYS[0]}})
    assert parse(made.trust().write()).quorum == "quorum-"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"quorum": 1}, "0 to cosign"),
        ({"quorum": 5, "mirrors": {"a": KEYS[0]}}, "1 to cosign"),
        ({"mirrors": {"a": KEYS[0], "b": KEYS[0]}}, "key of its own"),
        ({"mirrors": {"none": KEYS[0]}}, "name of its own"),
        (
            {"mirrors": {"a": KEYS[0]}, "witnesses": {"a": {"key": KEYS[1], "url": URL}}},
            "name of its own",
        ),
        ({"mirrors": {"a b": KEYS[0]}}, "pattern"),
        ({"mirrors": {"a": str(LOG.key)}}, "a log's"),
        ({"mirrors": {"a": KEYS[0][:-4]}}, "not the key of a witness"),
        ({"witnesses": {"a": {"key": KEYS[0]}}}, "url"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LogTable.model_validate(values)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "witness.example.com",
        "ftp://w.example",
        "https://",
        "https://u:p@w.example",
        "https://w.example/?a",
        "https://w.example:99999",
        "https://w.example/\n",
        "file:///etc",
        "https://[::1",
    ],
)
def test_an_address_is_one_of_http(url: str) -> None:
    with pytest.raises(ValidationError, match="expected an address"):
        LogTable.model_validate({"witnesses": {"a": {"key": KEYS[0], "url": url}}})


def test_the_lines_of_the_example_are_valid(tmp_path: Path) -> None:
    example = (Path(__file__).parents[3] / "config/garita.toml").read_text()
    block = example[example.index("# [log.witnesses.headquarters]") :]
    block = block[: block.index("\n", block.index("# collector = "))]
    lines = [line.removeprefix("# ") for line in block.splitlines() if line.startswith("# ")]
    text = "\n".join(line for line in lines if not line.startswith("monitor"))
    one_door = (Path(__file__).parents[3] / "config/one-door.toml").read_text()
    path = tmp_path / "garita.toml"
    path.write_text(f"{one_door}\n{text}\n")
    log = config.load(path).tables.log
    assert set(log.cosigners) == {"headquarters", "collector"}
    assert log.witnesses["headquarters"].ca_file == tmp_path / "witness-ca.pem"
