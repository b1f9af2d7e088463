"""Make the sounds that the question "is it music?" is learned and tested on, all but real music.

    python benchmarks/music_sounds.py --packages DIR --music DIR ... --out DIR

Speech, effects and ambiences come from Debian packages, each unpacked into a folder of its name
below ``--packages`` (``apt-get download NAME && dpkg-deb -x NAME*.deb DIR/NAME``); noise, hums,
test tones, applause and crowds are generated, more speech is spoken by espeak-ng, and hard music
(solo drums, single instruments, choirs, drones) is played by fluidsynth. Every sound is mono, 16
kHz, at a level of its own, as CLASS/SOURCE/NUMBER.flac; what begins with ``music`` is music. A part
of all, and of the recordings below ``--music``, comes once more worn: cut short, through a narrow
band, with noise or overdriven, as CLASS-worn. The same seed gives the same sounds.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy import signal

RATE = 16_000
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"

Sound = NDArray[np.float32]
Random = np.random.Generator

PACKED = (
    # class, source, package, patterns of paths, clips
    ("speech", "asterisk-en", "asterisk-core-sounds-en-wav", ("sounds/*/*.wav",), 40),
    ("speech", "asterisk-es", "asterisk-core-sounds-es-wav", ("sounds/*/*.wav",), 30),
    ("speech", "asterisk-fr", "asterisk-core-sounds-fr-wav", ("sounds/*/*.wav",), 40),
    ("speech", "asterisk-it", "asterisk-core-sounds-it-wav", ("sounds/*/*.wav",), 30),
    ("speech", "asterisk-ru", "asterisk-core-sounds-ru-wav", ("sounds/*/*.wav",), 40),
    ("speech", "menardi-it", "asterisk-prompt-it-menardi-wav", ("sounds/*/*.wav",), 30),
    ("speech", "gcin-zh", "gcin-voice", ("*.ogg",), 30),
    ("speech", "fillets", "fillets-ng-data", ("sound/elk/en/*-*-*.ogg",), 8),
    ("speech", "hedgewars", "hedgewars-data", ("voices/*/*.ogg",), 60),
    ("speech", "freedroid-voices", "freedroidrpg-data", ("voice_samples/*",), 15),
    ("speech", "librivox", "pocketsphinx-testdata", ("librivox/*.wav",), 12),
    ("speech", "openarena-voices", "openarena-data", ("sound/voices/*",), 20),
    ("speech", "warzone-voices", "warzone2100-data", ("sequenceaudio/*", "*/speech/*"), 20),
    ("effects", "endless-sky", "endless-sky-data", ("sounds/*.wav",), 30),
    ("effects", "wesnoth", "wesnoth-1.16-data", ("core/sounds/*.ogg", "core/sounds/*.wav"), 40),
    ("effects", "openarena", "openarena-data", ("sound/weapons/*", "sound/world/*"), 20),
    ("effects", "hedgewars-effects", "hedgewars-data", ("Data/Sounds/[a-z]*.ogg",), 25),
    ("effects", "ufoai", "ufoai-sound", ("sound/*",), 25),
    ("effects", "bzflag", "bzflag-data", ("*.wav",), 10),
    ("effects", "keyboard", "bucklespring-data", ("*.wav",), 20),
    ("ambience", "lincity", "lincity-ng-data", ("sounds/*.wav",), 60),
    ("ambience", "megaglest", "megaglest-data", ("tilesets/*/sounds/*",), 40),
    ("ambience", "flare", "flare-game", ("fantasycore/soundfx/environment/*", "*campaign/*"), 20),
    ("ambience", "minetest", "minetest-data", ("[efd]*/sounds/*.ogg",), 15),
    ("animals", "megaglest-units", "megaglest-data", ("units/*/sounds/*",), 50),
    ("animals", "flare-enemies", "flare-game", ("soundfx/enemies/*",), 15),
    ("music-game", "wesnoth-music", "wesnoth-1.16-music", ("core/music/*.ogg",), 60),
    ("music-game", "singularity", "singularity-music", ("music/*.ogg",), 40),
    ("music-game", "supertux", "supertux-data", ("music/*/*.ogg",), 30),
    ("music-game", "flare-music", "flare-game", ("fantasycore/music/*.ogg",), 20),
    ("music-game", "hedgewars-music", "hedgewars-data", ("Data/Music/*.ogg",), 20),
    ("music-game", "hold-music", "asterisk-moh-opsound-wav", ("moh/*.wav",), 15),
    ("music-loops", "sonic-pi", "sonic-pi-samples", ("samples/loop_*.flac",), 16),
    ("music-drones", "sonic-pi-ambient", "sonic-pi-samples", ("samples/ambi_*.flac",), 10),
    ("crowd", "lincity-crowd", "lincity-ng-data", ("*/SportsCroud*", "*/MarketFull*"), 15),
)
"""Sounds from packages: short ones follow each other with pauses, of long ones a part is cut."""

ENDINGS = (".wav", ".ogg", ".flac")

VOICES = ("en-us", "de", "fr", "es", "pl", "fi", "tr", "hi", "cmn", "ar", "sv", "pt", "el", "hu")

TEXT = (
    "The committee met on Tuesday to discuss the new timetable.",
    "Please hold the line, and one of our people will be with you shortly.",
    "In the morning it rained, so we stayed at home and read the papers.",
    "Temperatures will fall to four degrees in the north, with wind from the west.",
    "Chapter seven. He closed the door behind him and listened for a while.",
    "The results of the third quarter were better than anyone had expected.",
    "One, two, three, four, five, six, seven, eight, nine, ten.",
    "I told you that I would come back, and here I am, said the old man.",
)


def read(content: Path | zipfile.Path) -> Sound:
    """A sound as mono at `RATE`."""
    with content.open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE), np.float32)


def files(package: Path, patterns: tuple[str, ...]) -> list[Path | zipfile.Path]:
    """Sounds of an unpacked package, those inside archives of games too."""
    found: list[Path | zipfile.Path] = []
    for path in sorted(package.rglob("*")):
        if path.suffix in ENDINGS and any(path.match(one) for one in patterns):
            found.append(path)
        if path.suffix in (".pk3", ".wz"):
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if n.endswith(ENDINGS)]
            inside = [n for n in names if any(_within(n, one) for one in patterns)]
            found += [zipfile.Path(path, name) for name in inside]
    return found


def _within(name: str, pattern: str) -> bool:
    parts = [part for part in pattern.split("*") if part]
    return all(part in f"/{name}" for part in parts)


def packed(package: Path, patterns: tuple[str, ...], count: int, random: Random) -> Iterator[Sound]:
    """Clips of 4 to 25 s."""
    found = files(package, patterns)
    if not found:
        print(f"{package.name}: nothing of {patterns}")
        return
    for _ in range(count):
        wanted = int(RATE * random.uniform(4, 25))
        parts: list[Sound] = []
        while sum(map(len, parts)) < wanted and len(parts) < 60:
            try:
                one = read(found[random.integers(len(found))])
            except soundfile.LibsndfileError:
                continue
            if len(one) > 3 * RATE or random.random() < 0.5:
                start = random.integers(max(len(one) - wanted, 0) + 1)
                one = one[start : start + wanted]
            pause = np.zeros(int(RATE * random.choice([0.0, 0.1, 0.4, 0.8])), np.float32)
            parts += [one, pause]
        yield np.concatenate(parts)[:wanted]


def spoken(voice: str, random: Random) -> Sound:
    """A few sentences by espeak-ng."""
    text = " ".join(random.choice(TEXT, 4, replace=False))
    speed, pitch = str(random.integers(120, 200)), str(random.integers(20, 80))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        variant = random.choice(["", "+f2", "+f4", "+m3", "+m7", "+croak", "+whisper"])
        command = ["espeak-ng", "-v", f"{voice}{variant}", "-s", speed, "-p", pitch]
        subprocess.run([*command, "-w", str(path), text], check=True, capture_output=True)
        return read(path)[: 20 * RATE]


# --- generated ---


def _length(random: Random) -> int:
    return int(RATE * random.uniform(4, 20))


def coloured(power: float) -> Callable[[Random], Sound]:
    """Noise whose power falls as frequency to that power; at times gated or swelling."""

    def make(random: Random) -> Sound:
        count = _length(random)
        spectrum = np.fft.rfft(random.standard_normal(count))
        spectrum *= np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20) ** (-power / 2)
        noise = np.fft.irfft(spectrum, count)
        return np.asarray(noise * _swell(count, random), np.float32)

    return make


def _swell(count: int, random: Random) -> NDArray[np.float64]:
    """A slowly changing gain, or none."""
    if random.random() < 0.5:
        return np.ones(count)
    points = random.uniform(0.1, 1, int(count / RATE / random.uniform(0.3, 3)) + 2)
    return np.interp(np.linspace(0, len(points) - 1, count), np.arange(len(points)), points)


def banded(random: Random) -> Sound:
    """Noise in a band, as of wind, a jet or a radio."""
    low = random.uniform(50, 3000)
    high = min(low * random.uniform(1.5, 4), 7900)
    sections = signal.butter(2, [low, high], "band", fs=RATE, output="sos")
    noise = signal.sosfilt(sections, random.standard_normal(_length(random)))
    return np.asarray(noise * _swell(len(noise), random), np.float32)


def crackle(random: Random) -> Sound:
    """Impulses at random times, as of rain or a bad line."""
    count = _length(random)
    hits = (random.random(count) < random.uniform(5, 2000) / RATE) * random.standard_normal(count)
    decay = np.exp(-np.arange(400) / random.uniform(2, 80))
    return np.asarray(signal.fftconvolve(hits, decay)[:count], np.float32)


def hum(random: Random) -> Sound:
    """Mains or a motor: harmonics of a steady low tone, with some noise."""
    count = _length(random)
    time = np.arange(count) / RATE
    base = random.choice([50, 60, 100, 120, random.uniform(30, 250)])
    number = random.integers(1, 20)
    drift = 1 + random.choice([0, 0.002]) * np.sin(2 * np.pi * random.uniform(0.05, 0.5) * time)
    phase = 2 * np.pi * np.cumsum(base * drift) / RATE
    tone = sum(
        random.uniform(0.1, 1)
        / k ** random.uniform(0.3, 2)
        * np.sin(k * phase + random.uniform(0, 6))
        for k in range(1, number + 1)
        if k * base < RATE / 2
    )
    noise = coloured(random.uniform(0, 2))(random)[:count]
    noise = np.pad(noise, (0, count - len(noise)))
    return np.asarray(tone + random.choice([0, 0.03, 0.3]) * noise / noise.std(), np.float32)


def motor(random: Random) -> Sound:
    """A fan, a fridge or an engine: a rough low tone that beats and drifts, in broad noise."""
    count = _length(random)
    time = np.arange(count) / RATE
    base = random.uniform(20, 180)
    speed = base * (1 + random.uniform(0, 0.05) * np.interp(time, *_knots(time[-1], random)))
    phase = 2 * np.pi * np.cumsum(speed) / RATE
    wave = signal.sawtooth(phase, random.uniform(0, 1)) + random.uniform(0, 1) * np.sin(phase / 2)
    wave *= 1 + random.uniform(0, 0.8) * np.sin(2 * np.pi * random.uniform(0.5, 12) * time)
    sections = signal.butter(2, random.uniform(200, 3000), fs=RATE, output="sos")
    noise = np.resize(coloured(random.uniform(0.5, 2))(random), count)
    rough = signal.sosfilt(sections, wave)
    return np.asarray(rough / rough.std() + random.uniform(0, 1) * noise / noise.std(), np.float32)


def _knots(seconds: float, random: Random) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and values of a slow random course."""
    times = np.linspace(0, seconds, max(int(seconds / 2), 2))
    return times, random.uniform(-1, 1, len(times))


