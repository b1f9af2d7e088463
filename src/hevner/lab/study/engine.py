"""Run any kind of study: find its data, plan its cells, compute those that are not kept yet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from hevner import extras
from hevner.files import make_folder
from hevner.lab import workers
from hevner.lab.study import kept
from hevner.lab.study.kept import Arrays, Row
from hevner.lab.study.sources import IncompleteError
from hevner.store import FeatureStore

RecipeT = TypeVar("RecipeT")
DataT = TypeVar("DataT")
CellT = TypeVar("CellT")

Progress = Callable[[int, int], None]
"""Called with the number of finished cells and that of all cells."""


@dataclass(frozen=True, eq=False)
class CellResult(Generic[CellT]):
    """A cell and the arrays that its computation gave, by name."""

    cell: CellT
    arrays: Arrays


@dataclass(frozen=True, eq=False)
class Study(ABC, Generic[RecipeT, DataT, CellT]):
    """One kind of study: its recipe says what is compared, its data are the complete datasets."""

    recipe: RecipeT
    data: DataT

    columns: ClassVar[tuple[str, ...]]
    """Columns of the table of scores."""

    @property
    def needs_torch(self) -> bool:
        """Whether cells are computed with torch."""
        return False

    @classmethod
    def load(
        cls, recipe: RecipeT, folders: Mapping[str, Path], store: FeatureStore, jobs: int = 1
    ) -> tuple[Self | None, list[str]]:
        """The study on all datasets that are complete, or None, and a line for each missing thing.

        ``folders`` are those of the datasets, by name; ``jobs`` is the number of processes for what
        has not been made from stored features yet.
        """
        parts: list[Any] = []
        missing: list[str] = []
        datasets: Mapping[str, Any] = recipe.datasets  # type: ignore[attr-defined]
        for name in datasets:
            try:
                if name not in folders:
                    raise IncompleteError([f"{name}, data: no folder is given"])
                parts.append(cls.load_dataset(recipe, name, folders[name], store, jobs))
            except IncompleteError as error:
                missing += error.lines
        return (cls(recipe, cls.join(parts)) if parts else None), missing

    @staticmethod
    @abstractmethod
    def load_dataset(recipe: Any, name: str, folder: Path, store: FeatureStore, jobs: int) -> Any:
        """Read one dataset from its folder; raise `IncompleteError` if anything is missing."""

    @staticmethod
    @abstractmethod
    def join(parts: Sequence[Any]) -> Any:
        """Data of the study from what `load_dataset` returned for each dataset."""

    @abstractmethod
    def plan(self) -> list[CellT]:
        """All cells of the study; raises `DataError` if the tracks cannot be split."""

    @abstractmethod
    def describe(self, cells: Sequence[CellT]) -> Iterator[str]:
        """Lines on the data and the cells, for a dry run."""

    @abstractmethod
    def file_name(self, cell: CellT) -> str:
        """Name of the file of a cell, which changes with all that decides its result."""

    @abstractmethod
    def compute(self, cell: CellT, folder: Path) -> Mapping[str, Any]:
        """Arrays that a cell gives; cells of earlier stages are in the folder."""

    def stage(self, cell: CellT) -> int:
        """Cells that need others are computed in a later stage than those."""
        return 0

    # --- results ---

    @abstractmethod
    def table(self, results: Sequence[CellResult[CellT]]) -> list[Row]:
        """Rows of the table of scores."""

    def compare(self, results: Sequence[CellResult[CellT]], jobs: int = 1) -> list[Row]:
        """Test every claim of the recipe, in a number of processes."""
        return []


def run(
    study: Study[Any, Any, CellT],
    cells: Sequence[CellT],
    folder: Path,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[CellResult[CellT]]:
    """Results of cells, in their order, from a number of processes.

    The folder keeps finished cells; after a stop, a run goes on from there. Raises `DataError`,
    `ModelError` or `MissingDependencyError` if a cell cannot be computed or read; `OutputError` if
    the folder cannot be written.
    """
    make_folder(folder)
    paths = [folder / study.file_name(cell) for cell in cells]
    done = sum(path.is_file() for path in paths)
    for stage in sorted({study.stage(cell) for cell in cells}):
        waiting = {
            path: cell
            for path, cell in zip(paths, cells, strict=True)
            if study.stage(cell) == stage and not path.is_file()
        }
        for path in _compute(study, waiting, jobs):
            done += paths.count(path)
            if progress is not None:
                progress(done, len(cells))
    return [CellResult(cell, kept.read(path)) for cell, path in zip(cells, paths, strict=True)]


def _compute(
    study: Study[Any, Any, CellT], waiting: Mapping[Path, CellT], jobs: int
) -> Iterator[Path]:
    """Compute cells; yield the file of each as soon as it is there."""
    if waiting and study.needs_torch:
        extras.require("networks", "a study of networks", "torch")
    if jobs == 1:
        for path, cell in waiting.items():
            kept.write(path, study.compute(cell, path.parent))
            yield path
        return
    with workers.pool(jobs, _start, study) as processes:
        futures = {processes.submit(_keep, path, cell): path for path, cell in waiting.items()}
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        finally:
            processes.shutdown(cancel_futures=True)


_study: Study[Any, Any, Any] | None = None


def _start(study: Study[Any, Any, Any]) -> None:
    """Hand the study to a worker process, once for all of its cells."""
    global _study
    _study = study
    if study.needs_torch:
        import torch

        torch.set_num_threads(1)  # many threads would wait for those of other processes


def _keep(path: Path, cell: Any) -> None:
    if _study is None:
        raise RuntimeError("the worker process was not given its study")
    kept.write(path, _study.compute(cell, path.parent))
