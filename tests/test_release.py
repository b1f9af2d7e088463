"""What a release says of itself: its version, its names of before, its cards and its figures."""

from __future__ import annotations

import csv
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

import hevner
from hevner import moved
from hevner.model import registry

ROOT = Path(__file__).parents[1]
FIGURE = re.compile(r"([+-]?\d*\.\d+)\*{0,2} \[(-?\d*\.?\d+), (-?\d*\.?\d+)\]")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_version_and_date_are_the_same_everywhere() -> None:
    cited = dict(re.findall(r"^(version|date-released): (.+)$", text("CITATION.cff"), re.MULTILINE))
    assert cited["version"] == hevner.__version__
    assert f"\n## [{hevner.__version__}] - {cited['date-released']}\n" in text("CHANGELOG.md")
    assert f"| {hevner.__version__.rpartition('.')[0]} | yes |" in text("SECURITY.md")
    assert f'"serverVersion": "{hevner.__version__}"' in text("docs/opensubsonic.md")


def test_names_that_moved_stand_in_the_upgrade_notes() -> None:
    page = text("docs/upgrading.md")
    for old, new in moved.NAMES.items():
        for name in (old, new):
            package, _, module = name.rpartition(".")
            assert f"`{name}`" in page or (f"`{package}." in page and f"`.{module}`" in page), name


def test_the_page_of_cards_is_that_of_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "docs" / "cards.py"), run_name="__main__")
    again = "write it again: python docs/cards.py > docs/model_card.md"
    assert capsys.readouterr().out == text("docs/model_card.md"), again


@pytest.mark.parametrize("entry", registry.shipped(), ids=lambda entry: entry.name)
def test_a_card_has_the_accepted_form(entry: registry.Entry) -> None:
    card = entry.path.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith(f"# Model card: {entry.name}\n")
    assert entry.commercial_use is False
    assert re.search(r"May I use this commercially\?\s+\**The code yes \(MIT\), this|these", card)
    headings = " ".join(re.findall(r"^## (.+)$", card, re.MULTILINE)).lower()
    for part in (
        "commercially",
        "intended",
        "out-of-scope",
        "training",
        "scores",
        "limits",
        "ethics",
    ):
        assert part in headings


def measured() -> Iterator[tuple[list[float], float, float]]:
    """Rows of result files that have an interval: their numbers, and its ends."""
    for folder in ("benchmarks/results", "papers"):
        for path in (ROOT / folder).rglob("*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    numbers = {name: value for name, value in map(number, row.items()) if name}
                    for name, low in numbers.items():
                        high = numbers.get(f"{name[:-3]}high") if name.endswith("low") else None
                        if high is not None:
                            yield list(numbers.values()), low, high


def number(field: tuple[str, str]) -> tuple[str, float]:
    try:
        return field[0], float(field[1])
    except (TypeError, ValueError):
        return "", 0.0


def rounds_to(value: float, shown: str) -> bool:
    places = len(shown.partition(".")[2])
    return abs(value - float(shown)) <= 0.5 * 10**-places + 1e-9


PAGES = ["README.md", *(f"docs/results/{path.name}" for path in ROOT.glob("docs/results/*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_figures_with_intervals_are_in_the_results(page: str) -> None:
    known = list(measured())
    shown = set(FIGURE.findall(" ".join(text(page).split())))
    assert shown

    def is_known(figure: tuple[str, str, str]) -> bool:
        value, *ends = figure
        for numbers, low, high in known:
            for sign, edges in ((1, (low, high)), (-1, (-high, -low))):
                if all(map(rounds_to, edges, ends)) and any(
                    rounds_to(sign * x, value) for x in numbers
                ):
                    return True
        return False

    assert [figure for figure in shown if not is_known(figure)] == []
