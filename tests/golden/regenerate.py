"""Write what the example pieces are analysed as, for `tests/test_golden.py`.

    python -m tests.golden.regenerate

Run it when the model or an encoder has changed on purpose, and look at the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from hevner.analysis import Analyzer
from hevner.blocks import WIDTHS
from hevner.model.predict import Model
from hevner.model.prediction import Prediction

FOLDER = Path(__file__).resolve().parent
AUDIO = FOLDER.parents[1] / "examples" / "audio"
GOLDEN = FOLDER / "examples.json"
FIRST_CHORDS = 6


def describe(path: Path) -> dict[str, Any]:
    """Give the numbers of one piece that are compared, rounded."""
    vectors: list[NDArray[np.float32]] = []

    def predict(model: Model, rows: NDArray[np.float32], *how: Any, **more: Any) -> Prediction:
        vectors.append(rows)
        return usual(model, rows, *how, **more)

    usual = Model.predict
    with patch.object(Model, "predict", predict):
        result = Analyzer().analyze(path)
    if result.valence is None or result.arousal is None or result.key_confidence is None:
        raise ValueError(f"{path}: an example must sound and have a key")
    return {
        "embedding": summary(vectors[0][0]),  # the whole piece; its moments follow
        "duration": result.duration,
        "valence": round(result.valence.value, 3),
        "arousal": round(result.arousal.value, 3),
        "valence_width": round(result.valence.high - result.valence.low, 3),
        "arousal_width": round(result.arousal.high - result.arousal.low, 3),
        "tension": round(result.tension.value, 3) if result.tension else None,
        "emotions": {
            name: round(e.value, 3) for name, e in sorted((result.emotions or {}).items())
        },
        "sounds_like": {k: round(p, 3) for k, p in sorted((result.sounds_like or {}).items())},
        "quadrants": {q: round(p, 3) for q, p in result.quadrant_probabilities.items()},
        "key": result.key,
        "key_confidence": round(result.key_confidence, 2),
        "tempo": result.tempo,
        "chords": [[c.label, round(c.start, 1)] for c in result.chords[:FIRST_CHORDS]],
        "moods": {m: round(v, 3) for m, v in sorted(result.moods.items())},
        "tags": {tag.name: round(tag.probability, 4) for tag in result.tags if tag.present},
        "timeline_arousal": [round(m.arousal.value, 2) for m in result.timeline if m.arousal],
    }


def summary(vector: NDArray[np.float32]) -> dict[str, list[float]]:
    """Summarise the pooled vector: mean, standard deviation, least and greatest per block."""
    blocks = np.split(vector, np.cumsum(list(WIDTHS.values()))[:-1])
    return {
        name: [round(float(f(block)), 4) for f in (np.mean, np.std, np.min, np.max)]
        for name, block in zip(WIDTHS, blocks, strict=True)
    }


def main() -> None:
    """Write the file."""
    pieces = {path.stem: describe(path) for path in sorted(AUDIO.glob("*.ogg"))}
    GOLDEN.write_text(json.dumps(pieces, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
