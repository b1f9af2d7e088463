"""Compute and store the features of labelled tracks, in the variants that training uses.

A *variant* is a way in which a track sounds: as recorded or rendered with one soundfont (clean),
disturbed by `augment` with a numbered seed, or *narrow*: without its highest frequencies.

One folder holds the renders, in ``renders``, and the features (`hevner.store`). Features are
stored under a digest of everything the sound is made from: the bytes of the recording, or those of
the MIDI file and of the soundfont, and the disturbance. So a track whose audio changed is computed
again, and a run that was killed goes on where it stopped.

Disturbances are those of recordings: gain, equalisation, reverberation, noise, lossy codecs.
Emotion is assumed not to change. Samples are mono float32, full scale 1; rates are in hertz.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from scipy.signal import fftconvolve, lfilter

from hevner.arrays import Doubles, Floats
from hevner.audio.decode import SAMPLE_RATE, Audio, from_array
from hevner.audio.isolated import open_audio
from hevner.datasets.render import GAIN, RENDER_RATE, find_soundfont, render
from hevner.datasets.track import Track
from hevner.encoders import is_large
from hevner.errors import AudioError, DataError, HevnerError, MissingDependencyError
from hevner.features import Features
from hevner.files import display_name
from hevner.lab import workers
from hevner.lab.data.extraction import DEFAULT, files, read_features, run
from hevner.store import Entry, FeatureStore, digest

if TYPE_CHECKING:
    from hevner.cluster import Cluster

RECORDED = "recorded"
NARROW = "narrow"

NARROW_RATES = (7_000, 12_000)
"""Hertz: between these sample rates narrow sounds lie, as do telephones and old recordings."""

RENDERER = f"FluidSynth, gain {GAIN:g}, {RENDER_RATE} Hz"

DISTURBANCE = "disturbance 1"
"""Version of `augment`; part of the digest of disturbed sounds."""


@dataclass(frozen=True)
class Variant:
    """Way in which a track sounds.

    ``soundfont`` is empty for recordings; ``seed`` is 0 for the clean sound, otherwise the number
    of the disturbance; ``narrow`` sounds are not disturbed otherwise.
    """

    soundfont: str = ""
    seed: int = 0
    narrow: bool = False

    @property
    def name(self) -> str:
        """Name in the store, such as ``FluidR3_GM-1``, ``recorded-0`` or ``recorded-narrow``."""
        return f"{self.soundfont or RECORDED}-{NARROW if self.narrow else self.seed}"

    @classmethod
    def parse(cls, name: str) -> Variant:
        """Read a name back; raises `DataError` if it ends neither in a number nor in ``narrow``."""
        sound, _, seed = name.rpartition("-")
        if not sound or not (seed.isdigit() or seed == NARROW):
            raise DataError(
                f"'{name}' is no variant",
                remedy="Write it as SOUNDFONT-NUMBER",
                code="unknown_name",
            )
        soundfont = "" if sound == RECORDED else sound
        return cls(soundfont, narrow=True) if seed == NARROW else cls(soundfont, int(seed))


def features_of(track: Track, variant: Variant, folder: Path) -> Features:
    """Features of a track for the default model, computed unless they are stored already.

    Raises `AudioError`, `DataError` or `MissingDependencyError` if they are not stored, and the
    sound cannot be read or made; `OutputError` if the store cannot be written.
    """
    keep(track, variant, folder)
    return read_features(folder, track.dataset, track.id, variant.name)[1]


def keep(
    track: Track, variant: Variant, folder: Path, encoders: tuple[str, ...] = (DEFAULT,)
) -> bool:
    """Compute what is not stored yet; return whether anything was missing.

    Stored features remain in use when the track's file or soundfont is no longer available. Raises
    `AudioError`, `DataError` or `MissingDependencyError` if the sound cannot be read or made;
    `OutputError` if the store cannot be written.
    """
    places = files(folder, track.dataset, encoders)
    try:
        content = content_of(track, variant, FeatureStore(folder))
    except (DataError, MissingDependencyError):
        if all(file.content(track.id, variant.name) for file in places.values()):
            return False
        raise
    stored = [file.link(content, track.id, variant.name) for file in places.values()]
    if all(stored):
        return False
    open_at = partial(sound, track, variant, folder)
    for name, entry in run(open_at, encoders, content).items():
        places[name].add(entry, track.id, variant.name)
    return True


def content_of(track: Track, variant: Variant, store: FeatureStore) -> str:
    """Digest of everything that the sound is made from.

    Raises `DataError` or `MissingDependencyError` if the track's file or soundfont is not
    available.
    """
    content = store.file_digest(track.path)
    if variant.soundfont:
        soundfont = find_soundfont(variant.soundfont)
        content = digest(content, store.file_digest(soundfont), RENDERER)
    if variant.seed:
        content = digest(content, DISTURBANCE, _seed(track, variant))
    if variant.narrow:
        content = digest(content, f"{NARROW} {NARROW_RATES}", _seed(track, variant))
    return content


def _seed(track: Track, variant: Variant) -> str:
    return f"{track.dataset}/{track.id}/{variant.name}"


def sound(track: Track, variant: Variant, folder: Path, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Open the sound of a track in a variant; renders are kept in the folder.

    Raises `AudioError`, `DataError` or `MissingDependencyError` if the sound cannot be read or
    made.
    """
    path = track.path
    if variant.soundfont:
        path = render(path, variant.soundfont, folder / "renders" / track.dataset, track.id)
    if not (variant.seed or variant.narrow):
        return open_audio(path, sample_rate)
    try:
        samples, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"cannot be disturbed ({error})",
            subject=display_name(path),
            remedy="Convert it to WAV, FLAC, Ogg or MP3",
            code="not_readable",
        ) from error
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    rng = np.random.default_rng(list(hashlib.sha256(_seed(track, variant).encode()).digest()))
    if variant.narrow:
        low, high = np.log(NARROW_RATES)
        less = round(float(np.exp(rng.uniform(low, high))))
        return from_array(soxr.resample(mono, rate, less), less, sample_rate)
    return from_array(augment(mono, rate, rng), rate, sample_rate)


