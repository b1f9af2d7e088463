"""Read whatever FFmpeg reads, block by block.

Conventions
-----------
What a file is, is told by its content: FFmpeg gets its bytes and never its name. Only formats in
`FORMATS` are opened. They carry a header or sync words; formats without either would take any bytes
for audio, and texts that name other files (concat, HLS, DASH, SDP) are no audio themselves. No file
but the given one is ever opened.

Damage is passed over, as by the program ``ffmpeg``, and told in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

from hevner.audio.mixdown import Piece
from hevner.errors import AudioError
from hevner.result import clock

FORMATS = (
    "wav,w64,aiff,au,caf,voc,iff,flac,ogg,mp3,aac,loas,mov,matroska,asf,wv,ape,tta,tak,mpc,mpc8,"
    "ac3,eac3,dts,truehd,mlp,amr,dsf,shn,qoa,avi,flv,mpegts,mpeg"
)
"""Demuxers of FFmpeg that may open a file."""

SYNCED = frozenset({"mp3", "aac", "loas", "ac3", "eac3", "dts", "truehd", "mlp", "mpeg", "mpegts"})
"""Formats known by sync words alone, which any long file holds by chance."""

RUN = 3
"""Packets in a row that must decode without damage in a format of `SYNCED`. By chance a frame is
followed by another about once in 2,000 times."""

TOLD = frozenset(
    {"wav", "w64", "aiff", "caf", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "asf", "wv", "ape", "tta",
     "tak", "mpc8", "dsf"}
)  # fmt: skip
"""Formats whose header tells the length; elsewhere FFmpeg guesses it from the bit rate."""

SAMPLE_RATES = (1_000, 1_000_000)
"""Hertz. A header outside this range is damaged, and would blow a few bytes up to hours."""

CHANNELS = 64
"""Most channels that are read; the largest loudspeaker layouts have 24, microphone arrays 64."""

BLOCK_VALUES = 2**22
"""Most values, samples times channels, in a block: 16 MB."""

LONGEST_S = 24 * 3600.0
"""Seconds after which no more of a file is read; few bytes can pretend to be very long."""

EARLY_S = 0.3
"""Seconds that may be missing without a word: encoders count what they add before and after."""

_XING = re.compile(
    rb"(\xff[\xe2-\xff]..)(?:.{9}|.{11}|.{17}|.{19}|.{32}|.{34})(?:Xing|Info)\0\0\0(.)(....)",
    re.DOTALL,
)
"""Header of a frame, its side information, and flags and number of frames of the Xing header."""

_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}
_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}


class _Bytes:
    """A file without its name: PyAV hands the name on, and FFmpeg goes by its ending.

    If it is owned, it is closed when the last who reads it lets it go.
    """

    def __init__(self, file: BinaryIO, owned: bool) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self._owned = file if owned else None

    def __del__(self) -> None:
        if self._owned is not None:
            self._owned.close()


@dataclass
class Heard:
    """What has been decoded so far, and what was wrong with it."""

    seconds: float = 0.0
    good: int = 0
    bad: int = 0
    run: int = 0
    longest_run: int = 0
    first_bad: float = 0.0
    changes: list[str] = field(default_factory=list)

    def packet(self, fine: bool) -> None:
        """Count a packet, and how many in a row were fine."""
        if fine:
            self.good += 1
            self.run += 1
            self.longest_run = max(self.longest_run, self.run)
            return
        if not self.bad:
            self.first_bad = self.seconds
        self.bad += 1
        self.run = 0


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
        Length in seconds by the header of the file; 0 if it tells none.

    Raises
    ------
    AudioError
        If it is not audio (code ``not_audio``), or its rate or channels make no sense.
    """

    def __init__(self, file: BinaryIO, source: str, owned: bool = False) -> None:
        self.source = source
        self._file = _Bytes(file, owned)
        file.seek(0)
        head = file.read(24)
        if head[:4] == b"RIFF" and head[12:16] == b"fmt ":
            # FFmpeg would not say what it dislikes.
            _check_channels(int.from_bytes(head[22:24], "little"), source)
        file.seek(0)
        try:
            # Tags may be in any encoding; they are not needed.
            self._container: Any = av.open(
                self._file,
                metadata_errors="ignore",
                options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
            )
            self._stream: Any = self._container.streams.best("audio")
        except (av.FFmpegError, ValueError) as error:
            raise not_audio(source) from error
        codec: Any = self._stream and self._stream.codec_context
        if codec is None:
            cause = "it holds no audio, or of a kind that cannot be decoded"
            raise not_audio(source, cause)
        chosen = self._stream.index
        for stream in self._container.streams:
            if stream.index != chosen:
                stream.discard = av.stream.Discard.all
        # Threads cost more than they save on audio, and many files are decoded at once.
        codec.thread_count = 1
        if codec.sample_rate:
            check_rate(codec.sample_rate, source)
        self.promised = self._promised()

    def _promised(self) -> float:
        if self._container.format.name == "mp3":
            return _promised_mp3(self._file)
        if self._container.format.name not in TOLD or self._stream.duration is None:
            return 0.0
        return float(self._stream.duration * self._stream.time_base)

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
        heard = Heard()
        with self._container:
            yield from _joined(self._frames(heard), block_s, heard)
        self._check(heard)
        warnings.extend(self._remarks(heard))

    def _frames(self, heard: Heard) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while heard.seconds < LONGEST_S:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                heard.packet(fine=False)
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                heard.packet(fine=False)
                continue
            if frames:
                heard.packet(fine=True)
            for frame in frames:
                if frame.samples and frame.sample_rate:
                    check_rate(frame.sample_rate, self.source)
                    _check_channels(frame.layout.nb_channels, self.source)
                    yield frame
                    heard.seconds += frame.samples / frame.sample_rate

    def _check(self, heard: Heard) -> None:
        synced = self._container.format.name in SYNCED
        if synced and heard.longest_run < RUN:
            raise not_audio(self.source)
        if heard.bad > heard.good:
            raise AudioError(
                f"the audio data is damaged ({heard.bad} of {heard.bad + heard.good} packets)",
                subject=self.source,
                remedy="Copy or convert the file again",
                code="damaged_audio",
            )

    def _remarks(self, heard: Heard) -> list[str]:
        said = list(heard.changes)
        if heard.bad:
            places = "a damaged place was" if heard.bad == 1 else f"{heard.bad} damaged places were"
            said.append(f"{places} left out, the first near {heard.first_bad:.1f} s")
        if heard.seconds >= LONGEST_S:
            said.append(f"only the first {clock(LONGEST_S)} of the file were heard")
        elif self.promised - heard.seconds > EARLY_S:
            said.append(
                f"the file ends early: {heard.seconds:.1f} of {self.promised:.1f} s could be read"
            )
        if self.promised and heard.seconds > 1.01 * self.promised + 1:
            said.append(
                f"the file is longer than its header says: {heard.seconds:.1f} s instead of "
                f"{self.promised:.1f} s"
            )
        return said


