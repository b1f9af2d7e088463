"""Features of datasets made alike."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hevner.lab.regression.adaptation import CovarianceAlignment, IdentityRemoval, balanced_weights

DATASET = np.repeat(["a", "b", "c"], [60, 80, 40])


@pytest.fixture
def blocks(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Datasets that differ in level and, within it, in spread."""
    x = rng.normal(size=(180, 12))
    x[DATASET == "b", :4] += 3
    x[DATASET == "c", 4:8] *= 4
    x[DATASET == "c", 8] -= 2
    return {"x": x, "wide": rng.normal(size=(180, 12)) @ rng.normal(size=(12, 250)) + x[:, :1]}


def told_apart(x: np.ndarray) -> float:
    return float(LogisticRegression(max_iter=2000).fit(x, DATASET).score(x, DATASET))


def test_every_dataset_weighs_the_same() -> None:
    weights = balanced_weights(DATASET)
    assert weights.mean() == pytest.approx(1)
    sums = [weights[name == DATASET].sum() for name in "abc"]
    np.testing.assert_allclose(sums, 60)


def test_covariances_come_closer_and_means_meet(blocks: dict[str, np.ndarray]) -> None:
    found = CovarianceAlignment.fit(blocks, DATASET)
    after, before = found.transform(blocks, DATASET), found.pass_through(blocks)
    for name in blocks:
        assert after[name].shape == blocks[name].shape
        distances = [
            np.linalg.norm(np.cov(x[DATASET == "a"].T) - np.cov(x[DATASET == "c"].T))
            for x in (before[name], after[name])
        ]
        assert distances[1] < 0.7 * distances[0]
        for dataset in "abc":
            np.testing.assert_allclose(after[name][dataset == DATASET].mean(axis=0), 0, atol=1e-8)


def test_alignment_looks_at_no_other_dataset(blocks: dict[str, np.ndarray]) -> None:
    found = CovarianceAlignment.fit(blocks, DATASET)
    alone = DATASET == "b"
    part = found.transform({name: x[alone] for name, x in blocks.items()}, DATASET[alone])
    whole = found.transform(blocks, DATASET)
    for name in blocks:
        np.testing.assert_allclose(part[name], whole[name][alone], atol=1e-9)


def test_one_dataset_is_left_as_it_is(rng: np.random.Generator) -> None:
    blocks = {"x": rng.normal(size=(50, 5))}
    names = np.repeat("a", 50)
    found = CovarianceAlignment.fit(blocks, names)
    after, before = found.transform(blocks, names)["x"], found.pass_through(blocks)["x"]
    np.testing.assert_allclose(after, before - before.mean(axis=0), atol=1e-9)


def test_removal_hides_the_dataset_from_a_linear_classifier(blocks: dict[str, np.ndarray]) -> None:
    assert told_apart(blocks["x"]) > 0.9
    none, some = (
        IdentityRemoval.fit(blocks, DATASET, rounds).transform(blocks) for rounds in (0, 3)
    )
    assert told_apart(none["x"]) > 0.9
    assert told_apart(some["x"]) < 0.65
    assert told_apart(some["wide"]) < told_apart(none["wide"])


def test_removal_is_a_projection_of_that_many_directions(blocks: dict[str, np.ndarray]) -> None:
    for rounds in (1, 2):
        found = IdentityRemoval.fit(blocks, DATASET, rounds)
        for directions in found.directions.values():
            assert directions.shape[1] == 2 * rounds  # three datasets differ in two directions
            np.testing.assert_allclose(directions.T @ directions, np.eye(2 * rounds), atol=1e-9)
        for name, x in found.transform(blocks).items():
            block = found.blocks[name]
            inside = x if block.rotation is None else x @ block.rotation
            np.testing.assert_allclose(inside @ found.directions[name], 0, atol=1e-8)


def test_removal_keeps_what_datasets_share(blocks: dict[str, np.ndarray]) -> None:
    found = IdentityRemoval.fit(blocks, DATASET, 1)
    kept = found.transform(blocks)["x"][:, 10]
    assert np.corrcoef(kept, blocks["x"][:, 10])[0, 1] > 0.95


def test_removal_cannot_take_more_than_there_is(rng: np.random.Generator) -> None:
    blocks = {"x": rng.normal(size=(180, 3))}
    found = IdentityRemoval.fit(blocks, DATASET, 8)
    assert found.directions["x"].shape[1] == 3
    np.testing.assert_allclose(found.transform(blocks)["x"], 0, atol=1e-9)
