"""Train and measure the classifier that tells music from other sounds.

    python benchmarks/sound_kind.py --sounds DIR --data DIR --vectors DIR --save

``--sounds`` is what `benchmarks/music_sounds.py` made, ``--data`` holds the labelled sets of
recordings. Pooled vectors of all windows are kept below ``--vectors`` (remove it if features have
changed). Scores go to ``benchmarks/results/sound_kind.csv``: whole sources are held out, one set of
recordings in each of the folds with a share of the other sources, all voices of one speaker or
synthesiser together. ``--save`` trains on everything and writes the classifier that ships.

Music has `MUSIC` of all weight, as a false alarm costs more than a miss; kinds of the rest count
the same, and sources by the square root of their windows. Penalty and thresholds were fixed
beforehand.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from music_sounds import PACKED
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hevner.audio.decode import open_audio
from hevner.blocks import BLOCKS, DIMENSION, vector_id
from hevner.defaults import DEFAULT_WINDOW_S, SOUND_KIND
from hevner.encoders.handcrafted import NAMES
from hevner.errors import HevnerError
from hevner.features import around, extract, pool
from hevner.lab.metrics.report import write
from hevner.model.sound_kind import DOUBTFUL, KINDS, LIMIT, NO_MUSIC, SoundKind, kind_of
from hevner.music import analyse

RESULTS = Path(__file__).with_name("results") / "sound_kind.csv"

SETS = ("musemo", "emotify", "film", "mirex", "quadrants4q", "musifeast")

CLASSES = {"effects": "noise", "ambience": "noise", "animals": "noise", "hum": "tones"}
"""Kinds of the classes of sounds that are not kinds themselves."""

FAMILIES = (
    "espeak",
    "asterisk-e",
    "hedgewars",
    "megaglest",
    "flare",
    "openarena",
    "sonic-pi",
    "lincity",
)
"""Beginnings of the names of sources that are held out together."""

LEVELS = ("level_db", "mfcc_0_mean")
WINDOWS = 6
"""Windows of a recording that are trained on, at most."""

MUSIC = 0.7
PENALTY = 0.03
CLIPS = 2000
"""Draws of a bootstrap."""

ENDINGS = (".ogg", ".wav", ".flac", ".mp3")


@dataclass
class Clip:
    """A sound: its kind, source, group for reports, windows ``(n, dim)``."""

    kind: str
    source: str
    group: str
    name: str
    windows: NDArray[np.float32]


def vectors(path: Path) -> dict[str, Any] | None:
    """Pooled vectors of the whole and of all windows that sound; None for silence."""
    features = extract(open_audio(path))
    if not features.sounding.any():
        return None
    harmony = analyse(features.spectrum, features.duration)
    windows = around(features, harmony, DEFAULT_WINDOW_S)
    whole = pool(features, harmony, 0.0, features.duration)
    return {"whole": whole, "windows": windows, "sounding": features.sounding}


def make_vectors(folder: Path, out: Path) -> None:
    """Make the vectors of all sounds of a folder that are not there yet."""
    for path in sorted(folder.rglob("*")):
        kept = out / path.relative_to(folder).with_suffix(".npz")
        if path.suffix not in ENDINGS or kept.exists():
            continue
        try:
            made = vectors(path)
        except HevnerError as error:
            print(f"{path}: {error}")
            continue
        if made is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez(kept, **made)


def clips(folder: Path, data: Path) -> Iterator[Clip]:
    """All sounds whose vectors are kept."""
    genres = _genres(data)
    for path in sorted(folder.rglob("*.npz")):
        first, *parts = path.relative_to(folder).parts
        with np.load(path) as kept:
            windows = kept["windows"][kept["sounding"]]
        if first == "sounds":
            group, source = parts[0], parts[1]
            plain = group.removesuffix("-worn")
            kind = "music" if plain.startswith("music") else CLASSES.get(plain, plain)
        else:
            kind, source, group = "music", first, genres.get((first, path.stem), first)
        yield Clip(kind, source, group, path.stem, windows)


def _genres(data: Path) -> dict[tuple[str, str], str]:
    """Genre of a recording by set and name, where the set tells."""
    found: dict[tuple[str, str], str] = {}
    for path in (data / "musemo").rglob("*.ogg"):
        found["musemo", path.stem] = path.stem.removeprefix("out_").split(".")[0]
    for row in _rows(data / "musifeast" / "ratings.csv"):
        found["musifeast", row["id"]] = row["GENRE"].lower()
    for row in _rows(data / "quadrants4q" / "songs.csv"):
        found["quadrants4q", row["id"]] = row["genres"].split(";")[0].lower()
    for path in (data / "emotify").rglob("*.ogg"):
        number = int("".join(filter(str.isdigit, path.stem)) or 0)
        names = ("classical", "rock", "electronic", "pop")
        found["emotify", path.stem] = names[min(max(number - 1, 0) // 100, 3)]
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def licence(source: str) -> str:
    """Terms of a source."""
    if source in SETS:
        return "research use; audio copyrighted"
    packages = [package for _, name, package, *_ in PACKED if name == source]
    return f"free: Debian main, {packages[0]}" if packages else "made by benchmarks/music_sounds.py"


def family(source: str) -> str:
    """Name of what is held out together."""
    return next((one for one in FAMILIES if source.startswith(one)), source)


def folds(all_clips: list[Clip]) -> NDArray[np.int64]:
    """Number of the fold of each clip."""
    random = np.random.default_rng(1)
    fold: dict[str, int] = {name: number for number, name in enumerate(SETS)}
    for kind in KINDS:
        families = sorted({family(c.source) for c in all_clips if c.kind == kind} - set(fold))
        start = random.integers(len(SETS))
        for place, one in enumerate(random.permutation(families)):
            fold[str(one)] = int(start + place) % len(SETS)
    return np.array([fold[family(clip.source)] for clip in all_clips])


def fit(train: list[Clip]) -> SoundKind:
    """Fit the classifier to clips."""
    kinds = list(KINDS)
    rows, labels, sources = [], [], []
    for clip in train:
        count = min(WINDOWS, len(clip.windows))
        chosen = np.unique(np.linspace(0, len(clip.windows) - 1, count).astype(int))
        rows.append(clip.windows[chosen])
        labels += [kinds.index(clip.kind)] * len(chosen)
        sources += [f"{clip.kind} {clip.source}"] * len(chosen)
    x, y, names = np.concatenate(rows).astype(np.float64), np.array(labels), np.array(sources)
    weight = np.zeros(len(y))
    for name in set(sources):
        mine = names == name
        weight[mine] = 1 / np.sqrt(mine.sum())
    for number in range(len(kinds)):
        share = MUSIC if number == 0 else (1 - MUSIC) / (len(kinds) - 1)
        weight[y == number] *= share * len(y) / weight[y == number].sum()
    mean = np.average(x, axis=0, weights=weight)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    spread[(spread < 1e-6) | left_out()] = 0
    used = spread > 0
    z = np.clip((x - mean) / np.where(used, spread, 1), -LIMIT, LIMIT) * used
    found = LogisticRegression(C=PENALTY * 1000 / len(y), max_iter=300)
    found.fit(z, y, sample_weight=weight)
    parts = (mean, spread, found.coef_.T, found.intercept_)
    return SoundKind({}, *(np.asarray(part, np.float32) for part in parts))


def left_out() -> NDArray[np.bool_]:
    """Numbers of a vector that tell the level."""
    result = np.zeros(DIMENSION, bool)
    start = 0
    for block in BLOCKS:
        if block.name == "handcrafted":
            result[start : start + block.width] = [name in LEVELS for name in NAMES]
        start += block.width
    return result


def held_out(every: list[Clip], fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of the kinds ``(n, kinds)`` by classifiers that were not trained on the fold."""
    shares = np.zeros((len(every), len(KINDS)))
    for number in range(len(SETS)):
        found = fit([c for c, f in zip(every, fold, strict=True) if f != number])
        for row in np.flatnonzero(fold == number):
            shares[row] = list(found.shares(every[row].windows).values())
    return shares


