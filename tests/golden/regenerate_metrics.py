"""Write what every metric gives on fixed inputs, for `tests/lab/test_metrics.py`.

    python -m tests.golden.regenerate_metrics

Run it when a metric has changed on purpose, and look at the difference. Inputs are sines, so that
they do not hang on a random generator.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hevner.lab.gap import labels
from hevner.lab.metrics import regression, retrieval, statistics, tags

THRESHOLDS = (
    0.8120214688736604, 0.4479895660179506, 0.9107100325236768, 0.4731514846951864,
    0.7936678638491531, 0.7303730496891438,
)  # fmt: skip
"""Of six tags, those with the best F1 on the first 20 rows."""

GOLDEN = Path(__file__).resolve().parent / "metrics.json"


def wave(length: int, step: float, start: float = 0.0) -> np.ndarray:
    """Numbers in [-1, 1] without visible order."""
    return np.sin(start + step * np.arange(length) ** 1.5)


def scores() -> dict[str, dict[str, float]]:
    """Every metric, and the statistics."""
    valence, arousal = wave(60, 1.1), wave(60, 0.7)
    near = 0.6 * valence + 0.3 * wave(60, 2.3) + 0.1
    axes = {"valence": valence, "arousal": arousal}
    guesses = {"valence": near, "arousal": np.round(0.5 * arousal + wave(60, 3.1) / 3, 1)}
    shown = wave(240, 0.9).reshape(40, 6)
    carried = shown + wave(240, 1.7).reshape(40, 6) > 0.8
    similar = np.round(wave(180, 1.3).reshape(12, 15), 1)
    relevant = (wave(180, 0.4).reshape(12, 15) > 0.5) | (np.arange(15) == np.arange(12)[:, None])
    points, items = wave(24, 0.5).reshape(12, 2) / 2, wave(30, 0.6).reshape(15, 2) / 2
    far = retrieval.va_distances(points, items)
    groups = np.arange(60) // 4
    ranked = {
        "mrr": retrieval.mrr(similar, relevant),
        "mrr chance": retrieval.chance_mrr(relevant),
        "average_rank": retrieval.average_rank(similar, relevant),
        "average_rank chance": retrieval.chance_average_rank(relevant),
    }
    for k in (1, 5, 10):
        ranked[f"recall@{k} chance"] = retrieval.chance_recall(relevant, k)
        ranked[f"ndcg@{k}"] = retrieval.ndcg(similar, k, far)
        ranked[f"ndcg@{k} chance"] = retrieval.chance_ndcg(far, k)
        ranked[f"distance@{k}"] = retrieval.mean_distance(similar, k, far)
    ranked["distance chance"] = retrieval.chance_distance(far)
    return {
        "regression": {
            f"{axis} {name}": getattr(regression, name)(axes[axis], guesses[axis])
            for axis in axes
            for name in ("r2", "rmse", "mae", "pearson", "spearman", "ccc", "r2_affine")
        },
        "distribution": {
            "wasserstein": labels.wasserstein(valence, near / 2),
            "jensen_shannon": labels.jensen_shannon(valence, near / 2),
        },
        "tags": {
            "roc_auc_macro": tags.roc_auc_macro(carried, shown),
            "pr_auc_macro": tags.pr_auc_macro(carried, shown),
            "f1_macro": tags.f1_macro(carried, shown, THRESHOLDS),
        },
        "retrieval": ranked,
        "statistics": statistics.paired_bootstrap(
            regression.pearson, valence, near, guesses["arousal"], groups
        )._asdict(),
    }


def main() -> None:
    """Write the file."""
    GOLDEN.write_text(json.dumps(scores(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
