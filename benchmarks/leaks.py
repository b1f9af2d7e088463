"""List what the datasets share: songs, artists, files, recordings.

    python benchmarks/leaks.py --data DIR --out CSV [--sets NAME ...]

A result "with a set left out" holds only for clips that nothing in training repeats. Every pair of
sets is compared by the fields of the tracks, the bytes of the files and the sound
(`hevner.datasets.leaks`); inside a set, the sound finds repeats that its groups do not join. Sets
of MIDI are compared by fields and bytes alone. A row names the kind of leak and the two tracks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from hevner import datasets
from hevner.datasets import leaks
from hevner.encoders.fingerprint import Words, fingerprint, matches
from hevner.lab.metrics.report import write

RECORDINGS = ("film", "musifeast", "quadrants4q", "mirex", "musemo", "emotify")
SETS = (*RECORDINGS, "vgmidi", "emopia")


def between(tracks: dict[str, list[datasets.Track]]) -> Iterator[dict[str, object]]:
    """What two sets share by the fields of their tracks and the bytes of their files."""
    for first, second in combinations(tracks, 2):
        for kind, pairs in leaks.find(tracks[first], tracks[second]).pairs.items():
            for test, train in pairs:
                yield {"kind": kind, "first": train, "second": test, "error_rate": ""}


def same_sound(tracks: dict[str, list[datasets.Track]]) -> Iterator[dict[str, object]]:
    """Recordings that sound alike, of two sets or of two groups of one set."""
    words: dict[str, Words] = {}
    group = {}
    for name in RECORDINGS:
        for track in tracks.get(name, []):
            words[leaks.name(track)] = fingerprint(track.path)
            group[leaks.name(track)] = f"{name}/{track.group}"
    for match in matches(words):
        if group[match.first] != group[match.second]:
            rate = f"{match.error_rate:.3f}"
            yield {"kind": "sound", "first": match.first, "second": match.second} | {
                "error_rate": rate
            }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="List what the datasets share.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    options = parser.parse_args()
    tracks = {name: list(datasets.load(name, options.data / name)) for name in options.sets}
    rows = [*between(tracks), *same_sound(tracks)]
    write(rows or [dict.fromkeys(("kind", "first", "second", "error_rate"), "")], options.out)
    for row in rows:
        print(*row.values())
    print(f"{len(rows)} pairs in {', '.join(options.sets)}")


if __name__ == "__main__":
    main()
