"""Files of weights: their bytes, their version, and errors that name where they come from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hevner.errors import ModelError


def read_file(path: Path, origin: str) -> tuple[bytes, str]:
    """Bytes of a file of weights, and the version of a teacher with these weights.

    Raises `ModelError` if it cannot be read; the remedy names where it comes from.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read ({error.strerror or error})",
            subject=str(path),
            remedy=f"Put the weights of {origin} there",
            code="file_missing",
        ) from error
    return content, f"1-{hashlib.sha256(content).hexdigest()[:12]}"


def wrong_file(path: Path, origin: str, cause: object) -> ModelError:
    """Error for a file that holds something else."""
    return ModelError(
        f"these are not the weights of {origin} ({cause})",
        subject=str(path),
        remedy="Replace it by the file that belongs there",
        code="wrong_weights",
    )
