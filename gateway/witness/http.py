"""The witness over HTTP: POST /add-checkpoint and GET /<origin hash>/checkpoint.

Whoever reaches the port may ask.  So a body, a wait and the number of connections have limits.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.witness.config import WitnessTable
from gateway.witness.service import Answer, Witness

log = logging.getLogger("garita.witness.http")

MOST_BODY = 128 * 1024
"""Bytes.  63 hashes and 16 signatures with ML-DSA-44 have 60 KB."""
BODY_S = 10.0
HEAD_S = 20.0
MOST_CONNECTIONS = 256


def app_of(witness: Witness) -> Starlette:
    """The two addresses of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                async for piece in request.stream():
                    body += piece
                    if len(body) > MOST_BODY:
                        return _last(Answer(413, "the request is too long\n"))
        except TimeoutError:
            return _last(Answer(408, "the request did not arrive in time\n"))
        except ClientDisconnect:
            return _last(Answer(400, "half a request\n"))
        return _response(await run_in_threadpool(witness.add_checkpoint, bytes(body)))

    async def checkpoint(request: Request) -> Response:
        return _response(await run_in_threadpool(witness.checkpoint, request.path_params["digest"]))

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{digest}/checkpoint", checkpoint, methods=["GET"]),
        ]
    )


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers={"content-type": answer.media})


def _last(answer: Answer) -> Response:
    """What is left of the request is not read."""
    response = _response(answer)
    response.headers["connection"] = "close"
    return response


class Impatient(H11Protocol):
    """A connection on which no request arrived for HEAD_S is closed: uvicorn by itself waits for
    ever for the rest of a head that comes byte by byte."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._seen: object = None
        self._looking = self.loop.call_later(HEAD_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle = self.cycle
        idle = cycle is None or cycle.response_complete
        if idle and cycle is self._seen:
            self.transport.abort()
            return
        self._seen = cycle
        self._looking = self.loop.call_later(HEAD_S, self._look)


def server_of(table: WitnessTable, witness: Witness) -> uvicorn.Server:
    """The server, not running yet."""
    host, port = table.address
    return uvicorn.Server(
        uvicorn.Config(
            app_of(witness),
            host=host,
            port=port,
            http=Impatient,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=int(HEAD_S),
            timeout_graceful_shutdown=5,
            ssl_certfile=table.cert_file,
            ssl_keyfile=table.cert_key_file,
        )
    )


def serve(table: WitnessTable) -> None:
    """Serve until SIGTERM or SIGINT; raises SignKeyError, StoreError or OSError."""
    signer, store = table.opened()
    try:
        log.info("%s witnesses %d log(s) at %s", signer.key, len(table.logs), table.listen)
        server_of(table, Witness(signer, table.known, store)).run()
    finally:
        store.close()
