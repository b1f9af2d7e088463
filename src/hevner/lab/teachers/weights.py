"""Files of weights in a folder of the user's, and their reading."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime


def read_file(path: Path, origin: str) -> tuple[bytes, str]:
    """Bytes of a file of weights, and the version of a teacher with these weights.

    Raises
    ------
    ModelError
        If it cannot be read; the remedy names where it comes from.
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


def open_onnx(
    path: Path, origin: str, outputs: tuple[str, ...]
) -> tuple[onnxruntime.InferenceSession, str]:
    """Open a network that computes the outputs, on one thread; with its version.

    Raises
    ------
    ModelError
        If the file cannot be read, is no network or has other outputs.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    content, version = read_file(path, origin)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (states.InvalidProtobuf, states.InvalidArgument, states.Fail) as error:
        raise wrong_file(path, origin, str(error).splitlines()[0]) from error
    missing = set(outputs) - {output.name for output in session.get_outputs()}
    if missing:
        raise wrong_file(path, origin, f"no output '{min(missing)}'")
    return session, version