@dataclass(frozen=True)
class Done:
    """Outcome for a track in a variant: whether anything was computed, or the error."""

    track: Track
    variant: Variant
    computed: bool = False
    error: HevnerError | None = None


_Asked = tuple[Track, Variant, str | None]
"""What a machine of a cluster is asked for; the last is the content that is stored already."""


def compute_all(
    work: Sequence[tuple[Track, Variant]],
    folder: Path,
    jobs: int,
    encoders: tuple[str, ...] = (DEFAULT,),
) -> Generator[Done]:
    """Compute in parallel what is not stored yet; see `each`."""
    return each(partial(keep, folder=folder, encoders=encoders), work, jobs)


def each(
    keep: Callable[[Track, Variant], bool], work: Sequence[tuple[Track, Variant]], jobs: int
) -> Generator[Done]:
    """Call a function for many tracks in parallel; a bad file does not stop the others.

    Yields an outcome per pair, in order. ``keep`` returns whether it computed anything. Closing the
    generator lets the tracks in progress finish. Raises `HevnerError` if a worker process died.
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
            code="worker_died",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def compute_in_cluster(
    work: Sequence[tuple[Track, Variant]],
    folder: Path,
    cluster: Cluster,
    encoders: tuple[str, ...] = (DEFAULT,),
) -> Generator[Done]:
    """Compute on the machines of a cluster what is not stored yet; only this process stores it.

    Yields an outcome per pair, as they are done.
    """

    def asked() -> Iterator[_Asked]:
        for track, variant in work:
            places = files(folder, track.dataset, encoders).values()
            contents = {file.content(track.id, variant.name) for file in places}
            known = contents.pop() if len(contents) == 1 else None
            yield replace(track, media=track.media and track.media.absolute()), variant, known

    def lost(asked: _Asked, error: HevnerError) -> tuple[Done, dict[str, Entry]]:
        return Done(*asked[:2], error=error), {}

    def store(entries: dict[str, Entry], track: Track, variant: Variant) -> bool:
        places = files(folder, track.dataset, encoders)
        for name, entry in entries.items():
            places[name].add(entry, track.id, variant.name)
        return True

    task = partial(_computed, folder.absolute(), encoders)
    large = any(map(is_large, encoders))
    for done, entries in cluster.each(task, asked(), lost, large=large):
        yield _compute(partial(store, entries), done.track, done.variant) if entries else done


def _computed(
    folder: Path, encoders: tuple[str, ...], asked: _Asked
) -> tuple[Done, dict[str, Entry]]:
    """What a machine of a cluster does for a track: entries, unless those stored are of it."""
    track, variant, known = asked
    entries: dict[str, Entry] = {}

    def compute(track: Track, variant: Variant) -> bool:
        try:
            with TemporaryDirectory() as own:  # only one process may write to the store
                content = content_of(track, variant, FeatureStore(own))
        except (DataError, MissingDependencyError):
            if known is None:
                raise
            return False
        if content != known:
            entries.update(run(partial(sound, track, variant, folder), encoders, content))
        return bool(entries)

    return _compute(compute, track, variant), entries


def _compute(keep: Callable[[Track, Variant], bool], track: Track, variant: Variant) -> Done:
    try:
        return Done(track, variant, keep(track, variant))
    except HevnerError as error:
        return Done(track, variant, error=error)
    # The one place where everything is caught: whatever a file provokes, the others go on.
    except Exception as error:  # noqa: BLE001
        cause = f"{type(error).__name__}: {error}"
        subject = f"{track.dataset}, track {track.id}"
        wrapped = HevnerError(cause, subject=subject, remedy="Check its file")
        return Done(track, variant, error=wrapped)


GAIN_DB = 5.0
"""Standard deviation of the random gain. Recordings are mastered to levels about this far apart."""


def augment(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Apply a random chain: equaliser, then perhaps reverb, noise and codec, always gain.

    The result has as many samples, limited to full scale.
    """
    result = equalise(samples, sample_rate, rng)
    if rng.random() < 0.5:
        result = reverberate(result, sample_rate, rng)
    if rng.random() < 0.3:
        result = add_noise(result, rng)
    if rng.random() < 0.3:
        result = encode(result, sample_rate, rng)
    return change_gain(result, rng)


