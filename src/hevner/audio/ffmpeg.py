"""Read whatever FFmpeg reads, block by block.

Conventions
-----------
What a file is, is decided by its content: FFmpeg gets its bytes and never its name. Only formats in
`FORMATS` are opened. They carry a header or sync words; formats without either would take any bytes
for audio, and texts that name other files (concat, HLS, DASH, SDP) are no audio themselves. No file
but the given one is ever opened.

Damage is passed over, as by the program ``ffmpeg``, and reported in a warning.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

from hevner.audio.decoding import Decoding, Kind
from hevner.audio.headers import Readable, links, seconds_of_mp3, share_of_wav
from hevner.audio.limits import LONGEST_S, check_channels, check_rate
from hevner.audio.mixdown import Piece
from hevner.errors import AudioError

FORMATS = (
    "wav,w64,aiff,au,caf,voc,iff,flac,ogg,mp3,aac,loas,mov,matroska,asf,wv,ape,tta,tak,mpc,mpc8,"
    "ac3,eac3,dts,truehd,mlp,amr,dsf,shn,qoa,avi,flv,mpegts,mpeg"
)
"""Demuxers of FFmpeg that may open a file."""

SYNCED = frozenset({"mp3", "aac", "loas", "ac3", "eac3", "dts", "truehd", "mlp", "mpeg", "mpegts"})
"""Formats known by sync words alone, which any long file holds by chance."""

TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")
"""Beginnings of tags that FFmpeg takes for packets where they stand between frames."""

RUN = 3
"""Packets in a row that must decode without damage in a format of `SYNCED`. By chance a frame is
followed by another about once in 2,000 times."""

TIMED = frozenset(
    {"wav", "w64", "aiff", "caf", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "asf", "wv", "ape", "tta",
     "tak", "mpc8", "dsf"}
)  # fmt: skip
"""Formats whose header gives the length; elsewhere FFmpeg guesses it from the bit rate."""

BLOCK_VALUES = 2**22
"""Most values, samples times channels, in a block: 16 MB."""

_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
_AT_ONCE = {"probesize": "32768", "formatprobesize": "32768"}
"""Options for a pipe: FFmpeg would read up to five seconds before it hands on the first sample."""

_PIPE_BYTES, _FILE_BYTES = 2**12, 2**15

_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}
_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}


class _Bytes:
    """A file without its name: PyAV hands the name on, and FFmpeg goes by its ending.

    If it is owned, it is closed at the latest when the last who reads it lets it go.
    """

    def __init__(self, file: BinaryIO, owned: bool) -> None:
        self.read, self.tell, self._seek = file.read, file.tell, file.seek
        self._owned = file if owned else None

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; -1, which FFmpeg understands, if a damaged header names an absurd one."""
        try:
            return self._seek(place, whence)
        except (OSError, ValueError):
            return -1

    def close(self) -> None:
        """Close the file if it is owned."""
        if self._owned is not None:
            self._owned.close()

    def __del__(self) -> None:
        self.close()


