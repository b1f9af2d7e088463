from __future__ import annotations

import numpy as np
import pytest

from hevner.audio.decode import SAMPLE_RATE, Audio, from_array
from hevner.audio.level import Recording
from hevner.blocks import BLOCKS, DIMENSION, WIDTHS, vector_id
from hevner.encoders.handcrafted import NAMES as HANDCRAFTED_NAMES
from hevner.encoders.handcrafted import Handcrafted
from hevner.encoders.mel import FRAMES
from hevner.encoders.musicnn import MSD, MTT, MusiCNN
from hevner.errors import AudioError
from hevner.features import PATCH_S, Features, around, extract, pool
from hevner.music import analyse
from hevner.music.onsets import BANDS
from hevner.music.spectrum import BINS, HarmonySpectrum
from tests.errors import raises
from tests.sounds import music


def streamed(sound: np.ndarray, size: int) -> Features:
    blocks = (sound[at : at + size] for at in range(0, len(sound), size))
    return extract(Audio("array", blocks, []))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return music(19.0)


@pytest.fixture(scope="module")
def features(sound: np.ndarray) -> Features:
    return extract(from_array(sound, SAMPLE_RATE))


def test_rows_of_every_kind(features: Features) -> None:
    patches = len(features.starts)
    assert features.duration == pytest.approx(19.0)
    assert patches == 6
    assert {name: rows.shape for name, rows in features.rows.items()} == {
        "musicnn": (patches, 200),
        "musicnn_mtt": (patches, 200),
        "handcrafted": (patches, len(HANDCRAFTED_NAMES)),
        "onsets": (patches, (FRAMES - 1) * BANDS),
        "harmony": (186, BINS),
    }
    for block in BLOCKS:
        assert features.rows[block.name].shape[1] == block.row_width
        assert features.rows[block.name].dtype == block.dtype
    assert np.diff(features.starts).min() > 0
    assert features.starts[-1] + PATCH_S <= features.duration + 1e-9


@pytest.mark.parametrize("size", [1_111, 16_000, 200_000])
def test_block_size_does_not_matter(features: Features, sound: np.ndarray, size: int) -> None:
    other = streamed(sound, size)
    np.testing.assert_array_equal(other.starts, features.starts)
    for name, rows in features.rows.items():
        atol = {"onsets": 2e-2, "musicnn": 1e-4, "musicnn_mtt": 1e-4}.get(name, 2e-3)
        np.testing.assert_allclose(other.rows[name], rows, atol=atol, rtol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def heard(sound: np.ndarray) -> np.ndarray:
    """The sound at the reference loudness."""
    with Recording(iter([sound]), SAMPLE_RATE, "array") as recording:
        return np.concatenate(list(recording.blocks()))


def test_rows_are_those_of_the_encoders(features: Features, heard: np.ndarray) -> None:
    for row in (0, 2, len(features.starts) - 1):
        start = round(features.starts[row] * SAMPLE_RATE)
        window = heard[None, start : start + MSD.window_samples]
        expected = MusiCNN(MSD).encode(window)[0]
        np.testing.assert_allclose(features.rows["musicnn"][row], expected, atol=1e-4)
        expected = Handcrafted().encode(window)[0]
        np.testing.assert_allclose(
            features.rows["handcrafted"][row], expected, atol=2e-3, rtol=1e-4
        )
    spectrum = HarmonySpectrum().encode(heard[None, :8192])[0]
    np.testing.assert_allclose(features.spectrum[0], spectrum, atol=2e-3)


def test_the_second_network_encodes_the_first_two_patches_then_every_second(
    features: Features, heard: np.ndarray
) -> None:
    starts = np.round(features.starts * SAMPLE_RATE).astype(int)
    windows = np.stack([heard[at : at + MTT.window_samples] for at in starts])
    own = MusiCNN(MTT).encode(windows)
    held = own[[0, 1, 2, 2, 4, 4]]
    np.testing.assert_allclose(features.rows["musicnn_mtt"], held, atol=1e-4)
    assert np.abs(own[3] - own[2]).max() > 0.01  # or the test would say nothing


def test_silence_is_not_sounding() -> None:
    quiet = extract(from_array(np.zeros(4 * SAMPLE_RATE, np.float32), SAMPLE_RATE))
    assert not quiet.sounding.any()
    assert quiet.patches(0, 4).size == 0
    assert np.isfinite(quiet.rows["musicnn"]).all()
    assert not quiet.spectrum.any()


def test_spans_choose_sounding_patches_or_the_nearest_one() -> None:
    gap = np.zeros(15 * SAMPLE_RATE, np.float32)
    features = extract(from_array(np.concatenate([music(9.0), gap, music(9.0)]), SAMPLE_RATE))
    last = features.patches(0, 16)[-1]
    assert features.starts[last] < 9 < features.starts[last + 1]
    np.testing.assert_array_equal(features.patches(12, 15), [last])
    np.testing.assert_array_equal(features.patches(0, 3), [0])


def test_centres_lie_within_the_recording() -> None:
    for seconds in (0.2, 2.0, 3.5, 8.0):
        features = extract(from_array(music(seconds), SAMPLE_RATE))
        centres = features.centres
        assert (centres > 0).all()
        assert (centres < seconds).all()
        assert (np.diff(centres) > 0).all()


def test_pooling_everything_is_the_mean(features: Features) -> None:
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    vector = pool(features, harmony, 0.0, features.duration)
    assert vector.shape == (DIMENSION,) == (sum(WIDTHS.values()),)
    assert vector.dtype == np.float32
    assert np.isfinite(vector).all()
    np.testing.assert_allclose(vector[:200], features.rows["musicnn"].mean(axis=0), rtol=1e-5)
    handcrafted = vector[400 : 400 + WIDTHS["handcrafted"]]
    np.testing.assert_allclose(handcrafted, features.rows["handcrafted"].mean(axis=0), rtol=1e-5)


def test_pooling_a_span_looks_at_that_span_only() -> None:
    rng = np.random.default_rng(8)
    noise = (0.1 * rng.normal(size=9 * SAMPLE_RATE)).astype(np.float32)
    features = extract(from_array(np.concatenate([music(9.0), noise]), SAMPLE_RATE))
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    centroid = 400 + HANDCRAFTED_NAMES.index("centroid_mean")
    first, second = pool(features, harmony, 0, 7.5), pool(features, harmony, 10.5, 18)
    assert second[centroid] > first[centroid] + 1


def test_windows_around_moments_are_moved_to_lie_within(features: Features) -> None:
    harmony = analyse(features.spectrum, features.duration)
    found = around(features, harmony, 6.0)
    last = features.duration
    spans = {0: (0.0, 6.0), 2: tuple(features.centres[2] + [-3, 3]), -1: (last - 6, last)}
    for row, span in spans.items():
        np.testing.assert_array_equal(found[row], pool(features, harmony, *span), err_msg=str(row))
    np.testing.assert_array_equal(
        around(features, harmony, 999.0)[-1], pool(features, harmony, 0.0, last)
    )


def test_damage_found_while_reading_is_an_error() -> None:
    damaged = music(20.0)
    damaged[-10] = np.nan
    with raises(AudioError, "not_finite"):
        extract(from_array(damaged, SAMPLE_RATE))


def test_the_identity_names_every_version() -> None:
    name = vector_id()
    for version in (MSD.version, MTT.version, HarmonySpectrum.version):
        assert version in name
