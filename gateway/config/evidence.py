"""The table [evidence]: how the auditor's packet and the reports are signed and set."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from gateway.locale import worded


class EvidenceTable(BaseModel):
    """How packets and reports are signed and set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sign: bool = True
    """Whether the PDFs are signed; what ties them to the log does not depend on it."""
    certificate: Path | None = None
    """The site's own certificate (PEM, the chain behind it); None: one that the gateway makes."""
    certificate_key: Path | None = None
    """Its private key (PEM, RSA or elliptic curve)."""
    password_file: Path | None = None
    """A file with the password of that key, if it has one."""
    font_dir: Path | None = None
    """A folder with fonts (.ttf, .otf) for scripts that DejaVu lacks, such as Chinese."""

    @model_validator(mode="after")
    def _agree(self) -> EvidenceTable:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError(worded("certificate and certificate_key belong together"))
        if self.password_file is not None and self.certificate is None:
            raise ValueError(worded("a password_file needs a certificate"))
        return self

    def absolute(self, base: Path) -> EvidenceTable:
        """The same with every path made absolute from `base`."""
        keys = ("certificate", "certificate_key", "password_file", "font_dir")
        return self.model_copy(
            update={key: base / value for key in keys if (value := getattr(self, key)) is not None}
        )
