"""Hear every file as far as ffmpeg does, and measure what that costs.

    python benchmarks/decode.py [--also DIR] [--seconds S] [--only WORD] [--repetitions N]

Needs the program ffmpeg. It writes some seconds of made-up music in every codec of `CODECS`, in
one, two and six channels, at its rates, with and without tags, at constant and variable bit rate.
The length that hevner hears is compared with that of what ffmpeg decodes, and every warning on such
a clean file is counted. ``--also`` adds the files of a folder. The second table is CPU time of
decoding, mixing and resampling to 16 kHz; where libsndfile reads the format, beside the same
through it.
"""

from __future__ import annotations

import os

# One thread everywhere; must be said before numpy is loaded.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import soundfile

from hevner.audio.decode import SAMPLE_RATE, open_audio
from hevner.audio.mixdown import Piece, mono_stream
from hevner.errors import HevnerError
from hevner.lab.metrics.report import write

RESULTS = Path(__file__).with_name("results")
MPEG = (8_000, 16_000, 22_050, 44_100, 48_000)
ALL = (*MPEG, 96_000)
CODECS = {
    "wav": ("wav", ALL, 6, {
        "s16": "-c:a pcm_s16le", "s24": "-c:a pcm_s24le", "float": "-c:a pcm_f32le",
    }),
    "aiff": ("aiff", ALL, 6, {"s16": "-c:a pcm_s16be"}),
    "caf": ("caf", ALL, 6, {"s16": "-c:a pcm_s16be"}),
    "au": ("au", ALL, 6, {"s16": "-c:a pcm_s16be"}),
    "w64": ("w64", ALL, 6, {"s16": "-c:a pcm_s16le"}),
    "flac": ("flac", ALL, 6, {"": "-c:a flac"}),
    "mp3": ("mp3", MPEG, 2, {
        "cbr": "-c:a libmp3lame -b:a 64k", "vbr": "-c:a libmp3lame -q:a 4",
        "vbr, no Xing": "-c:a libmp3lame -q:a 4 -write_xing 0",
        "cbr, no Xing": "-c:a libmp3lame -b:a 64k -write_xing 0",
    }),
    "mp2": ("mp2", MPEG[1:], 2, {"cbr": "-c:a mp2"}),
    "vorbis": ("ogg", ALL, 6, {"vbr": "-c:a libvorbis -q:a 4"}),
    "opus": ("opus", (8_000, 16_000, 48_000), 6, {
        "vbr": "-c:a libopus", "cbr": "-c:a libopus -vbr off",
    }),
    "speex": ("spx", (8_000, 16_000), 2, {"": "-c:a libspeex"}),
    "ogg flac": ("oga", ALL, 6, {"": "-c:a flac"}),
    "aac m4a": ("m4a", ALL, 6, {
        "cbr": "-c:a aac -b:a 96k", "vbr": "-c:a aac -q:a 1",
        "fast start": "-c:a aac -b:a 96k -movflags +faststart",
    }),
    "aac adts": ("aac", ALL, 6, {"cbr": "-c:a aac -b:a 96k", "vbr": "-c:a aac -q:a 1"}),
    "alac": ("m4a", ALL, 6, {"": "-c:a alac"}),
    "wma": ("wma", MPEG, 2, {"cbr": "-c:a wmav2 -b:a 96k"}),
    "wavpack": ("wv", ALL, 6, {"": "-c:a wavpack"}),
    "tta": ("tta", ALL, 6, {"": "-c:a tta"}),
    "ac3": ("ac3", (44_100, 48_000), 6, {"cbr": "-c:a ac3"}),
    "opus webm": ("webm", (48_000,), 6, {"vbr": "-c:a libopus"}),
}  # fmt: skip
"""Ending, rates, most channels, and options of ffmpeg by name of the mode."""

CHANNELS = (1, 2, 6)
TAGS = (
    "-metadata title=Lied -metadata artist=Jemand -metadata album=Nichts -metadata track=3 "
    "-id3v2_version 3 -write_id3v1 1"
)
TOLERANCE = (0.1, 0.01)
"""Seconds, and share of the length; the larger one counts."""


@dataclass(frozen=True)
class Length:
    """How far a file is heard; a row of the table."""

    codec: str
    mode: str
    channels: int
    sample_rate: int
    tags: str
    ffmpeg_s: float
    hevner_s: float
    warnings: str

    @property
    def right(self) -> bool:
        """Whether both lengths agree."""
        return abs(self.hevner_s - self.ffmpeg_s) <= max(TOLERANCE[0], TOLERANCE[1] * self.ffmpeg_s)


