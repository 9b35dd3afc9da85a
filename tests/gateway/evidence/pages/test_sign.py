"""The signature of a PDF: behind the bytes that were there, by the site's certificate or ours."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from gateway.config import Settings
from gateway.config.evidence import EvidenceTable
from gateway.evidence.pages import certificate
from gateway.evidence.pages.certificate import FILE, Certified
from gateway.evidence.pages.sign import SigningError, sign
from gateway.evidence.pages.write import write
from gateway.evidence.spool import Spool
from gateway.vault.sitekey import SiteKey
from tests.gateway.evidence.pages import made


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    """The example's settings with a data folder and a site key."""
    SiteKey.create(tmp_path / "site.key")
    return at(made.settings(), tmp_path)


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF that nobody signed, made once."""
    folder = tmp_path_factory.mktemp("unsigned")
    spool = Spool(folder / "spool.db")
    write(made.packet(spool, rows=3, only=("10.2",)), spool, "es", folder / "packet.pdf")
    spool.close()
    return folder / "packet.pdf"


@pytest.fixture
def pdf(unsigned: Path, tmp_path: Path) -> Path:
    """A copy of it, to sign."""
    return Path(shutil.copy(unsigned, tmp_path / "packet.pdf"))


def at(settings: Settings, folder: Path, **evidence: object) -> Settings:
    """Settings with `folder` as data folder, and what the table [evidence] says."""
    tables = settings.tables
    where = tables.site.model_copy(
        update={"data_dir": folder, "key_file": str(folder / "site.key")}
    )
    table = EvidenceTable.model_validate(evidence)
    return replace(settings, tables=tables.model_copy(update={"site": where, "evidence": table}))


def status(pdf: Path, root: x509.Certificate) -> object:
    """What pyHanko says of the one signature, with `root` as trusted."""
    reader = PdfFileReader(pdf.open("rb"))
    (signature,) = reader.embedded_signatures
    trusted = Certificate.load(root.public_bytes(Encoding.DER))
    return validate_pdf_signature(
        signature, ValidationContext(trust_roots=[trusted], allow_fetching=False)
    )


def test_signature_holds_and_keeps_the_beginning(site: Settings, pdf: Path) -> None:
    before = pdf.read_bytes()
    by = certificate.of(site)
    sign(pdf, by, reason="Evidencia", place="norte-1")
    after = pdf.read_bytes()
    assert after[: len(before)] == before
    found = status(pdf, by.certificate)
    assert found.intact and found.valid and found.trusted
    assert "ENTIRE_FILE" in str(found.coverage)
    assert not list(pdf.parent.glob(".*"))


def test_a_changed_byte_breaks_it(site: Settings, pdf: Path) -> None:
    by = certificate.of(site)
    sign(pdf, by, reason="r", place="p")
    raw = bytearray(pdf.read_bytes())
    at = raw.index(b"/Title")
    raw[at + 12] ^= 1
    pdf.write_bytes(raw)
    assert not status(pdf, by.certificate).intact


def test_gateway_makes_one_and_keeps_it(site: Settings, tmp_path: Path) -> None:
    first, again = certificate.of(site), certificate.of(site)
    assert first.fingerprint == again.fingerprint
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o077 == 0
    assert "PRIVATE KEY" not in file.read_text(), "the key is sealed with the site key"


@pytest.mark.parametrize("held", ["", "{", "[]", '{"sealed": 3}', '{"sealed": "AAAA"}'])
def test_damaged_key_file_is_an_error_that_names_it(
    site: Settings, tmp_path: Path, held: str
) -> None:
    (tmp_path / FILE).write_text(held)
    with pytest.raises(SigningError, match=FILE):
        certificate.of(site)


def test_key_of_another_site_does_not_open(site: Settings, tmp_path: Path) -> None:
    certificate.of(site)
    (tmp_path / "site.key").unlink()
    with pytest.raises(SigningError):
        certificate.of(site)
    SiteKey.create(tmp_path / "site.key")
    with pytest.raises(SigningError, match="another one is made|new one is made"):
        certificate.of(site)


def issued(key: object, *, begins: int = -1, ends: int = 30) -> x509.Certificate:
    """A certificate for `key`, valid from and to so many days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Maquiladora del Norte")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )


def own(folder: Path, key: object, cert: x509.Certificate, password: str = "") -> dict[str, object]:
    """Writes a site's own certificate; returns the table [evidence] for it."""
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    (folder / "own.key").write_bytes(pem)
    (folder / "own.crt").write_bytes(cert.public_bytes(Encoding.PEM))
    table: dict[str, object] = {
        "certificate": folder / "own.crt",
        "certificate_key": folder / "own.key",
    }
    if password:
        (folder / "password").write_text(password + "\n")
        table["password_file"] = folder / "password"
    return table


def test_own_certificate_with_a_password(site: Settings, tmp_path: Path, pdf: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    table = own(tmp_path, key, issued(key), "sésamo 9")
    by = certificate.of(at(site, tmp_path, **table))
    sign(pdf, by, reason="r", place="p")
    found = status(pdf, by.certificate)
    assert found.intact and found.valid
    assert not (tmp_path / FILE).exists()
    (tmp_path / "password").write_text("another")
    with pytest.raises(SigningError, match=r"own\.key.*password"):
        certificate.of(at(site, tmp_path, **table))


def test_certificates_that_can_not_sign(site: Settings, tmp_path: Path) -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    edwards = ed25519.Ed25519PrivateKey.generate()
    for one, cert, why in (
        (key, issued(key, begins=-9, ends=-2), "valid from"),
        (key, issued(key, begins=2), "valid from"),
        (other, issued(key), "belong together"),
        (edwards, issued(edwards), "elliptic"),
    ):
        table = own(tmp_path, one, cert)
        with pytest.raises(SigningError, match=why):
            certificate.of(at(site, tmp_path, **table))
    (tmp_path / "own.crt").write_text("no certificate")
    with pytest.raises(SigningError, match="PEM"):
        certificate.of(at(site, tmp_path, **table))
    (tmp_path / "own.crt").unlink()
    with pytest.raises(SigningError, match=r"own\.crt"):
        certificate.of(at(site, tmp_path, **table))


@pytest.mark.parametrize(
    "raw", [b"", b"%PDF-1.7\n", b"\0" * 5000, b"%PDF-1.7\nstartxref\n99999\n%%EOF"]
)
def test_what_is_no_pdf_stays_as_it_is(site: Settings, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "odd.pdf"
    path.write_bytes(raw)
    with pytest.raises(SigningError, match=r"odd\.pdf"):
        sign(path, certificate.of(site), reason="r", place="p")
    assert path.read_bytes() == raw
    assert not list(tmp_path.glob(".*"))


def test_key_is_not_shown(site: Settings) -> None:
    by: Certified = certificate.of(site)
    assert "PRIVATE" not in repr(by)
    assert json.loads((site.tables.site.data_dir / FILE).read_text()).keys() == {
        "sealed",
        "certificate",
    }
