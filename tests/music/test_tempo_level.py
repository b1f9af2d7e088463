"""At which multiple of a pulse the beat is counted."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.arrays import Floats
from hevner.music import rhythm, tempo_level
from hevner.music.onsets import BANDS, INPUTS, RATE
from hevner.music.rhythm_network import TEMPI, Network
from hevner.music.tempo_level import OCTAVES, PREFERENCE, Preference


def _inputs(notes: float, chords: float, seconds: float = 12.0) -> Floats:
    """Rises and changes of chords at even distances, so many a second."""
    found = np.zeros((int(seconds * RATE), INPUTS), np.float32)
    for rate, columns, value in (
        (notes, slice(BANDS, 2 * BANDS), 1.0),
        (chords, slice(2 * BANDS + 3, None), 0.9),
    ):
        times = np.arange(1, seconds * rate - 1) / rate
        found[np.round(times * RATE).astype(int), columns] = value
    return found


def test_notes_and_chords_are_counted() -> None:
    slow, busy = tempo_level.describe(_inputs(2, 0.5)), tempo_level.describe(_inputs(6, 2))
    assert np.allclose(np.exp(slow[[0, 5]]), [2 + 0.2 - 2 / 12, 0.5 + 0.1 - 2 / 12], atol=0.1)
    assert np.allclose(np.exp(busy[[0, 5]]), [6 + 0.2 - 2 / 12, 2 + 0.1 - 2 / 12], atol=0.1)
    assert slow[4] < busy[4]


def test_slopes_depend_on_the_music() -> None:
    mean = tempo_level.describe(_inputs(3, 1))
    slopes = np.zeros((3, 7), np.float32)
    plain = Preference(mean, np.ones(6, np.float32), slopes.copy(), 0.5)
    odds = np.sin(OCTAVES).astype(np.float32)
    assert np.allclose(plain.apply(odds, _inputs(3, 1)), 0.5 * odds)
    slopes[0, 1] = -1
    preference = Preference(mean, np.ones(6, np.float32), slopes, 1.0)
    none = np.zeros(len(TEMPI), np.float32)
    busy, sparse = (preference.apply(none, _inputs(notes, 1)) for notes in (6, 1.5))
    assert (np.diff(busy) < 0).all()
    assert (np.diff(sparse) > 0).all()


@pytest.mark.parametrize("away", [-1, 0, 1])
def test_shipped_preference_is_for_usual_tempi(away: int, monkeypatch: pytest.MonkeyPatch) -> None:
    described = PREFERENCE.mean + away * PREFERENCE.spread
    monkeypatch.setattr(tempo_level, "describe", lambda _: described)
    found = PREFERENCE.apply(np.zeros(len(TEMPI), np.float32), _inputs(1, 1))
    assert 60 < TEMPI[int(found.argmax())] < 140


class _Counting(Network):
    """Sure of the tempo at which rises follow one another."""

    def steps(self, inputs: Floats) -> Floats:
        return inputs

    def tempi(self, channels: Floats) -> tuple[Floats, Floats]:
        rises = channels[:, : 2 * BANDS].reshape(-1, BANDS).mean(axis=1)
        places = np.flatnonzero(rises > 0.3 * rises.max())
        places = places[np.append(True, np.diff(places) > 4)]
        tempo = 60 * 2 * RATE / np.diff(places).mean()
        odds = -0.5 * (np.log(TEMPI / tempo) / 0.02) ** 2
        return np.append(odds, -9).astype(np.float32), np.zeros((len(TEMPI), 6), np.float32)


def test_five_speeds_agree_on_a_brief_recording() -> None:
    inputs, model = _inputs(2, 1), _Counting({})
    odds, nothing = rhythm.whole(inputs, inputs, model)
    assert abs(np.log(TEMPI[int(odds.argmax())] / 120)) < 0.02
    assert odds.max() > np.log(0.25)  # apart, they would share it
    assert nothing < 0.01
