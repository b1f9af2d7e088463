from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hevner.audio.decode import open_audio
from hevner.audio.windows import Windower
from hevner.blocks import FRAMES, PATCHES
from hevner.encoders.handcrafted import band_levels
from hevner.encoders.mel import power_spectrum
from hevner.music import analyse, onsets, rhythm, rhythm_network
from hevner.music.rhythm import Rhythm
from hevner.music.spectrum import HarmonySpectrum

RATE = 16_000
EXAMPLES = Path(__file__).parents[2] / "examples" / "audio"


def cut(sound: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    windower = Windower(*grid)
    windows = np.concatenate([windower.push(sound), windower.finish()])
    return windows, np.array(windower.starts) / RATE


def inputs(sound: np.ndarray) -> np.ndarray:
    """Input of the network, as an analysis makes it."""
    patches, starts = cut(sound, PATCHES)
    rows = onsets.rises(band_levels(power_spectrum(patches))).astype(np.float16)
    spectrum = HarmonySpectrum().encode(cut(sound, FRAMES)[0]).astype(np.float16)
    return onsets.inputs(rows, starts, spectrum, analyse(spectrum, len(sound) / RATE))


def heard(sound: np.ndarray) -> Rhythm:
    return rhythm.analyse(inputs(sound.astype(np.float32)))


def strokes(places: list[float], seconds: float, pitch: float, fall: float) -> np.ndarray:
    """Struck sounds: noise (pitch 0) or a tone that dies away, at times in seconds."""
    sound = np.zeros(round(seconds * RATE))
    time = np.arange(round(0.25 * RATE)) / RATE
    noise = np.random.default_rng(5).normal(size=len(time))
    one = (np.sin(2 * np.pi * pitch * time) if pitch else 0.3 * noise) * np.exp(-fall * time)
    for place in places:
        at = round(place * RATE)
        part = sound[at : at + len(one)]
        part += one[: len(part)]
    return sound


def drums(tempo: float, beats: int, seconds: float = 18.0) -> np.ndarray:
    """Low drum on the first beat (of four, the third too), high one on others, cymbal on halves."""
    beat = 60 / tempo
    times = np.arange(0, seconds - 0.3, beat)
    low = [t for k, t in enumerate(times) if k % beats == 0 or (beats == 4 and k % 4 == 2)]
    high = [t for k, t in enumerate(times) if t not in low]
    halves = list(np.arange(0, seconds - 0.3, beat / 2))
    chord = np.zeros(round(seconds * RATE))
    clock = np.arange(len(chord)) / RATE
    root = 220 * 2 ** (np.array([0, 5, 7, 3])[(clock // (beats * beat)).astype(int) % 4] / 12)
    phase = 2 * np.pi * np.cumsum(root) / RATE
    chord = 0.08 * (np.sin(phase) + np.sin(1.5 * phase) + np.sin(2 * phase))
    return (
        chord + strokes(low, seconds, 60, 18) + 0.6 * strokes(high, seconds, 0, 25)
        + 0.12 * strokes(halves, seconds, 0, 90)
    )  # fmt: skip


@pytest.mark.parametrize("tempo", [60, 84, 120, 174])
def test_tempo_and_beats_of_drums_in_four(tempo: int) -> None:
    found = heard(drums(tempo, 4))
    assert found.tempo == pytest.approx(tempo, rel=0.02)
    assert found.meter == "4/4"
    expected = np.arange(0, 17.0, 60 / tempo)
    distance = np.abs(expected[:, None] - np.array(found.beats)[None]).min(axis=1)
    assert np.mean(distance < 0.05) > 0.9
    bars = np.arange(0, 16.0, 240 / tempo)
    distance = np.abs(bars[:, None] - np.array(found.downbeats)[None]).min(axis=1)
    assert np.mean(distance < 0.05) > 0.9


def test_drums_in_three_are_a_waltz() -> None:
    found = heard(drums(132, 3))
    assert found.tempo == pytest.approx(132, rel=0.02)
    assert found.meter == "3/4"


def test_candidates_are_sorted_and_lead_with_the_tempo() -> None:
    found = heard(drums(96, 4))
    shares = [share for _, share in found.candidates]
    assert found.candidates[0][0] == found.tempo
    assert shares[0] == max(shares)
    assert sum(shares) <= 1 + 1e-3


def test_times_are_in_order_and_downbeats_are_beats() -> None:
    found = heard(drums(110, 4, 15.0))
    assert np.all(np.diff(found.beats) > 0.1)
    assert set(found.downbeats) <= set(found.beats)
    assert 0 <= found.beats[0] < found.beats[-1] <= 15.0


def test_rhythm_does_not_depend_on_loudness() -> None:
    loud, quiet = (heard(level * drums(110, 4, 12.0)) for level in (0.3, 0.003))
    assert loud.tempo == pytest.approx(quiet.tempo, rel=0.01)
    assert loud.meter == quiet.meter


def test_a_change_of_tempo_is_followed() -> None:
    found = heard(np.concatenate([drums(80, 4, 24.0), drums(140, 4, 24.0)]))
    beats = np.array(found.beats)
    for tempo, start, end in ((80, 4, 20), (140, 30, 46)):
        inside = np.diff(beats[(beats > start) & (beats < end)])
        assert 60 / np.median(inside) == pytest.approx(tempo, rel=0.03)


@pytest.mark.parametrize(
    ("name", "tempo", "meter"),
    [("bright_dance", 120, "6/8"), ("tense_chase", 152, "4/4"), ("calm_evening", 72, "4/4")],
)
def test_examples_have_the_tempo_they_were_written_in(name: str, tempo: int, meter: str) -> None:
    sound = np.concatenate(list(open_audio(EXAMPLES / f"{name}.ogg").blocks))
    found = heard(sound)
    assert found.tempo == pytest.approx(tempo, rel=0.04)
    assert found.meter == meter


def test_of_tempi_equally_likely_the_slower_one_leads() -> None:
    # Eighths and beats of the lament are as likely, and bars of three.
    sound = np.concatenate(list(open_audio(EXAMPLES / "slow_lament.ogg").blocks))
    found = heard(sound)
    assert found.meter == "3/4"
    assert found.tempo == pytest.approx(60, rel=0.04)


@pytest.mark.parametrize("phase", range(4))
def test_bars_of_four_begin_where_most_beats_say(
    phase: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def firsts(_: rhythm_network.Network, heard: np.ndarray) -> np.ndarray:
        odds = np.where(np.arange(len(heard)) % 4 == phase, 1.0, -1.0)
        odds[(phase + 1) % 4] = 5.0  # one bar that misleads
        return odds

    monkeypatch.setattr(rhythm_network.Network, "firsts", firsts)
    found = heard(drums(110, 4, 16.0))
    assert found.downbeats == found.beats[phase::4]


def test_beats_hear_the_strongest_within_a_step() -> None:
    inputs = np.zeros((20, onsets.INPUTS), np.float32)
    inputs[[4, 9], 0] = 2.0
    read = rhythm_network.at_beats(inputs, np.zeros((20, 3), np.float32), np.array([0, 5, 11, 25]))
    np.testing.assert_array_equal(read[:, 0], [0, 2, 0, 0])
    assert read.shape == (4, onsets.INPUTS - onsets.BANDS + 3)


def test_few_bars_do_not_correct_the_tempo() -> None:
    steady = np.arange(9) * 2.1
    assert rhythm._refined(112.0, steady[:4], 4) == 112.0
    assert rhythm._refined(112.0, steady, 4) == pytest.approx(240 / 2.1)


def nothing(kind: str) -> np.ndarray:
    rng = np.random.default_rng(6)
    time = np.arange(15 * RATE) / RATE
    match kind:
        case "noise":
            return 0.1 * rng.normal(size=len(time))
        case "silence":
            return np.zeros(len(time))
        case "tone":
            return np.sin(2 * np.pi * 440 * time)
        case _:
            return sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5))


@pytest.mark.parametrize("kind", ["noise", "silence", "tone", "hum"])
def test_what_has_no_pulse_has_no_rhythm(kind: str) -> None:
    assert heard(nothing(kind)) == Rhythm()


def test_too_little_music_has_no_rhythm() -> None:
    assert heard(drums(120, 4, 1.5)) == Rhythm()


def test_long_recordings_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    steps = rng.random((3_000, onsets.INPUTS)).astype(np.float32)
    spectrum = rng.random((700, 252)).astype(np.float16)
    posterior = rng.random((700, 40)).astype(np.float16)

    def found() -> list[np.ndarray]:
        distance = onsets._distance(posterior, 7)
        return [rhythm_network.load().steps(steps), onsets._bass(spectrum), distance]

    whole = found()
    monkeypatch.setattr(rhythm_network, "BLOCK", 700)
    monkeypatch.setattr(onsets, "_BLOCK", 300)
    monkeypatch.setattr(onsets, "_COLUMNS", 9)
    for part, all_at_once in zip(found(), whole, strict=True):
        np.testing.assert_allclose(part, all_at_once, rtol=1e-4, atol=1e-4)


def test_memory_does_not_grow_much_with_an_hour() -> None:
    rng = np.random.default_rng(0)
    steps = rng.random((112_500, onsets.INPUTS)).astype(np.float32)
    hidden = 4 * len(steps) * rhythm_network.load().weights["in"].shape[1]
    posterior = rng.random((36_000, 170)).astype(np.float16)
    for work, most in (
        (lambda: rhythm_network.load().steps(steps), 4 * hidden),
        (lambda: onsets._distance(posterior, 7), 3 * posterior.nbytes),
    ):
        tracemalloc.start()
        work()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < most


def test_rises_are_put_on_one_time_axis() -> None:
    # Two patches of four frames: the unknown frame between them is as its neighbours.
    rows = np.zeros((2, 3, onsets.BANDS), np.float32)
    rows[0, 2], rows[1, 0] = 2, 4
    joined = onsets._joined(rows.reshape(2, -1), np.array([0, 4 / onsets.FRAME_RATE]), 10)
    np.testing.assert_array_equal(joined[:, 0], [0, 0, 0, 2, 3, 4, 0, 0, 0, 0])


def test_autocorrelation_of_a_pulse_peaks_at_its_beat() -> None:
    steps = np.zeros((400, 1), np.float32)
    steps[::20] = 1
    read = rhythm_network.autocorrelation(steps)
    once = list(rhythm_network.MULTIPLES).index(1)
    best = rhythm_network.TEMPI[read[:, once].argmax()]
    assert 60 * onsets.RATE / best == pytest.approx(20, abs=0.5)


REPORTED = {
    "tempo_rock_60.ogg": 60,
    "tempo_dnb_174.ogg": 174,
    "tempo_seven8_140.ogg": 140,
    "tempo_pianoarp_60.ogg": 60,
    "hum50.flac": None,
}


@pytest.mark.data
@pytest.mark.parametrize("name", REPORTED)
def test_reported_files_have_their_tempo(data: Path, name: str) -> None:
    path = data.parent / "cases" / "files" / name
    if not path.is_file():
        pytest.skip("no reported files here")
    found = heard(np.concatenate(list(open_audio(path).blocks)))
    assert found.tempo == (REPORTED[name] and pytest.approx(REPORTED[name], rel=0.04))
