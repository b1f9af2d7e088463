"""Measure whether a model recognises the music that it was trained on (`hevner.lab.scoring.known`).

    python benchmarks/seen.py --data DIR --store DIR [--every 4] [--out CSV]

The sets emotify (clips of a minute), film (15 s) and musemo (6 s) are taken as training music, of
which a model keeps names and the middle of each fingerprint. Of every fourth clip, copies are made
under another name: as it is, as an MP3 at a low quality, 6 dB of equaliser up and down, noise 20 dB
below, and cuts of 10 s from its beginning and of its second two thirds, as MP3. A copy counts if it
is found to be *seen*. False alarms: clips of one set that are taken for music of the other two.
Fingerprints of the clips are read from the store if ``training_music.py`` has left them there.
Intervals are Wilson's, 95 %, over clips.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from fingerprint import Sound, equalised, noisy, wilson

from hevner import datasets
from hevner.audio.decode import SAMPLE_RATE, from_array, open_audio
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.encoders.fingerprint import Words, fingerprint
from hevner.lab.data.representations import fingerprints
from hevner.lab.metrics.report import Row, write
from hevner.lab.scoring import known
from hevner.store import FeatureStore

RESULTS = Path(__file__).with_name("results") / "seen.csv"
SETS = ("emotify", "film", "musemo")


def mp3(sound: Sound, rng: np.random.Generator) -> Sound:
    """Through an MP3 of the lowest quality but two."""
    file = io.BytesIO()
    soundfile.write(file, sound, SAMPLE_RATE, format="MP3", compression_level=0.8)
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0])


COPIES: dict[str, Callable[[Sound, np.random.Generator], Sound]] = {
    "as it is": lambda sound, rng: sound,
    "MP3": mp3,
    "equaliser +-6 dB": equalised,
    "noise 20 dB below": noisy,
    "first 10 s, MP3": lambda sound, rng: mp3(sound[: 10 * SAMPLE_RATE], rng),
    "second two thirds, MP3": lambda sound, rng: mp3(sound[len(sound) // 3 :], rng),
}


def row(what: str, name: str, hits: int, n: int) -> Row:
    """A line of the results, printed too."""
    low, high = wilson(hits, n)
    print(f"{what}, {name}: {hits} of {n} ({low:.3f} to {high:.3f})")
    return {
        "what": what,
        "set": name,
        "hits": hits,
        "n": n,
        "low": f"{low:.4f}",
        "high": f"{high:.4f}",
    }


def copies(tracks: list[Track], music: known.Known, name: str) -> list[Row]:
    """Share of copies under another name that are found to be seen."""
    rows = []
    sounds = [np.concatenate(list(open_audio(track.path).blocks)) for track in tracks]
    for what, change in COPIES.items():
        rng = np.random.default_rng(0)
        others = [Track("own", t.id, None, group=t.id, recording=f"own/{t.id}") for t in tracks]
        words = {
            leaks.name(other): fingerprint(from_array(change(sound, rng), SAMPLE_RATE))
            for other, sound in zip(others, sounds, strict=True)
        }
        status = known.compare(music, [], others, words).status
        rows.append(row(f"found, {what}", name, status.count("seen"), len(status)))
    return rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure whether seen music is recognised.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--every", type=int, default=4, help="every so many clips are copied")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    store = FeatureStore(options.store)
    tracks, words = {}, dict[str, Words]()
    for name in SETS:
        tracks[name] = list(datasets.load(name, options.data / name, partial=True))
        words |= fingerprints(store, tracks[name])
        words |= {
            leaks.name(t): fingerprint(t.path) for t in tracks[name] if leaks.name(t) not in words
        }
    rows: list[Row] = []
    for name in SETS:
        whole = [track for some in tracks.values() for track in some]
        rows += copies(tracks[name][:: options.every], known.kept(whole, words), name)
        rest = [track for track in whole if track.dataset != name]
        mine = [replace(track, dataset="own", recording="", artist="") for track in tracks[name]]
        sounds = {
            leaks.name(m): words[leaks.name(t)] for m, t in zip(mine, tracks[name], strict=True)
        }
        status = known.compare(known.kept(rest, words), [], mine, sounds).status
        rows.append(row("false alarms among the other sets", name, status.count("seen"), len(mine)))
    write(rows, options.out)


if __name__ == "__main__":
    main()
