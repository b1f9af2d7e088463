"""Serving the application until it is stopped."""

from __future__ import annotations

import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from hevner.errors import HevnerError
from hevner.serve.connections import Connection
from hevner.serve.job_queue import JobQueue
from hevner.serve.settings import Settings

GRACE_S = 5
"""Seconds that running answers have when the server stops."""

SWITCH_S = 0.001
"""Seconds after which Python switches from a searching thread to the event loop; its default of
5 ms adds up over an answer."""


def check_address(host: str, port: int) -> None:
    """Raise a `HevnerError` if nobody can listen there."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for place, (family, kind, protocol, _name, address) in enumerate(found, 1):
            with socket.socket(family, kind, protocol) as tried:
                if sys.platform != "win32":
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    tried.bind(address)
                except OSError as error:
                    # One name may have addresses of several kinds, of which one will do.
                    if error.errno != errno.EADDRNOTAVAIL or place == len(found) == 1:
                        raise
    except OSError as error:
        cannot = f"cannot be listened on ({error.strerror or error})"
        cause, remedy = _FAULTS.get(error.errno or 0, (cannot, "Name another address"))
        subject = f"{host}, port {port}"
        raise HevnerError(
            cause, subject=subject, remedy=remedy, stage="listen", code="cannot_listen"
        ) from error


_FAULTS = {
    errno.EADDRINUSE: (
        "another program listens there",
        "Stop it, or name another port: --port 0 takes any that is free",
    ),
    errno.EACCES: ("ports below 1024 belong to the system", "Name another after --port"),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "Name one of its own after --host"),
    socket.EAI_NONAME: ("no such address is known", "Name another after --host"),
}
"""Cause and remedy by what the system reports."""


class Server(uvicorn.Server):
    """A server that ends its streams when it is stopped.

    ``app`` and ``queue`` come from `hevner.serve.app.create`; ``listening`` is called with the
    address once the server listens.
    """

    def __init__(
        self, app: ASGIApp, queue: JobQueue, settings: Settings, listening: Callable[[str], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=Connection,
                ws="none",
                log_config=None,
                access_log=False,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        sys.setswitchinterval(SWITCH_S)
        self._queue = queue
        self._listening = listening

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal to end (called by uvicorn)."""
        self._queue.stop_soon()
        # Unlike uvicorn's own method, this does not raise the signal again at the end, since a
        # signal is the usual way to stop.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and report the address."""
        await super().startup(sockets)
        # These objects stay for ever: a collection over all of them takes a tenth of a second.
        gc.collect()
        gc.freeze()
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._listening(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
