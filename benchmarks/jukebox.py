"""Measure Jukebox at its full size, with random weights in the format of the original release.

    python benchmarks/jukebox.py FOLDER [--encoder jukebox-5b] [--seconds 30] [--threads 2]

FOLDER takes 16 GB for jukebox-5b; it is kept, and what is there already is not made again. Three
processes of their own write the files (10 GB), convert them, and run one window; each reports
seconds and peak memory. On a CUDA card the last one also reports clips per second and memory by
batch, and what share of the card's own rate at large matrices that is; without a card these are
written as not measured.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import pickle
import resource
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from hevner.encoders.jukebox.architecture import ARCHITECTURES, shapes
from hevner.encoders.large import LARGE
from hevner.encoders.weights.pickled import MAGIC, PROTOCOL

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "tests" / "encoders" / "data"
STEPS = ("write", "convert", "run")
BATCHES = (1, 2, 4, 8, 16)
MATRIX = 8192
RUNS = 3
NOT_MEASURED = "not measured"


class Storage:
    """Values of a tensor that are written later."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape = name, shape
        self.half = name.endswith(".w")  # Matrices were published in half precision.

    def __reduce__(self) -> Any:
        raise TypeError("a storage is pickled by its key")


class Reference:
    """A tensor, pickled like one."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def __reduce__(self) -> Any:
        shape = self.storage.shape
        strides = tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))
        arguments = (self.storage, 0, shape, strides, False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


class Pickler(pickle.Pickler):
    """Writes storages as references by key, as PyTorch did before release 1.6."""

    def persistent_id(self, thing: Any) -> Any:
        """The reference to a storage, None for anything else."""
        if not isinstance(thing, Storage):
            return None
        kind = torch.HalfStorage if thing.half else torch.FloatStorage
        return "storage", kind, thing.name, "cpu", math.prod(thing.shape), None


def write_old(path: Path, table: dict[str, tuple[int, ...]]) -> None:
    """Write a file of the old format with random values, one tensor in memory at a time."""
    storages = [Storage(name, shape) for name, shape in table.items()]
    system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {}}
    content = {"model": OrderedDict((one.name, Reference(one)) for one in storages), "step": 1}
    generator = torch.Generator().manual_seed(11)
    drawn: dict[tuple[int, ...], torch.Tensor] = {}
    with path.open("wb") as file:
        for thing in (MAGIC, PROTOCOL, system, content, [one.name for one in storages]):
            Pickler(file, protocol=2).dump(thing)
        for one in storages:
            # The same values serve all blocks.
            if one.shape not in drawn:
                drawn[one.shape] = torch.randn(one.shape, generator=generator)
            write_values(file, one, drawn[one.shape])


def write_values(file: IO[bytes], one: Storage, normal: torch.Tensor) -> None:
    """Write one storage, scaled so that a signal neither grows nor fades."""
    if len(one.shape) == 1:
        values = 0.1 * normal + (1 if ".ln" in one.name and "weight" in one.name else 0)
    else:
        inputs = one.shape[0] if one.half else math.prod(one.shape[1:])
        values = normal / math.sqrt(inputs)
    file.write(normal.numel().to_bytes(8, "little"))
    file.write((values.half() if one.half else values).numpy().tobytes())


def table(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a published file."""
    lines = gzip.decompress((TABLES / f"{name}.txt.gz").read_bytes()).decode().splitlines()
    pairs = (line.split(" ") for line in lines if not line.startswith("#"))
    return {key: tuple(map(int, shape.split("x"))) for key, shape in pairs}


def write(name: str, folder: Path) -> None:
    """Write what is published of a model into a folder, with random weights."""
    model = name.removeprefix("jukebox-")
    for file, facts in (("vqvae", "vqvae"), ("prior_level_2", f"prior_{model}")):
        path = folder / f"{file}.pth.tar"
        if not path.exists():
            write_old(path.with_suffix(".part"), table(f"jukebox_{facts}"))
            path.with_suffix(".part").rename(path)


def run(name: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Figures of running windows, on a card if there is one."""
    encoder = LARGE[name].load(LARGE[name].card, folder, "auto")
    facts = encoder.card
    samples = min(round(seconds * facts.sample_rate), facts.window_samples)
    window = np.random.default_rng(5).normal(size=(1, samples)).astype(np.float32)
    began = time.perf_counter()
    encoder.tokens(window)
    tokens = time.perf_counter() - began
    began = time.perf_counter()
    encoder.encode(window)
    figures: dict[str, Any] = {
        "seconds of the window": samples / facts.sample_rate,
        "s for its tokens, loading included": tokens,
        "s for its vector, without loading": time.perf_counter() - began,
    }
    for batch in BATCHES:
        windows = np.repeat(window, batch, axis=0)
        figure = on_card(encoder, windows) if torch.cuda.is_available() else NOT_MEASURED
        figures[f"on a card, {batch} windows"] = figure
    return figures


def on_card(encoder: Any, windows: np.ndarray) -> dict[str, float]:
    """Throughput and memory at one batch."""
    torch.cuda.reset_peak_memory_stats()
    rate = len(windows) / timed(lambda: encoder.encode(windows))
    share = rate * operations(encoder.card.id, windows.shape[1]) / matrix_rate()
    return {
        "windows per s": rate,
        "GB on the card": torch.cuda.max_memory_allocated() / 1e9,
        "share of the rate at matrices": share,
    }


def operations(name: str, samples: int) -> float:
    """Multiplications and additions of a window in the matrices of the prior."""
    architecture = ARCHITECTURES[name]
    length = architecture.prefix + samples // architecture.codec.hop
    matrices = (
        math.prod(shape)
        for key, shape in shapes(architecture).items()
        if key.startswith("music.") and key.endswith("weight") and len(shape) == 2
    )
    return 2.0 * length * sum(matrices)


def matrix_rate() -> float:
    """Operations per second of the card on large matrices in bfloat16."""
    one = torch.randn(MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16)
    return 2 * MATRIX**3 / timed(lambda: one @ one, 20)


def timed(what: Callable[[], object], times: int = RUNS) -> float:
    """Seconds that one call takes on the card."""
    what()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(times):
        what()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / times


def step(options: argparse.Namespace) -> dict[str, Any]:
    """Do one step in this process, and print its figures."""
    torch.set_num_threads(options.threads)
    name, source = options.encoder, options.folder / options.encoder
    target = source / "converted"
    target.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    figures: dict[str, Any] = {}
    if options.step == "write":
        write(name, source)
    elif options.step == "convert":
        LARGE[name].convert(source, target, lambda *_: None)
        figures["GB written"] = (target / "weights.safetensors").stat().st_size / 1e9
    else:
        figures = run(name, target, options.seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {**figures, "s in all": time.perf_counter() - began, "GB of memory at the peak": peak}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure Jukebox at its full size.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="jukebox-5b", choices=ARCHITECTURES)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the window, at most")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(step(options)))
        return
    for one in STEPS:
        command = [sys.executable, __file__, *sys.argv[1:], "--step", one]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for measure, value in json.loads(text.splitlines()[-1]).items():
            text = f"{value:.3f}" if isinstance(value, float) else value
            print(options.encoder, one, measure, text, sep=", ", flush=True)


if __name__ == "__main__":
    main()
