"""The training loop of the unified model: early stopping, log, checkpoints, resuming.

Conventions
-----------
Plain torch: one loop over steps is shorter here than the hooks of a framework. The same seed gives
the same weights on a CPU, and a run that was stopped and started again gives those of an unbroken
one: a checkpoint is written whole after every epoch and holds all that the next epoch depends on.

A run folder holds ``checkpoint.pt`` and ``log.csv``, which has one line per epoch, part (training
or validation), dataset and head: ``epoch,step,part,dataset,head,loss``; ``step`` counts the steps
of the optimiser so far. Training losses are means over the steps of the epoch; validation losses
are supervised alone, as in the paper (section 5), and early stopping goes by their sum.
"""

from __future__ import annotations

import csv
import io
import math
import os
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hevner.errors import DataError, ModelError
from hevner.files import cannot_write, replace_file
from hevner.lab.recipe_types import plain
from hevner.lab.unified.losses import Losses, losses, published_tag_weights
from hevner.lab.unified.networks import Inputs, Network
from hevner.lab.unified.recipe import TrainingSettings
from hevner.lab.unified.rows import Rows, Sampler

_EVALUATION_BATCH = 512
_COLUMNS = "epoch,step,part,dataset,head,loss\n"


@dataclass(frozen=True)
class Epoch:
    """Result of one epoch, counted from 0, and whether it is the best so far.

    ``step`` counts the steps of the optimiser so far; ``training`` is the mean total loss of the
    epoch's, ``validation`` the supervised loss after it, summed over heads and datasets.
    """

    number: int
    step: int
    training: float
    validation: float
    best: bool


