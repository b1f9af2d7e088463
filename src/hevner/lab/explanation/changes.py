"""Rendered music that is changed in one cause at a time: mode, pace, register, ...

Each piece is an excerpt of a MIDI file, played as it is and once per change of `CHANGES`. Piano
pieces of VGMIDI and EMOPIA are played on several instruments, songs of POP909 by bands.

Conventions
-----------
Everything random is decided by the name of the piece, so the same files give the same vectors.
Notes are as in `hevner.lab.music.pieces`.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import mido
import numpy as np

from hevner import datasets
from hevner.arrays import Floats
from hevner.audio.decode import from_array
from hevner.datasets.render import RENDER_RATE
from hevner.features import extract, pool
from hevner.files import replace_file
from hevner.lab.music import pieces as songs
from hevner.lab.music import render
from hevner.lab.music.pieces import Notes, Piece
from hevner.lab.music.render import Instrument
from hevner.music import analyse, key

LENGTH_S = 20.0
PROGRAMS = (0, 0, 0, 4, 19, 24, 46, 48)
"""What plays the piano pieces: piano, electric piano, organ, guitar, harp, strings."""

PEDAL = 64
SOFT = ((99, 120), (98, 34), (38, 39), (6, 95))
"""Controllers by which a soundfont's notes take a tenth of a second to begin."""


@dataclass(frozen=True)
class Scene:
    """What is played: instruments, seconds, key (`songs.UNKNOWN` if none), filter, distortion.

    ``tilt`` raises what lies above 500 Hz by so many decibels per octave, and lowers what is below.
    ``drive`` is the gain of a peak before its sound is limited.
    """

    parts: tuple[Instrument, ...]
    duration: float
    key: int
    tilt: float = 0.0
    drive: float = 0.0

    def each(self, change: Callable[[Notes], Notes], *, drums: bool = False) -> Scene:
        """The same with the notes of every part changed, those of drums only if asked for."""
        parts = tuple(
            replace(part, notes=change(part.notes.copy()))
            if len(part.notes) and (drums or part.role != "drums")
            else part
            for part in self.parts
        )
        return replace(self, parts=parts)


def other_mode(scene: Scene) -> Scene:
    """Major to minor, or the other way round."""
    roles = {part.role: part.notes for part in scene.parts}
    moved = songs.parallel(Piece(scene.duration, roles, key=scene.key), raised_seventh=False)
    parts = tuple(replace(part, notes=moved.parts[part.role]) for part in scene.parts)
    return replace(scene, parts=parts, key=moved.key)


def paced(factor: float, scene: Scene) -> Scene:
    """Played at another tempo."""

    def move(notes: Notes) -> Notes:
        notes[:, :2] /= factor
        return notes

    return replace(scene.each(move, drums=True), duration=scene.duration / factor)


def moved(semitones: int, scene: Scene) -> Scene:
    """Higher or lower."""

    def move(notes: Notes) -> Notes:
        notes[:, 2] += semitones
        return notes

    return scene.each(move)


def _gaps(notes: Notes) -> Notes:
    """Seconds from each note to the next that begins later than it, infinite for the last."""
    later = np.searchsorted(np.sort(notes[:, 0]), notes[:, 0] + 0.03, side="right")
    times = np.append(np.sort(notes[:, 0]), np.inf)
    return np.asarray(times[later] - notes[:, 0])


def staccato(notes: Notes) -> Notes:
    """Notes of a third of their length, at most 0.15 s."""
    notes[:, 1] = notes[:, 0] + np.clip((notes[:, 1] - notes[:, 0]) / 3, 0.05, 0.15)
    return notes


def legato(notes: Notes) -> Notes:
    """Notes as long as they can be before the next ones, at most 3 s."""
    length = notes[:, 1] - notes[:, 0]
    notes[:, 1] = notes[:, 0] + np.maximum(length, np.minimum(_gaps(notes), 3.0))
    return notes


def sparser(notes: Notes) -> Notes:
    """Every second of the times at which notes begin, with notes that last twice as long."""
    number = np.unique(np.round(notes[:, 0] / 0.03), return_inverse=True)[1]
    kept: Notes = notes[number % 2 == 0]
    kept[:, 1] += kept[:, 1] - kept[:, 0]
    return kept