def tone(random: Random) -> Sound:
    """A single steady tone."""
    time = np.arange(_length(random)) / RATE
    wave = random.choice(np.array(["sine", "square", "sawtooth"]), p=[0.6, 0.2, 0.2])
    phase = 2 * np.pi * np.exp(random.uniform(np.log(60), np.log(6000))) * time
    shape = {"sine": np.sin, "square": signal.square, "sawtooth": signal.sawtooth}[str(wave)]
    return np.asarray(shape(phase), np.float32)


def pitch(random: Random) -> Sound:
    """A single steady tone at concert pitch, as a tuner gives it."""
    time = np.arange(_length(random)) / RATE
    phase = 2 * np.pi * 440 * 2 ** (random.integers(-36, 37) / 12) * time
    overtone = random.choice([0, 0, 0.3]) * np.sin(2 * phase)
    return np.asarray(np.sin(phase) + overtone, np.float32)


def sweep(random: Random) -> Sound:
    """A tone that glides up or down."""
    count = _length(random)
    time = np.arange(count) / RATE
    ends = sorted(random.uniform(20, 7500, 2), reverse=random.random() < 0.3)
    kind = random.choice(["linear", "logarithmic"])
    return np.asarray(signal.chirp(time, ends[0], time[-1], ends[1], kind), np.float32)


