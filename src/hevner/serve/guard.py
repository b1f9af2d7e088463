"""Access control in front of the application: hosts, tokens, rates, and rules for browsers.

Conventions
-----------
A page of another server must not make a browser use this one. So a request from another origin is
refused, and so is one for a ``Host`` that is neither an address in digits nor one of
`Settings.hosts`, since whoever owns a name can make it point here and read the answers. A
token, if there is one, comes in the header ``Authorization: Bearer``; the page itself, which asks
for the token, is open.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
import socket
import time
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hevner.serve import API, UPLOADS, clients, problems
from hevner.serve.clients import CLIENT
from hevner.serve.media import Addresses
from hevner.serve.problems import record
from hevner.serve.settings import LOOPBACK, Settings

OPEN = ("/", "/favicon.ico", "/openapi.json", f"{API}/health")
FOLDERS = ("/static/", "/rest/")
"""Paths that need no token here, and beginnings of such; `hevner.serve.subsonic` checks its own."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(self), geolocation=()",
}

BODY = 2**20
"""Largest body of a request in bytes, but for uploads, which have their own limit."""

_HOST = re.compile(r"(?:\[([^][]+)\]|([^][:@/?#]+))(?::\d*)?")

CLIENTS = 10_000
"""Number of clients whose rate is remembered."""


class Buckets:
    """Limit of the requests per second of each client; twice as many may come at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = 2 * rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float) -> bool:
        """Count a request at a time in seconds; return whether it is allowed."""
        left, then = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        allowed = left >= 1
        self._left[client] = (left - allowed, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return allowed


class Guard:
    """Refuses requests that are not allowed, and adds headers to all answers."""

    def __init__(self, app: ASGIApp, settings: Settings, addresses: Addresses) -> None:
        self._app = app
        self._settings = settings
        self._addresses = addresses
        self._buckets = Buckets(settings.rate)
        named = (*LOOPBACK, settings.host, socket.gethostname(), *settings.hosts)
        self._hosts = {name.lower() for name in named} | {f"{socket.gethostname()}.local".lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":  # the lifespan: uvicorn refuses web sockets
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        CLIENT.set(clients.name((scope.get("client") or ("",))[0]))
        refusal = self._refusal(scope)
        if refusal is None:
            if scope["method"] == "HEAD":
                await self._headers_only(scope, receive, with_headers)
            else:
                await self._app(scope, receive, with_headers)
            return
        status, error, extra = refusal
        await problems.answer(status, error, extra)(scope, receive, with_headers)

    async def _headers_only(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD as GET, but end it where the body begins, which may be long or endless."""
        is_answered = False

        async def without_body(message: Message) -> None:
            nonlocal is_answered
            await send(message)
            # Errors are short, and go to the log once they are sent.
            if message["type"] == "http.response.start" and message["status"] < 400:
                await send({"type": "http.response.body"})
                is_answered = True
                answering.cancel()
                await asyncio.sleep(0)

        async def answer() -> None:
            await self._app({**scope, "method": "GET"}, receive, without_body)

        answering = asyncio.create_task(answer())
        try:
            await answering
        except asyncio.CancelledError:
            if not is_answered:
                raise

    def _refusal(self, scope: Scope) -> tuple[int, dict[str, str], dict[str, str]] | None:
        """Status, error and headers of the refusal; None if the request is allowed."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not (_is_address(host_in(host)) or host_in(host) in self._hosts):
            remedy = "Whoever runs it can allow the name with --allow-host"
            return 421, record("host", "this server goes by another name", remedy), {}
        origin = headers.get("origin", "")
        if origin and origin.partition("://")[2].lower() != host.lower():
            return 403, record("origin", "pages of other servers may not use this one"), {}
        # The page has some sixty files; who loads it anew thrice a second would miss some.
        is_page = scope["path"].startswith("/static/")
        if not is_page and not self._buckets.take(CLIENT.get(), time.monotonic()):
            return 429, record("rate", "too many requests", "Slow down"), {"Retry-After": "1"}
        if not self._is_allowed(scope, headers):
            error = record("token", "a token is needed", "Send 'Authorization: Bearer TOKEN'")
            return 401, error, {"WWW-Authenticate": "Bearer"}
        if scope["path"] == UPLOADS:
            return None
        if "transfer-encoding" in headers:
            return 411, record("length", "the body does not say how long it is"), {}
        if int(headers.get("content-length", "0")) > BODY:
            return 413, record("too_large", f"the body is larger than {BODY >> 20} MiB"), {}
        return None

    def _is_allowed(self, scope: Scope, headers: Headers) -> bool:
        token, path = self._settings.token, scope["path"]
        if not token or path in OPEN or path.startswith(FOLDERS):
            return True
        kind, _, sent = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return hmac.compare_digest(sent.strip().encode(), token.encode())
        query = parse_qs(scope["query_string"].decode("latin-1"))
        until, signature = (query.get(name, [""])[0] for name in ("until", "signature"))
        reads = scope["method"] in ("GET", "HEAD")
        return reads and self._addresses.is_valid(path, until, signature)


def _is_address(name: str) -> bool:
    """Whether a host is an address in digits, which nobody can make point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_in(host: str) -> str:
    """The name or address in a ``Host`` header, without port and brackets; empty if it has none."""
    if _is_address(host):  # of IPv6 without brackets, as people type it
        return host
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""
