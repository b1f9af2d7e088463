"""Obtain the published wheel that carries the MusiCNN checkpoint, and make sure it is that one.

The wheel's own requirements are long out of date, so it is fetched without them and only read as
an archive, never installed. It comes through pip, hence from whatever index pip is set up to use;
the environment variable HEVNER_MUSICNN_WHEEL names a local copy instead.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

WHEEL_NAME = "musicnn-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
WHEEL_VARIABLE = "HEVNER_MUSICNN_WHEEL"

_REMEDY = (
    f"To build without a network, fetch {WHEEL_NAME} elsewhere "
    f"(pip download --no-deps musicnn==0.1.0) and set {WHEEL_VARIABLE} to its path"
)


class WheelError(RuntimeError):
    """The wheel with the MusiCNN checkpoint cannot be obtained, or is another file."""


def obtain_wheel(folder: Path) -> Path:
    """Return the path of the verified wheel, downloading it to `folder` unless a copy is named.

    Raises
    ------
    WheelError
        If the named copy does not exist, the download fails, or the checksum is wrong.
    """
    local = os.environ.get(WHEEL_VARIABLE)
    path = Path(local).expanduser() if local else _download(folder)
    if not path.is_file():
        raise WheelError(f"{WHEEL_VARIABLE} names {path}, which is not a file. {_REMEDY}.")
    verify_wheel(path)
    return path


def verify_wheel(path: Path) -> None:
    """Raise WheelError unless the file has the checksum of the published wheel."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise WheelError(
            f"{path} is not the published {WHEEL_NAME}: its SHA-256 is {found}, "
            f"expected {WHEEL_SHA256}. {_REMEDY}."
        )


def _download(folder: Path) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "download", "musicnn==0.1.0"),
        *("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"),
        *("--quiet", "--dest", str(folder)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    path = folder / WHEEL_NAME
    if result.returncode != 0 or not path.is_file():
        said = " ".join((result.stderr or result.stdout).split()[-60:]) or "pip gave no reason"
        raise WheelError(
            f"hevner is built with the MusiCNN weights of {WHEEL_NAME}, which pip could not "
            f"download. {_REMEDY}. pip said: {said}"
        )
    return path