def beeps(random: Random) -> Sound:
    """Dialled digits, busy and ringing tones, Morse code, alarms: tones switched on and off."""
    count = _length(random)
    time = np.arange(count) / RATE
    kind = random.integers(4)
    lows, highs = (697, 770, 852, 941), (1209, 1336, 1477)
    step = random.uniform(0.06, 0.6)
    slots = (time / step).astype(int)
    picks = random.integers(0, 12, slots[-1] + 1)
    if kind == 0:
        low, high = np.array(lows)[picks % 4][slots], np.array(highs)[picks % 3][slots]
        wave = np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)
        return np.asarray(wave * (time % step < step * 0.6), np.float32)
    pitch = random.uniform(300, 3000)
    wave = np.sin(2 * np.pi * pitch * time)
    if kind == 1:
        return np.asarray(wave * (picks % 2)[slots], np.float32)
    if kind == 2:
        wave += np.sin(2 * np.pi * pitch * random.uniform(1.05, 1.2) * time)
    return np.asarray(wave * (time % (2 * step) < step), np.float32)


def clicks(random: Random) -> Sound:
    """Clicks, evenly or not."""
    count = _length(random)
    result = np.zeros(count)
    gap = RATE / random.uniform(0.5, 20)
    jitter = random.choice([0, 0.5])
    times = np.cumsum(gap * (1 + jitter * random.uniform(-1, 1, int(count / gap) + 1)))
    times = times[times < count].astype(int)
    result[times] = 1
    shape = np.exp(-np.arange(200) / random.uniform(1, 40)) * random.standard_normal(200)
    return np.asarray(signal.fftconvolve(result, shape)[:count], np.float32)


