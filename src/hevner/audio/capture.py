"""Sound while it comes: raw samples through a pipe, and a microphone.

Conventions
-----------
All yield pieces (`hevner.audio.mixdown.Piece`) as soon as their samples are there, without end.
What comes through a pipe in a container is decoded by `hevner.audio.ffmpeg.follow`.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hevner import extras
from hevner.audio.limits import check_channels, check_rate
from hevner.audio.mixdown import Piece
from hevner.audio.samples import in_full_scale
from hevner.errors import AudioError

BLOCK_S = 0.1
"""Seconds that a microphone hands over at a time."""

HELD_S = 3.0
"""Seconds of a microphone that wait to be analysed; on a machine too slow for it the rest is lost,
since what nobody can catch up with would wait ever longer."""

MUTE_S = 5.0
"""Seconds without any sample after which a microphone has failed."""

BYTES = 2**14
"""Most bytes that are read at a time: 0.1 s of a CD."""


def pcm(read: Callable[[int], bytes], rate: float, channels: int, source: str) -> Iterator[Piece]:
    """Samples of 16 bits, signed, little-endian, channels side by side.

    Parameters
    ----------
    read
        Reads at most so many bytes, as soon as there are any; none at the end.
    rate
        Hertz.
    channels
        Number of channels.
    source
        Name of the source, for messages.
    """
    check_rate(rate, source)
    check_channels(channels, source)
    rest, frame = b"", 2 * channels
    while data := read(BYTES):
        data = rest + data
        whole = len(data) - len(data) % frame
        rest = data[whole:]
        if whole:
            samples = np.frombuffer(data[:whole], "<i2").reshape(-1, channels)
            yield round(rate), in_full_scale(samples)


def microphone(
    device: str | int | None, rate: float | None, channels: int, warnings: list[str]
) -> Iterator[Piece]:
    """What a microphone, or another input of sound, records.

    Parameters
    ----------
    device
        Its number, or a part of its name; the usual one if None.
    rate
        Hertz; those of the device if None.
    channels
        Number of channels.
    warnings
        Takes a sentence at the end if samples were lost.

    Raises
    ------
    MissingDependencyError
        If the package sounddevice is not installed.
    AudioError
        If there is no such input, it cannot be opened, or nothing comes from it.
    """
    if rate is not None:
        check_rate(rate, "microphone")
    with extras.required("a microphone", "live"):
        try:
            import sounddevice
        except OSError as error:
            cause = f"the library PortAudio is missing ({error})"
            remedy = "Install it, on Debian and Ubuntu as libportaudio2"
            raise _refused(cause, remedy, "portaudio_missing") from error
    blocks: queue.Queue[Any] = queue.Queue(round(HELD_S / BLOCK_S))
    lost = 0

    def take(samples: Any, count: int, _time: object, _status: object) -> None:
        nonlocal lost
        try:
            blocks.put_nowait(samples.copy())
        except queue.Full:
            lost += count

    try:
        facts = sounddevice.query_devices(device, "input")
        rate = rate or facts["default_samplerate"]
        opened = sounddevice.InputStream(
            rate, round(BLOCK_S * rate), device, channels, "float32", callback=take
        )
    except (ValueError, sounddevice.PortAudioError) as error:
        names = [one["name"] for one in sounddevice.query_devices() if one["max_input_channels"]]
        remedy = f"Inputs are: {', '.join(names)}" if names else "Connect a microphone"
        raise _refused(f"cannot be opened ({error})", remedy, "no_input", device) from error
    try:
        with opened:
            while True:
                yield round(rate), blocks.get(timeout=MUTE_S)
    except queue.Empty as error:
        cause = f"nothing came from it for {MUTE_S:g} s"
        raise _refused(cause, "Connect it again", "input_mute", device) from error
    finally:
        if lost:
            warnings.append(f"{lost / rate:.1f} s were lost, as this machine is too slow for them")


def _refused(cause: str, remedy: str, code: str, device: str | int | None = None) -> AudioError:
    subject = "microphone" if device is None else f"input {device}"
    return AudioError(cause, subject=subject, remedy=remedy, code=code)
