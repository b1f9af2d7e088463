"""Tracks and stored features of one dataset, or the lines that name what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hevner import datasets
from hevner.arrays import Floats
from hevner.datasets import Labels
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.lab.data.recipe_encoder import missing
from hevner.lab.data.representations import gather
from hevner.lab.data.samples import Samples
from hevner.store import FeatureStore


class IncompleteError(Exception):
    """Something of a dataset is missing; ``lines`` name it, and the commands that would get it."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(*lines)
        self.lines = list(lines)


def load_tracks(
    name: str,
    folder: Path,
    wanted: Callable[[Track], bool],
    *,
    labels: Labels = "repaired",
    ids: tuple[int, int] | None = None,
) -> list[Track]:
    """Tracks of a dataset, from its own folder, that a study can use; there may be none.

    ``wanted`` returns whether a track has a label that the study uses; ``ids`` are the first and
    last id to take. Raises `IncompleteError` if the dataset cannot be read.
    """
    if not folder.is_dir():
        card = datasets.card(name)
        lacking = f"no folder {folder}; get {card.title} from {card.source}"
        raise IncompleteError([f"{name}, data: {lacking}"])
    try:
        tracks = datasets.load(name, folder, labels=labels)
    except DataError as error:
        raise IncompleteError([f"{name}, data: {error}"]) from error
    return [
        track
        for track in tracks
        if wanted(track) and (ids is None or ids[0] <= int(track.id) <= ids[1])
    ]


def gather_blocks(
    store: FeatureStore,
    tracks: list[Track],
    blocks: Iterable[str],
    folder: Path,
    soundfont: str,
    jobs: int = 1,
) -> tuple[dict[str, Samples], list[str]]:
    """Stored vectors of tracks of one dataset, block by block, and lines that name those missing.

    Blocks are named as in `hevner.lab.data.representations`, which has the soundfont and the jobs
    too; ``folder`` is the dataset's own, which the lines name.
    """
    found: dict[str, Samples] = {}
    lacking: dict[str, list[str]] = {}
    for block in dict.fromkeys(blocks):
        try:
            found[block] = gather(store, tracks, [block], soundfont=soundfont, jobs=jobs)
        except DataError as error:
            name = tracks[0].dataset
            said = missing(error, block, name, folder, store.folder, soundfont)
            lacking.setdefault(said, []).append(block)
    lines = [
        f"{tracks[0].dataset}, features {', '.join(own)}: {said}" for said, own in lacking.items()
    ]
    return found, lines


def with_blocks(found: dict[str, Samples], blocks: Iterable[str]) -> Samples:
    """Samples of the same tracks side by side, with some of their blocks."""
    vectors: dict[str, Floats] = {name: found[name].blocks[name] for name in blocks}
    return Samples(**{**vars(next(iter(found.values()))), "blocks": vectors})