class Recording:
    """The audio of a file, opened.

    Parameters
    ----------
    file
        A binary file that can seek.
    source
        Name of the source, for messages.
    owned
        Whether the file is closed when nothing reads it any more.

    Attributes
    ----------
    promised
        Length in seconds by the header of the file; 0 if it gives none.

    Raises
    ------
    AudioError
        If it is not audio (code ``not_audio``), or its rate or channels make no sense.
    """

    def __init__(self, file: BinaryIO, source: str, owned: bool = False) -> None:
        self.source = source
        self._file = _Bytes(file, owned)
        try:
            self._stream = open_stream(self._file, source)
            self._kind = self._stream.container.format.name
            place = self._file.tell()
            self._links = links(self._file, self._kind)
            self.promised = 0.0 if self._links else self._promised()
            self._file.seek(place)
        except OSError as error:
            self._file.close()
            raise _unreadable(error, source) from error
        except AudioError:
            self._file.close()
            raise

    def _promised(self) -> float:
        if self._kind == "mp3":
            return seconds_of_mp3(self._file)
        if self._kind not in TIMED or self._stream.duration is None:
            return 0.0
        length = float(self._stream.duration * self._stream.time_base)
        return length * share_of_wav(self._file) if self._kind == "wav" else length

    def pieces(self, block_s: float, warnings: list[str]) -> Iterator[Piece]:
        """Decode the file once.

        Parameters
        ----------
        block_s
            Seconds in a piece; fewer for many channels and where rate or channels change.
        warnings
            List to which sentences on what was unusual are added at the end.

        Yields
        ------
        Piece
            Rate in hertz, and float32 samples of shape ``(n, channels)``.

        Raises
        ------
        AudioError
            If what FFmpeg found turns out to be no audio, or most of it is damaged.
        """
        seen = Decoding()
        try:
            yield from _joined(self._frames(seen), block_s, seen)
        except OSError as error:
            raise _unreadable(error, self.source) from error
        finally:
            self._file.close()
        self._check(seen)
        warnings.extend(seen.remarks(self.promised))

    def _frames(self, seen: Decoding) -> Iterator[Any]:
        """Frames of all files that were joined to this one."""
        if not self._links:
            yield from _frames(self._stream, seen, self.source, LONGEST_S)
            return
        for link in self._links:
            try:
                stream = open_stream(link, self.source)
            except AudioError:
                seen.packet(fine=False)
            else:
                yield from _frames(stream, seen, self.source, LONGEST_S)

    def _check(self, seen: Decoding) -> None:
        damaged = seen.bad > seen.good
        if self._kind in SYNCED and (damaged or seen.longest_run < RUN):
            raise not_audio(self.source)
        if damaged:
            raise AudioError(
                f"the audio data is damaged ({seen.bad} of {seen.bad + seen.good} packets)",
                subject=self.source,
                remedy="Copy or convert the file again",
                code="damaged_audio",
            )


def follow(read: Callable[[int], bytes], source: str) -> Iterator[Piece]:
    """Decode what comes through a pipe, as it comes and for as long as it does.

    Parameters
    ----------
    read
        Reads at most so many bytes, as soon as there are any; none at the end.
    source
        Name of the source, for messages.

    Yields
    ------
    Piece
        As of `Recording.pieces`, one for each frame.

    Raises
    ------
    AudioError
        If it is not audio (code ``not_audio``), or its rate or channels make no sense.
    """
    stops: list[BaseException] = []

    def guarded(size: int) -> bytes:
        try:
            return b"" if stops else read(size)
        except BaseException as stop:  # noqa: BLE001 - PyAV would lose Ctrl-C and go on
            stops.append(stop)
            return b""

    try:
        stream = _best(SimpleNamespace(read=guarded), source, at_once=True)
        for frame in _frames(stream, Decoding(), source, longest=math.inf):
            kind = frame.sample_rate, frame.layout.nb_channels, frame.format.name
            yield _piece([_raw(frame)], kind)
    finally:
        if stops:
            raise stops[0]


def open_stream(file: Readable, source: str) -> Any:
    """The stream of a file that FFmpeg takes for the best audio, ready to be decoded."""
    file.seek(0)
    head = file.read(24)
    file.seek(0)
    if head[:4] == b"RIFF" and head[12:16] == b"fmt ":
        # FFmpeg would not say what it dislikes.
        check_channels(int.from_bytes(head[22:24], "little"), source)
    return _best(file, source)


