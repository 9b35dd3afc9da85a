"""Asks one witness over HTTP: c2sp.org/tlog-witness 1.0.0, add-checkpoint and what it shows.

Everything here blocks, in a thread of the caller's.  What answers may be anybody: an answer that is
long, late, slow or redirected is an error after DEADLINE_S at the latest, and nothing that it says
counts before a signature was checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway import __version__
from gateway.locale import GaritaError, english, worded
from gateway.proof.note import Note, NoteError, Signature, VerifierKey
from gateway.proof.submission import Submission, cosignature_in, read_size

log = logging.getLogger("garita.uplink.witness")

DEADLINE_S = 15.0
MOST_BYTES = 64 * 1024
TRIES = 3
"""So often the size that the witness knows may change while it is asked."""


class WitnessError(GaritaError):
    """There is no cosignature this time; the message says why."""


class KnowsBetter(WitnessError):
    """The witness says that it cosigned another head of this log, which may mean that records were
    lost.  It proves nothing before `held` was read and its signature checked."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is to be cosigned; `proof(old)` gives the proof of consistency from size `old`."""

    note: Note
    size: int
    proof: Callable[[int], list[bytes]]


class WitnessClient:
    """One witness with its public key and addresses.  `known` is the size that it cosigned last, as
    far as we know."""

    def __init__(
        self, key: VerifierKey, url: str, monitor: str | None = None, ca_file: Path | None = None
    ) -> None:
        self.key = key
        self.known = 0
        self._url = url
        self._monitor = monitor or url
        self._ca_file = ca_file

    def cosign(self, head: Head) -> Signature:
        """The witness's cosignature of `head`; raises KnowsBetter, or WitnessError."""
        for _ in range(TRIES):
            old = self.known if self.known <= head.size else 0
            submission = Submission(old, tuple(head.proof(old)), head.note)
            status, body = self._ask("POST", f"{self._url}/add-checkpoint", submission.write())
            if status == 200:
                line = cosignature_in(body, head.note.text, self.key)
                if line is None:
                    raise WitnessError(worded("its answer is not a cosignature by its key"))
                self.known = head.size
                return line
            if status == 409:
                self.known = _size(body)
                if self.known > head.size:
                    raise KnowsBetter(
                        worded("it knows {known} records of this log", known=self.known)
                    )
                continue
            if status == 422:
                self.known = 0
                raise KnowsBetter(worded("it says that the log does not fit what it cosigned"))
            raise WitnessError(worded("it answered with HTTP status {status}", status=status))
        raise WitnessError(worded("it names another size each time"))

    def held(self, origin: str) -> bytes:
        """The checkpoint of the log `origin` that the witness cosigned last, unchecked; empty if it
        has none.  Raises WitnessError."""
        name = hashlib.sha256(origin.encode()).hexdigest()
        status, body = self._ask("GET", f"{self._monitor}/{name}/checkpoint", None)
        if status == 404:
            return b""
        if status != 200:
            raise WitnessError(worded("it answered with HTTP status {status}", status=status))
        return body

    def _ask(self, method: str, url: str, body: str | None) -> tuple[int, bytes]:
        """Status and body of an answer; redirects are not followed."""
        try:
            return self._exchange(method, url, body)
        except WitnessError:
            raise
        except TimeoutError as error:
            raise WitnessError(worded("no answer in {limit:g} s", limit=DEADLINE_S)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = english(error) or type(error).__name__
            raise WitnessError(worded("it can't be reached: {why}", why=why[:200])) from error

    def _exchange(self, method: str, url: str, body: str | None) -> tuple[int, bytes]:
        parts = urlsplit(url)
        host, until = parts.hostname or "", time.monotonic() + DEADLINE_S
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connection = http.client.HTTPConnection(host, port)
        with (
            contextlib.closing(connection),
            socket.create_connection((host, port), DEADLINE_S) as plain,
            _ends(plain.dup(), until),
        ):
            connection.sock = plain
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=self._ca_file)
                connection.sock = context.wrap_socket(plain, server_hostname=host)
            headers = {"User-Agent": f"garita/{__version__}", "Connection": "close"}
            connection.request(method, parts.path, body and body.encode(), headers)
            answer = connection.getresponse()
            data = answer.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise WitnessError(worded("its answer is too long"))
            return answer.status, data


@contextlib.contextmanager
def _ends(sock: socket.socket, until: float) -> Iterator[None]:
    """End the connection, of which `sock` is a duplicate, at the time `until`; raises TimeoutError
    then.  A time-out of the socket itself begins anew with each byte that a slow peer sends."""
    over = threading.Event()

    def end() -> None:
        over.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, until - time.monotonic()), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        if over.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
        sock.close()
    if over.is_set():
        raise TimeoutError


def _size(body: bytes) -> int:
    try:
        return read_size(body.decode("ascii").removesuffix("\n"))
    except (UnicodeDecodeError, NoteError) as error:
        raise WitnessError(worded("its answer is not the size of a log")) from error