def change_gain(samples: Floats, rng: np.random.Generator) -> Floats:
    """Scale by a log-normal gain, limited so that nothing clips."""
    peak = float(np.abs(samples).max(initial=1e-6))
    gain = min(10 ** (rng.normal(0.0, GAIN_DB) / 20), 0.99 / peak)
    return (samples * gain).astype(np.float32)


def equalise(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Raise or lower lows, one middle band and highs by up to about 6 dB each."""
    result = samples
    for frequency, kind in (
        (rng.uniform(80, 300), "low"),
        (np.exp(rng.uniform(np.log(300), np.log(4000))), "middle"),
        (rng.uniform(3000, 7000), "high"),
    ):
        numerator, denominator = _biquad(kind, frequency, rng.normal(0, 3), sample_rate)
        result = lfilter(numerator, denominator, result)
    return np.asarray(result, np.float32)


def _biquad(
    kind: str, frequency: float, gain_db: float, sample_rate: int
) -> tuple[Doubles, Doubles]:
    """Shelving and peaking filters after Bristow-Johnson's audio equaliser formulas."""
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * frequency / sample_rate
    cos, alpha = np.cos(w), np.sin(w) / (2 * 0.7)
    if kind == "middle":
        numerator = [1 + alpha * a, -2 * cos, 1 - alpha * a]
        denominator = [1 + alpha / a, -2 * cos, 1 - alpha / a]
    else:
        sign = 1.0 if kind == "low" else -1.0
        root = 2 * np.sqrt(a) * alpha
        numerator = [
            a * ((a + 1) - sign * (a - 1) * cos + root),
            sign * 2 * a * ((a - 1) - sign * (a + 1) * cos),
            a * ((a + 1) - sign * (a - 1) * cos - root),
        ]
        denominator = [
            (a + 1) + sign * (a - 1) * cos + root,
            -sign * 2 * ((a - 1) + sign * (a + 1) * cos),
            (a + 1) + sign * (a - 1) * cos - root,
        ]
    return np.array(numerator) / denominator[0], np.array(denominator) / denominator[0]


def reverberate(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Add a decaying-noise room of 0.2 to 1.2 s, 6 to 20 dB below the direct sound."""
    decay = rng.uniform(0.2, 1.2)
    time = np.arange(int(decay * sample_rate)) / sample_rate
    room = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay)
    room = lfilter([0.4], [1, -0.6], room)
    room *= 10 ** (-rng.uniform(6, 20) / 20) / np.sqrt((room**2).sum())
    wet = fftconvolve(samples, room)[: len(samples)]
    return np.asarray(samples + wet, np.float32)


def add_noise(samples: Floats, rng: np.random.Generator) -> Floats:
    """Add pinkish noise 25 to 45 dB below the signal."""
    noise = lfilter([0.1], [1, -0.9], rng.standard_normal(len(samples)))
    level = np.sqrt((samples**2).mean() / (noise**2).mean())
    return np.asarray(samples + noise * level * 10 ** (-rng.uniform(25, 45) / 20), np.float32)


def encode(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Send the samples through Ogg Vorbis or MP3 at a low to middling quality."""
    container, subtype = (("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))[rng.integers(2)]
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", sample_rate, 1, subtype, format=container,
        compression_level=float(rng.uniform(0.4, 0.95)),
    ) as file:  # fmt: skip
        # libsndfile's Vorbis encoder needs much stack for long writes.
        for start in range(0, len(samples), sample_rate):
            file.write(np.clip(samples[start : start + sample_rate], -1, 1))
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    result = np.zeros_like(samples)
    count = min(len(decoded), len(samples))
    result[:count] = decoded[:count]
    return result
