"""A tiny MTG-Jamendo whose tags follow from embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hevner.datasets.mtg_jamendo import COLUMNS, PREFIX
from hevner.emotion import MOOD_TAGS

PARTS = {"train": 240, "validation": 80, "test": 80}
WIDTH = 6
VECTORS = "vectors.npz"


def jamendo(folder: Path, rng: np.random.Generator) -> Path:
    """Write tables of split 0, `VECTORS` beside them, and predictions of a baseline by chance.

    Each tag belongs to the fifth of the tracks that lies farthest in a direction of its own. Four
    tracks are of one artist.
    """
    count = sum(PARTS.values())
    components = rng.normal(size=(count, WIDTH))
    values = components @ rng.normal(size=(WIDTH, len(MOOD_TAGS)))
    flags = values > np.quantile(values, 0.8, axis=0)
    order = np.split(np.arange(count), np.cumsum(list(PARTS.values())))
    (folder / "split-0").mkdir(parents=True)
    for part, rows in zip(PARTS, order, strict=False):
        lines = ["\t".join(COLUMNS)]
        for row in rows:
            tags = [PREFIX + tag for tag, on in zip(MOOD_TAGS, flags[row], strict=True) if on]
            place = [
                f"track_{row:07}",
                f"artist_{row // 4}",
                "album_1",
                f"{row % 100:02}/{row}.mp3",
            ]
            lines.append("\t".join([*place, "100.0", *(tags or [f"{PREFIX}happy"])]))
        path = folder / "split-0" / f"autotagging_moodtheme-{part}.tsv"
        path.write_text("\n".join(lines) + "\n")
    np.savez(
        folder / VECTORS,
        name=np.array([f"{row % 100:02}/{row}" for row in range(count)][::-1]),
        components=components[::-1].astype(np.float16),
        mean=rng.uniform(size=1024).astype(np.float32),
        spread=rng.uniform(1, 2, size=1024).astype(np.float32),
        axes=rng.normal(size=(1024, WIDTH)).astype(np.float32),
    )
    (folder / "baseline_vggish").mkdir()
    chance = rng.uniform(size=(PARTS["test"], len(MOOD_TAGS)))
    np.save(folder / "baseline_vggish" / "baseline_vggish_predictions.npy", chance)
    return folder
