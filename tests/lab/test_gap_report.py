"""The gap report: complete, readable offline, the same every time, and whole or not there."""

from __future__ import annotations

import base64
import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner.cli import app
from hevner.errors import DataError, MissingDependencyError, OutputError
from hevner.lab.data.samples import Samples
from hevner.lab.gap import bias, distances, figures, labels, report, study
from hevner.lab.gap.report import number, sentence, table
from hevner.store import Entry, FeatureStore, Kind, digest
from tests.datasets.tables import write_csv
from tests.errors import raises

TOY = Kind("toy", "1", 5)


def world(rng: np.random.Generator, per_genre: int = 6) -> Samples:
    """Two rated datasets with three genres each, and one with quadrants alone."""
    dataset = np.repeat(["first", "second", "corners"], 3 * per_genre)
    genre = np.tile(np.repeat(["jazz", "<folk>", "metal"], per_genre), 3)
    genre[dataset == "corners"] = ""
    n = len(dataset)
    emotion = rng.uniform(-0.8, 0.8, (n, 2))
    quadrant = np.full(n, -1)
    emotion[dataset == "corners"] = np.nan
    quadrant[dataset == "corners"] = rng.integers(4, size=3 * per_genre)
    vectors = rng.normal(size=(n, 5)) + (dataset == "second")[:, None]
    names = np.arange(n).astype(str)
    return Samples(
        blocks={"toy": vectors.astype(np.float32)},
        emotion=emotion,
        quadrant=quadrant,
        gems=np.full((n, 9), np.nan),
        dataset=dataset,
        track=names,
        group=names,
        recording=names,
        genre=genre,
    )


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """Few resamples, small pictures, and t-SNE in place of UMAP, which another test draws."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "EXCHANGES", 19)
        patch.setattr(distances, "HALVES", 5)
        patch.setattr(labels, "bootstrap", partial(labels.bootstrap, resamples=50))
        patch.setattr(bias, "bootstrap", partial(bias.bootstrap, resamples=50))
        patch.setattr(bias, "CONTROLS", 1)
        patch.setattr(bias, "paired_bootstrap", partial(bias.paired_bootstrap, resamples=50))
        patch.setattr(figures, "DPI", 20)
        patch.setattr(study, "umap", study.tsne)
        yield


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Checker(HTMLParser):
    """Notes elements, and tags that do not match."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


def quick_analysis(report: Callable[[str], None] = lambda _step: None) -> study.Gap:
    rows = world(np.random.default_rng(5))
    return study.analyse(rows, rows, seed=3, report=report)


@pytest.fixture(scope="module")
def full(cheap: None) -> study.Gap:
    return quick_analysis()