def denser(notes: Notes) -> Notes:
    """Every note twice, each half as long."""
    middle = notes[:, :2].mean(axis=1)
    first, second = notes.copy(), notes.copy()
    first[:, 1] = second[:, 0] = middle
    return np.concatenate([first, second])


def even(notes: Notes) -> Notes:
    """All notes equally loud."""
    notes[:, 3] = notes[:, 3].mean()
    return notes


def swelling(notes: Notes) -> Notes:
    """Accents twice as strong, and loudness that swells and ebbs within 8 s."""
    accents = 60 + 2 * (notes[:, 3] - notes[:, 3].mean())
    notes[:, 3] = np.clip(accents * (1 - 0.7 * np.cos(2 * np.pi * notes[:, 0] / 8)), 8, 127)
    return notes


def dissonant(notes: Notes) -> Notes:
    """A semitone beside every second note."""
    beside = notes[::2].copy()
    beside[:, 2] += 1
    return np.concatenate([notes, beside])


def soft(scene: Scene) -> Scene:
    """Notes that begin slowly."""
    return replace(scene, parts=tuple(replace(part, controls=SOFT) for part in scene.parts))


def other_drums(scene: Scene) -> Scene:
    """Without drums; where there are none, with some at the times at which notes begin."""
    parts = tuple(part for part in scene.parts if part.role != "drums")
    if len(parts) < len(scene.parts):
        return replace(scene, parts=parts)
    starts = np.concatenate([part.notes[:, 0] for part in parts])
    times = np.unique(np.round(starts / 0.06)) * 0.06
    pitches = np.resize([36, 42, 38, 42], len(times))
    hits = np.stack([times, times + 0.1, pitches, np.full(len(times), 90.0)], axis=1)
    return replace(scene, parts=(*parts, Instrument("drums", 0, hits)))


CHANGES: dict[str, tuple[tuple[str, ...], Callable[[Scene], Scene]]] = {
    "other mode": (("mode",), other_mode),
    "dissonant": (("dissonance",), lambda scene: scene.each(dissonant)),
    "slower": (("pace",), partial(paced, 0.7)),
    "faster": (("pace",), partial(paced, 1.4)),
    "sparser": (("pace",), lambda scene: scene.each(sparser, drums=True)),
    "denser": (("pace",), lambda scene: scene.each(denser, drums=True)),
    "even": (("dynamics", "loudness"), lambda scene: scene.each(even, drums=True)),
    "swelling": (("dynamics", "loudness"), lambda scene: scene.each(swelling, drums=True)),
    "duller": (("brightness",), lambda scene: replace(scene, tilt=-4.0)),
    "brighter": (("brightness",), lambda scene: replace(scene, tilt=4.0)),
    "staccato": (("articulation",), lambda scene: scene.each(staccato)),
    "legato": (("articulation",), lambda scene: scene.each(legato)),
    "soft attack": (("articulation",), soft),
    "octave lower": (("register",), partial(moved, -12)),
    "octave higher": (("register",), partial(moved, 12)),
    "other drums": (("roughness",), other_drums),
    "distorted": (("roughness",), lambda scene: replace(scene, drive=8.0)),
}
"""Names of the terms that each change is about, and the change."""


