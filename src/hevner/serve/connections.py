"""Connections that are closed when nothing comes of them.

Conventions
-----------
Uvicorn waits for a request for ever, and so do slow clients: a few hundred silent connections would
keep everybody else out. An upload may take long and has a deadline of its own (`serve.uploads`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from hevner.serve import UPLOADS, clients
from hevner.serve.guard import HEADERS

REQUEST_S = 20.0
"""Seconds within which a request must have come as a whole, uploads excepted."""

READ_S = 600.0
"""Seconds within which a client must go on to read its answer; a player that pauses asks again."""

MOST = 1000
"""Most connections."""

MOST_OF_ONE = 250
"""Most connections of one client; a browser opens six."""


class Connection(H11Protocol):
    """HTTP/1.1 with limits on the number of connections and on the time of a request."""

    clients: ClassVar[Counter[str]] = Counter()
    """Number of open connections by client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request, or refuse the connection."""
        super().connection_made(transport)
        self._client = clients.name(self.client[0] if self.client else "")
        self.clients[self._client] += 1
        self._deadline = self.loop.call_later(REQUEST_S, self._give_up)
        if len(self.connections) > MOST or self.clients[self._client] > MOST_OF_ONE:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._deadline.cancel()
        self.clients[self._client] -= 1
        if not self.clients[self._client]:
            del self.clients[self._client]
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Act on what has come; a request that is complete has met its deadline.

        So has an upload that is being received, but not one that was answered before its end.
        """
        super().handle_events()
        state = self.conn.their_state
        answered = self.cycle is not None and self.cycle.response_complete
        is_upload = state is h11.SEND_BODY and self.scope["path"] == UPLOADS and not answered
        if is_upload or state not in (h11.IDLE, h11.SEND_BODY):
            self._deadline.cancel()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._deadline.cancel()
        self._deadline = self.loop.call_later(REQUEST_S, self._give_up)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for a client that does not read as fast as it is answered, but not for ever."""
        self._unread = self.loop.call_later(READ_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on to answer."""
        self._unread.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the headers of all answers."""
        fields = {"content-type": "text/plain; charset=utf-8", "connection": "close", **HEADERS}
        events = (
            h11.Response(status_code=400, headers=list(fields.items()), reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
