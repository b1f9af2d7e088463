"""Serving the application until someone stops it."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from hevner.serve.job_queue import Board
from hevner.serve.settings import Settings

GRACE_S = 5
"""Seconds that answers in work have when the server stops."""

SWITCH_S = 0.001
"""Seconds after which a thread that searches lets the event loop have its turn; Python's own 5 ms
add up over an answer."""

CONNECTIONS = 1000
"""Most connections; more are answered with 503."""


class Server(uvicorn.Server):
    """A server that tells its jobs when it is about to end, so that no stream keeps it.

    Parameters
    ----------
    app, board
        From `hevner.serve.app.create`.
    settings
        Where to listen.
    listening
        Called with the address when it listens.
    """

    def __init__(
        self, app: ASGIApp, board: Board, settings: Settings, listening: Callable[[str], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                ws="none",
                log_config=None,
                access_log=False,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        sys.setswitchinterval(SWITCH_S)
        self._board = board
        self._listening = listening

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal to end."""
        self._board.stop_soon()
        # Unlike uvicorn's own, this does not raise the signal again at the end: to be stopped is
        # the usual end.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen and say where."""
        await super().startup(sockets)
        # What is there now stays: looking through all of it for garbage stops everything for a
        # tenth of a second.
        gc.collect()
        gc.freeze()
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._listening(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