def applause(random: Random) -> Sound:
    """Claps of few or many hands in a room, growing and dying down."""
    count = _length(random)
    hands = int(np.exp(random.uniform(np.log(4), np.log(300))))
    result = np.zeros(count)
    for _ in range(hands):
        gap = RATE / random.uniform(2.5, 5.5)
        times = np.cumsum(gap * random.normal(1, 0.08, int(count / gap) + 1).clip(0.5))
        times = times[times < count].astype(int)
        centre = random.uniform(700, 2800)
        band = [centre * 0.6, min(centre * 1.8, 7900)]
        sections = signal.butter(1, band, "band", fs=RATE, output="sos")
        clap = random.standard_normal(600) * np.exp(-np.arange(600) / random.uniform(30, 120))
        hits = np.zeros(count)
        hits[times] = random.uniform(0.5, 1, len(times)) * random.uniform(0.1, 1)
        result += signal.fftconvolve(hits, signal.sosfilt(sections, clap))[:count]
    room = random.standard_normal(RATE // 2) * np.exp(-np.arange(RATE // 2) / (RATE * 0.12))
    wet = signal.fftconvolve(result, room)[:count]
    result = result / result.std() + random.uniform(0, 1) * wet / wet.std()
    return np.asarray(result * _swell(count, random), np.float32)


def crowd(speech: list[Sound], few: int, many: int, wet: bool) -> Callable[[Random], Sound]:
    """Several voices at once, in a room or near by, with some noise."""

    def make(random: Random) -> Sound:
        count = _length(random)
        total = np.zeros(count)
        for _ in range(random.integers(few, many)):
            voice = speech[random.integers(len(speech))]
            total += np.resize(np.roll(voice, random.integers(len(voice))), count)
        total /= total.std()
        if not wet:
            noise = np.resize(coloured(1)(random), count)
            return np.asarray(total + random.uniform(0, 0.5) * noise / noise.std(), np.float32)
        room = random.standard_normal(RATE) * np.exp(-np.arange(RATE) / (RATE * 0.2))
        echo = signal.fftconvolve(total, room)[:count]
        return np.asarray(total + echo / echo.std(), np.float32)

    return make


GENERATED: tuple[tuple[str, str, Callable[[Random], Sound], int], ...] = (
    ("noise", "white", coloured(0), 25),
    ("noise", "pink", coloured(1), 25),
    ("noise", "brown", coloured(2), 25),
    ("noise", "band", banded, 40),
    ("noise", "crackle", crackle, 25),
    ("hum", "hum", hum, 50),
    ("tones", "tone", tone, 30),
    ("tones", "sweep", sweep, 30),
    ("tones", "beeps", beeps, 40),
    ("tones", "clicks", clicks, 30),
    ("crowd", "applause", applause, 40),
)


# --- music that is easily taken for something else ---


def played(notes: list[tuple[float, float, int, int, int, int]]) -> Sound:
    """Notes (start, length, channel, program, pitch, velocity) by fluidsynth."""
    import mido

    events: list[tuple[float, mido.Message]] = []
    for start, length, channel, program, pitch, velocity in notes:
        common = {"channel": channel}
        if channel != 9:
            events.append((start - 1e-3, mido.Message("program_change", program=program, **common)))
        on = mido.Message("note_on", note=pitch, velocity=velocity, **common)
        off = mido.Message("note_off", note=pitch, **common)
        events += [(start, on), (start + length, off)]
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    now = 0
    for time, message in sorted(events, key=lambda event: event[0]):
        tick = max(int(time * 960), now)
        track.append(message.copy(time=tick - now))
        now = tick
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder) / "a.mid", Path(folder) / "a.wav"
        file.save(midi)
        command = ["fluidsynth", "-ni", "-F", str(wave), "-r", "44100", SOUNDFONT, str(midi)]
        subprocess.run(command, check=True, capture_output=True)
        return read(wave)


