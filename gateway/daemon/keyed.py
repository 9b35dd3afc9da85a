"""Acts that need the site key, for programs that may not read it: the running gateway does them.

Guards and HR have accounts of their own and may not read the key; neither may the console, nor root
where the key is a credential of the service.  The gateway does the act for them and never hands the
key out.  Whoever may read the key does the act here.
"""

from __future__ import annotations

from typing import Any

from gateway.config import Settings
from gateway.daemon import control
from gateway.daemon.errand import MOST_MARKS, Errand
from gateway.locale import worded
from gateway.vault.sitekey import KeyFileError, SiteKey


def ask_gateway(settings: Settings, why: object, act: str, **params: Any) -> dict[str, Any]:
    """Have the running gateway do one act of gateway/daemon/errand.py, which this account may not
    do for the reason `why`.  Raises ControlError."""
    try:
        return control.ask(
            settings.socket_path, "errand", timeout_s=control.LONGEST_S, act=act, **params
        )
    except control.Unreachable as error:
        raise control.Unreachable(
            worded("{why}; the gateway does it for you while it runs", why=why)
        ) from error


class KeyedActs:
    """The acts of one operator, `by`.  With `here` they are done in this process if it may read the
    key, and then the gateway need not run.  Each raises ControlError (with `here` also KeyFileError
    and RosterUnavailable) if it can't be done."""

    def __init__(self, settings: Settings, by: str, *, here: bool) -> None:
        self._settings, self._by = settings, by
        self._why: Any = worded("the site key is the gateway's alone")
        self._here: Errand | None = None
        self._marks: dict[tuple[str, str], str] = {}
        if here:
            try:
                self._here = Errand(settings, SiteKey.load(settings.tables.site.key_file))
            except KeyFileError as error:
                self._why = error.args[0]

    def do(self, act: str, **params: Any) -> dict[str, Any]:
        """One act of gateway/daemon/errand.py."""
        return self._done(act, **params)

    def _done(self, act: str, **params: Any) -> dict[str, Any]:
        request = {"act": act, "by": self._by, **params}
        if self._here is not None:
            return self._here.do(request)
        return ask_gateway(self._settings, self._why, **request)

    def fingerprint(self, credential_key: str) -> str:
        """`SiteKey.fingerprint`."""
        return self._marked("badge", credential_key)

    def document(self, text: str) -> str:
        """`SiteKey.document`."""
        return self._marked("document", text)

    def owner(self, fingerprint: str) -> str:
        """Who has the badge of this fingerprint now; "" for nobody, and for a badge of two, as at
        the gate.  Raises ControlError or RosterUnavailable if that can't be told."""
        return str(self._done("owner", fingerprint=fingerprint)["person"])

    def expect(self, credential_keys: list[str]) -> None:
        """These fingerprints will be asked for: have them made together.  Raises KeyFileError or
        ControlError if they can't be."""
        for begin in range(0, len(credential_keys), MOST_MARKS // 2):
            part = credential_keys[begin : begin + MOST_MARKS // 2]
            made = self._done("mark", of="badge", texts=part)["marks"]
            self._marks |= {("badge", text): mark for text, mark in zip(part, made, strict=True)}

    def _marked(self, of: str, text: str) -> str:
        if (of, text) not in self._marks:
            self._marks[of, text] = self.do("mark", of=of, texts=[text])["marks"][0]
        return self._marks[of, text]
