"""Let teachers hear datasets.

    python -m hevner.lab.teachers --data DIR --store DIR --weights DIR

Every dataset in the data folder that has audio or MIDI is heard, and what the teachers say is kept
in the store. What is stored already is not heard again, so the same command goes on after a stop.
MIDI is rendered into the folder ``renders`` of the store.
"""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import closing
from pathlib import Path

import rich.progress

from hevner import datasets
from hevner.errors import DataError, HevnerError
from hevner.lab.data.corpus import Variant
from hevner.lab.data.representations import DEFAULT_SOUNDFONT
from hevner.lab.teachers import NAMES, load
from hevner.lab.teachers.extraction import Extraction, compute_all

log = logging.getLogger(__name__)


def hear(extraction: Extraction, dataset: datasets.Dataset, variant: Variant, jobs: int) -> int:
    """Let the teachers hear every track of a dataset in a variant; return how many failed.

    Raises
    ------
    HevnerError
        If a worker process died.
    """
    heard = failed = 0
    name = f"{dataset.card.name} {variant.name}"
    results = compute_all(extraction, [(track, variant) for track in dataset], jobs)
    with closing(results):
        for done in rich.progress.track(results, name, total=len(dataset)):
            heard += done.computed
            if done.error is not None:
                failed += 1
                log.warning("%s: %s: %s", name, done.track.id, done.error)
    known = len(dataset) - heard - failed
    log.info("%s: %d heard, %d stored before, %d failed", name, heard, known, failed)
    return failed


def variants_of(dataset: datasets.Dataset, names: list[str]) -> list[Variant]:
    """The named variants that this dataset can have; the first one that there is, if none is named.

    Raises
    ------
    DataError
        If a name is no variant.
    """
    midi = dataset.card.media == "MIDI"
    if not names:
        return [Variant(DEFAULT_SOUNDFONT if midi else "")]
    return [one for one in map(Variant.parse, names) if bool(one.soundfont) == midi]


def main() -> int:
    """Command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--store", type=Path, required=True, help="folder of the feature store")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the teachers")
    parser.add_argument("--dataset", nargs="+", default=[], help="only these")
    parser.add_argument("--teachers", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument(
        "--variants",
        nargs="+",
        default=[],
        help=f"such as recorded-1; by default recorded-0 and {DEFAULT_SOUNDFONT}-0",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    extraction = Extraction(tuple(options.teachers), options.weights, options.store)
    try:
        return run(extraction, options.data, options.dataset, options.variants, options.jobs)
    except HevnerError as error:
        log.error("%s", error)
        return 2


def run(
    extraction: Extraction, data: Path, names: list[str], variants: list[str], jobs: int
) -> int:
    """Let the teachers hear datasets; return the exit status, 1 if a track failed.

    Raises
    ------
    HevnerError
        If a dataset or teacher cannot be read, or there is nothing to hear.
    """
    for teacher in extraction.teachers:
        load(teacher, extraction.weights)  # a missing file is told before any work
    names = names or [name for name in datasets.NAMES if (data / name).is_dir()]
    work = []
    for name in names:
        dataset = datasets.load(name, data / name, partial=True)
        if len(dataset):
            work += [(dataset, variant) for variant in variants_of(dataset, variants)]
    if not work:
        raise DataError("nothing to hear", subject=str(data), remedy="Check --data and --variants")
    failed = [hear(extraction, dataset, variant, jobs) for dataset, variant in work]
    return 1 if any(failed) else 0


if __name__ == "__main__":
    sys.exit(main())