def drums(random: Random) -> Sound:
    """A drum kit alone, in a pattern of one or two bars, with fills."""
    step = 60 / random.uniform(60, 180) / 4
    bar = int(random.choice([12, 16, 16, 16]))
    kit = {36: 0.25, 38: 0.2, 42: 0.6, 46: 0.05, 45: 0.08, 41: 0.08, 51: 0.2, 56: 0.05, 39: 0.05}
    if random.random() < 0.3:
        kit = {64: 0.4, 63: 0.3, 62: 0.2, 61: 0.3, 60: 0.2}
    pattern = {p: random.random(bar) < share for p, share in kit.items() if random.random() < 0.8}
    notes = []
    for slot in range(int(_length(random) / RATE / step)):
        for pitch, hits in pattern.items():
            if hits[slot % bar] ^ (random.random() < 0.03):
                notes.append((slot * step, 0.1, 9, 0, pitch, int(random.integers(60, 127))))
    return played(notes or [(0.0, 1.0, 9, 0, 36, 100)])


MODES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 3, 5, 7, 10))


def melody(programs: tuple[int, ...], voices: int) -> Callable[[Random], Sound]:
    """A random walk through a mode by one instrument, with others below it."""

    def make(random: Random) -> Sound:
        mode, base = MODES[random.integers(len(MODES))], int(random.integers(48, 66))
        beat, program = 60 / random.uniform(50, 160), int(random.choice(programs))
        scale = [base + 12 * octave + step for octave in (-1, 0, 1) for step in mode]
        place, time, notes = len(mode), 0.0, []
        end = _length(random) / RATE
        while time < end:
            length = beat * random.choice([0.5, 1, 1, 2])
            place = int(np.clip(place + random.integers(-2, 3), 2 * voices, len(scale) - 1))
            for voice in range(voices):
                pitch = scale[place - 2 * voice]
                notes.append(
                    (time, length * 0.95, 0, program, pitch, int(random.integers(50, 110)))
                )
            time += length
        return played(notes)

    return make


