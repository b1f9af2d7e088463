"""Measure key and mode: on rendered music of known mode, and on recordings with a labelled key.

    python benchmarks/key.py FOLDER [--musemo DIR --labels CSV] [--essentia-python ENV/bin/python]
    python benchmarks/key.py ... --systems hevner

Rows of the table that a run does not measure are kept.

The rendered pieces are of this script alone: written loops of chords in seven modes, in textures,
programs and a soundfont that the estimator was not trained on (`hevner.lab.music.composer`), and
sound without a key. FOLDER keeps them. Beside hevner, librosa's chroma is matched with
Krumhansl's profiles, and Essentia's KeyExtractor with several. ``--musemo`` is the folder of
MusEmo, ``--labels`` a CSV with the columns song and key for the songs of GTZAN it was cut from;
there hevner's profile for cuts is fitted to other songs (`key_cuts.py`). Intervals are 95 %
bootstrap intervals over pieces.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import key_cuts
import librosa
import mir_eval
import music_essentia
import numpy as np
import soundfile
from harmony import analyse_file, interval

from hevner.lab.music import render
from hevner.music import chord_labels
from hevner.music.key import KRUMHANSL, profile_correlations
from hevner.output.spreadsheet import csv_text

RESULTS = Path(__file__).parent / "results" / "key.csv"
SOUNDFONT = "MuseScore_General_Full"
RATE = 44_100
OWN = ("hevner", "librosa")
SETS = ("modes", "simple loops", "simple loops, cut anywhere", "no key", "musemo")

# Degrees of the scale, counted from 0; triads stand on them. "|" ends a loop that stops unresolved.
MODES: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "ionian": ((0, 2, 4, 5, 7, 9, 11), ("0 5 3 4", "0 3", "0 4 5 3|", "0 2 3 4", "0 3 1 4")),
    "dorian": ((0, 2, 3, 5, 7, 9, 10), ("0 3", "0 6 3 0", "0 1|", "0 2 6 3", "0 4 3 3|")),
    "phrygian": ((0, 1, 3, 5, 7, 8, 10), ("0 1", "0 1 2 1", "0 6 1 0|", "0 3 1 1", "0 1 5 6|")),
    "lydian": ((0, 2, 4, 6, 7, 9, 11), ("0 1", "0 1 4 1|", "0 6 1 0", "0 5 1 1", "0 1 2 1|")),
    "mixolydian": ((0, 2, 4, 5, 7, 9, 10), ("0 6 3 0", "0 6", "0 4 3 6|", "0 3 6 3", "0 6 3 3|")),
    "aeolian": ((0, 2, 3, 5, 7, 8, 10), ("0 5 2 6", "0 6 5 6|", "0 3 4 0", "0 5", "0 2 6 3|")),
    "harmonic minor": (
        (0, 2, 3, 5, 7, 8, 11), ("0 3 4 0", "0 4", "0 5 3 4|", "0 1 4 0", "0 3 0 4")),
}  # fmt: skip
TEXTURES = ("chords", "band", "arpeggio", "drone", "melody")
#: Piano, organ, nylon guitar, strings, flute, trumpet, electric piano, choir.
PROGRAMS = (0, 19, 24, 48, 73, 56, 4, 52)


@dataclass(frozen=True)
class Case:
    """A sound file, its key or None for sound without one, its mode, whether it ends at home."""

    path: Path
    key: str | None
    mode: str | None = None
    resolved: bool = False


def pieces(per_mode: int) -> list[tuple[str, int, int, str, str]]:
    """Mode, tonic, program, loop and texture of every piece, spread evenly."""
    found = []
    for place, (mode, (_, loops)) in enumerate(MODES.items()):
        for k in range(per_mode):
            tonic = (5 * k + 3 * place) % 12
            program = PROGRAMS[(k + place) % len(PROGRAMS)]
            found.append((mode, tonic, program, loops[k % len(loops)], TEXTURES[k // 2 % 5]))
    return found


def compose(
    mode: str, tonic: int, program: int, loop: str, texture: str, rng: np.random.Generator
) -> tuple[list[render.Instrument], float]:
    """Instruments and length of a piece of about 12 to 25 seconds."""
    scale = MODES[mode][0]
    beat = 60 / float(rng.choice([84, 96, 108, 126]))
    degrees = [int(d) for d in loop.rstrip("|").split()]
    bars = degrees * int(max(8 // len(degrees), 1))
    if not loop.endswith("|"):
        bars.append(0)
    length = 4 * beat * len(bars)

    def pitch(step: int, octave: int) -> int:
        return tonic + 12 * octave + 12 * (step // 7) + scale[step % 7]

    chords, bass, melody = [], [], []
    for k, degree in enumerate(bars):
        start, end = 4 * beat * k, 4 * beat * (k + 1)
        triad = [pitch(degree + step, 5 if degree < 4 else 4) for step in (0, 2, 4)]
        if texture == "arpeggio":
            for n in range(8):
                at = start + n * beat / 2
                chords.append((at, at + beat / 2, [*triad, triad[1]][n % 4], 75))
        else:
            chords += [(start, end - 0.05, p, 70) for p in triad]
        if texture == "drone":
            bass.append((start, end, pitch(0, 3), 80))
        else:
            step = 2 * beat if texture == "band" else 4 * beat
            bass += [
                (t, t + step, pitch(degree, 3), 85) for t in np.arange(start, end - 0.01, step)
            ]
        last = k == len(bars) - 1
        steps = [0] if last else [degree, degree + int(rng.integers(1, 4)), degree + 2, degree + 4]
        if texture in (
            "drone",
            "melody",
        ):  # the scale itself, up or down from the tonic or the fifth
            first = int(rng.choice([0, 4, 7]))
            way = int(rng.choice([-1, 1]))
            steps = [0 if last else 7] if last else [first + way * n for n in range(8)]
        for n, step in enumerate(steps):
            span = (end - start) / len(steps)
            melody.append((start + n * span, start + (n + 0.9) * span, pitch(step, 6), 90))
    parts = {"chords": chords, "bass": bass, "melody": melody}
    if texture in ("drone", "melody"):
        parts.pop("chords")
    if texture == "chords":
        parts.pop("melody")
    instruments = [
        render.Instrument(role, program, np.array(rows, np.float64)) for role, rows in parts.items()
    ]
    if texture == "band":
        hits = [(beat * n / 2, beat * n / 2 + 0.1, p, 85)
                for n in range(int(2 * length / beat)) for p in ((42,), (42, 38), (42, 36))[
                    0 if n % 2 else 1 if n % 4 == 2 else 2]]  # fmt: skip
        instruments.append(render.Instrument("drums", 0, np.array(hits, np.float64)))
    return instruments, length + 1.5


def write(path: Path, sound: np.ndarray, peak: float = 0.7) -> None:
    """Write a sound with a peak."""
    soundfile.write(path, peak * sound / (np.abs(sound).max() + 1e-9), RATE)


def label(tonic: int, mode: str) -> str:
    """Name of the key of a tonic and a mode, by its third."""
    return chord_labels.key_label(tonic + 12 * (4 not in MODES[mode][0]))


def write_modal(folder: Path, per_mode: int) -> list[Case]:
    """Render the modal pieces."""
    cases = []
    for number, (mode, tonic, program, loop, texture) in enumerate(pieces(per_mode)):
        path = folder / f"{number:03d}-{mode}-{texture}-{program}.flac".replace(" ", "_")
        if not path.exists():
            rng = np.random.default_rng([7, number])
            parts, length = compose(mode, tonic, program, loop, texture, rng)
            write(path, render.render(parts, length, SOUNDFONT, rate=RATE))
        cases.append(Case(path, label(tonic, mode), mode, not loop.endswith("|")))
    return cases


#: Two loops of each mode that show its characteristic chord, as a lesson on modes plays them.
SIMPLE = {
    "ionian": ("0 3 4 0", "0 5 3 4"), "dorian": ("0 3 0 3", "0 6 3 0"),
    "phrygian": ("0 1 0 1", "0 1 2 1"), "lydian": ("0 1 0 1", "0 1 6 0"),
    "mixolydian": ("0 6 3 0", "0 6 0 6"), "aeolian": ("0 5 6 0", "0 5 2 6"),
    "harmonic minor": ("0 3 4 0", "0 5 4 0"),
}  # fmt: skip
BAR_S = 1.5
LOOPS = 16
"""Of each mode, at home and cut anywhere."""


def write_simple(folder: Path) -> dict[str, list[Case]]:
    """Loops of four triads over their roots, with the scale above, in four programs and tonics.

    Those at home begin and end with the tonic's chord; of the others 12 s are cut out anywhere.
    """
    found: dict[str, list[Case]] = {"simple loops": [], "simple loops, cut anywhere": []}
    for place, (mode, loops) in enumerate(SIMPLE.items()):
        for number in range(LOOPS):
            tonic, program = (3 * (number // 4) + place) % 12, PROGRAMS[number % 4]
            bars = [int(d) for d in loops[(number + number // 4) % 2].split()]
            for name, cases in found.items():
                cut = "cut" in name
                path = folder / f"{name}-{mode}-{number:02d}.flac".replace(" ", "_")
                if not path.exists():
                    sound = simple(mode, tonic, program, bars * 4 if cut else [*bars, *bars, 0])
                    first = int(np.random.default_rng([9, place, number]).uniform(1, 11) * RATE)
                    write(path, sound[first : first + 12 * RATE] if cut else sound)
                cases.append(Case(path, label(tonic, mode), mode, not cut))
    return found


def simple(mode: str, tonic: int, program: int, bars: list[int]) -> np.ndarray:
    """Sound of triads on degrees of a mode, their roots an octave and more below, and a scale."""
    scale, rows = MODES[mode][0], []
    for bar, degree in enumerate(bars):
        start, last = bar * BAR_S, bar == len(bars) - 1
        steps = [(degree + k, 60, 0.0, BAR_S, 70) for k in (0, 2, 4)]
        steps.append((degree, 36, 0.0, BAR_S, 80))
        line = [0] if last else [(4 * bar + k) % 8 for k in range(4)]
        span = BAR_S / len(line)
        steps += [(step, 72, k * span, span, 85) for k, step in enumerate(line)]
        for step, base, at, length, velocity in steps:
            pitch = base + tonic + 12 * (step // 7) + scale[step % 7]
            rows.append((start + at, start + at + 0.95 * length, pitch, velocity))
    part = render.Instrument("chords", program, np.array(rows, np.float64))
    return render.render([part], len(bars) * BAR_S + 0.5, SOUNDFONT, rate=RATE)


KINDS = ("drums", "noise", "tone", "hum", "clicks", "sweep")


def write_keyless(folder: Path, count: int) -> list[Case]:
    """Drums, noise, tones, hums, clicks and sweeps in turn."""
    cases = []
    for number in range(count):
        path = folder / f"none-{number:02d}-{KINDS[number % len(KINDS)]}.flac"
        if not path.exists():
            write(path, keyless(KINDS[number % len(KINDS)], number), 0.5)
        cases.append(Case(path, None))
    return cases


def keyless(kind: str, number: int) -> np.ndarray:
    """15 seconds of sound without a key."""
    time = np.arange(15 * RATE) / RATE
    rng = np.random.default_rng([8, number])
    low = float(60 * 2 ** rng.uniform(0, 5))
    match kind:
        case "drums":
            starts = np.arange(0, 14, float(rng.uniform(0.15, 0.4)))
            drums = [35, 38, 42, 46, 41, 45, 56]
            hits = [(start, start + 0.1, int(rng.choice(drums)), 90) for start in starts]
            part = render.Instrument("drums", int(rng.choice([0, 16, 40])), np.array(hits))
            return render.render([part], 15, SOUNDFONT, rate=RATE)
        case "noise":
            return np.convolve(rng.standard_normal(len(time)), np.ones(1 + number), "same")
        case "tone":
            return np.sin(2 * np.pi * low * time)
        case "hum":
            base, parts = float(rng.choice([50, 60])), np.arange(1, 2 + number // 3)
            return (np.sin(2 * np.pi * base * parts[:, None] * time) / parts[:, None]).sum(axis=0)
        case "clicks":
            return (np.arange(len(time)) % int(RATE * rng.uniform(0.1, 0.6)) < 40) * 1.0
        case _:
            return np.sin(2 * np.pi * low * np.cumsum(1 + time / 10) / RATE)


def recordings(musemo: Path, labels: Path) -> list[Case]:
    """Cuts of MusEmo whose song has a key."""
    with labels.open(newline="") as file:
        keys = {row["song"]: row["key"] for row in csv.DictReader(file) if row["key"]}
    paths = {path.stem.removeprefix("out_"): path for path in sorted(musemo.rglob("out_*"))}
    return [Case(path, keys[song]) for song, path in paths.items() if song in keys]


Found = tuple[str | None, str | None, float]
"""Key, mode and confidence that a system tells."""


def by_hevner(path: Path) -> Found:
    """What hevner says."""
    key = analyse_file(path).key
    return (key.label, key.mode, key.confidence) if key else (None, None, 0.0)


def out_of_fold(cases: list[Case]) -> Callable[[Path], Found]:
    """What hevner says of cuts, with a profile that was fitted to others."""
    told = key_cuts.out_of_fold(*key_cuts.load({c.path: str(c.key) for c in cases}), seed=0)
    found = {case.path: key for case, key in zip(cases, told, strict=True)}
    return lambda path: (found[path].label, found[path].mode, found[path].confidence)


def by_librosa(path: Path) -> Found:
    """The best of Krumhansl's profiles on librosa's mean chroma."""
    sound, rate = librosa.load(path, sr=22_050)
    chroma = librosa.feature.chroma_cqt(y=sound, sr=rate).mean(axis=1)
    return chord_labels.key_label(int(profile_correlations(chroma, KRUMHANSL).argmax())), None, 0.0


def by_essentia(python: Path, cases: list[Case]) -> dict[str, Callable[[Path], Found]]:
    """A function for each of Essentia's profiles."""
    found = music_essentia.ask(python, [case.path for case in cases])
    names = next(iter(found.values()))["keys"]
    return {
        f"essentia {name}": lambda path, name=name: (found[str(path)]["keys"][name], None, 0.0)
        for name in names
    }


