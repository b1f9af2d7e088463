"""Decode thousands of damaged files, and see that each is heard or refused with a cause.

    python benchmarks/fuzz.py [--count N] [--first I] [--whole K] [--keep DIR]

File ``I`` is always the same: its format, its damage and the places of the damage follow from its
number. Files are decoded in child processes with limits of memory and time; every ``K``-th goes
through the whole of ``hevner analyze``, where a dying decoder is an error of its file and counts as
one here. The table counts what came of each kind of damage:

heard, warned
    Decoded, without and with a sentence on what was unusual.
refused
    An error with a code and a cause.
crash, hang, traceback
    The process died, needed more than `SECONDS`, or an error came that nobody raised on purpose.
believed
    Bytes that are no audio at all were heard.
"""

from __future__ import annotations

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests, which are not installed

from hevner.output.spreadsheet import csv_text
from tests.audio.encoded import CODECS, encoded
from tests.sounds import music

RESULTS = Path(__file__).with_name("results") / "fuzz.csv"
FORMATS = (*CODECS, "vorbis", "wav", "aiff", "caf", "au", "w64", "rf64")
SECONDS, MEMORY = 20, 3 * 2**30
BATCH = 200
BAD = ("crash", "hang", "traceback", "believed")
OUTCOMES = ("heard", "warned", "refused", *BAD)

Random = np.random.Generator
Damage = Callable[[bytes, Random], bytes]


@cache
def sound(codec: str, variant: int) -> bytes:
    """A clean file of about a second."""
    rate, channels = ((48_000, 2), (16_000, 1), (44_100, 2))[variant]
    if codec in ("opus", "webm", "ac3"):
        rate = 48_000
    options = {"movflags": "+faststart"} if variant == 1 and codec in ("m4a", "alac") else {}
    return encoded(music(1.0, rate, channels), rate, codec, options)


def some_sound(rng: Random) -> bytes:
    """A clean file of any format."""
    return sound(str(rng.choice(FORMATS)), int(rng.integers(3)))


def place(content: bytes, rng: Random) -> int:
    """Any place in a file."""
    return int(rng.integers(len(content) + 1))


def flip(content: bytes, rng: Random) -> bytes:
    """Some bits are turned over."""
    data = np.frombuffer(content, np.uint8).copy()
    for at in rng.integers(len(data), size=rng.integers(1, 60)):
        data[at] ^= 1 << rng.integers(8)
    return data.tobytes()


def header(content: bytes, rng: Random) -> bytes:
    """Some of the first bytes are random."""
    data = bytearray(content)
    for at in rng.integers(min(len(data), 400), size=rng.integers(1, 9)):
        data[at] = rng.integers(256)
    return bytes(data)


def size(content: bytes, rng: Random) -> bytes:
    """A number in the header is as small or large as can be."""
    at, width = int(rng.integers(min(len(content), 300))), int(rng.choice([2, 4, 8]))
    number = int(rng.choice([0, 1, 2, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1]))
    order = "big" if rng.integers(2) else "little"
    return content[:at] + (number % 256**width).to_bytes(width, order) + content[at + width :]


def cut(content: bytes, rng: Random) -> bytes:
    """The end is missing."""
    return content[: place(content, rng)]


def behead(content: bytes, rng: Random) -> bytes:
    """The begin is missing."""
    return content[place(content, rng) :]


def join(content: bytes, rng: Random) -> bytes:
    """Another file, or its end, follows."""
    other = some_sound(rng)
    return content[: place(content, rng)] + other[place(other, rng) if rng.integers(2) else 0 :]


def junk(content: bytes, rng: Random) -> bytes:
    """Random bytes lie inside."""
    at = place(content, rng)
    return content[:at] + rng.bytes(int(rng.integers(1, 70_000))) + content[at:]


def hole(content: bytes, rng: Random) -> bytes:
    """A part is zero, or missing."""
    start, end = sorted((place(content, rng), place(content, rng)))
    return content[:start] + bytes(end - start if rng.integers(2) else 0) + content[end:]