def drone(random: Random) -> Sound:
    """Slow chords of many detuned partials, as in ambient music."""
    count = int(RATE * random.uniform(8, 20))
    time = np.arange(count) / RATE
    mode, base = MODES[random.integers(len(MODES))], random.uniform(40, 120)
    total = np.zeros(count)
    for _ in range(random.integers(6, 14)):
        step = mode[random.integers(len(mode))] + 12 * random.integers(0, 4)
        pitch = base * 2 ** (step / 12) * (1 + random.normal(0, 0.002))
        wave = (
            signal.sawtooth(2 * np.pi * pitch * time)
            if random.random() < 0.5
            else np.sin(
                2 * np.pi * pitch * time + np.sin(2 * np.pi * random.uniform(0.1, 5) * time)
            )
        )
        total += wave * _swell(count, random) * random.uniform(0.2, 1)
    sections = signal.butter(2, random.uniform(400, 5000), fs=RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, total), np.float32)


def plain(random: Random) -> Sound:
    """Notes and chords of plain waves, as old computers play them."""
    count = _length(random)
    time = np.arange(count) / RATE
    beat, mode = 60 / random.uniform(50, 180), MODES[random.integers(len(MODES))]
    shape = (np.sin, signal.square, signal.sawtooth)[random.integers(3)]
    slots = (time / beat).astype(int)
    decay = np.exp(-(time % beat) / beat * random.uniform(0, 4))
    total = np.zeros(count)
    for held in random.choice([1, 2, 4, 8], random.integers(1, 5)):
        steps = random.integers(0, 2 * len(mode), slots[-1] // held + 1)
        pitches = np.array([mode[one % len(mode)] + 12 * (one // len(mode)) for one in steps])
        pitch = random.choice([110, 220, 440]) * 2 ** (pitches / 12)
        phase = 2 * np.pi * np.cumsum(pitch[slots // held]) / RATE
        total += shape(phase) * random.uniform(0.3, 1)
    return np.asarray(total * decay, np.float32)


HARD: tuple[tuple[str, str, Callable[[Random], Sound], int], ...] = (
    ("music-drums", "drums", drums, 60),
    ("music-solo", "winds", melody((56, 60, 64, 68, 71, 73, 75, 77), 1), 30),
    ("music-solo", "strings", melody((40, 41, 42, 24, 25, 32, 104, 105), 1), 30),
    ("music-solo", "keys", melody((0, 4, 6, 11, 12, 19, 21, 46), 1), 30),
    ("music-choir", "choir", melody((52, 53, 54, 91), 3), 40),
    ("music-choir", "voice", melody((52, 53, 54, 85), 1), 20),
    ("music-drones", "drone", drone, 40),
)


def worn(sound: Sound, random: Random) -> Sound:
    """A sound cut short and through a narrow band, with noise, or overdriven."""
    wanted = int(RATE * random.uniform(4, 12))
    start = random.integers(max(len(sound) - wanted, 0) + 1)
    sound = sound[start : start + wanted] / max(float(np.abs(sound).max()), 1e-6)
    kind = random.integers(4)
    if kind == 0:
        edges = [random.uniform(20, 300), random.uniform(3000, 4000)]
        sound = signal.sosfilt(signal.butter(4, edges, "band", fs=RATE, output="sos"), sound)
    if kind == 1:
        noise = coloured(random.uniform(0, 2))(random)
        noise = np.resize(noise, len(sound)) / noise.std()
        sound = sound + sound.std() * 10 ** (-random.uniform(5, 25) / 20) * noise
    if kind == 2:
        sound = np.tanh(sound * random.uniform(2, 20))
    return np.asarray(sound, np.float32)


def write(out: Path, kind: str, source: str, number: int, sound: Sound, random: Random) -> None:
    """Write a sound with its peak at a level between -30 and -1 dB."""
    peak = np.abs(sound).max()
    if not peak > 0:
        return
    gain = 10 ** (random.uniform(-30, -1) / 20) / peak
    path = out / kind / source / f"{number:03d}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound * gain, RATE)


def main() -> None:
    """Make all sounds that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--music", type=Path, nargs="*", default=[], help="folders of recordings")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    def make(kind: str, source: str, sounds: Iterator[Sound], random: Random) -> None:
        if (options.out / kind / source).is_dir():
            return
        for number, sound in enumerate(sounds):
            write(options.out, kind, source, number, sound, random)
        print(kind, source, flush=True)

    for number, (kind, source, package, patterns, count) in enumerate(PACKED):
        random = np.random.default_rng([1, number])
        sounds = packed(options.packages / package, patterns, count, random)
        make(kind, source, sounds, random)
    for number, voice in enumerate(VOICES):
        random = np.random.default_rng([2, number])
        make("speech", f"espeak-{voice}", (spoken(voice, random) for _ in range(8)), random)
    said = sorted((options.out / "speech").rglob("*.flac"))
    voices = [read(path) for path in said[:: max(1, len(said) // 60)]]
    hall = ("crowd", "voices", crowd(voices, 6, 40, wet=True), 30)
    near = ("crowd", "chatter", crowd(voices, 4, 20, wet=False), 40)
    engine = ("hum", "motor", motor, 40)
    waves = ("music-plain", "plain", plain, 50)
    tuner = ("tones", "pitch", pitch, 60)
    made_up = (*GENERATED, hall, *HARD, near, engine, waves, tuner)
    for number, (kind, source, generate, count) in enumerate(made_up):
        random = np.random.default_rng([3, number])
        make(kind, source, (generate(random) for _ in range(count)), random)
    made = sorted(path for path in options.out.rglob("*.flac") if "-worn" not in str(path))
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in made:
        groups.setdefault((path.parts[-3], path.parts[-2]), []).append(path)
    for folder in options.music:
        groups["music-real", folder.name] = sorted(folder.rglob("*.ogg"))
    for number, ((kind, source), paths) in enumerate(groups.items()):
        random = np.random.default_rng([4, number])
        count = 60 if kind == "music-real" else max(3, len(paths) // 4)
        chosen = (paths[random.integers(len(paths))] for _ in range(count))
        make(f"{kind}-worn", source, (worn(read(one), random) for one in chosen), random)


if __name__ == "__main__":
    main()
