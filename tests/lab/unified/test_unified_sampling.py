"""Which rows a step sees."""

from __future__ import annotations

import pytest
import torch

from hevner.lab.unified.rows import Sampler, Sampling

# 25 rows of dataset 0, 7 of dataset 2, 3 of dataset 5, mixed.
NUMBERS = torch.tensor([0] * 25 + [2] * 7 + [5] * 3)[
    torch.randperm(35, generator=torch.Generator().manual_seed(0))
]


def drawn(sampling: Sampling, epochs: int, seed: int = 1) -> list[torch.Tensor]:
    sampler = Sampler(NUMBERS, 4, seed, sampling)
    return [step for number in range(epochs) for step in sampler.epoch(number)]


def counts(step: torch.Tensor) -> list[int]:
    return [int((NUMBERS[step] == k).sum()) for k in (0, 2, 5)]


def test_published_sampling_runs_short_datasets_out() -> None:
    steps = drawn("as_published", 1)
    assert [counts(step) for step in steps] == [
        [4, 4, 3], [4, 3, 0], [4, 0, 0], [4, 0, 0], [4, 0, 0], [4, 0, 0], [1, 0, 0],
    ]  # fmt: skip
    assert sorted(torch.cat(steps).tolist()) == list(range(35))


def test_balanced_sampling_never_runs_a_dataset_out() -> None:
    steps = drawn("balanced", 3)
    assert len(steps) == 21
    assert {tuple(counts(step)) for step in steps} == {(4, 4, 3)}


@pytest.mark.parametrize("dataset", [0, 2, 5])
def test_balanced_sampling_goes_through_all_rows_before_it_begins_again(dataset: int) -> None:
    stream = torch.cat([step[NUMBERS[step] == dataset] for step in drawn("balanced", 4)])
    rows = torch.nonzero(dataset == NUMBERS)[:, 0]
    passes = torch.split(stream, len(rows))[:-1]
    assert len(passes) >= 3
    assert all(sorted(each.tolist()) == rows.tolist() for each in passes)
    assert len({tuple(each.tolist()) for each in passes}) > 1


@pytest.mark.parametrize("sampling", ["as_published", "balanced"])
def test_the_order_follows_from_seed_and_epoch(sampling: Sampling) -> None:
    steps = drawn(sampling, 2)
    again = list(Sampler(NUMBERS, 4, 1, sampling).epoch(1))
    assert all(map(torch.equal, steps[7:], again))
    assert not torch.equal(torch.cat(steps[:7]), torch.cat(steps[7:]))
    assert not torch.equal(torch.cat(steps), torch.cat(drawn(sampling, 2, seed=2)))
