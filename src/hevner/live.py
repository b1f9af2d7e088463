"""Music that goes on while it is analysed: a value of the newest window of sound, every second.

The newest window is analysed as a piece of its own, by what analyses files. So the value of an
instant is the last point of the curve that `hevner.analyze` gives for the same samples. What has
left the window no longer counts and is not kept: memory and time per value stay the same for ever.

Conventions
-----------
Times are seconds from the beginning of the stream. Values are on the unit scale.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Floats
from hevner.audio.limits import check_channels, check_rate, sane
from hevner.audio.samples import SOURCE, checked, in_full_scale
from hevner.errors import AudioError, HevnerError
from hevner.result import Analysis, Estimate

FIRST_S = 3.0
"""Seconds of the stream before the first value: about one window of the encoders."""

EVERY_S = 1.0
"""Seconds from value to value."""

LONGEST_S = 3600.0
"""Seconds of the longest window: all of it is held, and analysed for each value."""


@dataclass(frozen=True)
class Instant:
    """What the newest window of a stream is like.

    Attributes
    ----------
    time
        End of the window, in seconds from the beginning of the stream.
    seconds
        Length of what the values are computed from: the window without silence before the music.
    complete
        Whether that is a whole window; before, the values are those of the window so far.
    status
        "silent" if nothing sounds in the window, "no_music" if it is speech, noise or the like:
        then there is no value.
    valence, arousal
        Values with their intervals on [-1, 1]; None if there is no music.
    tension
        Likewise; None also if the model does not predict it.
    chord
        Label of the chord that sounds at the end of the window, in the syntax of mir_eval; "N" for
        none, None if there is no music.
    key
        Tonic and third of the window; None if it has no key.
    tempo
        Beats per minute; None if there is no pulse.
    """

    time: float
    seconds: float
    complete: bool
    status: Literal["ok", "silent", "no_music"]
    valence: Estimate | None = None
    arousal: Estimate | None = None
    tension: Estimate | None = None
    chord: str | None = None
    key: str | None = None
    tempo: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, numbers and strings, ready for JSON."""
        return dataclasses.asdict(self)


class Stream:
    """A stream of sound that is fed in blocks; `hevner.Analyzer.stream` opens one.

    Parameters
    ----------
    analyze
        Analyses samples with their rate, on the unit scale.
    window
        Seconds of the newest sound that a value is computed from.
    sample_rate
        Hertz of the samples that are fed.
    every
        Seconds of sound from value to value.
    begin
        Time of the first sample.

    Attributes
    ----------
    sample_rate
        Hertz.
    """

    def __init__(
        self,
        analyze: Callable[[ArrayLike, float], Analysis],
        window: float,
        sample_rate: float,
        every: float = EVERY_S,
        begin: float = 0.0,
    ) -> None:
        check_rate(sample_rate, SOURCE)
        self.sample_rate = round(sample_rate)
        if not 1 <= every * self.sample_rate < float("inf"):
            raise HevnerError(
                f"a value every {every:g} s makes no sense",
                remedy="Give seconds, such as 1",
                stage="options",
                code="bad_step",
            )
        if window > LONGEST_S:
            raise HevnerError(
                f"a window of {window:g} s is too long for a stream",
                remedy=f"Use at most {LONGEST_S:.0f} s",
                stage="options",
                code="window_too_long",
            )
        self._analyze, self._window, self._begin = analyze, window, begin
        self._size, self._step = (round(one * self.sample_rate) for one in (window, every))
        self._count, self._due = 0, round(FIRST_S * self.sample_rate)
        # Twice the window: what is kept moves to the front only once per window.
        self._kept: Floats | None = None
        self._end = 0

    @property
    def time(self) -> float:
        """Seconds of the stream so far."""
        return self._begin + self._count / self.sample_rate

    def feed(self, samples: ArrayLike) -> list[Instant]:
        """Add a block of samples.

        Parameters
        ----------
        samples
            Shape ``(n,)`` or ``(n, channels)``, of any length, full scale 1; integers of 8, 16 and
            32 bits are scaled by their type. All blocks have as many channels as the first.

        Returns
        -------
        list of Instant
            One for each step that ends within the block; most often none or one.

        Raises
        ------
        AudioError
            If shape or type make no sense, or a sample is not finite; the stream is as before.
        """
        block, found = self._checked(samples), []
        while len(block):
            part, block = np.split(block, [self._due - self._count])
            self._keep(part)
            if self._count == self._due:
                found.append(self._instant())
                self._due += self._step
        return found

    def _checked(self, samples: ArrayLike) -> Floats:
        """A block in full scale, ``(n, channels)``."""
        array = np.asarray(samples)
        if not array.size:
            return np.zeros((0, 1), np.float32)
        checked(array, self.sample_rate)
        array = array.reshape(len(array), -1)
        channels = array.shape[1] if self._kept is None else self._kept.shape[1]
        if array.shape[1] != channels:
            raise AudioError(
                f"a block has {array.shape[1]} channels, the blocks before have {channels}",
                subject=SOURCE,
                remedy="Open another stream for it",
                code="channels_change",
            )
        check_channels(channels, SOURCE)
        ((_, block),) = sane(iter([(self.sample_rate, in_full_scale(array))]), SOURCE, [])
        return block.astype(np.float32, copy=False)

    def _keep(self, part: Floats) -> None:
        if self._kept is None:
            self._kept = np.zeros((2 * self._size, part.shape[1]), np.float32)
        self._count += len(part)
        part = part[-self._size :]
        if self._end + len(part) > len(self._kept):
            self._kept[: self._size] = self._kept[self._end - self._size : self._end]
            self._end = self._size
        self._kept[self._end : self._end + len(part)] = part
        self._end += len(part)

    def _instant(self) -> Instant:
        assert self._kept is not None
        window = self._kept[max(self._end - self._size, 0) : self._end]
        found = self._analyze(window, self.sample_rate)
        time = round(self.time, 3)
        sounding = [one for one in found.timeline if one.valence is not None]
        if not sounding:
            return Instant(time, 0.0, False, found.status)
        seconds = round(found.duration - sounding[0].start, 3)
        return Instant(
            time,
            seconds,
            seconds >= round(self._window, 3),
            found.status,
            *(sounding[-1].valence, sounding[-1].arousal, sounding[-1].tension),
            found.chords[-1].label,
            found.key,
            found.tempo,
        )


def sample() -> Floats:
    """Three seconds of a chord that is struck twice a second, at 16 kHz."""
    time = np.arange(48_000) / 16_000
    tones = np.sin(2 * np.pi * np.outer(time, (220.0, 261.6, 329.6))).mean(axis=1)
    return np.asarray(tones * np.exp(-4 * (time % 0.5)), np.float32)
