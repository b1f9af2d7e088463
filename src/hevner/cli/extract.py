"""``hevner extract``: compute the features of datasets, or the predictions of teachers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from hevner.cli.data_options import NAME_IT, Data, Store, data_folders, dataset_folder
from hevner.cli.options import Address, Engine, Jobs, cluster_of, names_of, shard_of
from hevner.cli.progress import FAILED, FINE, Reporter, say, stopping, usage_errors
from hevner.errors import DataError

if TYPE_CHECKING:
    from hevner.datasets import Dataset
    from hevner.datasets.track import Track
    from hevner.lab.data.corpus import Done, Variant

    Compute = Callable[[Sequence[tuple[Track, Variant]]], Generator[Done]]


def extract(
    store: Store,
    data: Data = [],  # noqa: B006
    dataset: Annotated[
        list[str],
        Option(
            metavar="NAME",
            help="Dataset, as 'hevner datasets list' has it; repeatable.",
            show_default="all that --data holds",
        ),
    ] = [],  # noqa: B006
    encoder: Annotated[
        str,
        Option(
            metavar="A,B,...",
            help="'default' for all features of the default model; or harmony, fingerprint and "
            "any encoder of 'hevner models list', with states such as mert-v1-95m+8.",
        ),
    ] = "default",
    teacher: Annotated[
        str,
        Option(
            metavar="A,B,...",
            help="Store the predictions of these tagging networks instead, such as yamnet-tags; "
            "or 'all'.",
        ),
    ] = "",
    weights: Annotated[
        Path | None, Option(metavar="DIR", help="Folder with the weights of the teachers.")
    ] = None,
    soundfont: Annotated[
        str, Option(metavar="NAME", help="Soundfont to render MIDI with, such as FluidR3_GM.")
    ] = "",
    variant: Annotated[
        list[str],
        Option(
            metavar="NAME",
            help="Version of the sound: recorded-0 as it is, recorded-1 disturbed, FluidR3_GM-0 "
            "rendered; repeatable. Datasets that cannot have a version are left out of it.",
            show_default="the plain sound",
        ),
    ] = [],  # noqa: B006
    shard: Annotated[
        str,
        Option(
            metavar="K/N",
            help="Only every N-th track of each dataset, from the K-th on, such as 2/4: so several "
            "processes, each with a GPU of its own, share the work and one store.",
        ),
    ] = "",
    jobs: Jobs = None,
    engine: Engine = "processes",
    address: Address = "",
) -> None:
    """Compute and store the features of every track of datasets, one vector per window.

    What is stored already is not computed again, so the same command goes on after a stop. MIDI is
    rendered into the folder 'renders' of the store. Large encoders and teachers run in one process
    unless --jobs says otherwise: each process would load one, and one uses all cores or the GPU.
    With --engine ray the machines of a cluster compute, with a GPU for each task of a large encoder
    if there are any, and this one stores.

    Exit status: 0 all fine, 1 some tracks failed, 2 wrong usage.
    """
    if soundfont and variant:
        raise typer.BadParameter("goes without --variant", param_hint="--soundfont")
    first, step = shard_of(shard)
    if bool(teacher) != bool(weights):
        raise typer.BadParameter("are needed together", param_hint="--teacher and --weights")
    if teacher and engine == "ray":
        raise typer.BadParameter("runs no teachers", param_hint="--engine ray")
    with usage_errors():
        if weights is not None:
            compute = _teachers(names_of(teacher), weights, store, jobs)
        else:
            compute = _encoders(names_of(encoder), store, jobs)
        found = [replace(one, tracks=one.tracks[first::step]) for one in _datasets(data, dataset)]
        if soundfont and not any(one.card.media == "MIDI" for one in found):
            recorded = ", ".join(one.card.name for one in found)
            raise typer.BadParameter(f"{recorded}: recorded, needs none", param_hint="--soundfont")
        work = [(one, own) for one in found for own in _variants(one, soundfont, variant)]
        if not work:
            raise DataError(
                "no dataset can have such a sound", remedy="Check --variant", code="no_tracks"
            )
    from hevner.lab.data.corpus import compute_in_cluster

    status = FINE
    with stopping(), cluster_of(engine, address, jobs) as cluster:
        if cluster is not None:
            compute = partial(
                compute_in_cluster, folder=store, cluster=cluster, encoders=names_of(encoder)
            )
        for one, own in work:
            status = max(status, _run(one, own, compute))
    for one in found:
        if one.problems:
            status = FAILED
            say(
                f"{len(one.problems)} tracks left out; "
                f"'hevner datasets check {one.card.name} {one.folder}' explains why."
            )
    raise typer.Exit(status)


def _encoders(names: tuple[str, ...], store: Path, jobs: int | None) -> Compute:
    """Computes features."""
    from hevner.batch import usable_cores
    from hevner.encoders import is_large
    from hevner.lab.data.corpus import compute_all
    from hevner.lab.data.extraction import kinds

    if not kinds(names):
        raise typer.BadParameter("names no encoder", param_hint="--encoder")
    large = any(map(is_large, names))
    processes = jobs or (1 if large else usable_cores())
    return lambda work: compute_all(work, store, processes, names)


def _teachers(names: tuple[str, ...], weights: Path, store: Path, jobs: int | None) -> Compute:
    """Computes the predictions of teachers; their weights are checked before any work."""
    from hevner.lab import teachers

    chosen = teachers.NAMES if names == ("all",) else names
    for name in chosen:
        teachers.load(name, weights)
    return lambda work: teachers.compute_all(work, store, jobs or 1, chosen, weights)


def _datasets(data: list[str], names: list[str]) -> list[Dataset]:
    """The datasets to work on, those that have audio or MIDI files."""
    from hevner import datasets

    if len(names) == 1:
        places = dict([dataset_folder(data, names[0])])
    else:
        folders = data_folders(data)
        places = {name: folders[name] for name in names or folders.available()}
    if not places:
        raise DataError("no dataset there", remedy=NAME_IT, code="no_tracks")
    found = [datasets.load(name, folder, partial=True) for name, folder in places.items()]
    for one in found:
        if names and not len(one):
            raise typer.BadParameter(
                f"no {one.card.media} of {one.card.name} in {one.folder}; "
                f"'hevner datasets info {one.card.name}' says where it belongs",
                param_hint="--data",
            )
    return [one for one in found if len(one)]


def _variants(dataset: Dataset, soundfont: str, names: list[str]) -> list[Variant]:
    """The versions of its sound that are wanted and possible."""
    from hevner.lab.data.corpus import Variant

    midi = dataset.card.media == "MIDI"
    if names:
        return [one for one in map(Variant.parse, names) if bool(one.soundfont) == midi]
    if midi and not soundfont:
        raise typer.BadParameter(
            f"{dataset.card.name} is MIDI and needs one, such as FluidR3_GM",
            param_hint="--soundfont",
        )
    return [Variant(soundfont if midi else "")]


def _run(dataset: Dataset, variant: Variant, compute: Compute) -> int:
    """Work through the tracks of a dataset; return the exit status."""
    computed = 0
    failures: dict[str, list[str]] = {}
    results = compute([(track, variant) for track in dataset])
    with closing(results), Reporter(len(dataset), True, "Extracting") as reporter:
        for done in results:
            computed += done.computed
            if done.error is not None:
                failures.setdefault(str(done.error), []).append(done.track.id)
            reporter.advance()
    failed = sum(map(len, failures.values()))
    known = len(dataset) - computed - failed
    say(
        f"{dataset.card.name} {variant.name}, {len(dataset)} tracks: {computed} computed, "
        f"{known} stored before, {failed} failed."
    )
    for error, ids in failures.items():
        more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        say(f"Failed: {ids[0]}{more}: {error}")
    return FAILED if failures else FINE
