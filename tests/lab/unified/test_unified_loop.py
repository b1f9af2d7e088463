"""The training loop: stopping, repeating, resuming."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from msgspec import structs
from torch import Tensor

from hevner.errors import DataError, ModelError, OutputError
from hevner.lab.unified.loop import Epoch, History, outputs_of, train
from hevner.lab.unified.losses import losses, published_tag_weights
from hevner.lab.unified.networks import (
    Head,
    Inputs,
    UnifiedPublished,
    UnifiedRepaired,
)
from hevner.lab.unified.recipe import TrainingSettings
from hevner.lab.unified.rows import Rows
from tests.errors import raises
from tests.lab.unified.worlds import (
    CLASSES,
    EMOTION,
    HEADS,
    NAN,
    TAGS,
    Small,
    concatenate,
    inputs,
    rows,
)

PUBLISHED_TAGS = Head("tags", "tags", 56)
VALENCE_AROUSAL = Head("emotion", "values", 2)

QUICK = TrainingSettings(learning_rate=0.02, epochs=5, patience=5)


def world(seed: int = 0) -> Rows:
    """Three datasets that were asked different things."""
    return concatenate(
        rows(40, 0, EMOTION, CLASSES, seed=seed),
        rows(12, 1, EMOTION, seed=seed),
        rows(21, 2, TAGS, seed=seed),
    )


def weights(network: torch.nn.Module) -> Tensor:
    return torch.cat([value.flatten() for value in network.state_dict().values()])


class Stopped(Exception):  # noqa: N818 - not an error, but somebody pulling the plug
    pass


def stop_after(number: int) -> Callable[[Epoch], None]:
    def progress(epoch: Epoch) -> None:
        if epoch.number == number:
            raise Stopped

    return progress


def test_training_learns_and_leaves_the_best_weights() -> None:
    network, validation = Small(), world(seed=1)
    before = float(losses(HEADS, outputs_of(network, validation.inputs), validation, 3).total)
    seen: list[Epoch] = []
    settings = structs.replace(QUICK, epochs=20, learning_rate=0.03)
    history = train(network, world(), validation, settings, progress=seen.append)
    after = float(losses(HEADS, outputs_of(network, validation.inputs), validation, 3).total)
    assert seen == history.epochs
    assert after == pytest.approx(history.best.validation, rel=1e-5)
    assert history.best.validation < min(before - 1, min(e.validation for e in seen) + 1e-3)
    assert not network.training


def test_dropout_works_in_training_alone() -> None:
    modes = []

    class Watched(Small):
        def forward(self, heard: Inputs) -> dict[str, Tensor]:
            modes.append((self.training, torch.is_grad_enabled()))
            return super().forward(heard)

    train(Watched(), world(), world(1), structs.replace(QUICK, epochs=2))
    assert modes == 2 * [*[(True, True)] * 5, (False, False)]


def test_noise_is_heard_in_training_alone() -> None:
    heard_vectors = {True: [], False: []}

    class Watched(Small):
        def forward(self, heard: Inputs) -> dict[str, Tensor]:
            heard_vectors[self.training].append(heard.vector)
            return super().forward(heard)

    known, validation = world(), world(1)
    train(Watched(), known, validation, structs.replace(QUICK, epochs=1, noise=0.1))
    nearest = torch.cdist(torch.cat(heard_vectors[True]), known.inputs.vector).min(dim=1).values
    assert nearest.min() > 0
    assert nearest.max() < 1
    assert torch.equal(torch.cat(heard_vectors[False]), validation.inputs.vector)


def test_published_weights_of_tags_are_those_of_the_training_rows() -> None:
    network, validation = Small(), rows(8, 0, TAGS, seed=3)
    table = concatenate(rows(21, 0, TAGS), rows(5, 1, EMOTION))
    settings = structs.replace(
        QUICK, epochs=1, learning_rate=1e-9, batch=21, tag_weights="as_published"
    )
    frequency = table.labels["tags"][:21].mean(dim=0)
    weighted = {"tags": published_tag_weights(frequency)}
    outputs = outputs_of(network, validation.inputs)
    wanted = losses(HEADS, outputs, validation, 2, tag_weights=weighted).total
    plain = losses(HEADS, outputs, validation, 2).total
    (epoch,) = train(network, table, validation, settings).epochs
    assert epoch.validation == pytest.approx(float(wanted), rel=1e-4)
    assert epoch.validation != pytest.approx(float(plain), rel=1e-2)
    unweighted = train(
        Small(), table, validation, structs.replace(settings, tag_weights="none")
    ).epochs[0]
    assert unweighted.validation == pytest.approx(float(plain), rel=1e-4)
    assert epoch.training != pytest.approx(unweighted.training, rel=1e-2)


def test_training_stops_when_patience_is_at_its_end() -> None:
    network = Small()
    settings = structs.replace(QUICK, epochs=50, patience=3, minimum_gain=1e6)
    history = train(network, world(), world(1), settings)
    assert [epoch.best for epoch in history.epochs] == [True, False, False, False]
    once = Small()
    train(once, world(), world(1), structs.replace(settings, epochs=1))
    assert torch.equal(weights(network), weights(once))


def test_the_same_seed_gives_the_same_weights() -> None:
    def run(seed: int, noise: int) -> Tensor:
        torch.manual_seed(noise)
        random.seed(noise)
        network = Small()
        train(network, world(), world(1), structs.replace(QUICK, seed=seed))
        return weights(network)

    assert torch.equal(run(1, 10), run(1, 11))
    assert not torch.equal(run(1, 10), run(2, 10))


def test_training_leaves_the_random_numbers_of_others_alone() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    train(Small(), world(), world(1), structs.replace(QUICK, epochs=1))
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize("sampling", ["as_published", "balanced"])
@pytest.mark.parametrize("last", [0, 2])
def test_a_stopped_run_goes_on_as_if_unbroken(tmp_path: Path, sampling: str, last: int) -> None:
    settings = structs.replace(QUICK, sampling=sampling, weight_decay=0.01, gradient_norm=1.0)
    whole = Small()
    unbroken = train(whole, world(), world(1), settings, tmp_path / "whole")
    with pytest.raises(Stopped):
        train(Small(), world(), world(1), settings, tmp_path / "part", stop_after(last))
    # What was logged after the last checkpoint is forgotten.
    with (tmp_path / "part" / "log.csv").open("a") as log:
        log.write("9,9,trai")
    resumed = Small(seed=8)
    history = train(resumed, world(), world(1), settings, tmp_path / "part")
    assert torch.equal(weights(resumed), weights(whole))
    assert history == unbroken
    logs = [(tmp_path / run / "log.csv").read_text() for run in ("whole", "part")]
    assert logs[0] == logs[1]


def test_an_ended_run_is_read_back(tmp_path: Path) -> None:
    first, second = Small(), Small(seed=3)
    history = train(first, world(), world(1), QUICK, tmp_path)
    assert train(second, world(), world(1), QUICK, tmp_path, stop_after(0)) == history
    assert torch.equal(weights(first), weights(second))


def test_the_log_tells_losses_by_head_and_dataset(tmp_path: Path) -> None:
    history = train(Small(), world(), world(1), QUICK, tmp_path)
    with (tmp_path / "log.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "log.csv"]
    last = [line for line in lines if line["epoch"] == "4"]
    told = {(line["part"], line["dataset"], line["head"]) for line in last}
    asked = [("0", "emotion"), ("0", "quadrants"), ("1", "emotion"), ("2", "tags")]
    assert told == {(part, *pair) for part in ("training", "validation") for pair in asked}
    # 40 rows of the longest dataset in batches of 8, five times.
    assert {line["step"] for line in last} == {"25"}
    for part in ("training", "validation"):
        total = sum(float(line["loss"]) for line in last if line["part"] == part)
        assert total == pytest.approx(getattr(history.epochs[-1], part), rel=1e-4)


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    train(Small(), world(), world(1), QUICK, tmp_path)
    with raises(ModelError, "other_run"):
        train(Small(), world(), world(1), structs.replace(QUICK, seed=2), tmp_path)
    with raises(ModelError, "other_run"):
        train(Small(), world(2), world(1), QUICK, tmp_path)
    with raises(ModelError, "other_run"):
        train(Small(), world(), world(2), QUICK, tmp_path)
    wider = Small((*HEADS, replace(VALENCE_AROUSAL, name="other")))
    with raises(ModelError, "other_run"):
        train(wider, world(), world(1), QUICK, tmp_path)
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with raises(ModelError, "damaged"):
        train(Small(), world(), world(1), QUICK, tmp_path)


def test_a_checkpoint_holds_no_code(tmp_path: Path) -> None:
    torch.save({"settings": Path}, tmp_path / "checkpoint.pt")
    with raises(ModelError, "damaged"):
        train(Small(), world(), world(1), QUICK, tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        train(Small(), world(), world(1), QUICK, tmp_path / "file" / "run")


def test_gradients_are_limited() -> None:
    # Adam's steps do not depend on the size of gradients, unless it is next to its epsilon.
    free, held = Small(), Small()
    train(free, world(), world(1), structs.replace(QUICK, epochs=1))
    train(held, world(), world(1), structs.replace(QUICK, epochs=1, gradient_norm=1e-9))
    start = weights(Small())
    assert (weights(held) - start).abs().max() < 0.2 * (weights(free) - start).abs().max()


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    table = world()
    table.inputs.vector[0] = NAN
    with raises(ModelError, "not_finite"):
        train(Small(), table, world(1), QUICK)
    with raises(ModelError, "not_finite"):
        train(Small(), world(), table, QUICK)


def test_validation_needs_labels() -> None:
    with raises(DataError, "no_labels"):
        train(Small(), world(), rows(3, 0), QUICK)


def test_history_knows_when_it_is_finished() -> None:
    history = History()
    settings = TrainingSettings(epochs=3, patience=1)
    assert not history.finished(settings)
    history.epochs.append(Epoch(0, 5, 1.0, 1.0, True))
    assert not history.finished(settings)
    history.epochs.append(Epoch(1, 10, 1.0, 1.0, False))
    assert history.finished(settings)
    assert history.best.number == 0


def test_9_a_student_learns_from_teachers_as_published_and_repaired() -> None:
    """The networks themselves; the second dataset runs out and is missing in later steps."""
    draw = torch.Generator().manual_seed(1)

    def table(count: int, dataset: int, head: Head, labels: Tensor) -> Rows:
        teacher = {head.name: torch.rand(labels.shape, generator=draw)}
        number = torch.full((count,), dataset)
        return Rows(inputs(count, dataset), {head.name: labels}, teacher, number)

    tags = (torch.rand(20, 56, generator=draw) < 0.1).float()
    values = 1 + 8 * torch.rand(6, 2, generator=draw)
    data = concatenate(table(20, 0, PUBLISHED_TAGS, tags), table(6, 1, VALENCE_AROUSAL, values))
    settings = TrainingSettings(epochs=2, learning_rate=1e-3, seed=4)
    published = structs.replace(
        settings, distillation="as_published", sampling="as_published", tag_weights="as_published"
    )
    repaired = structs.replace(settings, distillation="repaired", temperature=2.0)
    heads = (PUBLISHED_TAGS, VALENCE_AROUSAL)
    for network, chosen in [
        (UnifiedPublished(6, heads), published),
        (UnifiedRepaired(6, heads), repaired),
    ]:
        history = train(network, data, data, chosen)
        assert history.epochs[-1].step == 6
        assert history.epochs[1].training < history.epochs[0].training
