"""What the network of the default model costs: analyses with and without it, in one run.

    python benchmarks/network.py [--folder examples/audio] [--repeats 5]

Whole analyses of the files, from decoding to tags, alternating between the default model and the
same model without its network, one thread each. Prints CPU seconds per 30 s of audio and the ratio
of the medians.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from pathlib import Path

import numpy as np

from hevner.analysis import Analyzer


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Time the network of the default model.")
    parser.add_argument("--folder", type=Path, default=Path("examples/audio"))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    files = sorted(path for path in options.folder.iterdir() if path.is_file())
    with_network, without = Analyzer(), Analyzer()
    without.model = dataclasses.replace(without.model, network=np.zeros(0, np.uint8))
    seconds: dict[bool, list[float]] = {True: [], False: []}
    duration = sum(with_network.analyze(path).duration for path in files)  # also loads everything
    for path in files:
        without.analyze(path)
    for _ in range(options.repeats):
        for network, analyzer in ((True, with_network), (False, without)):
            begin = time.process_time()
            for path in files:
                analyzer.analyze(path)
            seconds[network].append((time.process_time() - begin) * 30 / duration)
    first, second = statistics.median(seconds[True]), statistics.median(seconds[False])
    print(f"with {first:.3f} s, without {second:.3f} s per 30 s, ratio {first / second:.3f}")


if __name__ == "__main__":
    main()
