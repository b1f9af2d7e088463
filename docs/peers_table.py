"""Print the table of README.md: hevner beside its peers, on sets that none of them was trained on.

python docs/peers_table.py
"""

from __future__ import annotations

import csv
from pathlib import Path

PEERS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "peers.csv"
SYSTEMS = ("unified-4.1, set left out", "vibenet", "essentia-emomusic")
ROWS = {
    "17 genres (MUSIFEAST): valence r": ("musifeast", "valence r"),
    "arousal r": ("musifeast", "arousal r"),
    "songs (4Q): happy from sad, AUC": ("quadrants4q", "valence AUC, happy / sad"),
    "calm from sad": ("quadrants4q", "valence AUC, calm / sad"),
    "excited from calm": ("quadrants4q", "arousal AUC"),
    "songs (MIREX): cheerful from wistful": ("mirex", "valence AUC, cheerful / wistful"),
    "6 s cuts (MusEmo): valence r": ("musemo", "valence r"),
    "arousal r of the cuts": ("musemo", "arousal r"),
    "film scores: valence r": ("film", "valence r"),
    "arousal r of film scores": ("film", "arousal r"),
}
"""Rows of the table, with dataset and metric of the file."""


def number(text: str) -> str:
    """With two decimals, and without the zero before the point."""
    return f"{float(text):.2f}".replace("0.", ".", 1)


def table() -> str:
    """Markdown: a row for each of `ROWS`, value and 95 % interval for each of `SYSTEMS`."""
    with PEERS.open(encoding="utf-8", newline="") as lines:
        found = {
            (row["dataset"], row["metric"], row["system"]): row for row in csv.DictReader(lines)
        }
    printed = ["| | n | hevner | VibeNet | Essentia |", "|---|---|---|---|---|"]
    for name, key in ROWS.items():
        rows = [found[*key, system] for system in SYSTEMS]
        cells = [f"| {name} | {rows[0]['n']} |"]
        for row in rows:
            value, low, high = (number(row[field]) for field in ("value", "low", "high"))
            cells.append(f"{value} [{low}, {high}] |")
        printed.append(" ".join(cells))
    return "\n".join(printed)


if __name__ == "__main__":
    print(table())
