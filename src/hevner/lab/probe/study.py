"""What is probed, on which folds, and what every fit predicts; finished folds are kept."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner import __version__, encoders
from hevner.datasets.folds import linked_groups
from hevner.errors import DataError
from hevner.files import replace_file
from hevner.lab import workers
from hevner.lab.data.blocks import grouped_folds
from hevner.lab.probe.mix import learn_weights
from hevner.lab.probe.ridge import Array, Rows, fit, kernel, standard
from hevner.lab.study import Layout, Material, Study, lay_out
from hevner.lab.study.layouts import Part
from hevner.lab.study.material import survey as survey_study
from hevner.lab.study.recipe import Protocol, Source
from hevner.store import FeatureStore

IN_DOMAIN = "in-domain"

ALL, MEAN, MIX, CHOSEN = "all states", "mean of states", "learned mix", "chosen inside"

INNER_FOLDS = 5
"""Parts of a training part, in whole groups; the first tells the learned mix when to stop."""


@dataclass(frozen=True)
class Probe:
    """What is probed.

    Attributes
    ----------
    dataset
        Whose labels are told.
    block
        Name of the vectors in the store.
    states
        Number of each state, in the order in which they lie in a vector; empty where `widths` says
        only how many equal parts there are.
    widths
        Of each state; or one number, that of equal parts.
    folds, seeds
        Parts of a cross-validation, and how many of those there are.
    soundfont
        The rendering that is taken of MIDI files.
    """

    dataset: str
    block: str
    states: tuple[int, ...]
    widths: tuple[int, ...]
    folds: int = 5
    seeds: int = 5
    soundfont: str = ""

    @classmethod
    def of_encoder(
        cls, name: str, dataset: str, *, folds: int = 5, seeds: int = 5, soundfont: str = ""
    ) -> Probe:
        """A probe of the states of an encoder: all of them, or those behind its name.

        Raises
        ------
        ModelError
            If there is no such encoder, or it has no states.
        """
        card = encoders.card(name if "+" in name else f"{name}+all")
        widths = tuple(card.states[number] for number in card.chosen)
        return cls(dataset, card.id, card.chosen, widths, folds, seeds, soundfont)

    def parts(self, total: int) -> dict[int, slice]:
        """Where each state lies in vectors of so many numbers.

        Raises
        ------
        DataError
            If the widths do not add up to that, or a vector cannot be cut into equal parts.
        """
        widths = self.widths
        if len(widths) == 1 and not self.states:
            widths = (total // max(widths[0], 1),) * widths[0]
        if sum(widths) != total or min(widths, default=0) < 1:
            raise DataError(
                f"vectors of {total} numbers do not hold states of "
                f"{', '.join(map(str, self.widths))}",
                subject=f"{self.dataset}, {self.block}",
                remedy="Give the width of each state, or how many equal parts there are",
            )
        ends = np.cumsum(widths)
        numbers = self.states or range(len(widths))
        return {
            number: slice(int(end) - width, int(end))
            for number, width, end in zip(numbers, widths, ends, strict=True)
        }


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a probe.

    Attributes
    ----------
    guesses
        By system, valence and arousal for the rows of `Material.rows`, shape ``(seeds, n, 2)``;
        NaN for rows without both labels. States come first, as ``state 0`` and so on.
    chosen
        The state taken inside each training part for each axis, shape ``(fits, 2)``.
    weights
        Of the states in the learned mix, shape ``(fits, 2, states)``; None if there is none.
    """

    guesses: Mapping[str, Array]
    chosen: NDArray[np.int64]
    weights: Array | None


def survey(
    probe: Probe, folders: Mapping[str, Path], store: FeatureStore
) -> tuple[Material | None, list[str]]:
    """Gather tracks, labels and vectors; None, and what is missing, a line each.

    Parameters
    ----------
    probe
        What is needed.
    data
        Holds the dataset in a folder of its name.
    store
        Holds the vectors.

    Raises
    ------
    DataError
        If the vectors do not consist of such states.
    """
    material, missing = survey_study(_study(probe), folders, store)
    if material is not None:
        probe.parts(material.samples.blocks[probe.block].shape[1])
    return material, missing


def plan(probe: Probe, material: Material) -> Layout:
    """Folds of every seed, compared for leaks.

    Raises
    ------
    DataError
        If training and test parts share anything.
    """
    study = _study(probe)
    layout = lay_out(study.protocols[0], study, material)[0]
    if layout.refused:
        raise DataError(
            f"training and test parts leak: {layout.leaks[probe.dataset]}",
            subject=probe.dataset,
            remedy="Correct the groups of the dataset",
        )
    return layout