def _joined(frames: Iterator[Any], block_s: float, heard: Heard) -> Iterator[Piece]:
    """Join frames of the same kind to blocks."""
    held: list[NDArray[Any]] = []
    kind: tuple[int, int, str] | None = None
    count = most = 0
    for frame in frames:
        now = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
        if kind is not None and now[:2] != kind[:2]:
            heard.changes.append(_change(kind, now, heard.seconds))
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


def _piece(held: list[NDArray[Any]], kind: tuple[int, int, str]) -> Piece:
    name = kind[2].removesuffix("p")
    samples = np.concatenate(held, axis=1).astype(np.float32, copy=False)
    if name == "u8":
        samples -= 128
    if name in _FULL_SCALE:
        samples /= np.float32(_FULL_SCALE[name])
    return kind[0], samples.T


def _change(old: tuple[int, int, str], new: tuple[int, int, str], seconds: float) -> str:
    what = f"the sample rate changes from {old[0]} to {new[0]} Hz"
    if old[0] == new[0]:
        what = f"the number of channels changes from {old[1]} to {new[1]}"
    return f"{what} at {seconds:.1f} s"


def _promised_mp3(file: _Bytes) -> float:
    """Length in seconds by the Xing header in the first frame of an MP3; 0 if it has none."""
    place = file.tell()
    file.seek(0)
    head = file.read(10)
    # The size of ID3 tags has seven bits a byte.
    tags = sum(byte << 7 * (3 - at) for at, byte in enumerate(head[6:10])) + 10
    file.seek(tags if head[:3] == b"ID3" else 0)
    found = _XING.search(file.read(4096))
    file.seek(place)
    if found is None or not found[2][0] & 1:
        return 0.0
    version, rate = (found[1][1] >> 3) & 3, (found[1][2] >> 2) & 3
    if version == 1 or rate == 3:
        return 0.0
    samples = 1152 if version == 3 else 576
    hertz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return int.from_bytes(found[3]) * samples / hertz


def check_rate(sample_rate: float, source: str) -> None:
    """Refuse a sample rate in hertz that makes no sense."""
    low, high = SAMPLE_RATES
    if not low <= sample_rate <= high:
        raise AudioError(
            f"a sample rate of {sample_rate:g} Hz makes no sense",
            subject=source,
            remedy=f"It should lie between {low} and {high} Hz",
            code="bad_sample_rate",
        )


def _check_channels(channels: int, source: str) -> None:
    if channels > CHANNELS:
        raise AudioError(
            f"{channels} channels are more than can be heard",
            subject=source,
            remedy=f"Mix the file down to at most {CHANNELS} channels",
            code="too_many_channels",
        )


def not_audio(source: str, cause: str = "not audio, or damaged beyond reading") -> AudioError:
    """The error for a file that holds no audio."""
    return AudioError(
        cause,
        subject=source,
        remedy="Check that other programs play it, or convert it to WAV or FLAC",
        code="not_audio",
    )
