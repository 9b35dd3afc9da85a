"""The console's server: uvicorn on the address of [console]."""

from __future__ import annotations

import logging
import socket

import uvicorn

from gateway.config import Settings
from gateway.console.app import app_of
from gateway.console.security.store import Store
from gateway.console.site import Site

log = logging.getLogger("garita.console")

MOST_CONNECTIONS = 256
KEEP_ALIVE_S = 30


def site_of(settings: Settings) -> Site:
    """What the screens work with.  Raises sqlite3.Error or OSError if console.db can't be used."""
    return Site(settings, Store(settings.tables.console.data_dir / "console.db"))


class Server(uvicorn.Server):
    """uvicorn, which waits for answers that are under way; streams never end by themselves."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams first, so that a restart takes no longer than the answers do."""
        self._site.hub.close()
        await super().shutdown(sockets)


def server_of(settings: Settings, site: Site) -> Server:
    """The server, not running yet."""
    table = settings.tables.console
    host, port = table.address
    where = {"uds": str(table.socket)} if table.socket is not None else {"host": host, "port": port}
    return Server(
        uvicorn.Config(
            app_of(site),
            **where,
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=table.socket is not None,  # only a proxy of this machine reaches it
            forwarded_allow_ips="*" if table.socket is not None else None,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=3,
            ssl_certfile=table.cert_file,
            ssl_keyfile=table.cert_key_file,
        ),
        site,
    )


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    where = settings.tables.console.listen
    log.info("the console of %s listens at %s", settings.site.gateway, where)
    server_of(settings, site_of(settings)).run()
