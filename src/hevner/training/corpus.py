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
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from hevner.audio import from_array
from hevner.datasets.base import Clip
from hevner.datasets.render import Voice, render
from hevner.encoders import handcrafted, musicnn
from hevner.features import Features, extract
from hevner.harmony.spectrum import HarmonySpectrum
from hevner.training.augment import augment

PIANO_VOICES = (
    Voice("FluidR3_GM"),
    Voice("TimGM6mb"),
    Voice("MuseScore_General_Full"),
    Voice("FluidR3_GM", ensemble=True),
)


@dataclass(frozen=True)
class Variant:
    """How a clip is made to sound.

    Attributes
    ----------
    voice
        For MIDI clips; None for recordings.
    seed
        0 for the clean sound, otherwise the number of the disturbance.
    """

    voice: Voice | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """Folder name, e.g. ``FluidR3_GM-1`` or ``recorded-0``."""
        return f"{self.voice.name if self.voice else 'recorded'}-{self.seed}"


def feature_key() -> str:
    """Names everything that decides what the stored numbers are."""
    harmony = HarmonySpectrum()
    parts = [handcrafted.CARD, musicnn.CARD]
    text = "_".join(f"{card.id}-{card.version}" for card in parts)
    return f"{text}_{harmony.id}-{harmony.version}"


def features_of(clip: Clip, variant: Variant, cache: Path) -> Features:
    """Features of a clip, computed unless they are stored already."""
    folder = cache / "features" / feature_key() / clip.dataset / variant.name
    path = folder / f"{clip.id}.npz"
    if path.exists():
        try:
            return _read(path)
        except (zipfile.BadZipFile, KeyError, EOFError, ValueError):
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
    with np.load(path, allow_pickle=False) as stored:
        values = {name: stored[name] for name in Features.__annotations__}
    return Features(**{**values, "duration": float(values["duration"])})


def _compute(clip: Clip, variant: Variant, cache: Path) -> Features:
    path = clip.path
    if variant.voice is not None:
        path = render(clip.path, variant.voice, cache / "renders" / clip.dataset)
    samples, rate = soundfile.read(path, dtype="float32")
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if variant.seed:
        digest = hashlib.sha256(f"{clip.dataset}/{clip.id}/{variant.name}".encode()).digest()
        mono = augment(mono, rate, np.random.default_rng(list(digest)))
    return extract(from_array(mono, rate))
