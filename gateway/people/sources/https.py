"""A list from a web server: HTTPS only, whole or not at all.

The certificate is verified, a redirect leads to HTTPS or nowhere, and the token goes to no other
address than the one configured.  An answer that does not say how long it is can't be told from
one that broke off, so it is refused; so is a compressed one, which could unfold without end.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any

from gateway.config import SourceTable
from gateway.locale import worded
from gateway.people.sources.errors import SourceError, secret

_TYPES = {
    "text/csv": "csv",
    "text/plain": "",
    "application/octet-stream": "",
    "application/json": "json",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "csv",
}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    body: bytes
    json: bool
    etag: str


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise SourceError(worded("redirected to an address without https"))
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def fetch(table: SourceTable, etag: str) -> HttpAnswer | None:
    """The list, or None if the server says that `etag` still holds; raises SourceError."""
    request = urllib.request.Request(table.url)  # noqa: S310 - https, by the configuration
    request.add_header("Accept", ", ".join(_TYPES))
    request.add_header("Accept-Encoding", "identity")
    if etag:
        request.add_header("If-None-Match", etag)
    if table.token_file is not None:
        token = secret(table.token_file)
        # Not carried over a redirect, which might lead to somebody else.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        context = ssl.create_default_context(cafile=table.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(worded("ca_file can't be read")) from error
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _OnlyHttps(),
    ):
        opener.add_handler(handler)
    try:
        with opener.open(request, timeout=table.timeout_s) as answer:
            return _whole(answer, table)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.client.NOT_MODIFIED and etag:
                return None
        raise SourceError(worded("the server answers {code}", code=error.code)) from error
    except urllib.error.URLError as error:
        raise SourceError(_why(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError(_why(error)) from error


def _whole(answer: Any, table: SourceTable) -> HttpAnswer:
    headers = answer.headers
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceError(worded("the answer is compressed, which was not asked for"))
    kind = headers.get_content_type()
    if kind not in _TYPES:
        raise SourceError(
            worded("the answer is {kind}, not text/csv or application/json", kind=kind[:60])
        )
    limit = table.max_mb << 20
    length = headers.get("Content-Length")
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    if not chunked and (length is None or not length.isdigit()):
        raise SourceError(worded("the answer does not say how long it is"))
    if length is not None and not chunked and int(length) > limit:
        raise SourceError(worded("larger than {max_mb} MiB", max_mb=table.max_mb))
    body = bytearray()
    while part := answer.read(65536):
        body += part
        if len(body) > limit:
            raise SourceError(worded("larger than {max_mb} MiB", max_mb=table.max_mb))
    if not chunked and len(body) != int(length):
        raise SourceError(
            worded("broke off after {count} of {length} bytes", count=len(body), length=length)
        )
    form = table.format or _TYPES[kind]
    if not form:
        path = table.url.split("?", 1)[0].lower()
        form = "json" if path.endswith(".json") else "csv"
    return HttpAnswer(bytes(body), form == "json", headers.get("ETag", "")[:200])


def _why(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "no TLS connection could be made"
    if isinstance(error, TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return f"broke off after {len(error.partial)} bytes"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__
