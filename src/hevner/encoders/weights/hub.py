"""Published files of an encoder on a hub: looked up and downloaded, for `weights.add` alone.

Conventions
-----------
A name is ``OWNER/NAME`` or ``OWNER/NAME@REVISION``. A revision (branch, tag or commit; without one
the newest state) is resolved to a commit first, and only files of that commit are fetched. This is
the one module that uses the network; it does so in `look` and `fetch`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EROFS
from fnmatch import fnmatchcase
from pathlib import Path

from hevner import extras
from hevner.encoders.weights.record import Published
from hevner.errors import ModelError
from hevner.files import cannot_write

OFFLINE = "HEVNER_OFFLINE"
"""Environment variable that forbids network calls, unless it is empty or 0."""

NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")

PICKLED = (".bin", ".pt", ".pth", ".tar")
"""Endings of files that are not fetched where the same weights lie in safetensors."""


def is_name(source: str) -> bool:
    """Whether a source is written as a name on the hub."""
    return bool(NAME.fullmatch(source))


def look(source: str, patterns: Iterable[str], *, offline: bool, encoder: str) -> Published:
    """Resolve a name on the hub and list the files that match.

    Raises
    ------
    ModelError
        If no network may be used, there is no such name or revision, it has none of the files, or
        the hub does not answer.
    MissingDependencyError
        If the package for the hub is not installed.
    """
    patterns = tuple(patterns)
    if offline or os.environ.get(OFFLINE, "0") not in ("", "0"):
        raise ModelError(
            "this is a name on a hub, and the network is not to be used",
            subject=source,
            remedy=f"Fetch {', '.join(patterns)} from there on another computer, copy them here "
            f"and give their folder: hevner models add {encoder} --from DIR",
            code="offline",
        )
    repository, _, revision = source.partition("@")
    with _answers(source):
        from huggingface_hub import HfApi

        info = HfApi(library_name="hevner").model_info(
            repository, revision=revision or None, files_metadata=True
        )
    files = {
        file.rfilename: file
        for file in info.siblings or ()
        if any(_matches(file.rfilename, pattern) for pattern in patterns)
    }
    if any(name.endswith(".safetensors") for name in files):
        files = {name: file for name, file in files.items() if not name.endswith(PICKLED)}
    if not files or not info.sha:
        raise ModelError(
            f"has none of {', '.join(patterns)}",
            subject=source,
            remedy=f"Check that this is the place of {encoder}",
            code="file_missing",
        )
    return Published(
        repository,
        info.sha,
        {name: file.size or 0 for name, file in files.items()},
        {name: file.lfs.sha256 for name, file in files.items() if file.lfs},
    )


def fetch(published: Published, folder: Path) -> None:
    """Download the files of a commit; files that are there already are not fetched again.

    Raises
    ------
    ModelError
        If the hub does not answer.
    OutputError
        If the folder cannot be written.
    """
    with _answers(f"{published.source}@{published.revision}", folder):
        from huggingface_hub import hf_hub_download

        for name in published.sizes:
            hf_hub_download(
                published.source, name, revision=published.revision, local_dir=folder,
                library_name="hevner",
            )  # fmt: skip


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")


@contextmanager
def _answers(source: str, folder: Path | None = None) -> Iterator[None]:
    """Say what went wrong on the way to the hub."""
    with extras.required("downloading weights", "encoders"):
        from huggingface_hub import errors
    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(
            "the hub hands this out to registered users only",
            subject=source,
            remedy="Ask for access on its page, log in with 'hf auth login', and try again",
            code="registration_needed",
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise ModelError(
            "the hub has no such name or revision, and there is no such folder here",
            subject=source,
            remedy="Check the spelling",
            code="unknown_source",
        ) from error
    except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined] # not listed there
        full = (EACCES, EDQUOT, EFBIG, ENOSPC, EROFS)
        if folder is not None and isinstance(error, OSError) and error.errno in full:
            raise cannot_write(folder, error) from error
        raise ModelError(
            f"the hub does not answer as it should ({str(error).partition(chr(10))[0]})",
            subject=source,
            remedy="Check the connection and run the same command again; files that were fetched "
            "whole are not fetched again",
            code="hub_failed",
        ) from error
