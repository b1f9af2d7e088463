"""Compute and keep the features of labelled clips, in the variants that training uses.

A *variant* says how a clip reaches the ear: as recorded or rendered with one soundfont
(``clean``), or disturbed by `hevner.training.augment` with a numbered seed. Features are stored
one file per clip and variant, named by the encoders that made them; a run that was killed goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from hevner.audio import from_array
from hevner.datasets.base import Clip
from hevner.datasets.render import render
from hevner.errors import DataError
from hevner.features import Features, extract, feature_id
from hevner.training.augment import augment

RECORDED = "recorded"


@dataclass(frozen=True)
class Variant:
    """How a clip is made to sound.

    Attributes
    ----------
    soundfont
        For MIDI clips; empty for recordings.
    seed
        0 for the clean sound, otherwise the number of the disturbance.
    """

    soundfont: str = ""
    seed: int = 0

    @property
    def name(self) -> str:
        """Folder name, e.g. ``FluidR3_GM-1`` or ``recorded-0``."""
        return f"{self.soundfont or RECORDED}-{self.seed}"

    @classmethod
    def parse(cls, name: str) -> Variant:
        """The reverse of `name`.

        Raises
        ------
        DataError
            If it does not end in a number.
        """
        sound, _, seed = name.rpartition("-")
        if not sound or not seed.isdigit():
            raise DataError(f"'{name}' is no variant", remedy="Write it as SOUNDFONT-NUMBER")
        return cls("" if sound == RECORDED else sound, int(seed))


def features_of(clip: Clip, variant: Variant, cache: Path) -> Features:
    """Features of a clip, computed unless they are stored already."""
    folder = cache / "features" / feature_id().replace(" ", "_") / clip.dataset / variant.name
    path = folder / f"{clip.id}.npz"
    if path.exists():
        try:
            return _read(path)
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, TypeError, ValueError):
            path.unlink()
    features = _compute(clip, variant, cache)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{clip.id}.{os.getpid()}.npz"
    np.savez(partial, **{name: getattr(features, name) for name in Features.__annotations__})
    os.replace(partial, path)
    return features


def compute_all(
    work: Sequence[tuple[Clip, Variant]], cache: Path, jobs: int
) -> Iterator[tuple[Clip, Variant]]:
    """Compute what is missing in parallel; yields each pair when it is done."""
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(_store, clip, variant, cache) for clip, variant in work]
        for pair, future in zip(work, futures, strict=True):
            future.result()
            yield pair


def _store(clip: Clip, variant: Variant, cache: Path) -> None:
    features_of(clip, variant, cache)


def _read(path: Path) -> Features:
    # numpy would leave a damaged file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        values = {name: stored[name] for name in Features.__annotations__}
    return Features(**{**values, "duration": float(values["duration"])})


def _compute(clip: Clip, variant: Variant, cache: Path) -> Features:
    path = clip.path
    if variant.soundfont:
        path = render(clip.path, variant.soundfont, cache / "renders" / clip.dataset)
    samples, rate = soundfile.read(path, dtype="float32")
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if variant.seed:
        digest = hashlib.sha256(f"{clip.dataset}/{clip.id}/{variant.name}".encode()).digest()
        mono = augment(mono, rate, np.random.default_rng(list(digest)))
    return extract(from_array(mono, rate))
