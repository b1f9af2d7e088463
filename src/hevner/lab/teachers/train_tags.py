"""Train the teacher of tags: ``hevner train tags``.

Conventions
-----------
Mean embeddings of the tracks are principal components in an ``.npz``: ``name`` is the path of a
track in the tables of the dataset without its ending (only the part behind the last slash is
compared), ``components`` has shape ``(n, width)``, and ``mean``, ``spread`` and ``axes`` are as in
`hevner.lab.teachers.tags.TagReader`. Tracks without an embedding are left out.

Official split 0: a network learns from its training part, and the epoch is kept that is best on its
validation part by the sum of macro ROC AUC and PR AUC. Artists are in one part only.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hevner import datasets
from hevner.arrays import Doubles, Floats, Mask, Names
from hevner.emotion import MOOD_TAGS
from hevner.errors import DataError
from hevner.lab.metrics.tags import pr_auc_macro, roc_auc_macro
from hevner.lab.teachers.recipe import TagTeacherRecipe
from hevner.lab.teachers.tags import TagReader


@dataclass(frozen=True)
class Tagged:
    """Tracks with tags, in the order of the dataset.

    Attributes
    ----------
    components
        Of mean embeddings, shape ``(n, width)``.
    tags
        Shape ``(n, 56)``.
    id, artist, part
        Names; the part is train, validation or test.
    projection
        ``mean``, ``spread`` and ``axes`` of the components.
    """

    components: Doubles
    tags: Mask
    id: Names
    artist: Names
    part: Names
    projection: dict[str, Floats]


def read(folder: Path, vectors: Path) -> Tagged:
    """Tracks of MTG-Jamendo in a folder that have a mean embedding in a file.

    Raises `DataError` if one of them cannot be read, or no track has an embedding.
    """
    tracks = list(datasets.load("mtg_jamendo", folder))
    try:
        with vectors.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            names, components = stored["name"], stored["components"].astype(np.float64)
            projection = {key: stored[key] for key in ("mean", "spread", "axes")}
    except (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise DataError(
            f"the embeddings of MTG-Jamendo cannot be read ({error})",
            subject=str(vectors),
            remedy="Put an .npz with name, components, mean, spread and axes there",
            code="unreadable",
        ) from error
    place = {f"jamendo/{name.rpartition('/')[2]}": row for row, name in enumerate(names)}
    tracks = [track for track in tracks if track.recording in place]
    if not tracks:
        raise DataError(
            "no track of MTG-Jamendo has an embedding",
            subject=str(vectors),
            remedy="Check its names",
            code="no_tracks",
        )
    return Tagged(
        components[[place[track.recording] for track in tracks]],
        np.array([[tag in (track.tags or ()) for tag in MOOD_TAGS] for track in tracks]),
        np.array([track.id for track in tracks]),
        np.array([track.artist for track in tracks]),
        np.array([track.official_split for track in tracks]),
        projection,
    )


def train(
    recipe: TagTeacherRecipe, folder: Path, store: Path, out: Path, done: Callable[[int, int], None]
) -> None:
    """Train the teacher and write it; ``done`` gets the number of networks done and of all."""
    tagged = read(folder, store / recipe.vectors)
    networks = []
    for number in range(recipe.networks):
        networks.append(fit(tagged, recipe, recipe.seed * 1000 + number))
        done(number + 1, recipe.networks)
    together(networks).save(out)


def together(networks: list[TagReader]) -> TagReader:
    """The mean of several teachers with the same components."""
    first = networks[0]
    layers = {
        name: np.concatenate([getattr(one, name) for one in networks])
        for name in ("first", "first_bias", "second", "second_bias")
    }
    return TagReader(first.mean, first.spread, first.axes, **layers)


def weights(tagged: Tagged, power: float) -> Doubles:
    """Weights of the tracks by those of their artist, shape ``(n,)``."""
    _, place, count = np.unique(tagged.artist, return_inverse=True, return_counts=True)
    return np.asarray(count[place] ** -float(power))


def fit(tagged: Tagged, recipe: TagTeacherRecipe, seed: int) -> TagReader:
    """Train one network."""
    train = tagged.part == "train"
    mean = tagged.components[train].mean(axis=0)
    scale = float((tagged.components[train] - mean).std())
    inputs = torch.as_tensor((tagged.components - mean) / scale, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(inputs.shape[1], recipe.hidden), nn.ReLU(),
            nn.Dropout(recipe.dropout), nn.Linear(recipe.hidden, len(MOOD_TAGS)),
        )  # fmt: skip
        _train(network, inputs, tagged, recipe)
    first, bias, second, second_bias = (p.detach().double().numpy().T for p in network.parameters())
    first = first / scale  # the network learned from standardised components
    layers = {"first": first, "first_bias": (bias - mean @ first)[None]}
    layers |= {"second": second, "second_bias": second_bias[None]}
    stacked = {name: layer[None].astype(np.float32) for name, layer in layers.items()}
    return TagReader(**tagged.projection, **stacked)


def _train(
    network: nn.Sequential, inputs: Tensor, tagged: Tagged, recipe: TagTeacherRecipe
) -> None:
    """Train until validation is not better any more; the best weights are left in the network."""
    train, held = tagged.part == "train", tagged.part == "validation"
    x, truth = inputs[train], torch.as_tensor(tagged.tags[train], dtype=torch.float32)
    power = weights(tagged, recipe.artist_power)[train]
    weight = torch.as_tensor(power / power.mean(), dtype=torch.float32)[:, None]
    output = network[-1]
    assert isinstance(output, nn.Linear)
    with torch.no_grad():
        output.bias.copy_(torch.logit(truth.mean(dim=0), eps=1e-6))
    optimiser = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    best, best_epoch, state = -np.inf, 0, network.state_dict()
    for epoch in range(recipe.epochs):
        network.train()
        for rows in torch.split(torch.randperm(len(x)), recipe.batch):
            loss = binary_cross_entropy_with_logits(network(x[rows]), truth[rows], weight[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        network.eval()
        with torch.no_grad():
            odds = network(inputs[held]).numpy()
        score = roc_auc_macro(tagged.tags[held], odds) + pr_auc_macro(tagged.tags[held], odds)
        if score > best:
            best, best_epoch, state = score, epoch, copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= recipe.patience:
            break
    network.load_state_dict(state)
