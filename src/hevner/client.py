"""A client for a server started with ``hevner serve``.

>>> from hevner.client import Client
>>> server = Client("http://127.0.0.1:8765")
>>> analysis = server.analyze("song.mp3")  # doctest: +SKIP
>>> hits = server.search(words=["calm", "slightly nostalgic"])  # doctest: +SKIP

Conventions
-----------
The standard library only, so that a plain installation can call a server. Each call opens a
connection of its own: one client may be used from several threads. Times are seconds.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from hevner.errors import HevnerError
from hevner.files import display_name
from hevner.hits import EmotionWord
from hevner.result import Analysis

API = "/api/v1"

BLOCK = 2**18
"""Bytes of a file sent at a time."""

FINAL = ("done", "failed", "cancelled")

T = TypeVar("T")


def __getattr__(name: str) -> object:
    if name != "Told":
        raise AttributeError(f"module 'hevner.client' has no attribute '{name}'")
    from hevner.moved import warn

    warn("hevner.client.Told", "hevner.client.EmotionWord")
    return EmotionWord


class ServerError(HevnerError):
    """A server cannot be reached, or refuses a request.

    Attributes
    ----------
    status
        HTTP status of the answer; 0 if there was none.
    kind
        Short name of the fault, such as ``not_found`` or ``busy``; the same as ``code``.
    """

    stage = "server"

    def __init__(self, cause: str, *, status: int = 0, kind: str = "", remedy: str = "") -> None:
        super().__init__(cause, remedy=remedy, code=kind or None)
        self.status = status
        self.kind = kind


@dataclass(frozen=True)
class Job:
    """A requested analysis.

    Attributes
    ----------
    id
        Id of the analysis.
    name
        Name of the file.
    state
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    progress
        Share that is done, in [0, 1].
    position
        Number of analyses that start before it; None if it does not wait.
    error
        ``kind``, ``message`` and ``remedy`` if it failed.
    """

    id: str
    name: str
    state: str
    progress: float
    position: int | None
    error: dict[str, str] | None


@dataclass(frozen=True)
class Found:
    """A piece found in a server's catalogue, or a moment in one.

    Attributes
    ----------
    id
        Id of the piece, for `Client.search` with ``like`` and `Client.audio`.
    name
        Path below the folder that was indexed.
    duration
        Length of the piece.
    valence, arousal
        Emotion of the piece or the moment, on the requested scale.
    key
        Key of the piece, such as ``A minor``.
    mode
        Mode of the piece, such as ``dorian``; None where it is unsure.
    fit
        In [0, 1]; see `hevner.hits.Hit`. None for a course.
    divergence
        Distance to the search; lower is better. None where only a filter was given.
    start, end
        Times of the moment; None for a whole piece.
    audio
        Address of the audio on the server.
    title, artist, album, album_artist, track, year, genre
        As in `hevner.metadata.Metadata`.
    cover
        Address of the picture in the file on the server; None for none.
    """

    id: str
    name: str
    duration: float
    valence: float
    arousal: float
    key: str | None
    mode: str | None
    fit: float | None
    divergence: float | None
    start: float | None
    end: float | None
    audio: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track: int | None = None
    year: int | None = None
    genre: str | None = None
    cover: str | None = None


class Client:
    """Client of one server.

    Parameters
    ----------
    address
        Address of the server, such as ``http://127.0.0.1:8765``.
    token
        Token of the server; empty if it needs none.
    timeout
        Seconds without an answer after which a call fails.

    Raises
    ------
    ServerError
        All methods raise it if the server cannot be reached or refuses.
    """

    def __init__(
        self, address: str = "http://127.0.0.1:8765", token: str = "", timeout: float = 60.0
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerError(
                f"{address!r} is no address", kind="bad_address", remedy="Write http://HOST:PORT"
            )
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._token = token
        self._timeout = timeout

    def analyze(
        self,
        path: str | Path,
        *,
        scale: str = "-1..1",
        progress: Callable[[Job], None] = lambda _job: None,
    ) -> Analysis:
        """Send a file and wait for its analysis.

        Parameters
        ----------
        path
            Path of the file.
        scale
            Scale of valence, arousal and tension.
        progress
            Called whenever the state changes.

        Raises
        ------
        ServerError
            Also if the file cannot be analysed, or somebody cancels it.
        OSError
            If the file cannot be read.
        """
        job = self.submit(path)
        while job.state not in FINAL:  # a server that stops ends the events, and continues later
            for changed in self.watch(job.id):
                progress(changed)
                job = changed
        if job.state != "done":
            error = job.error or {"message": f"it was {job.state}", "kind": job.state, "remedy": ""}
            raise ServerError(error["message"], kind=error["kind"], remedy=error["remedy"])
        return self.result(job.id, scale)

    def submit(self, path: str | Path) -> Job:
        """Send a file to be analysed; raises `OSError` if it cannot be read."""
        path = Path(path)
        boundary = secrets.token_hex(16)
        name = display_name(path.name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        with path.open("rb") as file:
            size = len(head) + path.stat().st_size + len(tail)

            def body() -> Iterator[bytes]:
                yield head
                while block := file.read(BLOCK):
                    yield block
                yield tail

            headers = {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(size),
            }
            return _made(Job, self._json("POST", "/analyses", body(), headers))

    def jobs(self) -> list[Job]:
        """The analyses that the server keeps, the newest first."""
        return [_made(Job, one) for one in self._json("GET", "/analyses")["analyses"]]

    def job(self, id: str) -> Job:
        """State of an analysis."""
        return _made(Job, self._json("GET", f"/analyses/{_part(id)}"))

    def watch(self, id: str) -> Iterator[Job]:
        """Watch an analysis until it has ended or the server stops."""
        with self._open("GET", f"/analyses/{_part(id)}/events") as answer:
            for line in answer:
                if line.startswith(b"data:"):
                    yield _made(Job, json.loads(line[5:]))

    def result(self, id: str, scale: str = "-1..1") -> Analysis:
        """An analysis that is done."""
        query = urlencode({"scale": scale})
        return Analysis.from_dict(self._json("GET", f"/analyses/{_part(id)}/result?{query}"))

    def emotions(self, id: str) -> list[EmotionWord]:
        """Words for an analysed piece, the most specific first."""
        return _words(self._json("GET", f"/analyses/{_part(id)}/emotions"))

    def plot(self, id: str, kind: str = "svg", scale: str = "-1..1") -> bytes:
        """A picture of an analysis, ``svg`` or ``png``."""
        query = urlencode({"scale": scale})
        return self._read("GET", f"/analyses/{_part(id)}/plot.{_part(kind)}?{query}")

    def cancel(self, id: str) -> None:
        """Cancel an analysis; delete one that has ended."""
        self._read("DELETE", f"/analyses/{_part(id)}")

    def catalog(self) -> dict[str, Any]:
        """Facts about the server's catalogue."""
        return self._json("GET", "/catalog")

    def pieces(self, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        """Pieces of the catalogue by name."""
        query = urlencode({"limit": limit, "offset": offset})
        return list(self._json("GET", f"/catalog/pieces?{query}")["pieces"])

    def piece(self, id: str) -> dict[str, Any]:
        """All values of a piece in the catalogue."""
        return self._json("GET", f"/catalog/pieces/{_part(id)}")

    def curve(self, id: str) -> list[dict[str, Any]]:
        """Moments of a piece of the catalogue: start, end, valence, arousal, tension."""
        return list(self._json("GET", f"/catalog/pieces/{_part(id)}/curve")["moments"])

    def emotions_of(self, id: str) -> list[EmotionWord]:
        """Words for a piece of the catalogue, the most specific first."""
        return _words(self._json("GET", f"/catalog/pieces/{_part(id)}/emotions"))

    def audio(self, id: str) -> bytes:
        """The file of a piece of the catalogue."""
        return self._read("GET", f"/catalog/pieces/{_part(id)}/audio")

    def search(self, **wanted: Any) -> list[Found]:
        """Find music.

        Parameters
        ----------
        wanted
            Fields of ``POST /catalog/search``: ``words``, ``unwanted``, ``point``, ``course``,
            ``like``, ``text``, ``filters``, ``where``, ``limit``, ``moments``, ``diversity``,
            ``scale``.
        """
        return [_made(Found, hit) for hit in self._send("/catalog/search", wanted)["hits"]]

    def playlist(
        self, start: str | dict[str, float], end: str | dict[str, float], minutes: float, **how: Any
    ) -> list[Found]:
        """Make a playlist that moves from one emotion to another.

        Parameters
        ----------
        start, end
            Words, or a point as ``{"valence": 0.5, "arousal": -0.2}``.
        minutes
            Length of the playlist.
        how
            Further fields: ``filters``, ``where``, ``scale``.
        """
        wanted = {"from": start, "to": end, "minutes": minutes, **how}
        return [_made(Found, hit) for hit in self._send("/catalog/playlist", wanted)["hits"]]

    def words(self) -> dict[str, Any]:
        """Words that searches understand, and their degrees."""
        return self._json("GET", "/words")

    def models(self) -> list[dict[str, Any]]:
        """Models of the server."""
        return list(self._json("GET", "/models")["models"])

    def health(self) -> dict[str, Any]:
        """State and load of the server."""
        return self._json("GET", "/health")

    def _send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        return self._json("POST", path, json.dumps(body).encode(), headers)

    def _json(self, *request: Any) -> dict[str, Any]:
        return dict(json.loads(self._read(*request)))

    def _read(self, *request: Any) -> bytes:
        with self._open(*request) as answer:
            return answer.read()

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        """An answer, read while its connection is open; raises `ServerError` for a refusal."""
        kind = HTTPSConnection if self._secure else HTTPConnection
        bearer = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        with closing(kind(self._host, self._port, timeout=self._timeout)) as connection:
            try:
                try:
                    connection.request(method, API + path, body, {**(headers or {}), **bearer})
                except (BrokenPipeError, ConnectionResetError):
                    # A server refuses a large body before the end; its answer has the reason.
                    if connection.sock is None:
                        raise
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise ServerError(
                    f"the server does not answer ({error})",
                    kind="no_answer",
                    remedy="Start it with 'hevner serve'",
                ) from error
            if answer.status >= 400:
                raise _refusal(answer.status, answer.read())
            yield answer


def _refusal(status: int, body: bytes) -> ServerError:
    try:
        error = json.loads(body)["error"]
        return ServerError(
            error["message"], status=status, kind=error["kind"], remedy=error["remedy"]
        )
    except (ValueError, KeyError, TypeError):
        return ServerError(
            f"the server answers with status {status}", status=status, kind="bad_answer"
        )


def _made(kind: type[T], record: dict[str, Any]) -> T:
    """An object from a record of the server; further fields are ignored."""
    return kind(**{one.name: record[one.name] for one in fields(kind)})  # type: ignore[arg-type]


def _words(record: dict[str, Any]) -> list[EmotionWord]:
    return [_made(EmotionWord, word) for word in record["words"]]


def _part(id: str) -> str:
    """A name as one step of a path."""
    return quote(id, safe="")
