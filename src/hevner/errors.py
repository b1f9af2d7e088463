"""The errors hevner raises.

``str(error)`` joins subject, cause and remedy into one sentence, so that a log line is enough to
act on. ``code`` is for programs, and stays the same when a sentence is reworded.
"""

from __future__ import annotations

from functools import partial


class HevnerError(Exception):
    """Root of all errors raised on purpose by hevner.

    Parameters
    ----------
    cause
        What is wrong, as a clause without a full stop.
    remedy
        What the reader can do about it.
    subject
        The file, row or option concerned; empty if there is none.
    stage
        The step that failed; each kind of error has its own default.
    code
        A short name of the fault, such as ``unknown_key``; each kind of error has its own default.
    """

    stage = "run"
    code = "failed"

    def __init__(
        self,
        cause: str,
        *,
        remedy: str = "",
        subject: str = "",
        stage: str | None = None,
        code: str | None = None,
    ) -> None:
        self.cause = cause
        self.remedy = remedy
        self.subject = subject
        if stage is not None:
            self.stage = stage
        if code is not None:
            self.code = code
        super().__init__(cause, remedy, subject)

    def __str__(self) -> str:
        text = f"{self.subject}: {self.cause}" if self.subject else self.cause
        return f"{text}. {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between worker processes; the default would lose keyword arguments.
        named = {name: getattr(self, name) for name in ("remedy", "subject", "stage", "code")}
        return partial(type(self), **named), (self.cause,)


class AudioError(HevnerError):
    """The audio cannot be read, or holds nothing that can be analysed."""

    stage = "decode"
    code = "bad_audio"


class ModelError(HevnerError):
    """A model or encoder is missing, damaged, or does not fit its input."""

    stage = "model"
    code = "bad_model"


class DataError(HevnerError):
    """A dataset, rating file or recipe does not say what it should."""

    stage = "data"
    code = "bad_data"


class OutputError(HevnerError):
    """A result cannot be written."""

    stage = "write"
    code = "cannot_write"


class MissingDependencyError(HevnerError):
    """An optional package is needed for what was asked."""

    stage = "setup"
    code = "missing_extra"


class CatalogError(HevnerError):
    """A catalogue is missing, damaged, in use, or made with something else."""

    stage = "catalog"
    code = "bad_catalog"