@dataclass
class History:
    """The epochs of a run, in order."""

    epochs: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the run ends with."""
        return [epoch for epoch in self.epochs if epoch.best][-1]

    def finished(self, settings: TrainingSettings) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        if not self.epochs:
            return False
        last = self.epochs[-1].number
        return last + 1 >= settings.epochs or last - self.best.number >= settings.patience


def train(
    network: Network,
    rows: Rows,
    validation: Rows,
    settings: TrainingSettings,
    folder: Path | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> History:
    """Train a network until the validation loss stops falling; its best weights are left in it.

    Rows of validation need labels; their teachers are not used. A run that was stopped in its
    folder goes on, one that has ended is only read back; without a folder, nothing is kept.
    Progress is called after every epoch, when its checkpoint is written.

    Rows that do not fit the network raise `DataError`; a loss that is not finite, and a checkpoint
    that is damaged or of another run, `ModelError`; a folder that cannot be written `OutputError`.
    """
    run = _Run(network, rows, validation, settings, folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if folder is not None:
            run.open(folder)
        while not run.history.finished(settings):
            epoch = run.next()
            if progress is not None:
                progress(epoch)
    network.load_state_dict(run.best)
    network.eval()
    return run.history


def outputs_of(network: Network, inputs: Inputs) -> dict[str, Tensor]:
    """Raw outputs of a network for any number of rows, by head; it is left in evaluation mode."""
    network.eval()
    with torch.no_grad():
        parts = [
            network(inputs.rows(index))
            for index in torch.split(torch.arange(len(inputs)), _EVALUATION_BATCH)
        ]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


class _Run:
    """The state of a run, and one epoch of it."""

    def __init__(
        self,
        network: Network,
        rows: Rows,
        validation: Rows,
        settings: TrainingSettings,
        folder: Path | None,
    ) -> None:
        self.network, self.settings, self.folder = network, settings, folder
        self.heads = network.heads
        rows.check(self.heads, logits=settings.distillation == "as_published")
        validation.check(self.heads)
        if not any(validation.labelled(head.name).any() for head in self.heads):
            raise DataError(
                "no validation row has a label", code="no_labels",
                remedy="Give labelled rows for early stopping",
            )  # fmt: skip
        self.datasets = int(max(rows.dataset.max(), validation.dataset.max())) + 1
        self.sampler = Sampler(rows.dataset, settings.batch, settings.seed, settings.sampling)
        self.rows, self.validation = rows, validation
        self.tag_weights = self._tag_weights()
        self.optimiser = torch.optim.AdamW(
            network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.best = _copy(network)
        self.history = History()
        # A checkpoint must agree with this.
        self.identity: dict[str, Any] = {}

    def next(self) -> Epoch:
        """Train for one epoch, validate, write log and checkpoint."""
        number = len(self.history.epochs)
        trained, total = self._train(number)
        seen = losses(
            self.heads, outputs_of(self.network, self.validation.inputs), self.validation,
            self.datasets, tag_weights=self.tag_weights,
        )  # fmt: skip
        _expect_finite(seen.value, number)
        validation = float(seen.total)
        gain = math.inf if not number else self.history.best.validation - validation
        step = (number + 1) * self.sampler.steps
        epoch = Epoch(number, step, total, validation, gain > self.settings.minimum_gain)
        self.history.epochs.append(epoch)
        if epoch.best:
            self.best = _copy(self.network)
        if self.folder is not None:
            try:
                self._log(self.folder, epoch, {"training": trained, "validation": seen})
                self._save(self.folder)
            except OSError as error:
                raise cannot_write(self.folder, error) from error
        return epoch

    def _train(self, number: int) -> tuple[Losses, float]:
        """One epoch: mean losses by head and dataset, and the mean total of a step."""
        self.network.train()
        value = torch.zeros(len(self.heads), self.datasets)
        count = torch.zeros_like(value)
        for index in self.sampler.epoch(number):
            step = self._step(self.rows.rows(index))
            value += step.value.detach()
            count += step.known
            _expect_finite(value, number)
        total = float(value.sum()) / self.sampler.steps
        return Losses(value / count.clamp(min=1), count > 0), total

    def _step(self, batch: Rows) -> Losses:
        settings = self.settings
        inputs = batch.inputs
        if settings.noise:
            noise = settings.noise * torch.randn_like(inputs.vector)
            inputs = replace(inputs, vector=inputs.vector + noise)
        outputs = self.network(inputs)
        found = losses(self.heads, outputs, batch, self.datasets, settings, self.tag_weights)
        self.optimiser.zero_grad()
        found.total.backward()  # type: ignore[no-untyped-call]
        if settings.gradient_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.gradient_norm)
        self.optimiser.step()
        return found

    def _tag_weights(self) -> dict[str, tuple[Tensor, Tensor]]:
        if self.settings.tag_weights == "none":
            return {}
        return {
            head.name: published_tag_weights(self.rows.labels[head.name].nanmean(dim=0))
            for head in self.heads
            if head.kind == "tags" and self.rows.labelled(head.name).any()
        }

    def _log(self, folder: Path, epoch: Epoch, parts: dict[str, Losses]) -> None:
        with (folder / "log.csv").open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            for part, found in parts.items():
                for k, dataset in torch.nonzero(found.known).tolist():
                    loss = f"{float(found.value[k, dataset]):.6g}"
                    name = self.heads[k].name
                    writer.writerow([epoch.number, epoch.step, part, dataset, name, loss])

    def _save(self, folder: Path) -> None:
        state = self.identity | {
            "weights": self.network.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "epochs": [asdict(epoch) for epoch in self.history.epochs],
            "log_bytes": (folder / "log.csv").stat().st_size,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        replace_file(folder / "checkpoint.pt", buffer.getvalue())

    def open(self, folder: Path) -> None:
        """Go on from the checkpoint in a folder, or make the folder ready for a first epoch."""
        log, checkpoint = folder / "log.csv", folder / "checkpoint.pt"
        self.identity = {
            "settings": plain(self.settings),
            "rows": [self.rows.digest(), self.validation.digest()],
            "network": {name: list(value.shape) for name, value in self.best.items()},
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not checkpoint.exists():
                log.write_text(_COLUMNS, encoding="utf-8")
                return
            self._restore(_load(checkpoint), checkpoint)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def _restore(self, state: dict[str, Any], checkpoint: Path) -> None:
        for name, value in self.identity.items():
            if state.get(name) != value:
                raise ModelError(
                    f"was written with other {name}",
                    subject=str(checkpoint),
                    remedy="Give the run a folder of its own",
                    code="other_run",
                )
        self.network.load_state_dict(state["weights"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best = state["best"]
        self.history = History([Epoch(**epoch) for epoch in state["epochs"]])
        torch.set_rng_state(state["random"])
        # Epochs that were logged after the checkpoint are repeated.
        os.truncate(checkpoint.with_name("log.csv"), state["log_bytes"])


def _expect_finite(loss: Tensor, epoch: int) -> None:
    if not torch.isfinite(loss).all():
        raise ModelError(
            f"the loss is not finite in epoch {epoch}",
            stage="train",
            remedy="Lower the learning rate or limit the gradient norm",
            code="not_finite",
        )


def _copy(network: Network) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _load(checkpoint: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(
            "is damaged", subject=str(checkpoint), remedy="Delete it to begin again", code="damaged"
        ) from error
    return state
