"""Why does a network camera not open?  OpenCV only says that it did not.

`why_not` asks the camera once itself: DESCRIBE over RTSP (RFC 2326), GET over HTTP, with the login
of the address where the camera wants one (Basic, or Digest of RFC 2617 and RFC 7616).  It sets up
no stream, so it takes no viewer's place.  FFmpeg prints the reason to stderr between all else that
is printed there, in words that change between versions, so nothing is read from it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from drivers.base import CameraState

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
MAX_ANSWER = 64 * 1024
HASHES = {"": "md5", "md5": "md5", "sha-256": "sha256"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`state` is what the camera's feed is; `detail` the answer, as ``404 Not Found``, or empty."""

    state: CameraState
    detail: str = ""


def why_not(source: str, timeout_s: float = 3.0) -> Refusal:
    """Ask the camera at an address once; blocks for a few times `timeout_s` at most.  Raises
    nothing.  Answers NO_SIGNAL where the camera says nothing, or has nothing against us."""
    try:
        parts = urlsplit(source)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return Refusal(CameraState.UNREACHABLE, "not an address")
    if not parts.hostname or parts.scheme not in PORTS:
        return Refusal(CameraState.NO_SIGNAL)
    try:
        with closing(_connect(parts, port, timeout_s)) as connection:
            reached = Refusal(CameraState.NO_SIGNAL)
            try:
                return _judge(_ask(connection, parts, port, timeout_s))
            except (OSError, ValueError):
                return reached
    except (OSError, ValueError) as error:
        said = "" if isinstance(error, TimeoutError) else getattr(error, "strerror", "") or ""
        return Refusal(CameraState.UNREACHABLE, said[:60])


def without_password(source: str) -> str:
    """An address as it may be shown: without login, query, and passwords in its path."""
    head, mark, rest = source.partition("://")
    if not mark:
        return source
    # Up to the last @: a password may hold one, and a slash.
    shown = "…@" + rest.rpartition("@")[2] if "@" in rest else rest
    shown = re.sub(r"\?.*", "?…", shown, flags=re.DOTALL)
    shown = re.sub(r"(?i)(pass(?:word|wd)?|pwd)([=_:])[^/&]*", r"\1\2…", shown)
    return f"{head}://{shown}"


def _connect(parts: SplitResult, port: int, timeout_s: float) -> socket.socket:
    connection = socket.create_connection((parts.hostname, port), timeout_s)
    if parts.scheme not in ("rtsps", "https"):
        return connection
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as FFmpeg does
    try:
        return context.wrap_socket(connection, server_hostname=parts.hostname)
    except OSError:
        connection.close()
        raise


def _ask(
    connection: socket.socket, parts: SplitResult, port: int, timeout_s: float
) -> tuple[int, str]:
    """Status and words of the answer, after a login if one is wanted and the address has one."""
    place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = f"{parts.hostname}:{port}"
    rtsp = parts.scheme.startswith("rtsp")
    uri = f"{parts.scheme}://{host}{place}" if rtsp else place
    verb, version = ("DESCRIBE", "RTSP/1.0") if rtsp else ("GET", "HTTP/1.1")
    more = "Accept: application/sdp" if rtsp else f"Host: {host}"
    status, words, challenges = _exchange(connection, f"{verb} {uri} {version}", more, 1)
    if status != 401 or parts.username is None:
        return status, words
    login = unquote(parts.username), unquote(parts.password or "")
    answer = _authorization(challenges, verb, uri, *login)
    if answer is None:
        return status, words
    more = f"{more}\r\nAuthorization: {answer}"
    # On a new connection: what is left of the first answer is not read.
    with closing(_connect(parts, port, timeout_s)) as again:
        status, words, _ = _exchange(again, f"{verb} {uri} {version}", more, 2)
    return status, words


def _exchange(
    connection: socket.socket, line: str, more: str, number: int
) -> tuple[int, str, list[str]]:
    """One question: the status, its words, and how the camera wants a login."""
    if any(char < " " for char in line):
        raise ValueError("a control character in the address")
    request = f"{line}\r\nCSeq: {number}\r\n{more}\r\nUser-Agent: garita\r\n\r\n"
    connection.sendall(request.encode())
    data = b""
    while b"\r\n\r\n" not in data and len(data) < MAX_ANSWER:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    first, *headers = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    found = re.match(r"(?:RTSP|HTTP)/\d\.\d (\d{3}) ?(.*)", first)
    if found is None:
        raise ValueError("not an answer")
    wanted = "www-authenticate:"
    challenges = [
        each[len(wanted) :].strip() for each in headers if each.lower().startswith(wanted)
    ]
    return int(found[1]), found[2], challenges


def _authorization(
    challenges: list[str], verb: str, uri: str, user: str, password: str
) -> str | None:
    """The header that answers one of the challenges; None where none is known."""
    for challenge in challenges:
        kind, _, rest = challenge.partition(" ")
        fields = {
            key.lower(): quoted or bare
            for key, quoted, bare in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^,\s]+))', rest)
        }
        method = HASHES.get(fields.get("algorithm", "").lower())
        if kind.lower() != "digest" or method is None or "nonce" not in fields:
            continue

        def digest(text: str, method: str = method) -> str:
            return hashlib.new(method, text.encode(), usedforsecurity=False).hexdigest()

        realm, nonce = fields.get("realm", ""), fields["nonce"]
        first, second = digest(f"{user}:{realm}:{password}"), digest(f"{verb}:{uri}")
        shown = [f'username="{user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
        middle = nonce
        if "auth" in fields.get("qop", "").split(","):
            ours = secrets.token_hex(8)
            middle = f"{nonce}:00000001:{ours}:auth"
            shown += ["qop=auth", "nc=00000001", f'cnonce="{ours}"']
        if "algorithm" in fields:
            shown.append(f"algorithm={fields['algorithm']}")
        if "opaque" in fields:
            shown.append(f'opaque="{fields["opaque"]}"')
        answer = digest(f"{first}:{middle}:{second}")
        return "Digest " + ", ".join([*shown, f'response="{answer}"'])
    if any(challenge.lower().startswith("basic") for challenge in challenges):
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return None


def _judge(answer: tuple[int, str]) -> Refusal:
    status, words = answer
    if status < 400:
        return Refusal(CameraState.NO_SIGNAL)
    state = CameraState.LOGIN_REFUSED if status in (401, 403) else CameraState.NO_STREAM
    said = "".join(char for char in words if char.isascii() and char.isprintable())
    return Refusal(state, f"{status} {said}"[:60].strip())
