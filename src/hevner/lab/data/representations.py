"""From stored features to `Samples`: one vector per track and representation.

Conventions
-----------
A *block* is named in `gather`:

============  =====  ==============================================================================
musicnn         200  mean over sounding windows, as the default model has it
musicnn-mtt     200  likewise
handcrafted      78  likewise
harmony          46  `hevner.music.descriptors`, over the whole track
chroma72         72  mean and standard deviation of the chroma and of its first and second
                     differences from frame to frame (ten a second)
chroma12         12  mean of the chroma
============  =====  ==============================================================================

Any other name is that of vectors in the store, imported or extracted, such as ``mert-v1-95m``:
their mean over windows.

Blocks of the table are computed from the stored features of the default pass
(`hevner.lab.data.extraction`) and kept in the store as encoder ``pooled``, under the digest of the
sound, so that only the first call takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial

import numpy as np

from hevner.arrays import Floats, Rows
from hevner.blocks import DIMENSION, WIDTHS, vector_id
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.encoders.fingerprint import Words
from hevner.errors import DataError
from hevner.features import pool
from hevner.files import display_name
from hevner.lab import workers
from hevner.lab.data.corpus import Variant
from hevner.lab.data.extraction import FINGERPRINT, PASS, read_features
from hevner.lab.data.samples import Samples, label
from hevner.music import analyse
from hevner.store import Entry, FeatureFile, FeatureStore, Kind

DEFAULT_SOUNDFONT = "FluidR3_GM"

CHROMA_WIDTH = 12
CHROMA_STATISTICS_WIDTH = 72


def _places() -> dict[str, slice]:
    """Places of the blocks in a pooled vector: that of the default model, then `chroma72`."""
    places, end = {}, 0
    for name, width in WIDTHS.items():
        places[name.replace("_", "-")] = slice(end, end + width)
        end += width
    places["chroma72"] = slice(DIMENSION, DIMENSION + CHROMA_STATISTICS_WIDTH)
    places["chroma12"] = slice(DIMENSION, DIMENSION + CHROMA_WIDTH)
    return places


PLACES = _places()


def gather(
    store: FeatureStore,
    tracks: Iterable[Track],
    blocks: Sequence[str],
    *,
    soundfont: str = DEFAULT_SOUNDFONT,
    seed: int = 0,
    jobs: int = 1,
) -> Samples:
    """Vectors and labels of tracks of any datasets, in their order, from stored features.

    Blocks are named in the module; soundfont and seed, the number of the disturbance, as in
    `hevner.lab.data.corpus.Variant`. ``jobs`` is the number of processes for tracks that have not
    been pooled yet. Raises `DataError` if a block is unknown, or a track, which is named, lacks it
    or is silent; `OutputError` if the store cannot be written.
    """
    tracks = list(tracks)
    names = list(dict.fromkeys(blocks))
    if not tracks or not names:
        raise DataError(
            "nothing to gather", remedy="Name at least one track and one block", code="empty"
        )
    rows: dict[str, list[Rows]] = {name: [] for name in names}
    parts: dict[str, list[Floats]] = {name: [] for name in names}
    lots = [(track.dataset, variant_of(track, soundfont, seed).name) for track in tracks]
    for dataset, variant in dict.fromkeys(lots):
        places = np.array([i for i, lot in enumerate(lots) if lot == (dataset, variant)], np.intp)
        ids = [tracks[place].id for place in places]
        made = [name for name in names if name in PLACES]
        pooled = _pooled(store, dataset, variant, ids, jobs) if made else None
        for name in names:
            part = (
                _imported(store, dataset, variant, ids, name)
                if pooled is None or name not in PLACES
                else pooled[:, PLACES[name]]
            )
            rows[name].append(places)
            parts[name].append(part)
    return label(tracks, {name: _join(name, parts[name], rows[name]) for name in names})


def chroma_statistics(chroma: Floats) -> Floats:
    """Mean and standard deviation over time of chroma and of its differences, order by order.

    The layout of Castellon, Donahue and Liang ("Codified audio language modeling learns useful
    representations for music information retrieval", ISMIR 2021); the chroma is hevner's own.

    Of chroma ``(n_frames, 12)``, shape ``(72,)``: 12 means and 12 standard deviations for each of
    the orders 0, 1 and 2. Raises `DataError` if there are fewer than three frames.
    """
    if chroma.ndim != 2 or chroma.shape[1] != CHROMA_WIDTH or len(chroma) < 3:
        raise DataError(
            f"chroma of shape {chroma.shape}, expected at least three frames of {CHROMA_WIDTH}",
            remedy="Leave out sounds shorter than a second",
            code="too_short",
        )
    numbers = []
    for order in range(3):
        difference = np.diff(chroma.astype(np.float64), n=order, axis=0)
        numbers += [difference.mean(axis=0), difference.std(axis=0)]
    return np.concatenate(numbers).astype(np.float32)


def variant_of(track: Track, soundfont: str, seed: int = 0) -> Variant:
    """Variant under which a track is stored: MIDI files with the soundfont, others as recorded."""
    is_midi = track.media is not None and track.media.suffix.lower() in (".mid", ".midi")
    return Variant(soundfont if is_midi else "", seed)


def _join(name: str, parts: list[Floats], rows: list[Rows]) -> Floats:
    """Concatenate the parts, in the order of their rows."""
    widths = {part.shape[1] for part in parts}
    if len(widths) > 1:
        raise DataError(
            f"vectors of {' and '.join(map(str, sorted(widths)))} numbers",
            subject=f"block {name}",
            remedy="Import vectors of one kind for all datasets",
            code="wrong_shape",
        )
    return np.asarray(np.concatenate(parts)[np.argsort(np.concatenate(rows))])


def fingerprints(
    store: FeatureStore, tracks: Sequence[Track], soundfont: str = ""
) -> dict[str, Words]:
    """Stored fingerprints of recordings, and of MIDI files with a soundfont, by full name."""
    found: dict[str, Words] = {}
    variants = dict.fromkeys((Variant().name, Variant(soundfont).name))
    for dataset in dict.fromkeys(track.dataset for track in tracks):
        for path in store.paths(dataset, f"{FINGERPRINT}-*"):
            file = FeatureFile(path)
            for track in tracks:
                for variant in variants if track.dataset == dataset else ():
                    if file.content(track.id, variant):
                        words = np.asarray(file.get(track.id, variant).rows, np.uint32)
                        found[full_name(track)] = words.ravel()
    return found


# --- blocks of the default pass ---


@lru_cache(maxsize=1)
def _kind() -> Kind:
    """Kind of pooled entries; made late, as the id of the vectors reads the harmony network."""
    parameters = {"features": vector_id(), "chroma": "mean, spread, differences 0-2"}
    return Kind("pooled", "1", DIMENSION + CHROMA_STATISTICS_WIDTH, parameters=parameters)


def _pooled(store: FeatureStore, dataset: str, variant: str, ids: list[str], jobs: int) -> Floats:
    """Pooled vectors of the tracks, shape ``(n, width)``, computed unless they are stored."""
    if not store.paths(dataset, PASS["harmony"].name):
        raise DataError(  # opening a file would create it
            "nothing of the default pass is stored",
            subject=f"{dataset}, {display_name(store.folder)}",
            remedy="Extract it with --encoder default",
            code="features_missing",
        )
    kept = store.open(dataset, _kind())
    sound = store.open(dataset, PASS["harmony"])
    named = [(track, variant) for track in ids]
    add_missing(kept, sound, named, partial(_pool, store, dataset), jobs)
    return kept.pooled(ids, variant)


def add_missing(
    kept: FeatureFile,
    sound: FeatureFile,
    named: Sequence[tuple[str, str]],
    make: Callable[[tuple[str, str]], Entry],
    jobs: int,
) -> None:
    """Make the entries, of tracks and variants, that are not kept for their sound yet.

    A track of which no ``sound`` is stored raises `DataError`, which names it.
    """
    missing = []
    for one in named:
        content = sound.content(*one)
        if content is None:
            sound.get(*one)  # raises, with a remedy
        elif kept.content(*one) != content and not kept.link(content, *one):
            missing.append(one)
    alone = jobs == 1 or len(missing) < 2
    with nullcontext() if alone else workers.pool(jobs) as processes:
        made = (
            map(make, missing) if processes is None else processes.map(make, missing, chunksize=8)
        )
        for one, entry in zip(missing, made, strict=True):
            kept.add(entry, *one)


def _pool(store: FeatureStore, dataset: str, named: tuple[str, str]) -> Entry:
    """Pooled vector of the stored features of a track."""
    track, variant = named
    subject = f"{dataset}, track {track}, variant {variant}"
    content, features = read_features(store.folder, dataset, track, variant)
    if not features.sounding.any():
        raise DataError("nothing sounds", subject=subject, remedy="Leave it out", code="silent")
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    try:
        chroma = chroma_statistics(harmony.chroma)
    except DataError as error:
        raise DataError(
            error.cause, subject=subject, remedy=error.remedy, code=error.code
        ) from error
    vector = np.concatenate([pool(features, harmony, 0.0, features.duration), chroma])
    return Entry(content, vector[None], duration=features.duration)


# --- other blocks ---


def _imported(store: FeatureStore, dataset: str, variant: str, ids: list[str], name: str) -> Floats:
    """Mean vectors, shape ``(n, dimension)``; imported ones lie under no variant."""
    file = find(store, dataset, name)
    imported = file.content(ids[0]) is not None
    return file.pooled(ids, "" if imported else variant)


def find(store: FeatureStore, dataset: str, name: str) -> FeatureFile:
    """Find the file of a dataset's vectors by the name of their encoder, whatever its version.

    Raises `DataError` if there is none, or there are several.
    """
    files = [FeatureFile(path) for path in store.paths(dataset, f"{name}*")]
    found = [file for file in files if name in (file.kind.encoder, file.kind.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"several kinds of '{name}' are stored",
            subject=dataset,
            remedy=f"Name one of {', '.join(file.kind.name for file in found)}",
            code="ambiguous_name",
        )
    raise DataError(
        f"no '{name}' features are stored",
        subject=f"{dataset}, {display_name(store.folder)}",
        remedy=f"Import them, or choose from {', '.join(PLACES)}",
        code="features_missing",
    )