def _best(file: Any, source: str, *, at_once: bool = False) -> Any:
    try:
        # Tags may be in any encoding; they are not needed.
        container: Any = av.open(
            file,
            metadata_errors="ignore",
            options=_OPTIONS | (_AT_ONCE if at_once else {}),
            buffer_size=_PIPE_BYTES if at_once else _FILE_BYTES,
        )
        stream = container.streams.best("audio")
    except (av.FFmpegError, ValueError) as error:
        raise not_audio(source) from error
    codec = stream and stream.codec_context
    if codec is None:
        raise not_audio(source, "it holds no audio, or of a kind that cannot be decoded")
    for other in container.streams:
        if other.index != stream.index:
            other.discard = av.stream.Discard.all
    # Threads cost more than they save on audio, and many files are decoded at once.
    codec.thread_count = 1
    if codec.sample_rate:
        check_rate(codec.sample_rate, source)
    return stream


def _frames(stream: Any, seen: Decoding, source: str, longest: float) -> Iterator[Any]:
    """Decode a stream; a packet that is damaged is passed over."""
    in_ogg, end = stream.container.format.name == "ogg", 0.0
    with stream.container as container:
        packets = container.demux(stream)
        while seen.seconds < longest:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
            except av.FFmpegError:
                seen.packet(fine=False)
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if not _harmless(bytes(packet)):
                    seen.packet(fine=False)
                continue
            if frames:
                seen.packet(fine=True)
            for frame in frames:
                if frame.samples and frame.sample_rate:
                    check_rate(frame.sample_rate, source)
                    check_channels(frame.layout.nb_channels, source)
                    if in_ogg and frame.time is not None:
                        seen.lost(frame.time - end if end else 0.0)
                        end = frame.time + frame.samples / frame.sample_rate
                    yield frame
                    seen.seconds += frame.samples / frame.sample_rate


def _harmless(data: bytes) -> bool:
    """Whether what cannot be decoded is padding or a tag, as between joined files."""
    rest = data.lstrip(b"\0")
    return not rest or rest.startswith(TAGS)


def _joined(frames: Iterator[Any], block_s: float, seen: Decoding) -> Iterator[Piece]:
    """Join frames of the same kind to blocks."""
    held: list[NDArray[Any]] = []
    kind: Kind | None = None
    count = most = 0
    for frame in frames:
        now = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
        if kind is not None and now[:2] != kind[:2]:
            seen.change(kind, now)
        if now != kind or count >= most:
            if kind is not None:
                yield _piece(held, kind)
            held, kind, count = [], now, 0
            most = min(int(block_s * now[0]), BLOCK_VALUES // now[1])
        held.append(_raw(frame))
        count += frame.samples
    if kind is not None:
        yield _piece(held, kind)


def _raw(frame: Any) -> NDArray[Any]:
    """Samples of a frame in its own type, shape ``(channels, n)``."""
    name = frame.format.name
    channels, count = frame.layout.nb_channels, frame.samples
    kind = np.dtype(_TYPES[name.removesuffix("p")])
    if name.endswith("p"):
        # `AudioFrame.to_ndarray` reads past the last plane of eight or more.
        return np.stack([_plane(frame, at, kind, count) for at in range(channels)])
    return _plane(frame, 0, kind, count * channels).reshape(-1, channels).T


def _plane(frame: Any, at: int, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    plane: Any = AudioPlane(frame, at)
    return np.frombuffer(plane, kind, count)


def _piece(held: list[NDArray[Any]], kind: Kind) -> Piece:
    name = kind[2].removesuffix("p")
    samples = np.concatenate(held, axis=1).astype(np.float32, copy=False)
    if name == "u8":
        samples -= 128
    if name in _FULL_SCALE:
        samples /= np.float32(_FULL_SCALE[name])
    return kind[0], samples.T


def _unreadable(error: OSError, source: str) -> AudioError:
    return AudioError(
        f"cannot be read ({error.strerror or error})",
        subject=source,
        remedy="Check the medium that it lies on",
        code="unreadable",
    )


def not_audio(source: str, cause: str = "not audio, or damaged beyond reading") -> AudioError:
    """The error for a file that holds no audio."""
    return AudioError(
        cause,
        subject=source,
        remedy="Check that other programs play it, or convert it to WAV or FLAC",
        code="not_audio",
    )
