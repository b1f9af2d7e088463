"""Print ``model_card.md`` from the cards of the models, their facts and their scores.

    python docs/cards.py > docs/model_card.md

`hevner models show` and the page show the same texts and scores. A test holds that they agree.
"""

from __future__ import annotations

from typing import Any

from hevner.model import registry
from hevner.model.registry import Entry
from hevner.model.scores import Score, scores

MAIN = {
    "valence r", "arousal r", "tension r", "valence auc", "arousal auc", "quadrant signs",
    "gems mean r", "valence coverage", "arousal coverage",
}  # fmt: skip
HEAD = ("set", "how", "score", "value", "95 % interval", "clips", "groups", "seeds")


def facts(entry: Entry) -> str:
    """What the page and the command line say above a card."""
    commercial = {True: "yes", False: "**no**", None: "not stated"}[entry.commercial_use]
    sets = ", ".join(map(trained_on, entry.card["data"]))
    return (
        f"Predicts {'; '.join(entry.predicts)}. Trained on {sets}. Commercial use: {commercial}. "
        f"{entry.card['licence']}"
    )


def trained_on(one: dict[str, Any]) -> str:
    """A training set with its size."""
    counts = [f"{one[what]:,} {what}" for what in ("clips", "groups") if what in one]
    return f"{one['name']} ({' in '.join(counts)})" if counts else str(one["name"])


def table(rows: list[Score]) -> str:
    """The scores that say most, in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *map(line, rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def line(row: Score) -> tuple[str, ...]:
    """A row of the table."""
    interval = "" if row.low is None else f"{row.low:.2f} to {row.high:.2f}"
    counts = (f"{count:,}" for count in (row.n, row.groups, row.seeds))
    return (row.dataset, row.protocol, row.metric, f"{row.value:.2f}", interval, *counts)


def section(entry: Entry) -> str:
    """The card of a model: title, facts, scores, text."""
    title, _, text = entry.path.with_suffix(".md").read_text("utf-8").partition("\n")
    measured = scores(entry)
    rows = [row for row in measured.rows.values() if row.metric in MAIN] if measured else []
    parts = [title, facts(entry), text.strip().replace("\n## ", "\n### ")]
    if rows:
        parts.insert(2, table(rows))
    return "\n\n".join(parts).replace("# Model card", "## Model card", 1)


def main() -> None:
    """Print the page."""
    entries = sorted(registry.shipped(), key=lambda entry: not entry.default)
    print("\n\n".join(["# Model cards", *map(section, entries)]))  # noqa: T201


if __name__ == "__main__":
    main()
