"""Write what every metric gives on fixed inputs, for `tests/test_metrics.py`.

    python -m tests.golden.regenerate_metrics

Run it when a metric has changed on purpose, and look at the difference. Inputs are sines, so that
they do not hang on a random generator.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hevner.emotion import Scale
from hevner.lab.metrics import calibration, distribution, regression, retrieval, statistics, tags

GOLDEN = Path(__file__).resolve().parent / "metrics.json"


def wave(length: int, step: float, start: float = 0.0) -> np.ndarray:
    """Numbers in [-1, 1] without visible order."""
    return np.sin(start + step * np.arange(length) ** 1.5)


def scores() -> dict[str, dict[str, float]]:
    """Every ``evaluate``, and the statistics."""
    valence, arousal = wave(60, 1.1), wave(60, 0.7)
    near = 0.6 * valence + 0.3 * wave(60, 2.3) + 0.1
    axes = {"valence": valence, "arousal": arousal}
    guesses = {"valence": near, "arousal": np.round(0.5 * arousal + wave(60, 3.1) / 3, 1)}
    shown = wave(240, 0.9).reshape(40, 6)
    carried = shown + wave(240, 1.7).reshape(40, 6) > 0.8
    similar = np.round(wave(180, 1.3).reshape(12, 15), 1)
    relevant = (wave(180, 0.4).reshape(12, 15) > 0.5) | (np.arange(15) == np.arange(12)[:, None])
    points, items = wave(24, 0.5).reshape(12, 2), wave(30, 0.6).reshape(15, 2)
    groups = np.arange(60) // 4
    return {
        "regression": regression.evaluate(axes, guesses, Scale(1, 9)),
        "distribution": distribution.evaluate(valence, near / 2),
        "tags": tags.evaluate(carried, shown, tags.pick_thresholds(carried[:20], shown[:20])),
        "retrieval": retrieval.evaluate(
            similar, relevant, retrieval.va_distances(points / 2, items / 2)
        ),
        "calibration": calibration.evaluate(valence, near - 0.3, near + 0.4)
        | {"ece": calibration.expected_calibration_error(valence > 0, np.abs(near) / 2)},
        "statistics": statistics.paired_bootstrap(
            regression.pearson, valence, near, guesses["arousal"], groups
        )._asdict()
        | statistics.split_half(near.reshape(15, 4))._asdict(),
    }


def main() -> None:
    """Write the file."""
    GOLDEN.write_text(json.dumps(scores(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
