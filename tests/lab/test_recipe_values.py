"""Entries of a recipe that follow from datasets that the model is not trained on."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from hevner.datasets.track import Track
from hevner.emotion import MOOD_TAGS
from hevner.lab.default import recipe_values
from hevner.lab.default.recipe import DefaultRecipe, Ratings
from hevner.lab.recipes import read
from tests.lab.jamendo import jamendo

UNIFIED = Path(__file__).parents[2] / "recipes" / "unified.toml"


def test_ratings_at_large_are_means_over_sets_of_recordings_seen_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tracks(name: str, points: list[tuple[float, float]]) -> list[Track]:
        return [
            Track(name, str(k), None, group="", recording=f"{v} {a}", valence=v, arousal=a)
            for k, (v, a) in enumerate(points)
        ]

    square = [(0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5)]
    line = [(0.2, 0.4), (-0.2, -0.4)]
    sets = {
        "emomusic": tracks("emomusic", square),
        # Those of the first set, once more, and a pair.
        "deam": tracks("deam", [*square, *line]),
        "pmemo": tracks("pmemo", [(0.9, 0.3), (0.7, 0.1)]),
    }
    monkeypatch.setattr(recipe_values.datasets, "load", lambda name, _folder: sets[name])
    lines = recipe_values.ratings_lines({name: Path() for name in sets})
    found = tomllib.loads("\n".join(lines))["ratings"]
    assert found == {"mean": [0.27, 0.07], "std": [0.27, 0.33], "correlation": 0.67}
    assert set(found) == set(Ratings.__struct_fields__)


def test_rates_of_tags_are_those_of_the_training_songs(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    jamendo(tmp_path, rng)
    table = tomllib.loads("\n".join(recipe_values.rate_lines(tmp_path)))
    rates = table["tags"]["base_rates"]
    tags = read(UNIFIED, DefaultRecipe).tags
    assert tags is not None
    assert list(rates) == list(MOOD_TAGS)
    assert set(rates) == set(structs.asdict(tags)["base_rates"])
    tracks = recipe_values.datasets.load("mtg_jamendo", tmp_path)
    train = [track for track in tracks if track.official_split == "train"]
    for tag in MOOD_TAGS[:5]:
        share = np.mean([tag in (track.tags or ()) for track in train])
        assert rates[tag] == pytest.approx(share, abs=1e-5)


def test_slope_and_share_fit_how_tags_follow_log_odds(rng: np.random.Generator) -> None:
    odds = rng.normal(3, 2, size=(20_000, 3))
    units = (odds - 3) / 2
    truth = rng.random(odds.shape) < 1 / (1 + np.exp(3 - 1.4 * units))
    assert recipe_values.slope(truth, odds) == pytest.approx(1.4, abs=0.1)
    # Where log odds decide alone, a tag is best given as often as it is right.
    rates = np.array([0.1, 0.05, 0.02])
    certain = units > np.quantile(units, 1 - rates, axis=0).diagonal()
    assert recipe_values.best_share(certain, odds, rates) == 1.0
    assert recipe_values.best_share(certain, odds, rates / 3) == 3.0


@pytest.mark.data
def test_the_recipe_has_the_values_of_the_large_sets(data: Path) -> None:
    default = read(UNIFIED, DefaultRecipe).ratings
    found = recipe_values.ratings({name: data / name for name in recipe_values.RATED})
    np.testing.assert_allclose(default.mean, found.mean, atol=0.005)
    np.testing.assert_allclose(default.std, found.std, atol=0.005)
    # Half of it, for sets in hand were balanced by quadrant.
    assert default.correlation == pytest.approx(found.correlation / 2, abs=0.05)