def exchange(content: bytes, rng: Random) -> bytes:
    """Two parts have changed places."""
    a, b, c = sorted(place(content, rng) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def no_audio(content: bytes, rng: Random) -> bytes:
    """Texts, programs, archives, random bytes and headers of other kinds; no audio at all."""
    many = int(rng.integers(1, 300_000))
    texts = b"".join(path.read_bytes() for path in sorted(ROOT.glob("*.md")))
    program = Path(sys.executable).resolve().read_bytes()
    at = int(rng.integers(max(1, len(program) - many)))
    kinds = (
        rng.bytes(many),
        bytes(many),
        bytes([rng.integers(256)]) * many,
        rng.integers(0, 4, many, np.uint8).tobytes(),
        texts[int(rng.integers(len(texts))) :][:many],
        program[at : at + many],
        zlib.compress(texts[int(rng.integers(len(texts))) :]),
        b"ID3\x03\0\0\0\0\1\0" + rng.bytes(many),
        b"\x89PNG\r\n\x1a\n" + rng.bytes(many),
        b"%PDF-1.7\n" + rng.bytes(many),
        b"PK\x03\x04" + rng.bytes(many),
        b"ffconcat version 1.0\n" + b"file 1.bin\n" * (many // 100),
        b"#EXTM3U\n#EXTINF:9,\n1.bin\n",
        np.cumsum(rng.normal(size=many // 4)).astype(np.float32).tobytes(),
        json.dumps(rng.normal(size=many // 20).tolist()).encode(),
    )
    return kinds[rng.integers(len(kinds))]


DAMAGES: tuple[Damage, ...] = (
    flip, header, size, cut, behead, join, junk, hole, exchange, no_audio,
)  # fmt: skip


def made(number: int) -> tuple[str, str, bytes]:
    """Format, damage and content of a file."""
    rng = np.random.default_rng(number)
    codec = str(rng.choice(FORMATS))
    damage = DAMAGES[number % len(DAMAGES)]
    content = sound(codec, int(rng.integers(3)))
    for _ in range(rng.integers(1, 4) if damage is not no_audio else 1):
        content = damage(content, rng) or b"\0"
    return codec, damage.__name__, content


def child(whole: int, seconds: int) -> None:
    """Say what comes of the files whose paths are read, each in a line."""
    from hevner.analysis import Analyzer
    from hevner.audio import isolated
    from hevner.batch import analyze_one

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    analyzer = Analyzer(open_audio=isolated.open_audio)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        signal.alarm(seconds)
        if int(path.stem) % whole:
            outcome, told = decoded(path)
        else:
            found = analyze_one(path, analyzer)
            outcome, told = "refused", getattr(found, "code", "")
            if found.status != "failed":
                outcome = "warned" if found.warnings else "heard"
            elif found.code.startswith("decoder_"):
                outcome, told = "crash", found.cause
            elif found.code in ("unexpected", "out_of_memory"):
                outcome, told = "traceback", found.cause
        signal.alarm(0)
        print(json.dumps([path.name, outcome, told]), flush=True)


def decoded(path: Path) -> tuple[str, str]:
    """What comes of decoding a file."""
    from hevner.audio.decode import open_audio
    from hevner.errors import HevnerError

    try:
        audio = open_audio(path)
        for _ in audio.blocks:
            pass
    except HevnerError as error:
        return "refused", error.code
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "traceback", repr(error)
    return "warned" if audio.warnings else "heard", "; ".join(audio.warnings)


def outcomes(paths: list[Path], whole: int, seconds: int) -> Iterator[tuple[Path, str, str]]:
    """What comes of files, whatever becomes of the processes that read them."""
    options = ["--child", "--whole", str(whole), "--seconds", str(seconds)]
    while paths:
        done = subprocess.run(
            [sys.executable, __file__, *options],
            input="".join(f"{path}\n" for path in paths), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        for path, line in zip(paths, done.stdout.splitlines(), strict=False):
            name, outcome, told = json.loads(line)
            assert name == path.name
            yield path, outcome, told
        told_of = len(done.stdout.splitlines())
        if told_of < len(paths):
            ended = "hang" if done.returncode == -signal.SIGALRM else "crash"
            yield paths[told_of], ended, f"exit {done.returncode}"
        paths = paths[told_of + 1 :]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Decode damaged files.")
    parser.add_argument("--count", type=int, default=5_000, help="number of files")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--whole", type=int, default=11, help="analyse every so many of them")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="longest time for one file")
    parser.add_argument("--keep", type=Path, help="folder for files that came out badly")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the counts")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.whole, options.seconds)
        return
    counts: dict[str, Counter[str]] = {damage.__name__: Counter() for damage in DAMAGES}
    for first in range(options.first, options.first + options.count, BATCH):
        numbers = range(first, min(first + BATCH, options.first + options.count))
        with tempfile.TemporaryDirectory() as folder:
            files = {number: made(number) for number in numbers}
            for number, (_, _, content) in files.items():
                Path(folder, f"{number}.bin").write_bytes(content)
            paths = [Path(folder, f"{number}.bin") for number in numbers]
            for path, outcome, told in outcomes(paths, options.whole, options.seconds):
                codec, damage, _ = files[int(path.stem)]
                if damage == "no_audio" and outcome in ("heard", "warned"):
                    outcome = "believed"
                counts[damage][outcome] += 1
                counts[damage]["files"] += 1
                if outcome in BAD:
                    print(path.name, codec, damage, outcome, told, flush=True)
                    if options.keep:
                        shutil.copy(path, options.keep)
    report(counts, options.out)


def report(counts: dict[str, Counter[str]], out: Path) -> None:
    """Print and write the counts."""
    columns = ("files", *OUTCOMES)
    rows = [[damage, *(count[name] for name in columns)] for damage, count in counts.items()]
    for damage, *numbers in rows:
        print(f"{damage:<10}", *(f"{number:>6}" for number in numbers))
    out.write_text(csv_text(("damage", *columns), rows), "utf-8", newline="")


if __name__ == "__main__":
    main()