def right(case: Case, found: Found) -> bool:
    """Whether tonic and third are right, however the tonic is spelled."""
    if case.key is None or found[0] is None:
        return case.key == found[0]
    return chord_labels.parse_key(case.key) == chord_labels.parse_key(found[0])


def weighted(key: str | None, found: str | None, *, below: bool = True) -> float:
    """MIREX's weighted score; a fifth below counts as a fifth above if ``below``."""
    if key is None or found is None:
        return 0.0
    score = float(mir_eval.key.weighted_score(key, found))
    fifth = below and mir_eval.key.weighted_score(found, key) == 0.5
    return max(score, 0.5 if fifth else 0.0)


def scores(cases: list[Case], found: list[Found]) -> dict[str, np.ndarray]:
    """Scores 0..1 of every case, by name."""
    pairs = list(zip(cases, found, strict=True))
    keyed = [(c, f) for c, f in pairs if c.key is not None]
    values: dict[str, list[float]] = {
        "right": [right(c, f) for c, f in keyed],
        "weighted": [weighted(c.key, f[0]) for c, f in keyed],
        "weighted, fifths above only": [weighted(c.key, f[0], below=False) for c, f in keyed],
        "no key told": [f[0] is None for c, f in pairs if c.key is None],
    }
    modal = [(c, f) for c, f in keyed if c.mode]
    if any(f[1] for _, f in keyed):
        both = [f[1] == c.mode and right(c, f) for c, f in modal]
        values["mode told"] = [f[1] is not None for _, f in modal]
        values["mode right"] = both
        values["mode right, where told"] = [
            b for b, (_, f) in zip(both, modal, strict=True) if f[1]
        ]
    for resolved in (True, False):
        name = "ends on the tonic" if resolved else "stops midway"
        values[f"right, {name}"] = [right(c, f) for c, f in modal if c.resolved == resolved]
    for mode in MODES:
        values[f"right, {mode}"] = [right(c, f) for c, f in keyed if c.mode == mode]
    for low, high in pairwise((0, 0.5, 0.7, 0.9, 0.97, 1.01)):
        chosen = [(c, f) for c, f in keyed if low <= f[2] < high and f[2] > 0]
        name = f"{low:g} <= confidence < {min(high, 1):g}"
        values[f"right, {name}"] = [right(c, f) for c, f in chosen]
        values[f"confidence, {name}"] = [f[2] for _, f in chosen]
    return {name: np.array(rows, float) for name, rows in values.items() if rows}


