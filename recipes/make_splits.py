"""Make the split files that come with the package, and their manifest.

    python recipes/make_splits.py --data FOLDER

The folder holds the datasets emomusic, deam, pmemo, emopia and mtg_jamendo; the published random
splits are read from ``splits/random_<part>.txt`` in those of the first three. Running it again
gives the same files.

The rule of the splits named common
-----------------------------------
EmoMusic, DEAM and PMEmo are divided together by `hevner.datasets.folds.k_folds` into six folds,
balanced in valence and arousal, with seed 0. The first fold is for test, the second for
validation, the rest for training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hevner import datasets
from hevner.datasets import emomusic, leaks, mtg_jamendo
from hevner.datasets.folds import k_folds
from hevner.datasets.rows import read_rows
from hevner.datasets.splits import FOLDER, MANIFEST, Split, as_csv
from hevner.datasets.track import Track
from hevner.files import replace_file

PARTS = ("train", "validation", "test")
FOLDS = 6

EMOPIA_PARTS = {"train": "train", "val": "validation", "": "unassigned"}

CROSS = (
    " Of EmoMusic's 125 test songs 82 are in DEAM's training set and 16 in its validation set, of "
    "DEAM's 270 test songs 66 and 20 in EmoMusic's."
)

Tracks = Mapping[str, Sequence[Track]]


def make(folder: Path) -> list[Split]:
    """All splits, without their known leaks."""
    tracks = {name: _load(name, folder) for name in ("emomusic", "deam", "pmemo", "emopia")}
    stratified = {
        track.id: emomusic.artist_stratified(track).replace("valid", "validation")
        for track in tracks["emomusic"]
    }
    outside = _six(_outside(tracks))
    return [
        _split(
            "emomusic",
            "official",
            {track.id: track.official_split for track in tracks["emomusic"]},
            "Development and evaluation sets of the MediaEval task of 2013.",
            "Soleymani et al., 2013, column 'Mediaeval 2013 set' of songs_info.csv",
        ),
        _split(
            "emomusic",
            "artist_stratified",
            stratified,
            "The evaluation set for test; the development set divided by the SHA-1 of the artist. "
            "Artists are kept apart between training and validation only, not from the test set.",
            "Castellon, Donahue and Liang, 2021; used by most probing papers",
        ),
        _split(
            "deam",
            "artist_stratified",
            stratified | {name.removeprefix("deam/"): part for name, part in outside.items()},
            "EmoMusic's songs as in its artist_stratified split; the other 1,058 in six folds "
            "balanced in valence and arousal: one for test, one for validation, four to train.",
            "made for hevner, to train on both without testing on what was trained on",
        ),
        *(_random(folder, name) for name in ("emomusic", "deam", "pmemo")),
        *_common(tracks),
        _split(
            "emopia",
            "official",
            {track.id: EMOPIA_PARTS[track.official_split] for track in tracks["emopia"]},
            "The authors' training and validation clips, by song. Covers 990 of the 1,087 clips; "
            "those without a part are 'unassigned'. With the whole archive, go by the field "
            "official_split of the tracks. By the sound of their renders, validation clips "
            "Q4_Ie5koh4qvJc_16, _17 and _28 repeat training clips Q4_FoTXpYZXxJs_0 and _1 and "
            "Q4_jO2zX6Ul8GM_2 of other songs.",
            "Hung et al., 2021",
        ),
    ]


def _random(folder: Path, dataset: str) -> Split:
    parts: dict[str, str] = {}
    for part in PARTS:
        path = folder / dataset / "splits" / f"random_{part}.txt"
        parts |= {row.values["id"]: part for row in read_rows(path, (), header=("id",))}
    return _split(
        dataset,
        "random",
        parts,
        f"Random, each dataset by itself, whoever the artist.{'' if dataset == 'pmemo' else CROSS}",
        "the public code of Music2Emotion (Kang and Herremans, 2025)",
    )


def _common(tracks: Tracks) -> list[Split]:
    """One split of three datasets that no recording and no artist straddles."""
    names = ("emomusic", "deam", "pmemo")
    parts = _six([track for name in names for track in tracks[name]])
    return [
        _split(
            name,
            "common",
            {track.id: parts[leaks.name(track)] for track in tracks[name]},
            "EmoMusic, DEAM and PMEmo divided together: no recording, song or artist is in two "
            "parts, within a dataset or across; balanced in valence and arousal.",
            "made for hevner by recipes/make_splits.py",
        )
        for name in names
    ]


def _load(dataset: str, folder: Path) -> list[Track]:
    """The tracks of a dataset; DEAM's with the artists and titles that EmoMusic knows."""
    tracks = datasets.load(dataset, folder / dataset).tracks
    if dataset != "deam":
        return list(tracks)
    known = {track.recording: track for track in _load("emomusic", folder)}
    return [
        replace(track, artist=known[track.recording].artist, title=known[track.recording].title)
        if track.recording in known
        else track
        for track in tracks
    ]


def _outside(tracks: Tracks) -> list[Track]:
    inside = {track.recording for track in tracks["emomusic"]}
    return [track for track in tracks["deam"] if track.recording not in inside]


def _six(tracks: Sequence[Track]) -> dict[str, str]:
    """The part of each track, by full name."""
    return {
        leaks.name(track): {"1": "test", "2": "validation"}.get(fold.name, "train")
        for fold in k_folds(tracks, FOLDS, balance=("valence", "arousal"))
        for track in fold.test
    }


def _split(dataset: str, name: str, part_of: Mapping[str, str], what: str, origin: str) -> Split:
    order = (*PARTS, "development", "evaluation", "unassigned")
    parts = {
        part: tuple(track for track, own in part_of.items() if own == part)
        for part in sorted(set(part_of.values()), key=order.index)
    }
    return Split(dataset, name, parts, what, origin)


def known_leaks(split: Split, tracks: Iterable[Track]) -> str:
    """Leaks between the parts of a split, in words."""
    parts = split.apply(tracks)
    first, *others = [part for part in parts if part != "unassigned"]
    lines = []
    for place, part in enumerate(others):
        for known in (first, *others[:place]):
            found = leaks.find(parts[known], parts[part])
            counts = ", ".join(f"{kind} {n}" for kind, n in found.counts.items() if n) or "none"
            lines.append(f"{part} against {known}: {counts} of {found.tested}")
    return "; ".join(lines)


def write(made: Sequence[Split], folder: Path) -> None:
    """Write files and manifest."""
    FOLDER.mkdir(exist_ok=True)
    entries = []
    for split in made:
        tracks = _load(split.dataset, folder)
        file = f"{split.dataset}-{split.name}.csv"
        replace_file(FOLDER / file, as_csv(split.parts).encode())
        entries.append(_entry(split, file, known_leaks(split, tracks)))
    split = _split(
        "mtg_jamendo",
        "split-0",
        mtg_jamendo.split(folder / "mtg_jamendo", 0),
        "The first of five official splits, by artist; its ids come with the dataset.",
        "Bogdanov et al., 2019",
    )
    entries.append(_entry(split, "", known_leaks(split, _load("mtg_jamendo", folder))))
    text = json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
    replace_file(MANIFEST, text.encode())


def _entry(split: Split, file: str, found: str) -> dict[str, object]:
    return {
        "dataset": split.dataset,
        "name": split.name,
        "file": file,
        "sha256": split.digest,
        "counts": {part: len(ids) for part, ids in split.parts.items()},
        "what": split.what,
        "origin": split.origin,
        "leaks": found,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the datasets")
    folder = datasets.data_folder(parser.parse_args().data)
    write(make(folder), folder)


if __name__ == "__main__":
    main()
