"""Music, or something else: what is told of sounds that are none."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import hevner
from hevner.errors import ModelError
from hevner.model import sound_kind
from hevner.model.sound_kind import KINDS, NO_MUSIC
from tests.errors import raises
from tests.sounds import music

RATE = 16_000
TIME = np.arange(6 * RATE) / RATE
RANDOM = np.random.default_rng(1)


def claps() -> np.ndarray:
    """Forty hands."""
    result = np.zeros(len(TIME))
    shape = RANDOM.standard_normal(500) * np.exp(-np.arange(500) / 70)
    for start in RANDOM.integers(0, len(TIME) - 500, 40 * 6 * 4):
        result[start : start + 500] += shape * RANDOM.uniform(0.2, 1)
    return result


SOUNDS = {
    "sine": np.sin(2 * np.pi * 440 * TIME),
    "mains": np.sin(2 * np.pi * 50 * TIME) + 0.3 * np.sin(2 * np.pi * 100 * TIME),
    "white noise": RANDOM.standard_normal(len(TIME)),
    "brown noise": np.cumsum(RANDOM.standard_normal(len(TIME))),
    "claps": claps(),
    "sweep": np.sin(2 * np.pi * (100 * TIME + 300 * TIME**2)),
}


@pytest.mark.parametrize("level", [-6.0, -35.0])
@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_no_music_has_no_emotion_and_says_so(name: str, level: float) -> None:
    samples = SOUNDS[name] / np.abs(SOUNDS[name]).max() * 10 ** (level / 20)
    found = hevner.analyze(samples.astype(np.float32), RATE)
    assert found.status == "no_music"
    assert found.music_probability is not None
    assert found.music_probability < NO_MUSIC
    assert found.headline.startswith("this does not sound like music")
    assert found.headline in found.warnings
    assert (found.valence, found.arousal, found.quadrant, found.key, found.tempo) == (None,) * 5
    assert not found.moods
    assert not found.tags
    assert not found.chords
    assert not found.timeline


@pytest.mark.parametrize("level", [0.0, -20.0, -40.0])
def test_music_stays_music_at_any_level(level: float) -> None:
    found = hevner.analyze(music(6.0) * np.float32(10 ** (level / 20)), RATE)
    assert found.status == "ok"
    assert found.music_probability is not None
    assert found.music_probability > NO_MUSIC


def test_share_is_that_of_the_time() -> None:
    """Two parts of music, one of noise: the share lies between."""
    noise = 0.1 * RANDOM.standard_normal(30 * RATE)
    mixed = np.concatenate([np.tile(music(4.0), 15), noise]).astype(np.float32)
    found = hevner.analyze(mixed, RATE)
    assert found.status == "ok"
    assert found.music_probability is not None
    assert 0.5 < found.music_probability < 0.85


def test_in_between_all_is_told_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = dict(zip(KINDS, (0.4, 0.5, 0.1, 0.0, 0.0), strict=True))
    monkeypatch.setattr(sound_kind.SoundKind, "shares", lambda _self, _vectors: shares)
    found = hevner.analyze(music(4.0), RATE)
    assert (found.status, found.music_probability) == ("ok", 0.4)
    assert found.valence is not None
    assert "parts of this may be no music: speech" in found.warnings


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.1, 0.8, 0.1, 0.0, 0.0), "this does not sound like music: speech"),
        ((0.1, 0.0, 0.1, 0.0, 0.8), "this does not sound like music: a hum or test tones"),
        ((0.1, 0.3, 0.3, 0.3, 0.0), "this does not sound like music"),
        ((0.3, 0.6, 0.1, 0.0, 0.0), "parts of this may be no music: speech"),
        ((0.6, 0.4, 0.0, 0.0, 0.0), ""),
    ],
)
def test_kind_is_named_where_it_is_clear(shares: tuple[float, ...], said: str) -> None:
    assert sound_kind.doubt(dict(zip(KINDS, shares, strict=True))) == said


def test_other_features_and_damage_are_refused(tmp_path: Path) -> None:
    shipped = sound_kind.load()
    path = tmp_path / "kinds.npz"
    dataclasses.replace(shipped, card={"features": "others"}).save(path)
    with raises(ModelError, "other_features", subject="kinds.npz"):
        sound_kind.load(path)
    path.write_bytes(b"no")
    sound_kind.load.cache_clear()
    with raises(ModelError, "unreadable", subject="kinds.npz"):
        sound_kind.load(path)