def run(
    probe: Probe,
    material: Material,
    layout: Layout,
    folder: Path,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Fit everything in all folds.

    Parameters
    ----------
    probe, material, layout
        What is probed, what is at hand, and the folds.
    folder
        Keeps finished folds; a run that was stopped goes on from there.
    jobs
        Processes.
    progress
        Told how many folds are done, and of how many.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    worker = _Worker(probe, material, folder)
    cells = [part for run in layout.parts for part in run]
    paths = [worker.path(part) for part in cells]
    waiting = {path: part for path, part in zip(paths, cells, strict=True) if not path.is_file()}
    done = len(cells) - len(waiting)
    for _ in workers.work(worker, waiting, jobs):
        done += 1
        if progress is not None:
            progress(done, len(cells))
    return worker.outcome(layout)


def systems(states: Sequence[int], *, mixed: bool) -> list[str]:
    """Names of all that is scored; a mean and a mix need states of one width."""
    return [*map(name_of, states), ALL, *((MEAN, MIX) if mixed else ()), CHOSEN]


def name_of(state: int | str) -> str:
    """Of a state in tables."""
    return f"state {state}"


def _study(probe: Probe) -> Study:
    """The probe as a study across datasets, with one dataset."""
    block = (probe.block,)
    return Study(
        name="probe", folds=probe.folds, leaks="refuse", soundfont=probe.soundfont,
        datasets={probe.dataset: Source()}, representations={probe.block: block}, models={},
        protocols=(Protocol(IN_DOMAIN, (probe.dataset,), block, (), probe.seeds),), claims=(),
        digest="",
    )  # fmt: skip


class _Worker:
    """Does and keeps single folds."""

    def __init__(self, probe: Probe, material: Material, folder: Path) -> None:
        self.folder, self._material = folder, material
        self._vectors = material.samples.blocks[probe.block]
        self._truth = material.truth
        self._rows = material.rows(probe.dataset)
        self._parts = probe.parts(self._vectors.shape[1])
        widths = {part.stop - part.start for part in self._parts.values()}
        self._mixed = len(widths) == 1 and len(self._parts) > 1
        self._digest = _digest(self._vectors, self._truth)

    def path(self, part: Part) -> Path:
        """Where a fold is kept."""
        about = [__version__, self._digest, *(str(place) for place in self._parts.values())]
        name = hashlib.blake2b(json.dumps(about).encode(), digest_size=16)
        name.update(_digest(part.train.astype(np.int64), part.test.astype(np.int64)).encode())
        return self.folder / f"{name.hexdigest()}.npz"

    def do(self, part: Part) -> None:
        """Fit, predict, keep."""
        train, test = (
            rows[np.isfinite(self._truth[rows]).all(axis=1)] for rows in (part.train, part.test)
        )
        numbers = standard(self._vectors, train)
        targets, fold = self._truth[train], self._inner_folds(train)
        kernels = [kernel(numbers[:, place], train) for place in self._parts.values()]
        fits = [fit(one, train, test, targets, fold) for one in kernels]
        chosen = np.argmax([one.inside for one in fits], axis=0)
        guesses = [one.guesses for one in fits]
        together = np.mean(kernels, axis=0)
        guesses.append(fit(together, train, test, targets, fold).guesses)
        weights = np.zeros((0, 0))
        if self._mixed:
            states = numbers.reshape(len(numbers), len(kernels), -1)
            weights = _mix(states[train], targets, fold)
            even = np.full_like(weights, 1 / len(kernels))
            guesses += [_mean(states, w, train, test, targets, fold) for w in (even, weights)]
        guesses.append(np.stack([fits[k].guesses[:, axis] for axis, k in enumerate(chosen)], 1))
        content = io.BytesIO()
        np.savez_compressed(content, test=test, guesses=guesses, chosen=chosen, weights=weights)
        replace_file(self.path(part), content.getvalue())

    def outcome(self, layout: Layout) -> Outcome:
        """All that was kept, brought together."""
        names = systems(tuple(self._parts), mixed=self._mixed)
        table = np.full((len(names), len(layout.parts), *self._truth.shape), np.nan)
        chosen, weights = [], []
        for seed, parts in enumerate(layout.parts):
            for part in parts:
                stored = _read(self.path(part))
                table[:, seed, stored["test"]] = stored["guesses"]
                chosen.append(np.array(tuple(self._parts))[stored["chosen"]])
                weights.append(stored["weights"])
        guesses = {name: table[k][:, self._rows] for k, name in enumerate(names)}
        return Outcome(guesses, np.array(chosen), np.array(weights) if self._mixed else None)

    def _inner_folds(self, train: Rows) -> NDArray[np.int64]:
        groups = np.zeros(len(train), np.int64)
        tracks = [self._material.tracks[row] for row in train]
        for number, rows in enumerate(linked_groups(tracks)):
            groups[rows] = number
        return grouped_folds(groups, INNER_FOLDS, seed=0)


def _mix(states: NDArray[np.float32], targets: Array, fold: NDArray[np.int64]) -> Array:
    """Learned weights of the states, shape ``(2, states)``."""
    units = (targets - targets.mean(axis=0)) / (targets.std(axis=0) + 1e-12)
    return learn_weights(states, units, fold == 0)


def _mean(
    states: NDArray[np.float32],
    weights: Array,
    train: Rows,
    test: Rows,
    targets: Array,
    fold: NDArray[np.int64],
) -> Array:
    """Predictions from the mean of states with weights for each axis, shape ``(m, 2)``."""
    guesses = []
    for axis, own in enumerate(weights):
        mixed = standard(np.einsum("nsw,s->nw", states, own.astype(np.float32)), train)
        products = kernel(mixed, train)
        guesses.append(fit(products, train, test, targets[:, [axis]], fold).guesses)
    return np.concatenate(guesses, axis=1)


def _read(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"a finished fold cannot be read ({error})",
            subject=str(path),
            remedy="Remove it; the same command makes it again",
        ) from error


def _digest(*arrays: NDArray[np.generic]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.shape}{array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
