"""Signs a PDF with pyHanko: an incremental update behind the bytes that are there (PAdES).

What stands before the signature stays byte by byte, so the manifest can name the size and hash of
that beginning, and whoever makes the packet again gets it.
"""

from __future__ import annotations

from pathlib import Path

from asn1crypto.keys import PrivateKeyInfo
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.evidence.pages.certificate import Certified, SigningError
from gateway.locale import worded

__all__ = ["Certified", "SigningError", "sign"]

FIELD = "Garita"
_DIGEST = "sha256"


def sign(path: Path, by: Certified, *, reason: str, place: str) -> None:
    """Sign the PDF `path` in its place, as `certificate.of` gives `by`.

    `reason` and `place` are words that a reader shows.  Nothing remains half: the signed file takes
    the name when it is whole.  Raises SigningError, also for a file that is no PDF, and OSError if
    the disk is full.
    """
    from pyhanko.pdf_utils.incremental_writer import (  # noqa: PLC0415 - only where PDFs are made
        IncrementalPdfFileWriter,
    )
    from pyhanko.pdf_utils.misc import PdfError  # noqa: PLC0415
    from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner  # noqa: PLC0415
    from pyhanko.sign.fields import SigSeedSubFilter  # noqa: PLC0415
    from pyhanko.sign.general import SigningError as Refused  # noqa: PLC0415
    from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415

    chain = [_loaded(one) for one in by.chain]
    store = SimpleCertificateStore.from_certs(chain)  # type: ignore[no-untyped-call]
    secret = by.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=_loaded(by.certificate),
        signing_key=PrivateKeyInfo.load(secret),
        cert_registry=store,
    )
    about = PdfSignatureMetadata(
        field_name=FIELD,
        reason=reason,
        location=place,
        md_algorithm=_DIGEST,
        subfilter=SigSeedSubFilter.PADES,
    )
    part = path.with_name(f".{path.name}.signing")
    try:
        with path.open("rb") as unsigned, part.open("xb+") as signed:
            writer = IncrementalPdfFileWriter(unsigned)
            PdfSigner(about, signer).sign_pdf(writer, output=signed)
        part.replace(path)
    except (PdfError, Refused, ValueError) as error:
        raise SigningError(
            worded("{path}: can't be signed: {error}", path=path, error=error)
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _loaded(one: x509.Certificate) -> Certificate:
    return Certificate.load(one.public_bytes(Encoding.DER))
