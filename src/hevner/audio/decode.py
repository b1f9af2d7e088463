"""Open audio of any length, as one mono stream at one sample rate.

Conventions
-----------
Samples are mono float32 with full scale at 1.0; all analysis runs at `SAMPLE_RATE`, large encoders
at rates of their own. Files are decoded block by block (`ffmpeg`), mixed down and resampled
(`mixdown`), so memory does not grow with the length of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from numpy.typing import ArrayLike

from hevner.audio.limits import sane
from hevner.audio.mixdown import Samples, mono_stream
from hevner.audio.samples import SOURCE, checked, in_full_scale
from hevner.errors import AudioError
from hevner.object_path import ADDRESS

SAMPLE_RATE = 16_000
"""Hertz. Enough for every encoder that runs by default: MusiCNN and chroma up to 8 kHz."""

BLOCK_S = 12.0
"""Seconds decoded at a time; memory grows with it, the overhead per block shrinks."""


@dataclass
class Audio:
    """A stream of mono blocks, read at most once.

    Attributes
    ----------
    source
        Name of the source, for messages.
    blocks
        The samples, block by block.
    warnings
        Sentences on what was unusual; complete only when ``blocks`` is exhausted.
    sample_rate
        Hertz.
    progress
        Called with the share of the sounding part that has been encoded, 0 to 1.
    promised
        Length in seconds according to the header of the file; 0 if it gives none.
    """

    source: str
    blocks: Iterator[Samples]
    warnings: list[str]
    sample_rate: int = SAMPLE_RATE
    progress: Callable[[float], None] = lambda share: None
    promised: float = 0.0


def open_audio(
    source: str | Path | BinaryIO, sample_rate: int = SAMPLE_RATE, name: str = ""
) -> Audio:
    """Open a recording for reading.

    Parameters
    ----------
    source
        An audio file: its path, or a binary file object that can seek. A file object is read from
        its beginning and stays open; it must not be moved while the blocks are read.
    sample_rate
        Hertz of the samples that are handed back.
    name
        Name of the source, for messages; the path if none is given.

    Returns
    -------
    Audio
        Errors in the middle of the file appear while its blocks are read.

    Raises
    ------
    AudioError
        If it does not exist, cannot be read, is empty or is not audio.
    """
    # FFmpeg takes 0.1 s to load, for which arrays need not wait.
    from hevner.audio.ffmpeg import Recording

    if isinstance(source, str | Path):
        file, shown = _opened(Path(source)), name or str(source)
    else:
        file, shown = source, name or "file object"
    recording = Recording(file, shown, owned=file is not source)
    warnings: list[str] = []
    pieces = sane(recording.pieces(BLOCK_S, warnings), shown, warnings)
    blocks = mono_stream(pieces, sample_rate, shown, warnings)
    return Audio(shown, blocks, warnings, sample_rate, promised=recording.promised)


def from_array(samples: ArrayLike, sample_rate: float, wanted_rate: int = SAMPLE_RATE) -> Audio:
    """Treat an array as audio.

    Parameters
    ----------
    samples
        Shape ``(n,)``, ``(n, channels)`` or ``(channels, n)``; the longer axis is time. Integers of
        8, 16 and 32 bits are scaled by their type.
    sample_rate
        Hertz.
    wanted_rate
        Hertz of the samples that are handed back.

    Raises
    ------
    AudioError
        If the shape, type or sample rate makes no sense, or a sample is not finite.
    """
    array, rate = checked(samples, sample_rate)
    size = max(1, int(BLOCK_S * rate))
    warnings: list[str] = []
    pieces = ((rate, in_full_scale(array[at : at + size])) for at in range(0, len(array), size))
    blocks = mono_stream(sane(pieces, SOURCE, warnings), wanted_rate, SOURCE, warnings)
    return Audio(SOURCE, blocks, warnings, wanted_rate, promised=len(array) / rate)


def _opened(path: Path) -> BinaryIO:
    # Looked at before it is opened: opening a pipe waits for ever.
    try:
        if not path.exists():
            if re.match(ADDRESS, str(path)):
                remedy = "Download it first; 'hevner index' alone reads s3://"
                raise _refused(path, "it is not on this machine", remedy, "file_missing")
            raise _refused(path, "no such file", "Check the path", "file_missing")
        if not path.is_file():
            raise _refused(path, "not a regular file", "Name an audio file", "not_a_file")
        file = path.open("rb")
        if not file.read(1):
            file.close()
            raise _refused(path, "the file is empty", "Copy the file again", "empty_file")
    except OSError as error:
        remedy = "Check the path and the permissions of the file"
        raise _refused(
            path, f"cannot be opened ({error.strerror})", remedy, "unreadable"
        ) from error
    return file


def _refused(path: Path, cause: str, remedy: str, code: str) -> AudioError:
    return AudioError(cause, subject=str(path), remedy=remedy, code=code)
