"""The teacher of mood and theme tags on the official test split of MTG-Jamendo.

    python benchmarks/tags.py --data DIR --vectors FOLDER

``FOLDER`` holds the mean embeddings that `recipes/tags.toml` names. Tracks, tags and parts are
those of split 0, as far as there are embeddings. Beside the teacher stand one of its networks, one
that learned with all tracks counted alike, a ridge regression with the same weights of tracks and a
penalty chosen on the validation part, and the predictions of the baseline network that come with
the dataset (``baseline_vggish``). Scores are means over five seeds, intervals are bootstrapped over
artists, and differences are paired.

``slope`` and ``flagged`` are the entries of ``[tags]`` in a recipe of the default model that fit
the teacher's log odds on the test part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from hevner import datasets
from hevner.lab.default.recipe_values import best_share, slope
from hevner.lab.metrics.report import write
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.metrics.tags import pr_auc_macro, roc_auc_macro
from hevner.lab.recipes import read
from hevner.lab.teachers.recipe import TagTeacherRecipe
from hevner.lab.teachers.train_tags import Tagged, fit, together, weights
from hevner.lab.teachers.train_tags import read as read_tagged

RESULTS = Path(__file__).with_name("results") / "tags.csv"
RECIPE = Path(__file__).parents[1] / "recipes" / "tags.toml"
SEEDS = 5
RESAMPLES = 500
PENALTIES = (1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)
METRICS = {"ROC AUC": roc_auc_macro, "PR AUC": pr_auc_macro}
Array = NDArray[np.float64]


def ridge(tagged: Tagged, power: float) -> tuple[float, Array]:
    """The penalty that is best on the validation part, and the values of the test part."""
    train, held, test = (tagged.part == name for name in ("train", "validation", "test"))
    weight = weights(tagged, power)[train]
    x = tagged.components
    best = (-np.inf, 0.0, np.empty(0))
    for penalty in PENALTIES:
        model = Ridge(penalty).fit(x[train], tagged.tags[train], weight / weight.mean())
        values = model.predict(x[held])
        score = sum(metric(tagged.tags[held], values) for metric in METRICS.values())
        best = max(best, (score, penalty, model.predict(x[test])), key=lambda one: one[0])
    return best[1:]


def baseline(folder: Path, tagged: Tagged) -> Array:
    """Predictions of the baseline network for the test part."""
    tracks = datasets.load("mtg_jamendo", folder)
    ids = [track.id for track in tracks if track.official_split == "test"]
    place = {name: row for row, name in enumerate(ids)}
    file = folder / "baseline_vggish" / "baseline_vggish_predictions.npy"
    predictions = np.load(file, allow_pickle=False)
    return predictions[[place[name] for name in tagged.id[tagged.part == "test"]]]


def predictions(folder: Path, tagged: Tagged, recipe: TagTeacherRecipe) -> dict[str, list[Array]]:
    """Values for the test part by system, one array per seed; one alone where nothing is random."""
    test = tagged.components[tagged.part == "test"]
    alike = structs.replace(recipe, artist_power=0)
    penalty, values = ridge(tagged, recipe.artist_power)
    found = {
        "yamnet-tags": [], "one network": [], "one network, tracks alike": [],
        f"ridge, penalty {penalty:g}": [values], "baseline": [baseline(folder, tagged)],
    }  # fmt: skip
    for seed in range(1, SEEDS + 1):
        networks = [fit(tagged, recipe, 1000 * seed + k) for k in range(recipe.networks)]
        found["yamnet-tags"].append(together(networks).log_odds(test))
        found["one network"].append(networks[0].log_odds(test))
        other = fit(tagged, alike, 1000 * seed)
        found["one network, tracks alike"].append(other.log_odds(test))
        print(f"seed {seed}", flush=True)
    return found


def scores(systems: dict[str, list[Array]], tagged: Tagged) -> list[dict[str, object]]:
    """Scores of the systems, and of the first less each other one, on the same resamples."""
    part = tagged.part == "test"
    truth, artist = tagged.tags[part], tagged.artist[part]
    draws: list[NDArray[np.intp]] = []
    bootstrap(lambda rows: draws.append(rows) or 0.0, artist, resamples=RESAMPLES)
    common = {"n": len(truth), "groups": len(set(artist))}
    result: list[dict[str, object]] = []
    first = next(iter(systems))
    for metric, function in METRICS.items():
        seeds = {name: np.array([function(truth, s) for s in own]) for name, own in systems.items()}
        drawn = {
            name: np.array([function(truth[rows], own[0][rows]) for rows in draws])
            for name, own in systems.items()
        }
        for name in list(systems)[1:]:
            seeds[f"{first} - {name}"] = seeds[first] - seeds[name]
            drawn[f"{first} - {name}"] = drawn[first] - drawn[name]
        for name, values in seeds.items():
            ends = np.quantile(drawn[name], [0.025, 0.975])
            spread = {"seeds": len(values), "seed_std": round(float(values.std()), 4)}
            value, low, high = (round(float(x), 4) for x in (values.mean(), *ends))
            row = {"system": name, "metric": metric, "value": value, "low": low, "high": high}
            result.append(row | common | spread)
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of datasets")
    parser.add_argument("--vectors", type=Path, required=True, help="folder of the embeddings")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    folder = options.data / "mtg_jamendo"
    recipe = read(options.recipe, TagTeacherRecipe)
    tagged = read_tagged(folder, options.vectors / recipe.vectors)
    systems = predictions(folder, tagged, recipe)
    rows = scores(systems, tagged)
    part = tagged.part == "test"
    truth, odds = tagged.tags[part], systems["yamnet-tags"][0]
    rates = tagged.tags[tagged.part == "train"].mean(axis=0)
    for name, value in (("slope", slope(truth, odds)), ("flagged", best_share(truth, odds, rates))):
        row = dict.fromkeys(rows[0], "") | {"system": "yamnet-tags", "metric": name}
        rows.append(row | {"value": round(value, 3)})
    write(rows, options.out)


if __name__ == "__main__":
    main()
