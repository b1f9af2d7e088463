"""Measure the fingerprint: what it finds of disturbed copies, and what it takes for a copy.

    python benchmarks/fingerprint.py --data FOLDER [--renders FOLDER]

``--data`` holds the datasets musemo and emotify. Of every second clip, copies are made: 5 s from
its middle, or its second two thirds, then disturbed. A copy is found if it matches its clip. False
alarms are counted over all pairs of distinct recordings. Repeats are named in ``REPEATS``; five of
them the fingerprint itself found, so "repeats found" is no recall for these: four of Emotify, whose
waveforms correlate by .92 to .98, and one of metal (-.36). ``--renders`` is a folder with renders
of MIDI files, ``<dataset>/<soundfont>/*``: pairs of one soundfont and different pieces are counted.
The limits for short overlaps were chosen on these very renders, so their false alarms say that the
limits fit, not what to expect elsewhere. A piece is a VGMIDI file or an EMOPIA song. Without
ffmpeg there are no coded copies. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

import os

# One thread everywhere; must be said before numpy is loaded.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import shutil
import subprocess
from collections.abc import Callable
from math import comb, sqrt
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy.fft

from hevner.audio.decode import SAMPLE_RATE, from_array, open_audio
from hevner.encoders.fingerprint import (
    BITS,
    CARD,
    ERROR_RATE,
    MINIMUM_S,
    SHORT_ERROR_RATE,
    Words,
    fingerprint,
    matches,
)
from hevner.lab.metrics.report import Row, write

RESULTS = Path(__file__).with_name("results") / "fingerprint.csv"

REPEATS = {
    *(frozenset({f"musemo/out_jazz.{a:05d}", f"musemo/out_jazz.{b:05d}"})
      for a, b in ((33, 51), (35, 55), (36, 58), (37, 60), (42, 68), (45, 71))),
    *(frozenset({f"musemo/out_{name}", f"musemo/out_{name} - Kopia"})
      for name in ("blues.00032", "classical.00001", "jazz.00002")),
    frozenset({"musemo/out_metal.00004", "musemo/out_metal.00013"}),
    *(frozenset({f"emotify/{a:03d}", f"emotify/{b:03d}"})
      for a, b in ((54, 80), (163, 166), (170, 176), (359, 366))),
}  # fmt: skip
SAME_PERFORMANCE = {
    frozenset({"TNoaOTrTkTQ", "bIx4DwkZxFY"}),
    frozenset({"FoTXpYZXxJs", "Ie5koh4qvJc"}),
    frozenset({"Ie5koh4qvJc", "jO2zX6Ul8GM"}),
}
"""EMOPIA songs that share a performance; its notes agree in 90 to 98 % at the same offset."""

PAIRS = 10_000
"""Random pairs whose lowest error rate is looked at."""

Sound = np.ndarray


def noisy(sound: Sound, rng: np.random.Generator) -> Sound:
    """White noise, 20 dB below the sound."""
    noise = rng.normal(size=len(sound)) * np.sqrt(np.mean(sound**2)) / 10
    return (sound + noise).astype(np.float32)


def equalised(sound: Sound, rng: np.random.Generator) -> Sound:
    """Gains that swing by 6 dB up and down over frequency."""
    spectrum = np.fft.rfft(sound)
    octave = np.log2(np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE) / 100 + 1e-3)
    gain = 10 ** (6 * np.sin(1.3 * octave + rng.uniform(0, 2 * np.pi)) / 20)
    return np.fft.irfft(spectrum * gain, len(sound)).astype(np.float32)


def softer(sound: Sound, rng: np.random.Generator) -> Sound:
    """20 dB less."""
    return sound / 10


def coded(codec: str, rate: int, bits: str) -> Callable[[Sound, np.random.Generator], Sound]:
    """Through a lossy codec at another sample rate."""

    def code(sound: Sound, rng: np.random.Generator) -> Sound:
        raw = ["-f", "f32le", "-ac", "1"]
        encode = ["ffmpeg", "-loglevel", "error", *raw, "-ar", str(SAMPLE_RATE), "-i", "-",
                  "-ar", str(rate), "-b:a", bits, "-f", codec, "-"]  # fmt: skip
        done = subprocess.run(encode, input=sound.tobytes(), capture_output=True, check=True)
        decode = ["ffmpeg", "-loglevel", "error", "-i", "-", *raw, "-ar", str(SAMPLE_RATE), "-"]
        back = subprocess.run(decode, input=done.stdout, capture_output=True, check=True)
        return np.frombuffer(back.stdout, np.float32)

    return code


CODED: dict[str, Callable[[Sound, np.random.Generator], Sound]] = {
    "mp3 64 kbit/s 44.1 kHz": coded("mp3", 44_100, "64k"),
    "ogg vorbis 48 kbit/s 22.05 kHz": coded("ogg", 22_050, "48k"),
    "opus 32 kbit/s": coded("opus", 48_000, "32k"),
}
DISTURBANCES: dict[str, Callable[[Sound, np.random.Generator], Sound]] = {
    "cut only": lambda sound, rng: sound,
    "20 dB softer": softer,
    **(CODED if shutil.which("ffmpeg") else {}),
    "equaliser +-6 dB": equalised,
    "noise 20 dB below": noisy,
}


def cuts(sound: Sound, rng: np.random.Generator) -> dict[str, Sound]:
    """Parts of a clip that do not begin where a word does."""
    begin = (len(sound) - round(5.1 * SAMPLE_RATE)) // 2 + int(rng.integers(0, 512))
    return {
        "5.1 s of the middle": sound[begin : begin + round(5.1 * SAMPLE_RATE)],
        "second two thirds": sound[len(sound) // 3 + int(rng.integers(0, 512)) :],
    }


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not n:
        return 0.0, 1.0
    z = 1.96
    middle, half = hits + z * z / 2, z * sqrt(hits * (n - hits) / n + z * z / 4)
    return max(0.0, (middle - half) / (n + z * z)), min(1.0, (middle + half) / (n + z * z))


def row(what: str, detail: str, hits: int, n: int, rates: list[float]) -> Row:
    """A line of the results, printed too."""
    low, high = wilson(hits, n)
    rate = float(np.quantile(rates, 0.95)) if rates else float("nan")
    print(f"{what}, {detail}: {hits} of {n} ({low:.2e} to {high:.2e}), error rate {rate:.3f}")
    ends = {"low": f"{low:.6f}", "high": f"{high:.6f}", "error_rate_p95": f"{rate:.4f}"}
    return {"what": what, "detail": detail, "hits": hits, "n": n} | ends


def recall(clips: dict[str, Sound], prints: dict[str, Words]) -> list[Row]:
    """Share of disturbed copies that are found, for each cut and disturbance."""
    rows = []
    for cut in ("5.1 s of the middle", "second two thirds"):
        for name, disturb in DISTURBANCES.items():
            rng = np.random.default_rng(0)
            copies = {}
            for clip, sound in [*clips.items()][::2]:
                part = cuts(sound, rng)[cut]
                if len(part) >= MINIMUM_S * SAMPLE_RATE:
                    changed = from_array(disturb(part, rng), SAMPLE_RATE)
                    copies[f"copy/{clip}"] = fingerprint(changed)
            found = {
                match.second: match.error_rate
                for match in matches({**prints, **copies})
                if match.second == f"copy/{match.first}"
            }
            rows.append(row(f"recall, {cut}", name, len(found), len(copies), [*found.values()]))
    return rows


def chance(prints: dict[str, Words], pairs: int) -> list[Row]:
    """Random pairs whose lowest error rate over all alignments of at least 5 s would match."""
    rng = np.random.default_rng(1)
    names = list(prints)
    bits = {name: signs(prints[name]) for name in names}
    rates: list[float] = []
    while len(rates) < pairs:
        first, second = (names[i] for i in rng.choice(len(names), 2, replace=False))
        if frozenset({first, second}) not in REPEATS:
            rates.append(lowest_rate(bits[first], bits[second]))
    print(f"random pairs, lowest: {min(rates):.3f}, 1 %: {np.quantile(rates, 0.01):.3f}")
    return [
        row("random pairs, all alignments", f"below {limit:.2f}", hits, pairs, [])
        for limit in (SHORT_ERROR_RATE, ERROR_RATE, 0.38, 0.40, 0.42, 0.44)
        for hits in [sum(rate < limit for rate in rates)]
    ]


def signs(words: Words) -> np.ndarray:
    """Bits as -1 and 1, silence as 0, shape ``(n, 32)``."""
    bits = np.unpackbits(words[:, None].view(np.uint8), axis=1)
    return np.where(words[:, None] == 0, 0, 2.0 * bits - 1).astype(np.float32)


def lowest_rate(first: np.ndarray, second: np.ndarray) -> float:
    """Over all alignments, by correlation of the bits."""
    n = scipy.fft.next_fast_len(len(first) + len(second), real=True)
    a, b = (scipy.fft.rfft(x, n, axis=0) for x in (first, second))
    agreement = scipy.fft.irfft((a * b.conj()).sum(axis=1), n)
    spectra = [scipy.fft.rfft(np.abs(x[:, 0]), n) for x in (first, second)]
    overlap = np.round(scipy.fft.irfft(spectra[0] * spectra[1].conj(), n))
    edge = CARD.window_samples - CARD.hop_samples
    enough = overlap * CARD.hop_samples + edge >= MINIMUM_S * SAMPLE_RATE
    rates = 0.5 - agreement[enough] / (2 * BITS * overlap[enough])
    return float(rates.min()) if enough.any() else 1.0


def alarms(prints: dict[str, Words]) -> list[Row]:
    """Pairs of recordings that are taken for the same."""
    started = perf_counter()
    found = matches(prints)
    took = perf_counter() - started
    true = {frozenset({m.first, m.second}) for m in found} & REPEATS
    false = [m for m in found if frozenset({m.first, m.second}) not in REPEATS]
    there = {pair for pair in REPEATS if all(name in prints for name in pair)}
    for match in false:
        print("false alarm:", match)
    words = sum(map(len, prints.values()))
    print(f"{len(prints)} clips, {words} words: all pairs in {took:.1f} s")
    known = [m.error_rate for m in found if frozenset({m.first, m.second}) in REPEATS]
    pairs = comb(len(prints), 2) - len(there)
    return [
        row("repeats found", "MusEmo and Emotify", len(true), len(there), known),
        row("false alarms", "MusEmo and Emotify", len(false), pairs, []),
    ]


def render_alarms(folder: Path) -> list[Row]:
    """Pairs of different pieces played by one soundfont that are taken for the same."""
    rows = []
    for soundfont in sorted({path.name for path in folder.glob("*/*") if path.is_dir()}):
        files = sorted(folder.glob(f"*/{soundfont}/*.flac"))
        prints = {f"{f.parent.parent.name}/{f.stem}": fingerprint(f) for f in files}
        started = perf_counter()
        found = matches(prints)
        took = perf_counter() - started
        words = sum(map(len, prints.values()))
        print(f"{soundfont}: {len(prints)} renders, {words} words: all pairs in {took:.1f} s")
        counts = {name: piece(name) for name in prints}
        sizes = np.unique(list(counts.values()), return_counts=True)[1]
        pairs = comb(len(prints), 2) - sum(comb(int(size), 2) for size in sizes)
        apart = [m for m in found if piece(m.first) != piece(m.second)]
        true = [
            m for m in apart if frozenset({piece(m.first), piece(m.second)}) in SAME_PERFORMANCE
        ]
        for match in apart:
            print("shared performance:" if match in true else "false alarm:", match)
        detail = f"renders with {soundfont}"
        rows.append(row("false alarms", detail, len(apart) - len(true), pairs, []))
    return rows


def piece(name: str) -> str:
    """The EMOPIA song or VGMIDI piece of a render."""
    dataset, stem = name.split("/", 1)
    return stem.split("_", 1)[1].rsplit("_", 1)[0] if dataset == "emopia" else stem


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure the fingerprint.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--renders", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    clips = {
        f"{dataset}/{file.stem}": np.concatenate(list(open_audio(file).blocks))
        for dataset in ("musemo", "emotify")
        for file in sorted((options.data / dataset / "audio").iterdir())
    }
    prints = {name: fingerprint(from_array(sound, SAMPLE_RATE)) for name, sound in clips.items()}
    rows = alarms(prints)
    rows += chance(prints, PAIRS)
    if options.renders:
        rows += render_alarms(options.renders)
    rows += recall(clips, prints)
    write(rows, options.out)


if __name__ == "__main__":
    main()
