"""The errors hevner raises.

Every error says what went wrong (``cause``), during which ``stage``, for which file or row
(``subject``), and what a person can do about it (``remedy``). ``str(error)`` joins them into
one sentence, so that a log line is enough to act on.
"""

from __future__ import annotations


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
    """

    stage = "run"

    def __init__(
        self, cause: str, *, remedy: str = "", subject: str = "", stage: str | None = None
    ) -> None:
        self.cause = cause
        self.remedy = remedy
        self.subject = subject
        if stage is not None:
            self.stage = stage
        super().__init__(cause, remedy, subject)

    def __str__(self) -> str:
        text = f"{self.subject}: {self.cause}" if self.subject else self.cause
        return f"{text}. {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[object, ...]:
        # Errors travel between worker processes; the default would lose keyword arguments.
        return _rebuild, (type(self), self.cause, self.remedy, self.subject, self.stage)


def _rebuild(
    kind: type[HevnerError], cause: str, remedy: str, subject: str, stage: str
) -> HevnerError:
    return kind(cause, remedy=remedy, subject=subject, stage=stage)


class AudioError(HevnerError):
    """The audio cannot be read, or holds nothing that can be analysed."""

    stage = "decode"


class ModelError(HevnerError):
    """A model or encoder is missing, damaged, or does not fit its input."""

    stage = "model"


class DataError(HevnerError):
    """A dataset, rating file or recipe does not say what it should."""

    stage = "data"


class OutputError(HevnerError):
    """A result cannot be written."""

    stage = "write"


class MissingDependencyError(HevnerError):
    """An optional package is needed for what was asked."""

    stage = "setup"


class CatalogError(HevnerError):
    """A catalogue is missing, damaged, in use, or made with something else."""

    stage = "catalog"
