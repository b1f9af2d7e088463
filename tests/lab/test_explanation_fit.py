"""Music changed in one cause, and explanations fitted to a model that is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hevner.blocks import DIMENSION
from hevner.lab.explanation import changes, fit
from hevner.lab.explanation.changes import CHANGES, Scene
from hevner.lab.explanation.music import Music, quadrant
from hevner.lab.explanation.recipe import ExplanationRecipe, Term
from hevner.lab.music.render import Instrument
from hevner.model.explanation import Explainer

CHORD = np.array([[t, t + 0.4, p, 80 + 20 * (t % 2)] for t in range(8) for p in (60, 64, 67)])
DRUM = np.array([[0.0, 0.1, 36, 90.0]])


def scene(*, drums: bool = True) -> Scene:
    parts = [Instrument("chords", 0, CHORD)] + [Instrument("drums", 0, DRUM)] * drums
    return Scene(tuple(parts), 8.0, key=0)


def changed(name: str, **how: bool) -> Scene:
    return CHANGES[name][1](scene(**how))


def notes(name: str) -> np.ndarray:
    return changed(name).parts[0].notes


def test_a_change_is_of_what_it_names() -> None:
    assert set(notes("other mode")[:, 2]) == {60, 63, 67}
    assert set(notes("octave lower")[:, 2]) == {48, 52, 55}
    assert set(notes("dissonant")[:, 2]) > {60, 64, 67}
    assert changed("slower").duration == pytest.approx(8 / 0.7)
    assert notes("faster")[-1, 0] == pytest.approx(7 / 1.4)
    assert len(np.unique(notes("sparser")[:, 0])) == 4
    assert len(notes("denser")) == 2 * len(CHORD)
    assert np.ptp(notes("even")[:, 3]) == 0 < np.ptp(CHORD[:, 3]) < np.ptp(notes("swelling")[:, 3])
    assert (notes("staccato")[:, 1] - notes("staccato")[:, 0]).max() <= 0.15
    assert notes("legato")[0, 1] == pytest.approx(1.0)
    assert changed("soft attack").parts[0].controls == changes.SOFT
    assert changed("duller").tilt < 0 < changed("brighter").tilt
    assert len(changed("other drums").parts) == 1
    assert changed("other drums", drums=False).parts[-1].role == "drums"


def test_a_change_leaves_the_piece_and_the_drums_alone() -> None:
    before = CHORD.copy()
    for name in CHANGES:
        changed(name)
    np.testing.assert_array_equal(CHORD, before)
    for name in ("other mode", "octave lower", "dissonant", "staccato"):
        np.testing.assert_array_equal(changed(name).parts[1].notes, DRUM)


def test_quadrants_by_name_and_by_ratings() -> None:
    assert quadrant(None, 0.5, -0.5) == 3
    assert quadrant(None, None, None) == -1


# --- the fit, on a model in which two of three terms have effects ---

MODE, PACE, BRIGHT = (DIMENSION - 46 + 1, DIMENSION - 124 + 5, DIMENSION - 124)
"""Columns of mode_probability, flux_mean and centroid_mean."""
RECIPE = ExplanationRecipe(
    music={"songs": "recorded-0"},
    kinds={"songs": "songs"},
    terms={
        "mode": Term(more=("mode_probability", "third_balance")),
        "pace": Term(more=("flux_mean",)),
        "brightness": Term(more=("centroid_mean",)),
    },
)


class Toy:
    """Valence follows mode, arousal pace; brightness moves only along with pace in music."""

    name = "toy-1"

    def predict(self, vectors: np.ndarray, *, windows: bool = False) -> SimpleNamespace:
        values = np.stack([0.2 * vectors[:, MODE], 0.1 * vectors[:, PACE]], axis=1)
        return SimpleNamespace(outputs={"emotion": values * (0.5 if windows else 1.0)})

    def course(self, vectors: np.ndarray) -> None:
        """Every window is predicted on its own."""


def music(rng: np.random.Generator, count: int = 300) -> Music:
    vectors = rng.normal(size=(count, DIMENSION))
    vectors[:, BRIGHT] = vectors[:, PACE] + 0.5 * rng.normal(size=count)
    return Music(
        vectors.astype(np.float32),
        np.arange(count) // 3 * 3,
        np.arange(count) // 3 % 4,
        np.full(count, "songs"),
        np.array([f"song {k // 3}" for k in range(count)]),
    )


def moved(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Pieces whose changes move the descriptors of the terms that they are about."""
    columns = {"mode": MODE, "pace": PACE, "brightness": BRIGHT}
    found = {}
    for piece in range(12):
        rows = np.repeat(rng.normal(size=(1, DIMENSION)), 1 + len(CHANGES), axis=0)
        rows += 0.02 * rng.normal(size=rows.shape)
        for row, (name, (about, _)) in enumerate(CHANGES.items(), 1):
            less = name in ("slower", "sparser", "duller") or (name == "other mode" and piece % 2)
            for term in set(about) & columns.keys():
                rows[row, columns[term]] += -1 if less else 1
        found[str(piece)] = rows.astype(np.float32)
    return found


@pytest.fixture(scope="module")
def fitted() -> Explainer:
    rng = np.random.default_rng(0)
    return fit.fit(RECIPE, music(rng), moved(rng), Toy(), "digest")


def test_effects_are_those_of_the_model(fitted: Explainer) -> None:
    assert fitted.effects[0, 0] == pytest.approx(0.2, abs=0.05)
    assert fitted.effects[1, 1] == pytest.approx(0.1, abs=0.03)
    assert fitted.moment_effects[0, 0] == pytest.approx(0.1, abs=0.05)
    assert fitted.card["explained"]["songs"]["valence"] > 0.8
    assert fitted.card["digest"] == "digest"


def test_what_does_not_move_a_reading_is_not_named(fitted: Explainer) -> None:
    """Brightness goes along with arousal in the music, but changing it changes nothing."""
    assert fitted.effects[2].tolist() == [0, 0]
    assert fitted.effects[1, 0] == 0


def test_a_term_that_foretells_the_wrong_sign_is_not_faithful() -> None:
    said = np.full((10, 2, 1, 1), 0.1)
    right, wrong = np.full((10, 2, 1), 0.2), np.full((10, 2, 1), -0.2)
    assert fit.faithful(said, right).all()
    assert not fit.faithful(said, wrong).any()
    assert not fit.faithful(said * 0.1, right).any()  # too small to say anything
