"""Print the table of ``start/tried.md``: the steps of a newcomer, and how long they took.

    python docs/tried_table.py

A test holds that the page has the same table.
"""

from __future__ import annotations

import csv
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "first_steps.csv"
GOALS = {
    "README.md": ("hevner serve", "an analysis, a search and a page"),
    "docs/start/researcher.md": ("hevner evaluate --model", "a score of the model on labels"),
}
"""What a page is tried for: the beginning of the step that ends it, and its name."""


def rows() -> list[dict[str, str]]:
    """Rows of the result file."""
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table() -> str:
    """Markdown: the steps of each page, and the sum when what the page is tried for is there."""
    lines = ["| page | step | seconds | of the processor |", "|---|---|---|---|"]
    page, total, goal = "", 0.0, None
    for row in rows():
        if row["page"] != page:
            page, total, goal = row["page"], 0.0, GOALS.get(row["page"])
            name = page.removeprefix("docs/start/")
        seconds, used = float(row["seconds"]), float(row["cpu_seconds"])
        total += seconds
        step = f"`{row['step']}`" if " in Python" not in row["step"] else row["step"]
        step += f", {row['megabytes']} MB" if row["megabytes"] else ""
        step = step.replace("|", "\\|")
        lines.append(f"| {name} | {step} | {number(seconds)} | {number(used)} |")
        if goal and row["step"].startswith(goal[0]):
            lines.append(f"| | **{goal[1]}: {total / 60:.1f} minutes** | **{number(total)}** | |")
            goal = None
        name = ""
    return "\n".join(lines)


def number(seconds: float) -> str:
    """With one decimal below ten."""
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"


if __name__ == "__main__":
    print(table())
