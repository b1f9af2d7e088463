"""Errors as answers, without details of the server.

Conventions
-----------
An answer has the cause and a remedy. It holds no path and no trace: those go to the server's log.
Errors that hevner raises on purpose keep their text without the file they are about.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hevner.errors import HevnerError
from hevner.files import printable
from hevner.words.lexicon import WordError

logger = logging.getLogger("hevner.serve")

STATUS = {
    "query": 422,
    "words": 422,
    "filter": 422,
    "options": 422,
    "scale": 422,
    "data": 422,
    "decode": 422,
    "catalog": 409,
    "write": 507,
    "setup": 501,
    "model": 501,
}
"""HTTP status by the stage of an error; 500 for others."""

LOG = "Whoever runs the server finds more in its log"

_PATH = re.compile(r"(?<![\w.:/<])(?:/[^\s/'\",;:)]+){2,}/?|(?<!\w)[A-Za-z]:\\[^\s'\",;)]+")
"""Text that looks like a path of two steps or more."""


class ServiceError(Exception):
    """A request that cannot be answered, with the HTTP status of the answer.

    ``kind`` names the fault for programs, ``message`` is its cause as a clause without a full stop,
    and ``retry_after`` the seconds after which to try again.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        remedy: str = "",
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.record = record(kind, message, remedy)
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}


def not_found(what: str) -> ServiceError:
    """Error for a name that does not exist."""
    return ServiceError(404, "not_found", f"there is no such {what}", "List what there is")


def stopping() -> ServiceError:
    """Error for a request while the server is about to end."""
    return ServiceError(503, "stopping", "the server is stopping", "Try again", retry_after=5)


def record(kind: str, message: str, remedy: str = "") -> dict[str, str]:
    """An error as JSON, without paths."""
    return {"kind": kind, "message": without_paths(message), "remedy": without_paths(remedy)}


def without_paths(text: str) -> str:
    """A text in which paths are replaced by an ellipsis."""
    return _PATH.sub("…", text)


def error_record(error: HevnerError) -> dict[str, Any]:
    """An error of hevner as JSON.

    Remedies about a folder of the server are only for its operator.
    """
    if isinstance(error, WordError):
        # Remedies name commands, which whoever asks over HTTP may not have.
        plain = record(error.stage, error.cause, "Choose another word")
        return plain | {"word": error.word, "suggestions": list(error.near)}
    remedy = LOG if error.stage == "catalog" and error.subject else error.remedy
    return record(error.stage, error.cause, remedy)


def answer(
    status: int, error: dict[str, Any], headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error as an answer."""
    return JSONResponse({"error": error}, status, headers)


def install(app: FastAPI) -> None:
    """Install handlers that answer errors in this way."""

    @app.exception_handler(ServiceError)
    async def _problem(_request: Request, error: ServiceError) -> JSONResponse:
        return answer(error.status, error.record, error.headers)

    @app.exception_handler(HevnerError)
    async def _hevner(_request: Request, error: HevnerError) -> JSONResponse:
        status = 503 if error.code == "store_busy" else STATUS.get(error.stage, 500)
        if status == 500 or error.subject:
            logger.warning("%s", printable(str(error)))
        return answer(status, error_record(error))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        kind = phrase.lower().replace(" ", "_")
        headers = dict(error.headers or {})
        return answer(error.status_code, record(kind, phrase), headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"][1:]) or "the request"
        message = f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        return answer(422, record("request", message, "Compare with openapi.json"))

    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        # Starlette raises it again once this is sent, so that it is in the log with its trace.
        return answer(500, record("internal", "the server failed at this", LOG))
