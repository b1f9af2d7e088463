"""``hevner listen``: the emotion of music while it plays."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from typer import Argument, Option

from hevner.cli.options import ModelName, Quiet
from hevner.cli.pipes import INPUT, standard_input
from hevner.cli.progress import FINE, INTERRUPTED, say
from hevner.errors import AudioError
from hevner.files import display_name
from hevner.heads import ESTIMATES
from hevner.output.summary import chord_name
from hevner.result import clock

if TYPE_CHECKING:
    from io import BufferedReader

    from hevner.audio.mixdown import Piece
    from hevner.live import Instant

_WITHOUT = {"silent": "silence", "no_music": "no music"}


def listen(
    device: Annotated[
        str,
        Argument(
            metavar="[DEVICE|-]",
            help="Microphone, by its number or a part of its name; - for the standard input.",
            show_default="the usual microphone",
        ),
    ] = "",
    form: Annotated[
        Literal["text", "jsonl"], Option("--format", "-f", help="Form of the lines.")
    ] = "text",
    rate: Annotated[
        float | None,
        Option(
            metavar="HERTZ",
            help="Sample rate. With it, the standard input carries samples of 16 bits, signed and "
            "little-endian; without it, a file in any format.",
        ),
    ] = None,
    channels: Annotated[
        int, Option(metavar="N", min=1, help="Channels of the samples or the microphone.")
    ] = 1,
    window: Annotated[
        float | None,
        Option(
            metavar="SECONDS",
            help="Length of the newest music that a line is computed from.",
            show_default="that of the model",
        ),
    ] = None,
    model: ModelName = "",
    quiet: Quiet = False,
) -> None:
    """Say every second what the music that plays is like: valence, arousal, tension, chord, tempo.

    The first line comes after three seconds. Each is what 'hevner analyze' says of the newest
    window of sound; until a whole window has been there, of what there is so far. Ctrl-C ends it,
    with a summary.

    Exit status: 0 the sound has ended, 1 it cannot be read, 2 wrong usage, 130 after Ctrl-C.
    """
    from hevner.analysis import Analyzer

    analyzer = Analyzer(model or None, window=window)
    summary, warnings = Summary(), list[str]()
    stream, kind, status = None, None, FINE
    try:
        with closing(_pieces(device, rate, channels, warnings)) as pieces:
            for hertz, samples in pieces:
                arrived = time.perf_counter()
                if stream is None or kind != (hertz, samples.shape[1]):
                    kind = hertz, samples.shape[1]
                    stream = analyzer.stream(hertz, begin=stream.time if stream else 0.0)
                for instant in stream.feed(samples):
                    typer.echo(_line(instant, form))
                    summary.add(instant, time.perf_counter() - arrived)
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        for warning in warnings:
            say(f"Note: {warning}.")
        if stream is not None and not quiet:
            say(summary.text(stream.time))
    raise typer.Exit(status)


def _pieces(
    device: str, rate: float | None, channels: int, warnings: list[str]
) -> Generator[Piece, None, None]:
    """The sound, as it comes."""
    from hevner.audio import capture

    if Path(device) != INPUT:
        number = int(device) if device.isdecimal() else device or None
        yield from capture.microphone(number, rate, channels, warnings)
        return
    example = "arecord -t wav -f cd | hevner listen -"
    name, pipe = display_name(INPUT), cast("BufferedReader", standard_input(example))

    def read(size: int) -> bytes:
        try:
            return pipe.read1(size)
        except OSError as error:
            cause, remedy = f"cannot be read ({error.strerror})", "Check where it comes from"
            raise AudioError(cause, subject=name, remedy=remedy, code="unreadable") from error

    if rate is not None:
        yield from capture.pcm(read, rate, channels, name)
    else:
        from hevner.audio.ffmpeg import follow
        from hevner.audio.limits import sane

        yield from sane(follow(read, name), name, warnings)


def _line(instant: Instant, form: str) -> str:
    if form == "jsonl":
        return json.dumps(instant.to_dict(), ensure_ascii=False, allow_nan=False)
    if instant.status != "ok":
        return f"{clock(instant.time):>5}  {_WITHOUT[instant.status]}"
    values = ((name, getattr(instant, name)) for name in ESTIMATES)
    parts = [f"{n} {v.value:+.2f} ({v.low:+.2f}…{v.high:+.2f})" for n, v in values if v]
    parts.append(f"{chord_name(instant.chord or 'N'):<6}")
    parts.append(f"{instant.tempo:.0f} bpm" if instant.tempo else "no beat")
    if not instant.complete:
        parts.append(f"first {instant.seconds:.0f} s")
    return "  ".join((f"{clock(instant.time):>5}", *parts))


class Summary:
    """What all lines of a stream say together, in memory that does not grow."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: dict[str, tuple[int, float, float, float]] = {}
        self._delay = 0.0

    def add(self, instant: Instant, delay: float) -> None:
        """Count a line that went out ``delay`` seconds after its last sample came."""
        self._count += 1
        self._delay = max(self._delay, delay)
        for name in ESTIMATES:
            if one := getattr(instant, name):
                count, total, low, high = self._sums.get(name, (0, 0.0, one.value, one.value))
                ends = min(low, one.value), max(high, one.value)
                self._sums[name] = count + 1, total + one.value, *ends

    def text(self, seconds: float) -> str:
        """One sentence on a stream of so many seconds: means, and the range of all lines."""
        if not self._count:
            return f"Listened for {seconds:.1f} s, too short for a line."
        parts = [
            f"{name} {total / count:+.2f} ({low:+.2f} to {high:+.2f})"
            for name, (count, total, low, high) in self._sums.items()
        ]
        return (
            f"Listened for {clock(seconds)}: {', '.join(parts) or 'no music'}; "
            f"{self._count} lines, at most {self._delay:.2f} s late."
        )
