"""Audio of the catalogue, in ranges, and signed addresses that a browser can open directly.

Conventions
-----------
A player, or a link to a report, cannot send a token with its requests, and fetching a whole file
first would take too long; so where there is a token, such addresses carry a signature that is valid
for `VALID_S`. The secret is made when the server starts.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from starlette.responses import FileResponse, Response, StreamingResponse

from hevner.audio import isolated
from hevner.files import SUFFIXES
from hevner.object_path import Location, ObjectPath
from hevner.serve import API
from hevner.serve.problems import ServiceError

VALID_S = 6 * 3600
"""Time for which a signature is valid, longer than a long playlist; seconds."""

PART = 2**20
"""Bytes of an object that are passed on at a time."""

DAY_S = 24 * 3600
"""Time for which a browser need not ask for a picture again."""

TYPES = {
    ".wav": "audio/wav",
    ".wave": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}


class Addresses:
    """Creates and checks addresses of audio and reports, signed ones if that is needed."""

    def __init__(self, signed: bool) -> None:
        self._signed = signed
        self._secret = secrets.token_bytes(32)

    def of(self, id: str, what: str = "audio") -> str:
        """The address of a piece's audio, or of its ``cover``."""
        return self.to(f"{API}/catalog/pieces/{id}/{what}")

    def to(self, path: str) -> str:
        """The address of a path that a browser can open directly."""
        if not self._signed:
            return path
        # Rounded, so that a browser's cache recognises the address.
        until = (int(time.time()) // 600 + 1) * 600 + VALID_S
        return f"{path}?until={until}&signature={self._sign(path, until)}"

    def is_valid(self, path: str, until: str, signature: str) -> bool:
        """Whether a signature is genuine and still valid."""
        if not (until.isascii() and until.isdecimal() and len(until) < 12):
            return False
        right = self._sign(path, int(until))
        return hmac.compare_digest(right.encode(), signature.encode()) and int(until) > time.time()

    def _sign(self, path: str, until: int) -> str:
        return hmac.new(self._secret, f"{path} {until}".encode(), hashlib.sha256).hexdigest()


def cover(path: Location) -> Response:
    """The picture in a file; raises a `ServiceError` if there is none that may be shown.

    It is read from the file each time, in a process of its own, as tags come from strangers.
    """
    found = None
    if isinstance(path, Path) and path.suffix.lower() in SUFFIXES:
        found = isolated.shared.cover(path)
    if found is None:
        raise ServiceError(404, "not_found", "this piece has no picture", "Show none")
    kind, data = found
    return Response(data, media_type=kind, headers={"Cache-Control": f"private, max-age={DAY_S}"})


def audio(path: Location, wanted: str = "") -> Response:
    """A file of the catalogue, in ranges; raises a `ServiceError` if it is gone.

    ``wanted`` is the range that is asked for of an object, as in a request's header.
    """
    gone = ServiceError(404, "gone", "the file of this piece is gone", "Index it again")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise gone
    kind = TYPES.get(suffix, "application/octet-stream")
    try:
        if isinstance(path, ObjectPath):
            return _object(path, kind, wanted)
        if not path.is_file():
            raise gone
        path.open("rb").close()
        status = path.stat()
    except OSError as error:
        raise gone from error
    return FileResponse(path, media_type=kind, stat_result=status)


def _object(path: ObjectPath, kind: str, wanted: str) -> Response:
    """An object, passed on while it is read, or the one range of it that is asked for."""
    size, status = path.stat().st_size, 200
    first, last = 0, size - 1
    headers = {"Accept-Ranges": "bytes"}
    if asked := re.fullmatch(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", wanted):
        status = 206
        first = int(asked[1]) if asked[1] else max(0, size - int(asked[3]))
        last = min(int(asked[2]), last) if asked[2] else last
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        if first > last:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})

    def parts() -> Iterator[bytes]:
        for start in range(first, last + 1, PART):
            yield path.range(start, min(start + PART, last + 1))

    headers["Content-Length"] = str(last + 1 - first)
    return StreamingResponse(parts(), status, headers, kind)
