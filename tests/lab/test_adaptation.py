"""The switches: each does what it says, and nothing is learnt from the rows that are predicted."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from hevner.emotion import GEMS
from hevner.errors import DataError, ModelError
from hevner.lab.data.labels import LabelScale
from hevner.lab.data.samples import Samples
from hevner.lab.regression.adaptation import (
    AdaptedRegressor,
    SubsetEnsemble,
    Switches,
    balanced_weights,
    robust_weights,
)
from hevner.lab.regression.fusion import FusionRegressor
from tests.errors import raises
from tests.sampled import samples

ALL = (
    Switches(),
    Switches(align_labels=True),
    Switches(balance=True),
    Switches(robust=True),
    Switches(across=True),
    Switches(align_labels=True, gems=True),
    Switches(align="sources"),
    Switches(align="all"),
    Switches(remove_identity=True),
    Switches(ensemble=True),
)
UNITS = {"rock": (1.0, 0.3), "piano": (0.2, -0.4), "new": (0.5, 0.0)}


def world(seed: int = 0, count: int = 70, **more: dict) -> Samples:
    """Three datasets: the same law, other scales of labels, and a number that gives them away."""
    rng = np.random.default_rng(seed)
    blocks, emotion = {}, {}
    for place, (name, (gain, offset)) in enumerate(UNITS.items()):
        mode = rng.normal(size=(count, 2))
        trap = rng.normal(size=(count, 4)) + np.eye(4)[place] * 3
        emotion[name] = gain * 0.3 * (mode + 0.5 * rng.normal(size=(count, 2))) + offset
        blocks[name] = {"mode": mode, "trap": trap}
    return samples(emotion=emotion, blocks=blocks, **more)


def r(rows: Samples, guess: np.ndarray) -> float:
    return min(np.corrcoef(rows.emotion[:, a], guess[:, a])[0, 1] for a in range(2))


@pytest.mark.parametrize("switches", ALL, ids=str)
def test_every_switch_learns_and_repeats_itself(switches: Switches) -> None:
    everything = world()
    test = everything.where(everything.of("new"))
    guesses = [
        AdaptedRegressor(switches).fit(everything.where(~everything.of("new"))).predict(test)
        for _ in range(2)
    ]
    assert guesses[0].shape == (len(test), 2)
    assert r(test, guesses[0]) > 0.6
    np.testing.assert_array_equal(*guesses)


@pytest.mark.parametrize("switches", [s for s in ALL if s.align != "all"], ids=str)
def test_a_row_is_predicted_whatever_the_others(switches: Switches) -> None:
    everything = world()
    test = everything.where(everything.of("new"))
    model = AdaptedRegressor(switches).fit(everything.where(~everything.of("new")))
    np.testing.assert_allclose(
        model.predict(test.where(np.arange(3))), model.predict(test)[:3], atol=1e-9
    )


def test_labels_of_the_rows_to_predict_are_never_seen() -> None:
    everything = world()
    model = AdaptedRegressor(Switches(align_labels=True, align="all"))
    model.fit(everything.where(~everything.of("new")))
    test = everything.where(everything.of("new"))
    hidden = replace(test, emotion=np.full_like(test.emotion, np.nan))
    np.testing.assert_array_equal(model.predict(hidden), model.predict(test))


def test_aligned_labels_come_back_in_the_units_of_their_dataset() -> None:
    everything = world()
    train = everything.where(~everything.of("new"))
    model = AdaptedRegressor(Switches(align_labels=True)).fit(train)
    for name in ("rock", "piano"):
        mine = train.where(train.of(name))
        guess = model.predict(mine)
        np.testing.assert_allclose(guess.mean(axis=0), mine.emotion.mean(axis=0), atol=0.1)
        assert guess.std() < mine.emotion.std()
    new = model.predict(everything.where(everything.of("new")))
    units = LabelScale.fit(train.emotion, train.dataset).with_default(["rock", "piano"])
    scores = model.scores(everything.where(everything.of("new")))
    np.testing.assert_allclose(new, units.back(scores, np.repeat("x", len(new))))


def test_aligned_training_does_not_depend_on_the_scale_of_a_set() -> None:
    everything = world()
    train = everything.where(~everything.of("new"))
    stretched = np.where(train.of("piano")[:, None], 4 * train.emotion + 1, train.emotion)
    test = everything.where(everything.of("new"))
    one, two = (
        AdaptedRegressor(Switches(align_labels=True)).fit(rows).scores(test)
        for rows in (train, replace(train, emotion=stretched))
    )
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_quadrants_and_gems_become_training_rows() -> None:
    rng = np.random.default_rng(3)
    everything = world()
    rated = everything.where(everything.of("rock"))
    mode = rng.normal(size=(90, 2))
    quadrant = np.select(
        [(mode > 0).all(1), (mode[:, 0] <= 0) & (mode[:, 1] > 0), (mode <= 0).all(1)], [0, 1, 2], 3
    )
    gems = np.zeros((90, 9))
    gems[:, GEMS.index("joyful activation")] = mode[:, 0]
    gems[:, GEMS.index("power")] = mode[:, 1]
    blocks = {"mode": mode, "trap": rng.normal(size=(90, 4))}
    quarters = samples(quadrant={"quarters": quadrant}, blocks={"quarters": blocks})
    felt = samples(gems={"felt": gems}, blocks={"felt": blocks})
    aligned = Switches(align_labels=True)
    model = AdaptedRegressor(aligned).fit(quarters)
    assert r(rated, model.predict(rated)) > 0.7
    with raises(DataError, "too_few_labels"):
        AdaptedRegressor(aligned).fit(felt)
    model = AdaptedRegressor(replace(aligned, gems=True)).fit(felt)
    assert np.corrcoef(rated.emotion[:, 0], model.predict(rated)[:, 0])[0, 1] > 0.6
    with raises(ModelError, "conflict"):
        AdaptedRegressor(Switches(gems=True)).fit(felt)


def test_across_trusts_what_carries_over() -> None:
    """Inside each dataset a number of its own says all; elsewhere it says nothing."""
    rng = np.random.default_rng(0)
    blocks, emotion = {}, {}
    for place, name in enumerate(("a", "b", "c", "new")):
        truth = rng.normal(size=(80, 2))
        own = 0.1 * rng.normal(size=(80, 8))
        own[:, 2 * place : 2 * place + 2] = truth
        emotion[name] = truth
        blocks[name] = {"shared": truth + 1.5 * rng.normal(size=(80, 2)), "own": own}
    everything = samples(emotion=emotion, blocks=blocks)
    train, test = everything.where(~everything.of("new")), everything.where(everything.of("new"))
    scores = {}
    for across in (False, True):
        model = AdaptedRegressor(Switches(across=across), FusionRegressor(search=(0.1, 10.0)))
        model.fit(train)
        scores[across] = model._model.describe()["axes"]["valence"]["factors"]
    assert scores[True]["shared"] / scores[True]["own"] > 1
    assert scores[False]["shared"] / scores[False]["own"] < 1
    assert r(test, model.predict(test)) > 0.4


def test_removal_is_not_used_where_it_does_harm() -> None:
    """The direction in which the datasets lie apart is the one that matters."""
    rng = np.random.default_rng(1)
    blocks, emotion = {}, {}
    for level, name in ((-2, "a"), (0, "b"), (2, "c")):
        truth = rng.normal(size=(60, 2)) + level
        emotion[name] = 0.1 * truth
        blocks[name] = {"x": np.column_stack([truth, rng.normal(size=(60, 5))])}
    everything = samples(emotion=emotion, blocks=blocks)
    model = AdaptedRegressor(Switches(remove_identity=True)).fit(everything)
    assert model.rounds_ == 0
    forced = AdaptedRegressor(Switches(remove_identity=True), rounds=2).fit(everything)
    assert r(everything, model.predict(everything)) > 0.9 > r(
        everything, forced.predict(everything)
    )  # fmt: skip


def test_removal_is_used_where_it_helps() -> None:
    """A number that is the mean label of its dataset in training misleads elsewhere."""
    rng = np.random.default_rng(2)
    blocks, emotion = {}, {}
    for place, name in enumerate("abcd"):
        level = 3 * (place - 1.5)
        truth = rng.normal(size=(60, 2))
        badge = (-1) ** place * level + 0.5 * truth[:, ::-1] * (-1) ** place
        emotion[name] = truth + level
        blocks[name] = {"x": np.column_stack([truth + rng.normal(size=(60, 2)), badge])}
    everything = samples(emotion=emotion, blocks=blocks)
    model = AdaptedRegressor(Switches(remove_identity=True)).fit(everything)
    assert model.rounds_ > 0


def test_robust_weights_lift_the_worst_dataset() -> None:
    rng = np.random.default_rng(0)
    dataset = np.repeat(["easy", "hard"], [100, 50])
    x = rng.normal(size=(150, 6))
    targets = x[:, :2].copy()
    targets[100:] = -0.6 * x[100:, :2] + rng.normal(size=(50, 2))
    targets[:5, 0] = np.nan
    group = np.arange(150).astype(str)
    weights = robust_weights({"x": x}, targets, dataset, group)
    assert weights.mean() == pytest.approx(1)
    even = balanced_weights(dataset)
    assert weights[100] / weights[0] > 1.2 * even[100] / even[0]
    for name in ("easy", "hard"):
        assert len(set(weights[dataset == name])) == 1
    np.testing.assert_array_equal(weights, robust_weights({"x": x}, targets, dataset, group))


def test_balance_and_robust_reach_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = world()
    train = everything.where(~everything.of("new") & (np.arange(len(everything)) % 70 < 40)
                             | everything.of("rock"))  # fmt: skip
    seen = []
    fit = FusionRegressor.fit

    def spy(self, blocks, emotion, *, groups=None, sample_weight=None):
        seen.append((sample_weight, groups))
        return fit(self, blocks, emotion, groups=groups, sample_weight=sample_weight)

    monkeypatch.setattr(FusionRegressor, "fit", spy)
    for switches in (Switches(), Switches(balance=True), Switches(robust=True, balance=True)):
        AdaptedRegressor(switches).fit(train)
    assert seen[0][0] is None
    np.testing.assert_array_equal(seen[0][1], train.group)
    np.testing.assert_array_equal(seen[1][0], balanced_weights(train.dataset))
    assert np.abs(seen[2][0] - seen[1][0]).max() > 1e-6
    AdaptedRegressor(Switches(across=True)).fit(train)
    np.testing.assert_array_equal(seen[3][1], train.dataset)
    AdaptedRegressor(Switches(across=True)).fit(train.where(train.of("rock")))
    np.testing.assert_array_equal(seen[4][1], train.group[train.of("rock")])


def test_an_ensemble_is_the_mean_over_all_choices_of_blocks() -> None:
    everything = world()
    blocks = {**everything.blocks, "third": everything.blocks["mode"][:, :1] ** 2}
    ensemble = SubsetEnsemble(FusionRegressor(folds=3))
    ensemble.fit(blocks, everything.emotion, groups=everything.group)
    choices = [c for k in range(len(blocks)) for c in combinations(blocks, k + 1)]
    assert len(choices) == 7
    members = [
        FusionRegressor(folds=3)
        .fit({n: blocks[n] for n in choice}, everything.emotion, groups=everything.group)
        .predict(blocks)
        for choice in choices
    ]
    np.testing.assert_allclose(ensemble.predict(blocks), np.mean(members, axis=0))