def main() -> None:
    """Measure every system on every set and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="Keeps the rendered pieces.")
    parser.add_argument("--per-mode", type=int, default=40, help="Rendered pieces of each mode.")
    parser.add_argument("--keyless", type=int, default=30, help="Pieces without a key.")
    parser.add_argument("--out", type=Path, default=RESULTS, help="The table.")
    parser.add_argument("--musemo", type=Path, help="Folder of MusEmo.")
    parser.add_argument("--labels", type=Path, help="Keys of the songs of GTZAN.")
    parser.add_argument("--systems", nargs="+", choices=OWN, default=OWN, help="Systems measured.")
    parser.add_argument("--essentia-python", type=Path, help="A Python that has Essentia.")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sets = {"modes": write_modal(options.folder, options.per_mode)}
    sets |= write_simple(options.folder)
    sets["no key"] = write_keyless(options.folder, options.keyless)
    if options.musemo and options.labels:
        sets["musemo"] = recordings(options.musemo, options.labels)
    rows: list[list[object]] = []
    for name, cases in sets.items():
        ours = out_of_fold(cases) if name == "musemo" else by_hevner
        systems: dict[str, Callable[[Path], Found]] = {"hevner": ours, "librosa": by_librosa}
        systems = {system: systems[system] for system in options.systems}
        if options.essentia_python:
            systems |= by_essentia(options.essentia_python, cases)
        for system, tell in systems.items():
            found = [tell(case.path) for case in cases]
            for score, values in scores(cases, found).items():
                mean, low, high = interval(values)
                row = [name, system, score, f"{mean:.4f}", f"{low:.4f}", f"{high:.4f}", len(values)]
                rows.append(row)
                print(*row, sep="\t")
    measured = {tuple(row[:2]) for row in rows}
    if options.out.exists():
        with options.out.open(newline="") as file:
            rows += [row for row in list(csv.reader(file))[1:] if tuple(row[:2]) not in measured]
    rows.sort(key=lambda row: (SETS.index(str(row[0])), str(row[1])))
    columns = ("set", "system", "score", "mean", "low", "high", "n")
    options.out.write_text(csv_text(columns, rows), "utf-8", newline="")


if __name__ == "__main__":
    main()
