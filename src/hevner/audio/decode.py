"""Read audio of any length once, as one mono stream at one sample rate.

Conventions
-----------
Samples are mono float32 with full scale at 1.0; all analysis runs at `SAMPLE_RATE`, large encoders
at rates of their own. Files are decoded block by block, mixed down by the mean over channels and
resampled with soxr, so memory does not grow with the length of a file. libsndfile (through
soundfile) decodes WAV, FLAC, Ogg, Opus in Ogg and MP3; everything else (m4a, aac, wma, video files
...) needs the optional PyAV.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from hevner import extras
from hevner.audio.mixdown import Decoded, Piece, Samples, mono_stream
from hevner.errors import AudioError
from hevner.files import SUFFIXES

SAMPLE_RATE = 16_000
"""Hertz. Enough for every encoder that runs by default: MusiCNN and chroma up to 8 kHz."""

BLOCK_S = 12.0
"""Seconds decoded at a time; memory grows with it, the overhead per block shrinks."""

SAMPLE_RATES = (1_000, 1_000_000)
"""Hertz. A header outside this range is damaged, and would blow a few bytes up to hours."""

STEP_FRAMES = 4096
"""Frames decoded at a time; at most so many are lost in front of damage."""


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
    """

    source: str
    blocks: Iterator[Samples]
    warnings: list[str]
    sample_rate: int = SAMPLE_RATE
    progress: Callable[[float], None] = lambda share: None


class _SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read from begin to end.

    Where a file can seek, soundfile seeks to where it already is after each read. For MP3 that
    restarts the decoder, which then lacks the bits that frames share with those before them: a
    click at every step.
    """

    def seekable(self) -> bool:
        """Say no, so that nothing seeks."""
        return False


def open_audio(path: str | Path, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Open a file for reading.

    Parameters
    ----------
    path
        An audio file.
    sample_rate
        Hertz of the samples that are handed back.

    Returns
    -------
    Audio
        Errors in the middle of the file appear while its blocks are read.

    Raises
    ------
    AudioError
        If it does not exist, cannot be read, is empty or is not audio.
    MissingDependencyError
        If its format needs PyAV and that is not installed.
    """
    path = Path(path)
    _check_readable(path)
    warnings: list[str] = []
    # soundfile cannot encode names that are not valid Unicode, but takes them as bytes.
    name = path if sys.platform == "win32" else os.fsencode(path)
    try:
        file = _SequentialFile(name)
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: raised for endings of headerless formats, e.g. ".raw".
        pieces, rate = _decode_with_av(path, error, warnings)
    else:
        pieces, rate = _decode(file, path, warnings)
    return _audio(str(path), pieces, rate, sample_rate, warnings)


def from_array(
    samples: NDArray[np.floating], sample_rate: int, wanted_rate: int = SAMPLE_RATE
) -> Audio:
    """Treat an array as audio.

    Parameters
    ----------
    samples
        Shape ``(n,)``, ``(n, channels)`` or ``(channels, n)``; the longer axis is time.
    sample_rate
        Hertz.
    wanted_rate
        Hertz of the samples that are handed back.

    Raises
    ------
    AudioError
        If the shape, type or sample rate makes no sense, or a sample is not finite.
    """
    array = np.asarray(samples)
    source = "array"
    if array.ndim not in (1, 2) or not np.issubdtype(array.dtype, np.floating):
        raise AudioError(
            f"expected floating point samples of shape (n,) or (n, channels), got "
            f"{array.dtype} {array.shape}",
            subject=source,
            remedy="Divide integer samples by their full scale first",
            code="wrong_shape",
        )
    _check_rate(sample_rate, source)
    if array.ndim == 2 and array.shape[0] < array.shape[1]:
        array = array.T
    size = max(1, int(BLOCK_S * sample_rate))
    pieces = (array[at : at + size] for at in range(0, len(array), size))
    return _audio(source, pieces, sample_rate, wanted_rate, [])


def _audio(
    source: str, pieces: Iterator[Decoded], rate: int, wanted_rate: int, warnings: list[str]
) -> Audio:
    """Decoded of any number of channels at one rate as audio at another."""
    with_rate: Iterator[Piece] = ((rate, piece) for piece in pieces)
    return Audio(
        source, mono_stream(with_rate, wanted_rate, source, warnings), warnings, wanted_rate
    )


def _check_readable(path: Path) -> None:
    # Looked at before it is opened: opening a pipe waits for ever.
    try:
        if not path.exists():
            raise _refused(path, "no such file", "Check the path", "file_missing")
        if not path.is_file():
            raise _refused(path, "not a regular file", "Name an audio file", "not_a_file")
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        remedy = "Check the path and the permissions of the file"
        raise _refused(
            path, f"cannot be opened ({error.strerror})", remedy, "unreadable"
        ) from error
    if not first:
        raise _refused(path, "the file is empty", "Copy the file again", "empty_file")


def _refused(path: Path, cause: str, remedy: str, code: str) -> AudioError:
    return AudioError(cause, subject=str(path), remedy=remedy, code=code)


