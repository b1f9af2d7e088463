"""The text tower of CLAP against ClapModel, and words for music."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file

from hevner.encoders.clap import zero_shot
from hevner.encoders.clap.text import LONGEST
from hevner.errors import ModelError
from tests.encoders.small_clap import GOLDEN, close, load
from tests.golden.encoders.make_clap import LENGTHS, SENTENCES, clip


def test_sentences_are_those_that_were_recorded(clap_encoder):
    vectors = clap_encoder.text(SENTENCES)
    assert vectors.dtype == np.float32
    close(vectors, GOLDEN["text"])
    close(np.linalg.norm(vectors, axis=1), 1)


def test_text_agrees_with_a_live_model(clap_encoder, clap_reference):
    sentences = ["music", "", "  A Calm, slow PIANO piece\n", "müde", "x" * 30]
    close(clap_encoder.text(sentences), clap_reference.text(sentences))


def test_sentences_together_equal_sentences_alone(clap_encoder, monkeypatch):
    monkeypatch.setattr("hevner.encoders.clap.text.BATCH", 3)
    alone = np.concatenate([clap_encoder.text([sentence]) for sentence in SENTENCES])
    np.testing.assert_allclose(clap_encoder.text(SENTENCES), alone, atol=1e-6)


def test_long_sentences_are_cut_as_in_training(clap_encoder):
    whole = "a" * (LONGEST - 2)
    vectors = clap_encoder.text([whole, whole + "b", whole[:-1]])
    np.testing.assert_allclose(vectors[1], vectors[0], atol=1e-6)
    assert np.abs(vectors[2] - vectors[0]).max() > 1e-3


def test_text_does_not_load_the_audio_tower_nor_audio_the_text_tower(clap_folder, monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("loaded without need")

    with monkeypatch.context() as patch:
        patch.setattr("hevner.encoders.clap.audio.AudioTower", refuse)
        assert load(clap_folder).text(["calm"]).shape == (1, 24)
    monkeypatch.setattr("hevner.encoders.clap.text.TextTower", refuse)
    assert load(clap_folder).encode(clip(480)[None]).shape == (1, 24)


def test_a_text_tower_that_tells_nothing_apart_is_refused(clap_folder, tmp_path):
    shutil.copytree(clap_folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "weights.safetensors")
    for kind in ("word", "position"):
        weights[f"text_model.embeddings.{kind}_embeddings.weight"] *= 0.01
    save_file(weights, tmp_path / "weights.safetensors")
    broken = load(tmp_path)
    with pytest.raises(ModelError, match="unrelated sentences the same vector"):
        broken.text(["calm"])
    assert np.isfinite(broken.encode(clip(480)[None])).all()


class Compass:
    """Sentences that hold the word "up" point up, others to the right."""

    logit_scale = 10.0

    def text(self, sentences):
        return np.array([[0, 1] if "up" in one else [1, 0] for one in sentences], np.float32)


def test_scores_are_the_contrast_of_the_model(clap_encoder):
    sentences = list(SENTENCES)
    audio = clap_encoder.encode(clip(LENGTHS["whole"])[None])
    found = dict(zero_shot.moods(audio, clap_encoder, sentences, ["{}"]))
    expected = np.exp(GOLDEN["logits"]) / np.exp(GOLDEN["logits"]).sum()
    close([found[one] for one in sentences], expected)


def test_the_best_word_comes_first_and_scores_sum_to_one():
    audio = np.array([[0, 1], [0.6, 0.8]], np.float32)
    found = zero_shot.moods(audio, Compass(), ["down", "up", "left"])
    assert [word for word, _ in found] == ["up", "down", "left"]
    assert sum(score for _, score in found) == pytest.approx(1)
    assert found[0][1] / found[1][1] == pytest.approx(np.exp(10 * (0.9 - 0.3)), rel=1e-4)
    assert found[1][1] == found[2][1]


def test_templates_are_averaged():
    vectors = zero_shot.word_vectors(Compass(), ["x"], ["{} up", "{}"])
    close(vectors, [[np.sqrt(0.5), np.sqrt(0.5)]])


@pytest.mark.parametrize(
    ("windows", "words", "templates"), [(0, ["a"], ["{}"]), (1, [], ["{}"]), (1, ["a"], [])]
)
def test_nothing_to_compare_is_an_error(windows, words, templates):
    with pytest.raises(ValueError, match="at least one"):
        zero_shot.moods(np.ones((windows, 2), np.float32), Compass(), words, templates)
