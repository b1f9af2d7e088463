"""Compute and keep the features of labelled tracks, in the variants that training uses.

A *variant* says how a track reaches the ear: as recorded or rendered with one soundfont
(``clean``), or disturbed by `hevner.lab.data.augment` with a numbered seed.

One folder holds the renders, in ``renders``, and the features (`hevner.store`). Features are
stored under what the sound is made from: the bytes of the recording, or those of the MIDI file and
of the soundfont, and the disturbance. So a track whose audio changed is heard anew, and a run that
was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import soundfile

from hevner.audio.decode import SAMPLE_RATE, Audio, from_array, open_audio
from hevner.datasets.render import GAIN, RENDER_RATE, find_soundfont, render
from hevner.datasets.track import Track
from hevner.errors import AudioError, DataError, HevnerError, MissingDependencyError
from hevner.features import Features
from hevner.files import display_name
from hevner.lab import workers
from hevner.lab.data.augment import augment
from hevner.lab.data.extraction import DEFAULT, PASS, kinds, run
from hevner.store import FeatureFile, FeatureStore, digest

RECORDED = "recorded"

RENDERER = f"FluidSynth, gain {GAIN:g}, {RENDER_RATE} Hz"

DISTURBANCE = "disturbance 1"
"""Changes whenever `augment` gives other sounds."""


@dataclass(frozen=True)
class Variant:
    """How a track is made to sound.

    Attributes
    ----------
    soundfont
        For MIDI files; empty for recordings.
    seed
        0 for the clean sound, otherwise the number of the disturbance.
    """

    soundfont: str = ""
    seed: int = 0

    @property
    def name(self) -> str:
        """What the store calls it, e.g. ``FluidR3_GM-1`` or ``recorded-0``."""
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


def features_of(track: Track, variant: Variant, folder: Path) -> Features:
    """What the default model hears of a track, computed unless it is stored already.

    Raises
    ------
    AudioError, DataError, MissingDependencyError
        If it is not stored, and the sound cannot be read or made.
    OutputError
        If the store cannot be written.
    """
    keep(track, variant, folder)
    files = _files(folder, track.dataset, (DEFAULT,))
    entries = {block: files[kind.name].get(track.id, variant.name) for block, kind in PASS.items()}
    first = entries["musicnn"]
    if first.duration is None or first.starts is None:
        raise DataError(
            "stored without duration or starts",
            subject=f"{track.dataset}, track {track.id}",
            remedy=f"Delete {files[PASS['musicnn'].name].path} and extract again",
        )
    return Features(first.duration, first.starts, {block: e.rows for block, e in entries.items()})


def keep(
    track: Track, variant: Variant, folder: Path, encoders: tuple[str, ...] = (DEFAULT,)
) -> bool:
    """Compute what is not stored yet; tell whether that was anything.

    What is stored remains in use when the track's file or soundfont is no longer at hand.

    Raises
    ------
    AudioError, DataError, MissingDependencyError
        If the sound cannot be read or made.
    OutputError
        If the store cannot be written.
    """
    files = _files(folder, track.dataset, encoders)
    try:
        content = content_of(track, variant, FeatureStore(folder))
    except (DataError, MissingDependencyError):
        if all(file.content(track.id, variant.name) for file in files.values()):
            return False
        raise
    stored = [file.link(content, track.id, variant.name) for file in files.values()]
    if all(stored):
        return False
    listen = partial(sound, track, variant, folder)
    for name, entry in run(listen, encoders, content).items():
        files[name].add(entry, track.id, variant.name)
    return True


def content_of(track: Track, variant: Variant, store: FeatureStore) -> str:
    """Names what the sound is made from.

    Raises
    ------
    DataError, MissingDependencyError
        If the track's file or soundfont is not at hand.
    """
    content = store.file_digest(track.path)
    if variant.soundfont:
        soundfont = find_soundfont(variant.soundfont)
        content = digest(content, store.file_digest(soundfont), RENDERER)
    if variant.seed:
        content = digest(content, DISTURBANCE, _seed(track, variant))
    return content


@lru_cache(maxsize=64)
def _files(folder: Path, dataset: str, encoders: tuple[str, ...]) -> dict[str, FeatureFile]:
    store = FeatureStore(folder)
    return {kind.name: store.open(dataset, kind) for kind in kinds(encoders)}


def _seed(track: Track, variant: Variant) -> str:
    return f"{track.dataset}/{track.id}/{variant.name}"


def sound(track: Track, variant: Variant, folder: Path, sample_rate: int = SAMPLE_RATE) -> Audio:
    """What a track in a variant sounds like; renders are kept in the folder.

    Raises
    ------
    AudioError, DataError, MissingDependencyError
        If the sound cannot be read or made.
    """
    path = track.path
    if variant.soundfont:
        path = render(path, variant.soundfont, folder / "renders" / track.dataset, track.id)
    if not variant.seed:
        return open_audio(path, sample_rate)
    try:
        samples, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"cannot be disturbed ({error})",
            subject=display_name(path),
            remedy="Convert it to WAV, FLAC, Ogg or MP3",
        ) from error
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    seed = hashlib.sha256(_seed(track, variant).encode()).digest()
    return from_array(augment(mono, rate, np.random.default_rng(list(seed))), rate, sample_rate)


@dataclass(frozen=True)
class Done:
    """What came of a track in a variant.

    Attributes
    ----------
    track, variant
        Which one.
    computed
        Whether anything was missing.
    error
        What went wrong; None if it is stored.
    """

    track: Track
    variant: Variant
    computed: bool = False
    error: HevnerError | None = None


def compute_all(
    work: Sequence[tuple[Track, Variant]],
    folder: Path,
    jobs: int,
    encoders: tuple[str, ...] = (DEFAULT,),
) -> Generator[Done]:
    """Compute what is missing in parallel; see `each`."""
    return each(partial(keep, folder=folder, encoders=encoders), work, jobs)


def each(
    keep: Callable[[Track, Variant], bool], work: Sequence[tuple[Track, Variant]], jobs: int
) -> Generator[Done]:
    """Do something with many tracks in parallel; a bad file does not stop the others.

    Closing the generator lets the tracks in work finish.

    Parameters
    ----------
    keep
        Does it; tells whether there was anything to do.
    work
        Tracks and their variants.
    jobs
        Processes.

    Yields
    ------
    Done
        One per pair, in order.

    Raises
    ------
    HevnerError
        If a worker process died.
    """
    pool = workers.pool(jobs)
    try:
        futures = [pool.submit(_compute, keep, *pair) for pair in work]
        for future in futures:
            yield future.result()
    except BrokenProcessPool as error:
        raise HevnerError(
            "a worker process died",
            remedy="Free memory or use fewer --jobs, and start again: what is done is kept",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _compute(keep: Callable[[Track, Variant], bool], track: Track, variant: Variant) -> Done:
    try:
        return Done(track, variant, keep(track, variant))
    except HevnerError as error:
        return Done(track, variant, error=error)
    # The one place where everything is caught: whatever a file provokes, the others go on.
    except Exception as error:  # noqa: BLE001
        cause = f"{type(error).__name__}: {error}"
        subject = f"{track.dataset}, track {track.id}"
        return Done(
            track, variant, error=HevnerError(cause, subject=subject, remedy="Check its file")
        )