def test_report_is_complete_and_needs_nothing_else(tmp_path: Path, full: study.Gap) -> None:
    report.write(full, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    checker = read(page)
    headings = checker.all("section")
    assert [one["id"] for one in headings] == [
        "ratings", "rating-distances", "feature-distances", "dataset-identity", "genre-identity",
        "genre-shares", "genre-reliance", "genre-dominance", "maps",
    ]  # fmt: skip
    for question in ("What you see", "What it means", "How sure this is"):
        assert checker.text.count(question) == len(headings)
    without_pictures = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)
    for outside in ("http:", "https:", "//", "<script", "<link", "@import", "url("):
        assert outside not in without_pictures.lower()
    assert "nan" not in re.findall(r"<td[^>]*>(.*?)</td>", without_pictures)

    links = {one["href"] for one in checker.all("a")}
    assert links == {f"#{one['id']}" for one in headings}
    for picture in checker.all("img"):
        kind, _, data = (picture["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
        assert len(picture["alt"] or "") > 40
    assert len(checker.all("table")) == len(checker.all("caption")) == 8
    assert all(one.get("scope") in ("col", "row") for one in checker.all("th"))
    assert "&lt;folk&gt;" in page


def test_tables_beside_the_page_hold_every_row(tmp_path: Path, full: study.Gap) -> None:
    report.write(full, tmp_path / "out")
    for name, table_rows in full.tables.items():
        with (tmp_path / "out" / f"{name}.csv").open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == len(table_rows) > 0
    with (tmp_path / "out" / "labels.csv").open(encoding="utf-8") as file:
        corners = list(csv.DictReader(file))[-1]
    assert (corners["dataset"], corners["rated"], corners["valence_mean"]) == ("corners", "0", "")
    with (tmp_path / "out" / "maps.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2 * len(full.rated)


def test_the_same_data_give_the_same_report(full: study.Gap) -> None:
    steps: list[str] = []
    assert report.page(quick_analysis(steps.append)) == report.page(full)
    assert steps[0] == "ratings"
    assert steps[-1] == "toy: UMAP map"


def test_ratings_alone_make_a_shorter_report(tmp_path: Path, rng: np.random.Generator) -> None:
    gap = study.analyse(world(rng))
    report.write(gap, tmp_path / "out")
    assert names(tmp_path / "out") == [
        "distances.csv", "distances_within.csv", "genre_shares.csv", "labels.csv", "report.html",
    ]  # fmt: skip
    checker = read(report.page(gap))
    assert [one["id"] for one in checker.all("section")] == [
        "ratings", "rating-distances", "genre-shares",
    ]  # fmt: skip


def test_recordings_in_two_datasets_are_pointed_out(rng: np.random.Generator) -> None:
    rows = world(rng)
    assert "same recordings" not in report.page(study.Gap(rows, None))
    recording = rows.recording.copy()
    recording[rows.of("second")] = recording[rows.of("first")]
    twins = report.page(study.Gap(replace(rows, recording=recording), None))
    assert "first and second hold 18 of the same recordings" in twins


def test_one_dataset_has_no_gap(rng: np.random.Generator) -> None:
    rows = world(rng)
    with raises(DataError, "too_few_datasets"):
        study.analyse(rows.where(rows.of("first")))


def test_large_datasets_are_thinned_alike_every_time(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "MOST", 10)
    rows = world(rng)
    some, again = study._some(rows, 0), study._some(rows, 0)
    assert [int(some.of(name).sum()) for name in ("first", "second", "corners")] == [10, 10, 10]
    assert (some.track == again.track).all()


# --- writing ---


def test_a_report_replaces_nothing(tmp_path: Path, rng: np.random.Generator) -> None:
    gap = study.analyse(world(rng))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine.txt").write_text("mine")
    with raises(OutputError, "already_there"):
        report.write(gap, tmp_path / "kept")
    assert names(tmp_path / "kept") == ["mine.txt"]
    with raises(OutputError, "file_missing"):
        report.write(gap, tmp_path / "missing" / "out")
    (tmp_path / "empty").mkdir()
    report.write(gap, tmp_path / "empty")
    assert (tmp_path / "empty" / "report.html").is_file()


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_partial_is_left(
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
) -> None:
    gap = study.analyse(world(rng))
    usual = Path.write_text
    written: list[Path] = []

    def fail_at_the_third(path: Path, *args: Any, **options: Any) -> int:
        if len(written) == 2:
            raise failure
        written.append(path)
        return usual(path, *args, **options)

    monkeypatch.setattr(Path, "write_text", fail_at_the_third)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        report.write(gap, tmp_path / "out")
    assert len(written) == 2
    assert names(tmp_path) == []


# --- maps ---


TWO_MAPS = """
import json, sys
import numpy as np
from hevner.lab.gap import study
rng = np.random.default_rng(0)
clouds = np.concatenate([rng.normal(size=(10, 4)), rng.normal(12, 1, size=(10, 4))])
print(json.dumps([getattr(study, sys.argv[1])(clouds, 1).tolist() for _ in range(2)]))
"""


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_maps_keep_what_lies_together_and_repeat(method: str) -> None:
    pytest.importorskip("umap")
    # UMAP compiles itself for long; as plain Python it is faster for so few points.
    done = subprocess.run(
        [sys.executable, "-c", TWO_MAPS, method],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    place, again = np.array(json.loads(done.stdout))
    assert place.shape == (20, 2)
    centres = place[:10].mean(axis=0), place[10:].mean(axis=0)
    near = np.linalg.norm(place[:, None] - np.stack(centres), axis=2).argmin(axis=1)
    assert (near == np.repeat([0, 1], 10)).all()
    assert (place == again).all()


def test_too_few_tracks_have_no_map(rng: np.random.Generator) -> None:
    rows = world(rng)
    with raises(DataError, "too_few_tracks"):
        study.analyse(rows, rows.where(np.arange(4, 40, 9)))


@pytest.mark.parametrize("module", ["sklearn", "umap"])
def test_missing_packages_are_named(
    module: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    usual = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == module else usual(name, *rest),
    )
    with pytest.raises(MissingDependencyError, match=r"pip install 'hevner\[lab\]'"):
        study.analyse(world(rng))


# --- pieces of the page ---


def test_numbers_and_long_tables() -> None:
    assert number(-0.125, 3) == "\N{MINUS SIGN}0.125"
    assert number(float("nan")) == "–"  # noqa: RUF001
    short = table("A & B", ("what", "how"), [("<x>", 0.5), ("y", float("nan"))])
    assert short.startswith("<div")
    assert "A &amp; B" in short
    assert '<th scope="row">&lt;x&gt;</th><td>0.50</td>' in short
    assert table("long", ("n",), [(i,) for i in range(40)]).startswith("<details>")


def test_sentences_escape_names() -> None:
    assert sentence("introduction", "shared", first="<a>", second="b&c", count=1234).startswith(
        "&lt;a&gt; and b&amp;c hold 1,234 of the same recordings"
    )
    share = bias.GenreShare("<d>", "valence", 2, 9, 9, 0.5, -0.25, -0.5, 0.125)
    text = sentence("genre-shares", most=share)
    assert "<strong>&lt;d&gt;</strong>" in text
    assert "R² \N{MINUS SIGN}0.25" in text


# --- command line ---


def dataset(folder: Path, rng: np.random.Generator, count: int = 12) -> list[str]:
    """A folder that the loaders of wcmed, ccmed and own read; the ids of its tracks."""
    ids = [str(number) for number in range(count)]
    ratings = rng.uniform(-1, 1, (count, 2)).round(3).tolist()
    write_csv(
        folder / "annotations.csv",
        ("id", "valence", "arousal"),
        [[one, *pair] for one, pair in zip(ids, ratings, strict=True)],
    )
    return ids


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["gap", *arguments])


def test_command_reads_datasets_and_features(tmp_path: Path, rng: np.random.Generator) -> None:
    store = FeatureStore(tmp_path / "store")
    for name in ("wcmed", "ccmed"):
        ids = dataset(tmp_path / name, rng)
        store.open(name, TOY).add_many(
            [
                (one, "", Entry(digest(name, one), rng.normal(size=(2, 5)).astype(np.float32)))
                for one in ids
            ]
        )
    dataset(tmp_path / "own", rng)
    (tmp_path / "own" / "layout.toml").write_text(
        '[scales]\nvalence = "-1..1"\narousal = "-1..1"\n'
    )
    result = invoke(
        *(f"--data={name}={tmp_path / name}" for name in ("wcmed", "ccmed", "own")),
        f"--store={store.folder}",
        "--representation=toy",
        f"--out={tmp_path / 'out'}",
    )
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "own: no features, ratings alone" in result.stderr
    assert "Measuring toy: t-SNE map" in result.stderr
    with (tmp_path / "out" / "distances.csv").open(encoding="utf-8") as file:
        pairs = {(row["space"], row["first"], row["second"]) for row in csv.DictReader(file)}
    assert ("toy", "wcmed", "ccmed") in pairs
    assert ("valence", "ccmed", "own") in pairs
    assert ("toy", "ccmed", "own") not in pairs
    assert "Known by their ratings alone: own" in (tmp_path / "out" / "report.html").read_text()


def test_command_says_what_is_wrong(tmp_path: Path, rng: np.random.Generator) -> None:
    for name in ("wcmed", "ccmed"):
        dataset(tmp_path / name, rng)
    both = [f"--data={name}={tmp_path / name}" for name in ("wcmed", "ccmed")]
    out = f"--out={tmp_path / 'out'}"
    assert invoke("--data=wcmed=", out).exit_code == 2
    assert invoke(both[0], both[0], out).exit_code == 2
    assert "two datasets" in invoke(both[0], out).stderr
    assert "something already" in invoke(*both, f"--out={tmp_path}").stderr
    (tmp_path / "store" / "wcmed").mkdir(parents=True)
    failed = invoke(*both, f"--store={tmp_path / 'store'}", "--representation=toy", out)
    assert failed.exit_code == 1
    assert "no 'toy' features are stored" in failed.stderr
    assert not (tmp_path / "out").exists()


def test_interrupted_command_writes_nothing(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study.labels, "distances", stop)
    for name in ("wcmed", "ccmed"):
        dataset(tmp_path / name, rng)
    both = [f"--data={name}={tmp_path / name}" for name in ("wcmed", "ccmed")]
    result = invoke(*both, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 130
    assert not (tmp_path / "out").exists()