def interval(right: NDArray[np.float64]) -> tuple[float, float]:
    """Bootstrap interval of a mean."""
    random = np.random.default_rng(1)
    draws = right[random.integers(len(right), size=(CLIPS, len(right)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def report(all_clips: list[Clip], shares: NDArray[np.float64]) -> list[dict[str, object]]:
    """Rows of the table of results, from held-out shares ``(n, kinds)``."""
    kinds = np.array([clip.kind for clip in all_clips])
    real = np.array([clip.source in SETS and "-worn" not in clip.group for clip in all_clips])
    worn = np.array([clip.group.endswith("-worn") for clip in all_clips])
    music = shares[:, 0]
    named = np.array([kind_of(dict(zip(KINDS, row, strict=True))) for row in shares])
    rows: list[dict[str, object]] = []

    def add(what: str, subset: str, mask: NDArray[np.bool_], right: NDArray[np.bool_]) -> None:
        if mask.any():
            chosen = right[mask].astype(np.float64)
            low, high = interval(chosen)
            values = {"value": chosen.mean(), "low": low, "high": high}
            rows.append(
                {"measure": what, "subset": subset, "n": int(mask.sum())}
                | {name: round(float(value), 4) for name, value in values.items()}
            )

    def both(subset: str, mask: NDArray[np.bool_]) -> None:
        is_music = kinds[mask][0] == "music"
        first, second = ("no_music", "doubtful") if is_music else ("found", "found or doubtful")
        add(first, subset, mask, music < NO_MUSIC)
        add(second, subset, mask, music < DOUBTFUL)

    both("recordings of music, all", real)
    for name in SETS:
        both(f"recordings, {name}", real & np.array([c.source == name for c in all_clips]))
    for group in sorted({c.group for c, one in zip(all_clips, real, strict=True) if one}):
        both(f"genre, {group}", real & np.array([c.group == group for c in all_clips]))
    both("other music, all", (kinds == "music") & ~real)
    for group in sorted({c.group for c in all_clips if c.kind == "music"}):
        mask = np.array([c.group == group for c in all_clips]) & ~real & (kinds == "music")
        if mask.any():
            both(f"other music, {group}", mask)
    both("no music, all", kinds != "music")
    for kind in list(KINDS)[1:]:
        both(f"no music, {kind}", kinds == kind)
        mine = (kinds == kind) & (music < NO_MUSIC)
        add("kind is named", f"no music, {kind}", mine, named != "")
        add("kind named right", f"no music, {kind}", mine & (named != ""), named == kind)
    for source in sorted({c.source for c in all_clips if c.kind != "music"}):
        mask = np.array([c.source == source for c in all_clips]) & (kinds != "music")
        both(f"source, {source}", mask & ~worn)
    auc = roc_auc_score(kinds == "music", music)
    rows.append({"measure": "auc", "subset": "all", "n": len(kinds), "value": round(auc, 4)})
    return rows


def main() -> None:
    """Make what is missing, measure, and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    for name in SETS:
        make_vectors(options.data / name, options.vectors / name)
    make_vectors(options.sounds, options.vectors / "sounds")
    every = list(clips(options.vectors, options.data))
    rows = report(every, held_out(every, folds(every)))
    # Other sounds of the same sources are trained on.
    mixed = np.random.default_rng(2).integers(len(SETS), size=len(every))
    rows += [
        row | {"subset": f"{row['subset']}, its sources known"}
        for row in report(every, held_out(every, mixed))
        if str(row["subset"]).startswith("no music")
    ]
    write(rows, options.out, ("measure", "subset", "n", "value", "low", "high"))
    for row in rows:
        print(*row.values())
    if options.save:
        found = fit(every)
        card = {
            "name": "sound-kind",
            "version": "1",
            "heads": list(KINDS),
            "features": vector_id(),
            "licence": "Trained on data for research use: so is the model. The code is MIT.",
            "commercial_use": False,
            "data": [
                {"name": name, "clips": count, "licence": licence(name)}
                for name, count in sorted(Counter(clip.source for clip in every).items())
            ],
            "command": "benchmarks/sound_kind.py --save",
        }
        SoundKind(card, found.mean, found.spread, found.weights, found.bias).save(SOUND_KIND)


if __name__ == "__main__":
    main()