def ffmpeg(*arguments: object) -> bool:
    """Whether the program ran through."""
    command = ["ffmpeg", "-v", "quiet", "-y", *map(str, arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


def decoded_seconds(paths: list[Path]) -> list[float]:
    """Length of what ffmpeg decodes of each file; 0 if it is nothing."""
    raw = [path.with_name(f"{at}.raw") for at, path in enumerate(paths)]
    inputs = [argument for path in paths for argument in ("-i", path)]
    outputs = [
        argument for at, out in enumerate(raw)
        for argument in ("-map", f"{at}:a:0", "-ac", 1, "-ar", SAMPLE_RATE, "-f", "s16le", out)
    ]  # fmt: skip
    # One bad file ends them all.
    if not ffmpeg(*inputs, *outputs) and len(paths) > 1:
        return [seconds for path in paths for seconds in decoded_seconds([path])]
    sizes = [out.stat().st_size if out.exists() else 0 for out in raw]
    for out in raw:
        out.unlink(missing_ok=True)
    return [size / 2 / SAMPLE_RATE for size in sizes]


def heard(path: Path) -> tuple[float, str]:
    """Length of what hevner hears, and its warnings."""
    try:
        audio = open_audio(path)
        seconds = sum(map(len, audio.blocks)) / SAMPLE_RATE
    except HevnerError as error:
        return 0.0, f"refused: {error.cause}"
    return round(seconds, 3), "; ".join(audio.warnings)


Made = tuple[tuple[str, str, int, int, str], Path]


def made(folder: Path, only: str, usual: bool = False) -> Iterator[list[Made]]:
    """Encode the source of a folder in every way, one mode and number of channels at a time.

    ``usual`` leaves one way for each mode: stereo at 44.1 kHz or the highest rate below, untagged.
    """
    for codec, (ending, rates, most, modes) in CODECS.items():
        for (mode, options), channels in itertools.product(
            modes.items(), (2,) if usual else CHANNELS
        ):
            if only not in codec or channels > most:
                continue
            some = [44_100 if 44_100 in rates else max(rates)] if usual else rates
            files = [
                ((codec, mode, channels, rate, tags), folder / f"{tags or 'plain'}{rate}.{ending}")
                for rate in some for tags in ("", "tagged")[: 1 if usual else 2]
            ]  # fmt: skip
            outputs = []
            for (_, _, _, rate, tags), path in files:
                outputs += [*options.split(), "-ac", channels, "-ar", rate]
                outputs += [*(TAGS.split() if tags else ("-map_metadata", -1)), path]
            if not ffmpeg("-i", folder / "source.wav", *outputs):
                raise SystemExit(f"ffmpeg cannot write {codec}, {mode}, {channels} channels")
            yield files
            for _, path in files:
                path.unlink()


def lengths(folder: Path, only: str, also: Path | None) -> Iterator[Length]:
    """Rows of the table of lengths."""
    for files in made(folder, only):
        measured = decoded_seconds([path for _, path in files])
        for (kind, path), seconds in zip(files, measured, strict=True):
            yield Length(*kind, round(seconds, 3), *heard(path))
    for path in sorted(also.rglob("*")) if also else ():
        if path.is_file():
            copy = Path(shutil.copy(path, folder / f"copy{path.suffix}"))
            (seconds,) = decoded_seconds([copy])
            if seconds:
                yield Length(path.name, "", 0, 0, "", round(seconds, 3), *heard(path))


def by_libsndfile(path: Path) -> float:
    """Seconds that libsndfile hears, mixed and resampled as usual."""
    with soundfile.SoundFile(path) as file:

        def pieces() -> Iterator[Piece]:
            while len(piece := file.read(12 * file.samplerate, dtype="float32", always_2d=True)):
                yield file.samplerate, piece

        return sum(map(len, mono_stream(pieces(), SAMPLE_RATE, str(path)))) / SAMPLE_RATE


def by_hevner(path: Path) -> float:
    """Seconds that hevner hears."""
    return heard(path)[0]


def cost(path: Path, hear: Callable[[Path], float], repetitions: int) -> float | None:
    """CPU milliseconds for a minute of audio; None if it cannot be heard."""
    times = []
    for _ in range(repetitions):
        start = process_time()
        try:
            seconds = hear(path)
        except (soundfile.LibsndfileError, TypeError):
            return None
        times.append(60_000 * (process_time() - start) / seconds)
    return median(times)


def speed(folder: Path, only: str, repetitions: int) -> Iterator[dict[str, str]]:
    """Rows of the table of cost: stereo at 44.1 kHz."""
    for ((kind, path),) in made(folder, only, usual=True):
        codec, mode, *_ = kind
        mine = cost(path, by_hevner, repetitions)
        other = cost(path, by_libsndfile, repetitions)
        yield {
            "codec": codec, "mode": mode, "cpu_ms_per_minute": f"{mine:.1f}",
            "by_libsndfile": f"{other:.1f}" if other else "",
        }  # fmt: skip


def source(folder: Path, seconds: float) -> None:
    """Six channels of chords and noise, different in each."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * 48_000)) / 48_000
    pitches = 220 * 2 ** (np.arange(6) / 6)
    tones = np.sin(2 * np.pi * time[:, None] * pitches) * np.exp(-4 * (time[:, None] % 0.5))
    noise = rng.normal(0, 0.02, tones.shape)
    soundfile.write(folder / "source.wav", 0.3 * tones + noise, 48_000)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Compare what is heard with ffmpeg.")
    parser.add_argument("--also", type=Path, help="folder whose files are compared too")
    parser.add_argument("--only", default="", help="word in the codecs that are made")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of the files")
    parser.add_argument("--repetitions", type=int, default=3, help="runs per time; 0 for none")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the tables")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source(folder, options.seconds)
        rows = list(lengths(folder, options.only, options.also))
        wrong = [row for row in rows if not row.right]
        warned = [row for row in rows if row.warnings and row.channels]
        print(f"{len(rows)} files, {len(wrong)} not as long as by ffmpeg, {len(warned)} of the "
              f"{sum(row.channels > 0 for row in rows)} clean ones with a warning")  # fmt: skip
        for row in [*wrong, *warned]:
            print(row)
        write([vars(row) for row in rows], options.out / "decode.csv")
        if options.repetitions:
            source(folder, 10 * options.seconds)
            times = list(speed(folder, options.only, options.repetitions))
            write(times, options.out / "decode_speed.csv")
            for line in times:
                print("{:<16}{:<14}{:>8} {:>8}".format(*line.values()))


if __name__ == "__main__":
    main()
