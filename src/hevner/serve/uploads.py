"""Receiving a file: a form as browsers send it, written to disk as it arrives.

Conventions
-----------
The form has one field, ``file``; others are ignored. Only the last piece is in memory, and an
upload that is too large is refused as soon as its size is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from hevner.files import cannot_write
from hevner.serve.clients import CLIENT
from hevner.serve.job_queue import JobQueue
from hevner.serve.jobs import Job, bare_name, ending
from hevner.serve.problems import ServiceError, stopping

FIELD = "file"

AROUND = 2**16
"""Bytes that a form may have besides the file."""


async def receive(request: Request, queue: JobQueue) -> Job:
    """Receive the file of a request and queue it.

    Raises `ServiceError` if there is no room for it, it is too large, comes too slowly, or is no
    form with a file.
    """
    limit = queue.settings.upload_bytes
    boundary = _boundary(request.headers.get("content-type", ""))
    promised = request.headers.get("content-length", "")
    if promised.isdecimal() and promised.isascii() and int(promised) > limit + AROUND:
        raise _too_large(limit)
    try:
        async with queue.reserved(CLIENT.get()) as folder:
            form = await queue.in_thread(partial(_Form, folder, boundary, limit))
            try:
                async for piece in _pieces(request, queue):
                    await queue.in_thread(partial(form.write, piece))
                await queue.in_thread(form.finish)
            finally:
                await queue.in_thread(form.close)
            return await queue.accept(folder, form.name, form.size)
    except (FormParserError, UnicodeDecodeError) as error:
        raise _no_form() from error
    except OSError as error:
        raise cannot_write(Path("upload"), error) from error


async def _pieces(request: Request, queue: JobQueue) -> AsyncIterator[bytes]:
    """Pieces of the body as they arrive; raises if they come too slowly."""
    settings, loop = queue.settings, asyncio.get_running_loop()
    stream, due = request.stream(), loop.time() + settings.idle_s
    while True:
        try:
            async with asyncio.timeout_at(min(due, loop.time() + settings.idle_s)):
                piece = await anext(stream, None)
        except TimeoutError as error:
            cause = "the upload came too slowly"
            raise ServiceError(408, "slow", cause, "Send it again") from error
        except ClientDisconnect as error:
            raise ServiceError(400, "upload", "the upload broke off", "Send it again") from error
        if piece is None:
            return
        if queue.stopping.is_set():
            raise stopping()
        if piece:
            due += len(piece) / settings.least_rate
            yield piece


class _Form:
    """Parser of a form that is being received; creates the folder for its file.

    Used from one thread at a time.
    """

    def __init__(self, folder: Path, boundary: bytes, limit: int) -> None:
        self.name = ""
        self.size = 0
        self._folder = folder
        self._limit = limit
        self._total = 0
        self._file: IO[bytes] | None = None
        self._found = False
        self._ended = False
        self._header, self._value = b"", b""
        self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._content,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self.close,
                "on_end": self._end,
            },
        )
        folder.mkdir(mode=0o700)

    def write(self, piece: bytes) -> None:
        """Parse a piece of the body."""
        self._total += len(piece)
        if self._total > self._limit + AROUND:
            raise _too_large(self._limit)
        self._parser.write(piece)

    def finish(self) -> None:
        """Finish at the end of the body; raises a `ServiceError` if the form is incomplete."""
        self._parser.finalize()
        if not self._ended:
            raise ServiceError(400, "upload", "the form ends early", "Send it again")
        if not self._found:
            raise _no_form()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._disposition = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _content(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _headers_end(self) -> None:
        _kind, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode() or b"filename" not in options:
            return
        if self._found:
            raise ServiceError(400, "upload", "there is more than one file", "Send them one by one")
        self._found = True
        name = options[b"filename"].decode("utf-8", "replace")
        for sign in '"\r\n':  # as browsers write them in a form
            name = name.replace(f"%{ord(sign):02X}", sign)
        self.name = bare_name(name)
        self._file = (self._folder / f"audio{ending(self.name)}").open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self.size += end - start
            if self.size > self._limit:
                raise _too_large(self._limit)
            self._file.write(data[start:end])

    def _end(self) -> None:
        self._ended = True


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise _no_form(415)
    return boundary


def _no_form(status: int = 400) -> ServiceError:
    cause = f"this is no form with a file in the field '{FIELD}'"
    return ServiceError(status, "upload", cause, "Send one")


def _too_large(limit: int) -> ServiceError:
    cause = f"the file is larger than this server takes, {limit / 2**20:.0f} MiB"
    return ServiceError(413, "too_large", cause, "Send a compressed form of it, or a part")
