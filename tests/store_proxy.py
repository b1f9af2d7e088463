"""A proxy before an object store: tests see each request there, hold it up or let it fail."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.object_store import ObjectStore

Hook = Callable[[str, str], int]
"""Called with the method and the path of a request; a status to answer, or 0 for the store's."""

FAULT = b"<Error><Code>InternalError</Code></Error>"

PASSED = ("connection", "keep-alive", "transfer-encoding", "content-length", "server", "date")
"""Headers of answers that the proxy writes itself."""


class StoreProxy:
    """A running proxy.

    Attributes
    ----------
    store
        The store behind it.
    before, after
        Called before a request is passed on, and after the store has done it. They run in one
        thread per connection.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.before: Hook = lambda _method, _path: 0
        self.after: Hook = lambda _method, _path: 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                # Without names for each method: all are passed on.
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                status = proxy.before(self.command, self.path)
                if status:
                    self._answer(status, {}, FAULT)
                    return
                asked = http.client.HTTPConnection("127.0.0.1", store.port, timeout=60)
                asked.putrequest(self.command, self.path, True, True)
                for name, value in self.headers.items():
                    asked.putheader(name, value)
                asked.endheaders(body)
                answer = asked.getresponse()
                content = answer.read()
                asked.close()
                if status := proxy.after(self.command, self.path):
                    self._answer(status, {}, FAULT)
                else:
                    self._answer(answer.status, answer.headers, content)

            def _answer(self, status: int, headers: Any, content: bytes) -> None:
                self.send_response_only(status)
                length = str(len(content))
                for name, value in headers.items():
                    if name.lower() not in PASSED:
                        self.send_header(name, value)
                    elif name.lower() == "content-length":
                        length = value  # of what HEAD asks about
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Clients that are killed end their connections anywhere."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.environment = store.environment_at(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Answer no more requests."""
        self._server.shutdown()
        self._server.server_close()
