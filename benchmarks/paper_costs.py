"""What one fit or step of the papers' studies costs at the size of the published sets.

    python benchmarks/paper_costs.py [--out results/paper_costs.csv] [--share 1.0]

Features and labels are random numbers in the shapes of the published ones, so nothing is scored.
The READMEs in ``papers`` multiply these seconds by the number of fits and steps of the recipes.
Seconds are of the processor, with one thread of torch; ``--share`` takes fewer rows, for a trial.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from msgspec import structs

from hevner.datasets import Track
from hevner.lab import recipes
from hevner.lab.cross_dataset import study as cross_dataset
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
from hevner.lab.data.samples import label
from hevner.lab.joint.data import Emotions, MatchingData
from hevner.lab.joint.fit import fit
from hevner.lab.joint.recipe import JointRecipe
from hevner.lab.unified import loop
from hevner.lab.unified.networks import Head, Inputs, Network, UnifiedPublished, UnifiedRepaired
from hevner.lab.unified.recipe import UnifiedRecipe
from hevner.lab.unified.rows import Rows
from hevner.output.spreadsheet import csv_text

RESULTS = Path(__file__).parent / "results"
PAPERS = Path(__file__).parents[1] / "papers"
STEPS = (1, 4)
"""Steps of two trainings, whose difference is the cost of a step."""
COLUMNS = ("paper", "item", "rows", "numbers", "n", "cpu_s", "peak_mib")

Cost = tuple[str, str, int, int, int, float]
"""Paper, item, rows of training, or at most of a step, numbers of a row, repetitions, seconds."""
Paper = Callable[[float, np.random.Generator], Iterator[Cost]]


def seconds(start: float, count: int) -> float:
    """Seconds of the processor since a time, for one of so many."""
    return (time.process_time() - start) / count


def gap(share: float, rng: np.random.Generator) -> Iterator[Cost]:
    """A fit of every model on 200 pieces, with Jukebox and chroma; a network's grows by the row."""
    recipe = recipes.read(PAPERS / "distribution_gap/five_sets.toml", CrossDatasetRecipe)
    tracks = [
        Track(name, str(k), None, f"{name} {k // 2}", str(k), valence=v, arousal=a)
        for name, count in (("emomusic", 80), ("pmemo", 80), ("wtc", 40))
        for k, (v, a) in enumerate(rng.uniform(-1, 1, (max(4, int(share * count)), 2)).tolist())
    ]
    widths = {"jukebox-5b": 4800, "chroma72": 72}
    table = {n: rng.normal(size=(len(tracks), w)).astype(np.float32) for n, w in widths.items()}
    samples = label(tracks, table)
    for name in recipe.models:
        start = time.process_time()
        cross_dataset.build(recipe, name, 0).fit(samples).predict(samples.where(np.arange(9)))
        yield "distribution_gap", f"fit, {name}", len(tracks), 4872, 1, seconds(start, 1)


def unified(share: float, rng: np.random.Generator) -> Iterator[Cost]:
    """A step on all four sets together, 32 rows of each, with MERT embeddings and chords."""
    counts = [int(share * count) for count in (640, 74, 32, 32)]
    total, heads = sum(counts), (Head("tags", "tags", 56), Head("emotion", "values", 2))
    dataset = torch.from_numpy(np.repeat(np.arange(4), counts))
    tags = torch.from_numpy((rng.random((total, 56)) < 0.05).astype(np.float32))
    rated = torch.from_numpy(rng.uniform(1, 9, (total, 2)).astype(np.float32))
    tags[dataset > 0], rated[dataset == 0] = np.nan, np.nan
    for name in ("as_published", "repaired"):
        settings = recipes.read(PAPERS / f"unified/{name}.toml", UnifiedRecipe).rows[-1].training
        published, length = name == "as_published", 100 if name == "as_published" else 64
        inputs = Inputs(
            torch.from_numpy(rng.normal(size=(total, 1536)).astype(np.float32)),
            torch.randint(12, (total, length)), torch.randint(8, (total, length)),
            torch.rand(total, length), torch.ones(total, length, dtype=torch.bool),
            torch.zeros(total),
        )  # fmt: skip
        rows = Rows(inputs, {"tags": tags, "emotion": rated}, {}, dataset)
        network: Network = (UnifiedPublished if published else UnifiedRepaired)(1536, heads)
        settings = structs.replace(settings, epochs=1, distillation="none")
        start = time.process_time()
        loop.train(network, rows, rows.rows(torch.arange(total)[::9]), settings)
        steps = -(-counts[0] // settings.batch)
        yield "unified", f"step, {name}", 4 * settings.batch, 1536, steps, seconds(start, steps)


def composite_loss(share: float, rng: np.random.Generator) -> Iterator[Cost]:
    """A step of the network as published, on a vector of DEAM and on a sequence of PMEmo."""
    for name, count, windows, points in (("deam", 1441, 0, 60), ("pmemo", 560, 27, 55)):
        recipe = recipes.read(PAPERS / f"composite_loss/{name}.toml", JointRecipe)
        space = next(one for one in recipe.spaces if one.name == "composite as published")
        rows = np.arange(int(share * count))
        tracks = tuple(Track(name, str(k), None, str(k), str(k)) for k in rows)
        curves = rng.uniform(-1, 1, (len(rows), points, 2))
        data = MatchingData(
            tracks, (rng.normal(size=(len(rows), 128)),),
            tuple(rng.normal(size=(len(rows) * bool(windows), windows, 128)).astype(np.float32)),
            Emotions("curve", curves.mean(axis=1), curves, curves.std(axis=1)), rows,
        )  # fmt: skip
        took, more = [], STEPS[1] - STEPS[0]
        for steps in STEPS:
            network = structs.replace(space.network, steps=steps)
            start = time.process_time()
            fit(data, recipe.datasets[name], structs.replace(space, network=network), rows, 0)
            took.append(time.process_time() - start)
        yield "composite_loss", f"step, {name}", len(rows), 128, more, (took[1] - took[0]) / more


def measure(paper: Paper, share: float) -> list[tuple[str, ...]]:
    """Rows of the table of a paper, with the peak of this process in MiB."""
    torch.set_num_threads(1)
    rows = []
    for *about, cpu in paper(share, np.random.default_rng(11)):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        rows.append((*map(str, about), f"{cpu:.3f}", f"{peak:.0f}"))
        print(*rows[-1], flush=True)
    return rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="What fits and steps of the papers cost.")
    parser.add_argument("--out", type=Path, default=RESULTS / "paper_costs.csv", help="table")
    parser.add_argument("--share", type=float, default=1.0, help="share of the rows")
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    for paper in (gap, unified, composite_loss):
        with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # whose peak is its own
            rows += fresh.submit(measure, paper, options.share).result()
    options.out.write_text(csv_text(COLUMNS, rows), "utf-8", newline="")


if __name__ == "__main__":
    main()