def read_piano(path: Path) -> Notes:
    """Notes of a MIDI file; those that the pedal holds last until it is lifted."""
    now, held = 0.0, False
    open_notes: dict[tuple[int, int], tuple[float, int]] = {}
    released: set[tuple[int, int]] = set()
    rows: list[tuple[float, float, int, int]] = []

    def end(note: tuple[int, int]) -> None:
        released.discard(note)
        if note in open_notes:
            start, velocity = open_notes.pop(note)
            rows.append((start, now, note[1], velocity))

    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "control_change" and message.control == PEDAL:
            held = message.value >= 64
            for note in [] if held else sorted(released):
                end(note)
        elif message.type in ("note_on", "note_off"):
            note = (message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                end(note)
                open_notes[note] = (now, message.velocity)
            elif held:
                released.add(note)
            else:
                end(note)
    for note in list(open_notes):
        end(note)
    return np.array(sorted(rows), np.float64).reshape(-1, 4)


def scene_of(path: Path, rng: np.random.Generator) -> Scene:
    """An excerpt of a piece: of a MIDI file, or of the folder of a song of POP909."""
    if path.is_dir():
        whole, keys = songs.load_pop909(path)
    else:
        notes, keys = read_piano(path), ()
        whole = Piece(float(notes[:, 1].max()), {"chords": notes})
    start = float(rng.uniform(0, max(whole.duration - LENGTH_S, 0)))
    cut = songs.excerpt(whole, keys, start, LENGTH_S)
    if path.is_dir():
        played, sung = render.arrange(cut, rng)
        voice = [Instrument("melody", 53, sung)] if len(sung) else []
        return Scene((*played, *voice), LENGTH_S, cut.key)
    notes = cut.parts["chords"]
    weights = np.bincount(notes[:, 2].astype(int) % 12, notes[:, 1] - notes[:, 0], 12)
    found = int(key.profile_correlations(np.asarray(weights, np.float64)).argmax())
    return Scene((Instrument("chords", int(rng.choice(PROGRAMS)), notes),), LENGTH_S, found)


def play(scene: Scene, soundfont: str) -> Floats:
    """Samples at `RENDER_RATE`."""
    sound = render.render(list(scene.parts), scene.duration, soundfont, rate=RENDER_RATE)
    if scene.tilt:
        spectrum = np.fft.rfft(sound)
        octave = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / RENDER_RATE), 50) / 500)
        raised = np.fft.irfft(spectrum * 10 ** (scene.tilt * octave / 20), len(sound))
        sound = raised.astype(np.float32)
        sound *= 0.9 / max(float(np.abs(sound).max()), 0.9)
    if scene.drive:
        sound = 0.5 * np.tanh(scene.drive * sound / max(float(np.abs(sound).max()), 1e-3))
    return np.asarray(sound, np.float32)


def vectors(path: Path) -> Floats:
    """Pooled vectors of a piece and of its changes, ``(1 + len(CHANGES), DIMENSION)``."""
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    soundfont = render.SOUNDFONTS[int(rng.integers(len(render.SOUNDFONTS)))]
    scene = scene_of(path, rng)
    found = []
    for change in (lambda one: one, *(change for _, change in CHANGES.values())):
        features = extract(from_array(play(change(scene), soundfont), RENDER_RATE))
        harmony = analyse(features.spectrum.astype(np.float32), features.duration)
        found.append(pool(features, harmony, 0.0, features.duration))
    return np.stack(found)


def pieces(folders: Mapping[str, Path], count: int) -> Iterator[tuple[str, Path]]:
    """Names and paths of ``count`` pieces of each of three sets, no two of a song or game."""
    for name in ("vgmidi", "emopia"):
        tracks = {track.group: track for track in datasets.load(name, folders[name])}
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        for group in rng.permutation(sorted(tracks))[:count]:
            yield f"{name}-{tracks[group].id}", tracks[group].path
    for number in songs.song_ids(folders["pop909"], "train")[: 3 * count : 3]:
        yield f"pop909-{number}", folders["pop909"] / number


def load(folders: Mapping[str, Path], kept: Path, count: int, after: int = 0) -> dict[str, Floats]:
    """Vectors of ``count`` pieces of each set, ``after`` those that come first, by name.

    What the folder does not hold is made and kept there. Raises `DataError`,
    `MissingDependencyError` or `AudioError` if a piece cannot be read or played.
    """
    folder = kept / f"changes-{zlib.crc32(' '.join(CHANGES).encode()):08x}"
    folder.mkdir(parents=True, exist_ok=True)
    left_out = {name for name, _ in pieces(folders, after)}
    found = {}
    for name, path in pieces(folders, after + count):
        if name in left_out:
            continue
        file = folder / f"{name}.npy"
        if not file.exists():
            content = io.BytesIO()
            np.save(content, vectors(path))
            replace_file(file, content.getvalue())
        found[name] = np.load(file)
    return found
