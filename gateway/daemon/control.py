"""The daemon's control socket: a Unix socket on which commands ask it things.

One request a connection, one JSON line each way: ``{"op": "status"}`` ->
``{"ok": true, ...}`` or ``{"ok": false, "error": "..."}``, with ``"refused": true`` where
nothing is broken.  The socket's file mode decides who may connect (0660: the service's own user
and group, and root), and gateway/daemon/access.py what each may ask for.  Who asks is what the
kernel says of the other end, by gateway/people/account.py: the server puts that operator into the
request as `by`, in place of whatever the request says.  The web console is the one account that
acts for others: its requests name the operator who is signed in, as `on_behalf`, and a handler sees
by `console` that it was so.
A request may name the `language` of its answer.  No operation opens a door by itself: `command`
takes a message that an operator's key has signed (gateway/daemon/remote.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from asyncio.trsock import TransportSocket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.daemon.access import ADMIN_GROUP, Rights, operation, rights_of
from gateway.ledger.operator import Operator
from gateway.locale import LANGUAGES, GaritaError, Message, catalogue, speaking, worded
from gateway.people import account

log = logging.getLogger("garita.daemon.control")

LONGEST_S = 30.0  # a request that takes longer is dropped without an answer
_LIMIT = 64 * 1024
Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
Who = Callable[[str], Operator]


class ControlError(GaritaError):
    """The daemon can't be reached, or says no; the message is for people."""


class Refused(ControlError):
    """What was asked for can't be, as things are; a handler raises it, and so does `ask`."""


class Unreachable(ControlError):
    """Nobody answers on the socket: the daemon is not running here."""


class ControlServer:
    """Answers on `path` with the given handlers, by operation.  `who` makes the operator of an
    account; by default nobody knows the person.  `console` is the account that may name the
    operator for whom it acts."""

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        who: Who = Operator,
        *,
        console: str = "",
    ) -> None:
        self._path = path
        self._handlers = handlers
        self._who = who
        self._console = console

    async def run(self) -> None:
        """Serve until cancelled; takes over the socket file of a daemon that died."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        umask = os.umask(0o117)
        try:
            server = await asyncio.start_unix_server(self._serve, self._path, limit=_LIMIT)
        finally:
            os.umask(umask)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                line = await reader.readline()
                # In a thread: the names of accounts may come from a directory service.
                peer = writer.get_extra_info("socket")
                by, rights = await asyncio.to_thread(self._asker, peer)
                answer = await self._answer(line, by, rights)
                writer.write(json.dumps(answer, default=str).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError) as error:
            log.warning("control: a request was dropped: %s", type(error).__name__)
        finally:
            writer.close()

    def _asker(self, transport: TransportSocket) -> tuple[Operator, Rights]:
        with transport.dup() as peer:
            return self._who(account.of_peer(peer)), rights_of(peer)

    async def _answer(self, line: bytes, by: Operator, rights: Rights) -> dict[str, Any]:
        try:
            request = {**json.loads(line), "by": by, "console": False}
            handler = self._handlers[request["op"]]
        except (ValueError, TypeError, KeyError):
            return {"ok": False, "error": f"expected one of {', '.join(sorted(self._handlers))}"}
        if not rights.allow(operation(request)):
            log.warning("control: %s may not ask for %s", by, operation(request)[:60])
            said = str(worded("{account} may not do this", account=str(by)))
            if rights is Rights.DESK:
                said = str(
                    worded(
                        "{account} may not do this: it takes an account of the group {group}",
                        account=str(by),
                        group=ADMIN_GROUP,
                    )
                )
            return {"ok": False, "error": said, "refused": True}
        if "on_behalf" in request:
            if not self._console or by != self._console:
                said = str(worded("{account} may not act for others", account=str(by)))
                return {"ok": False, "error": said, "refused": True}
            try:
                request["by"] = behalf(request.pop("on_behalf"))
                request["console"] = True
            except (ValueError, TypeError, KeyError):
                return {"ok": False, "error": "on_behalf: who?"}
        language = str(request.get("language", ""))
        if language not in LANGUAGES:
            return await self._done(handler, request)
        await asyncio.to_thread(catalogue, language)  # the first time it is a file
        with speaking(language):  # in this task, which is the request's own
            return await self._done(handler, request)

    @staticmethod
    async def _done(handler: Handler, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"ok": True, **await handler(request)}
        except Refused as refusal:
            return {"ok": False, "error": str(refusal), "refused": True}
        except Exception as error:
            log.exception("control: %s failed", request["op"])
            for_people = bool(error.args) and isinstance(error.args[0], Message)
            said = str(error.args[0]) if for_people else f"{type(error).__name__}: {error}"
            return {"ok": False, "error": said}


def behalf(named: Mapping[str, Any]) -> Operator:
    """The operator whom the console names; raises ValueError, TypeError or KeyError."""
    fields = {key: str(named[key]) for key in ("account", "person", "name")}
    if not fields["account"] or any(len(text) > 200 for text in fields.values()):
        raise ValueError("no account, or too long")
    return Operator(
        fields["account"],
        person=fields["person"],
        name=fields["name"],
        roles=frozenset(map(str, named["roles"])),
    )


def for_operator(operator: Operator) -> dict[str, Any]:
    """What `behalf` reads."""
    known = {"account": str(operator), "person": operator.person, "name": operator.name}
    return {**known, "roles": sorted(operator.roles)}


def ask(path: Path, op: str, *, timeout_s: float = 10.0, **params: Any) -> dict[str, Any]:
    """Ask the daemon behind `path`; raises Unreachable or ControlError."""
    with _reaching(path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect(str(path))
        sock.sendall(json.dumps({"op": op, **params}).encode() + b"\n")
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    return _understood(answer)


async def asking(path: Path, op: str, *, timeout_s: float = 10.0, **params: Any) -> dict[str, Any]:
    """The same in an event loop, for an answer that may take long."""
    with _reaching(path):
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(json.dumps({"op": op, **params}).encode() + b"\n")
                await writer.drain()
                answer = await reader.read()
            finally:
                writer.close()
    return _understood(answer)


@contextlib.contextmanager
def _reaching(path: Path) -> Iterator[None]:
    """What the socket raises, as an error with words."""
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise Unreachable(worded("the gateway is not running")) from error
    except PermissionError as error:
        raise ControlError(
            worded("{path}: you may not talk to the gateway (try sudo)", path=path)
        ) from error
    except OSError as error:
        raise ControlError(worded("the gateway does not answer: {error}", error=error)) from error


def _understood(answer: bytes) -> dict[str, Any]:
    if not answer:
        raise ControlError(worded("the gateway ended before it answered"))
    try:
        reply: dict[str, Any] = json.loads(answer)
    except ValueError as error:
        raise ControlError(worded("the gateway's answer is not understood")) from error
    if not reply.get("ok"):
        kind = Refused if reply.get("refused") else ControlError
        raise kind(str(reply.get("error", "refused")))
    return reply
