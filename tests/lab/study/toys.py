"""Small made-up studies, the same on every machine: all numbers are multiples of 1/64."""

from __future__ import annotations

import numpy as np

from hevner.datasets.track import Curve, Track
from hevner.emotion import Quadrant

COUNTS = {"musemo": 52, "vgmidi": 50, "emopia": 28, "emotify": 54}
WIDTH = 4

FUSION = """
name = "toy"
seeds = 2
folds = 3
leaks = "refuse"
soundfont = ""
[datasets.musemo]
[datasets.vgmidi]
[datasets.emopia]
[datasets.emotify]
[representations]
sound = ["sound"]
"sound+noise" = ["sound", "noise"]
[models.nominal]
[models.aligned]
align_labels = true
gems = true
balance = true
[models.both]
mean_of = ["nominal", "aligned"]
[[protocols]]
name = "in-domain"
models = ["nominal", "both"]
seeds = 1
[[protocols]]
name = "matrix"
representations = ["sound"]
[[protocols]]
name = "leave-one-dataset-out"
models = ["aligned"]
[[protocols]]
name = "combinations"
datasets = ["musemo", "vgmidi"]
unseen = ["emopia"]
representations = ["sound"]
models = ["aligned"]
[[protocols]]
name = "leave-one-genre-out"
representations = ["sound"]
models = ["aligned"]
[[claims]]
claim = "Noise helps"
first = { protocol = "leave-one-dataset-out", representation = "sound+noise" }
second = { representation = "sound" }
[[claims]]
claim = "More datasets help"
first = { protocol = "combinations", train = "several", seen = false }
second = { protocol = "combinations", train = "one", seen = false }
"""

UNIFIED = """
name = "toy"
seeds = 2
folds = 2
leaks = "refuse"
soundfont = ""
[datasets.musemo]
[datasets.vgmidi]
[datasets.emopia]
[heads.musemo]
kind = "gaussian"
source = "emotion"
scale = "standard"
datasets = ["musemo"]
[heads.vgmidi]
kind = "values"
source = "emotion"
scale = "1..9"
datasets = ["vgmidi"]
[heads.quadrants]
kind = "classes"
source = "quadrants"
datasets = ["emopia"]
[heads.axes]
kind = "values"
source = "axes"
scale = "standard"
datasets = ["musemo", "vgmidi", "emopia"]
[heads.tags]
kind = "tags"
source = "soft"
datasets = ["musemo", "emopia"]
[base]
variant = "repaired"
blocks = ["sound"]
datasets = ["musemo", "vgmidi", "emopia"]
heads = ["musemo", "vgmidi", "quadrants", "axes", "tags"]
protocols = ["folds", "leave-one-dataset-out"]
chords = true
key = false
held_out = 0.0
steps = 12
network = { width = 8, hidden = 4, dropout = 0.1 }
training = { learning_rate = 1e-2, batch = 16, patience = 99 }
[[rows]]
name = "apart"
apart = true
[[rows]]
name = "together"
held_out = 0.25
patience_steps = 4
[[rows]]
name = "taught"
teachers = "apart"
training = { distillation = "repaired" }
[[rows]]
name = "deaf"
blocks = ["noise"]
chords = false
key = true
protocols = ["folds"]
[[claims]]
claim = "Sound helps"
first = "together"
second = "deaf"
[[claims]]
claim = "Teachers help"
first = "taught"
second = "together"
protocols = ["leave-one-dataset-out"]
"""

JOINT = """
name = "toy"
seeds = 2
folds = 2
leaks = "label"
soundfont = ""
[datasets.musemo]
emotion = "point"
blocks = ["sound", "noise"]
[datasets.vgmidi]
emotion = "curve"
blocks = ["sound"]
[datasets.emotify]
emotion = "profile"
blocks = ["sound"]
[base]
method = "network"
[base.network]
size = 4
width = 8
noise = 0.3
steps = 10
batch = 16
members = 2
[[spaces]]
name = "random"
method = "random"
divisions = ["folds", "random"]
[[spaces]]
name = "regressor"
method = "regressor"
[[spaces]]
name = "calibrated"
method = "regressor"
calibrated = true
whole = true
[[spaces]]
name = "linear"
method = "cca"
[[spaces]]
name = "composite"
scorers = ["corrected", "reference"]
[[claims]]
claim = "The composite knows more than chance"
first = "composite"
second = "random"
[[claims]]
claim = "The reference scorer flatters"
first = "composite"
second = "composite"
scorers = ["reference", "corrected"]
"""


def lattice(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random multiples of 1/64 in [-1, 1]; drawn as integers, which are the same everywhere."""
    return rng.integers(-64, 65, size=shape) / 64


def quadrant_of(valence: float, arousal: float) -> Quadrant:
    """The quadrant of a point."""
    names = {(True, True): "Q1", (False, True): "Q2", (False, False): "Q3"}
    return Quadrant[names.get((valence > 0, arousal > 0), "Q4")]


def one_track(rng: np.random.Generator, name: str, number: int, truth: np.ndarray) -> Track:
    """A track of a dataset of the studies, with the kind of label that the dataset has."""
    valence, arousal = truth.tolist()
    labels: dict[str, object] = {}
    if name == "emopia":
        labels["quadrant"] = quadrant_of(valence, arousal)
    elif name == "emotify":
        labels["gems"] = tuple((rng.integers(0, 33, size=9) / 64).tolist())
    else:
        labels |= {"valence": valence, "arousal": arousal}
    if name == "vgmidi":
        steps = 58 + 2 * (number % 4)
        rise = rng.integers(-4, 5, size=(2, steps)).cumsum(axis=1) / 256
        spread = rng.integers(1, 9, size=(2, steps)) / 32
        labels["curve"] = Curve(
            np.arange(steps) / 2, valence / 2 + rise[0], arousal / 2 + rise[1], *spread,
        )  # fmt: skip
    return Track(
        name, str(number), None, group=f"song {number // 2}", recording=f"{name}/{number}",
        genre="ab"[number % 4 // 2], **labels,
    )  # type: ignore[arg-type]  # fmt: skip


def tracks_and_blocks(*names: str) -> tuple[list[Track], dict[str, np.ndarray]]:
    """Tracks of some datasets, and their vectors: ``sound``, near the labels, and ``noise``."""
    tracks, sound, noise = [], [], []
    for name in names:
        rng = np.random.default_rng(list(COUNTS).index(name))
        vectors = lattice(rng, COUNTS[name], WIDTH)
        for number, vector in enumerate(vectors):
            truth = (3 * vector[:2] + lattice(rng, 2)) / 4
            tracks.append(one_track(rng, name, number, truth))
        sound.append(vectors)
        noise.append(lattice(rng, COUNTS[name], WIDTH))
    blocks = {"sound": sound, "noise": noise}
    return tracks, {key: np.concatenate(one).astype(np.float32) for key, one in blocks.items()}