def _damaged(path: Path, cause: str | None) -> AudioError:
    remedy = "Copy or convert the file again"
    return _refused(path, f"the audio data is damaged ({cause})", remedy, "damaged_audio")


def _check_rate(sample_rate: float, source: str) -> None:
    low, high = SAMPLE_RATES
    if not low <= sample_rate <= high:
        raise AudioError(
            f"a sample rate of {sample_rate:g} Hz makes no sense",
            subject=source,
            remedy=f"It should lie between {low} and {high} Hz",
            code="bad_sample_rate",
        )


def _decode(
    file: _SequentialFile, path: Path, warnings: list[str]
) -> tuple[Iterator[Decoded], int]:
    """Decode with libsndfile, at which rate; a file that ends early is read as far as it goes."""
    try:
        _check_rate(file.samplerate, str(path))
    except AudioError:
        file.close()
        raise

    def pieces() -> Iterator[Decoded]:
        read, size = 0, max(1, int(BLOCK_S * file.samplerate))
        with file:
            while True:
                piece, damage = _read(file, size)
                read += len(piece)
                if damage is not None and read == 0:
                    raise _damaged(path, damage.error_string) from damage
                yield piece
                if len(piece) < size:
                    break
            warnings.extend(_ends_early(_promised_frames(file), read, file.samplerate))

    return pieces(), int(file.samplerate)


def _read(
    file: _SequentialFile, size: int
) -> tuple[NDArray[np.float32], soundfile.LibsndfileError | None]:
    """Read a block, shorter at the end of the audio or at damage, and the damage if there is any.

    The block is read in small steps, since damage takes the whole step with it.
    """
    block = np.empty((size, file.channels), np.float32)
    filled = 0
    while filled < size:
        try:
            got = len(file.read(out=block[filled : filled + STEP_FRAMES]))
        except soundfile.LibsndfileError as damage:
            return block[:filled], damage
        if got == 0:
            break
        filled += got
    return block[:filled], None


def _promised_frames(file: _SequentialFile) -> int:
    """Length by the header; libsndfile cuts that of PCM down to what is there, and logs both."""
    log = re.search(r"^ *(?:data|SSND) *: (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if log is None:
        return int(file.frames)
    promised, there = map(int, log.groups())
    # Streams of unknown length promise about the largest size that can be written.
    if there == 0 or promised >= 0x7FFFF000:
        return int(file.frames)
    return int(file.frames) * promised // there


def _ends_early(promised: int, read: int, sample_rate: int) -> list[str]:
    missing = (promised - read) / sample_rate
    # Formats without a length in their header claim an arbitrarily large one.
    if not 0.1 < missing < 1e6:
        return []
    whole = promised / sample_rate
    return [f"the file ends early: {whole - missing:.1f} of {whole:.1f} s could be read"]


def _decode_with_av(
    path: Path, reason: Exception, warnings: list[str]
) -> tuple[Iterator[Decoded], int]:
    """Decode with PyAV what libsndfile does not know, at which rate."""
    try:
        import av
    except ImportError as error:
        if path.suffix.lower() in {".wav", ".flac", ".ogg", ".mp3", ".aiff"} or (
            path.suffix.lower() not in SUFFIXES
        ):
            raise _not_audio(path) from reason
        lacking = extras.missing("av", f"decoding '{path.suffix}' files", subject=str(path))
        lacking.stage = "decode"
        raise lacking from error

    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                cause = "the file holds no audio track"
                raise _refused(path, cause, "Name an audio file", "not_audio")
            rate = int(file.streams.audio[0].rate or 0)
            promised = round(rate * (file.duration or 0) / 1e6)
    except (av.FFmpegError, ValueError) as error:
        raise _not_audio(path) from error
    if rate == 0:
        raise _not_audio(path)
    _check_rate(rate, str(path))

    def pieces() -> Iterator[Decoded]:
        resampler = av.AudioResampler(format="fltp", rate=rate)
        size, held, count, read = int(BLOCK_S * rate), [], 0, 0
        with av.open(str(path)) as file:
            try:
                for frame in file.decode(audio=0):
                    for planar in resampler.resample(frame):
                        # FFmpeg's own mix would be louder than the mean over channels.
                        held.append(planar.to_ndarray().mean(axis=0, dtype=np.float32))
                        count += len(held[-1])
                    if count >= size:
                        yield np.concatenate(held)
                        held, count, read = [], 0, read + count
            except av.FFmpegError as error:
                if read + count == 0:
                    raise _damaged(path, error.strerror) from error
        if held:
            yield np.concatenate(held)
        warnings.extend(_ends_early(promised, read + count, rate))

    return pieces(), rate


def _not_audio(path: Path) -> AudioError:
    remedy = (
        "Check that other programs play it, or convert it to WAV or FLAC; "
        "m4a, aac and wma need: pip install 'hevner[audio]'"
    )
    return _refused(path, "not audio, or damaged beyond reading", remedy, "not_audio")
