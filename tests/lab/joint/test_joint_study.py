"""Studies of the joint space: recipes, material, matchers, cells, scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="joint networks are trained with torch")

from msgspec import structs

from hevner.cli import app
from hevner.datasets.track import Curve, Track
from hevner.errors import DataError
from hevner.lab import recipes
from hevner.lab.joint import baselines, fit, scores
from hevner.lab.joint import scores as rank_scores
from hevner.lab.joint.data import Emotions, MatchingData, _labelled, emotions_of
from hevner.lab.joint.recipe import JointRecipe, MatcherRecipe, NetworkSettings, Source
from hevner.lab.joint.study import Cell, JointStudy
from hevner.lab.metrics import retrieval
from hevner.lab.study import claims, engine
from hevner.lab.study.splits import Split
from tests.errors import raises
from tests.lab.study.rows import named

PAPER = Path(__file__).parents[3] / "papers" / "composite_loss"
TEXT = """
name = "toy"
seeds = 2
folds = 3
leaks = "refuse"
soundfont = ""
[datasets.emomusic]
emotion = "curve"
blocks = ["sound"]
[base]
method = "network"
[base.network]
size = 4
width = 8
noise = 0.3
steps = 30
batch = 64
members = 2
[[spaces]]
name = "random"
method = "random"
[[spaces]]
name = "regressor"
method = "regressor"
[[spaces]]
name = "calibrated"
method = "regressor"
calibrated = true
whole = true
[[spaces]]
name = "linear"
method = "cca"
[[spaces]]
name = "composite"
scorers = ["corrected", "reference"]
[[spaces]]
name = "published"
[spaces.network]
variant = "as_published"
moments = 3
weight = 0.5
correlation = "reference"
reduction = "sum"
balanced = false
members = 0
steps = 2
learning_rate = 1e-3
correlated = "published"
[[claims]]
claim = "The composite knows more than chance"
first = "composite"
second = "random"
[[claims]]
claim = "The reference scorer flatters"
first = "composite"
second = "composite"
scorers = ["reference", "corrected"]
"""
COUNT = 60


def write(folder: Path, text: str = TEXT) -> Path:
    path = folder / "toy.toml"
    path.write_text(text)
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> JointRecipe:
    return recipes.read(write(tmp_path), JointRecipe)


def tracks(count: int = COUNT) -> tuple[list[Track], np.ndarray]:
    """Songs in pairs by one artist, whose curves are told by the first numbers of a vector."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(count, 6))
    times = np.arange(15, 45, 2.0)
    found = []
    for number, vector in enumerate(vectors):
        rise = np.linspace(-0.05, 0.05, len(times)) * vector[2]
        found.append(
            Track(
                "emomusic",
                str(number),
                None,
                group=f"artist {number // 2}",
                recording="",
                valence=0.0,
                arousal=0.0,
                curve=Curve(
                    times,
                    0.2 * vector[0] + rise,
                    0.2 * vector[1] - rise,
                    np.full(len(times), 0.1),
                    np.full(len(times), 0.2),
                ),
            )
        )
    return found, vectors


@pytest.fixture(scope="module")
def world() -> MatchingData:
    songs, vectors = tracks()
    source = Source(emotion="curve", blocks=("sound",))
    groups = np.arange(COUNT) // 2
    return MatchingData(tuple(songs), (vectors,), (), emotions_of(source, songs), groups)


# --- recipes ---


@pytest.mark.parametrize("path", sorted(PAPER.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_paper_can_be_read(path: Path) -> None:
    recipe = recipes.read(path, JointRecipe)
    assert recipe.claims
    assert any("reference" in space.scorers for space in recipe.spaces)


# --- material ---


def one_curve(moments: int) -> Track:
    times = 15 + 0.5 * np.arange(moments)
    curve = Curve(times, np.linspace(0, 1, moments), np.full(moments, -0.5))
    return Track("deam", "2001", None, group="1", recording="", curve=curve)


def test_a_long_curve_keeps_its_own_valence_unless_the_fault_is_repeated() -> None:
    long, right = one_curve(61), one_curve(60)
    repaired = emotions_of(Source(emotion="curve", blocks=("x",)), [long]).moments
    assert repaired is not None
    assert repaired.shape == (1, 60, 2)
    assert np.ptp(repaired[0, :, 0]) > 0.9
    faulty = emotions_of(
        Source(emotion="curve", blocks=("x",), repeat_fault=True), [long, right]
    ).moments
    assert faulty is not None
    assert np.all(faulty[0] == -0.5)
    assert np.ptp(faulty[1, :, 0]) > 0.9


def test_a_curve_is_resampled_to_equal_steps() -> None:
    moments = emotions_of(
        Source(emotion="curve", blocks=("x",), moments="resampled"), [one_curve(7)]
    ).moments
    assert moments is not None
    assert np.allclose(moments[0, :, 0], np.linspace(0, 1, 60))


def test_a_point_has_the_place_of_its_curve_and_nothing_else(world: MatchingData) -> None:
    flat = world.emotions.flat()
    assert np.allclose(flat.place, world.emotions.place)
    assert np.allclose(flat.labels[:, :2], flat.place)
    assert np.allclose(flat.labels[:, 2:-2], 0)
    assert np.isnan(flat.labels[:, -2:]).all()


def test_distances_of_profiles_are_as_large_as_in_a_plane() -> None:
    shares = np.array([[0.0] * 9, [0.3] * 9])
    profiles = [
        Track("emotify", str(n), None, group=str(n), recording="", gems=tuple(row))
        for n, row in enumerate(shares)
    ]
    place = emotions_of(Source(emotion="profile", blocks=("x",)), profiles).place
    assert np.linalg.norm(place[1] - place[0]) == pytest.approx(np.sqrt(2) * 0.3)


def film(number: int, *ratings: float | None) -> Track:
    names = ("valence", "arousal", "tension")
    return Track(
        "film", str(number), None, group=str(number), recording="",
        **dict(zip(names, ratings, strict=True)),  # type: ignore[arg-type]
    )  # fmt: skip


def test_tension_is_a_third_axis_whose_distances_are_as_large_as_in_a_plane() -> None:
    source = Source(emotion="tense point", blocks=("x",))
    place = emotions_of(source, [film(0, 0, 0, 0), film(1, 0.3, 0.3, -0.3)]).place
    assert place.shape == (2, 3)
    assert place[1, 2] < 0
    assert np.linalg.norm(place[1] - place[0]) == pytest.approx(np.sqrt(2) * 0.3)
    assert not _labelled(source, film(2, 0.3, 0.3, None))
    assert _labelled(Source(emotion="point", blocks=("x",)), film(2, 0.3, 0.3, None))


def test_degrees_of_music_with_tension_are_those_on_the_plane(
    recipe: JointRecipe, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(40, 4))
    songs = [film(n, *(0.2 * vector[:3]).tolist()) for n, vector in enumerate(vectors)]
    emotions = emotions_of(Source(emotion="tense point", blocks=("sound",)), songs)
    data = MatchingData(tuple(songs), (vectors,), (), emotions, np.arange(40))
    space = next(one for one in recipe.spaces if one.name == "regressor")
    asked = structs.replace(
        recipe, seeds=1, spaces=(space,), claims=(),
        datasets={"film": Source(emotion="tense point", blocks=("sound",))},
    )  # fmt: skip
    study = JointStudy(asked, {"film": data})
    rows = study.table(engine.run(study, study.plan(), tmp_path / "cells"))
    tau = next(row["value"] for row in rows if row["metric"] == "tau")
    mrr = next(row["value"] for row in rows if row["metric"] == "mrr")
    assert tau > 0.8
    assert mrr > 0.8


# --- matchers ---


def test_units_leave_what_is_not_told_in_the_middle() -> None:
    table = np.array([[1.0, np.nan], [3.0, 4.0]])
    units = baselines.Units.fit(table)
    assert np.allclose(units(table), [[-1, 0], [1, 0]])
    assert np.allclose(units.back(np.array([[1.0, 0.0]])), [[3, 4]])


@pytest.mark.parametrize("name", ["regressor", "calibrated", "linear", "composite"])
def test_matchers_find_music_they_have_not_heard(
    world: MatchingData, recipe: JointRecipe, name: str
) -> None:
    space = next(one for one in recipe.spaces if one.name == name)
    train, test = np.arange(40), np.arange(40, COUNT)
    cell = Cell("emomusic", space, Split(train, test, protocol="folds", name="1"))
    matcher = JointStudy(recipe, {"emomusic": world}).matcher(cell)
    found = matcher.distances(test, world.emotions.where(test), "corrected")
    for table in (found.to_emotion, found.to_music):
        assert retrieval.average_rank(-table) < 0.5 * retrieval.chance_average_rank(np.eye(20))
    told = baselines.places(matcher, test, world.emotions.where(train))
    assert np.corrcoef(told[:, 0], world.emotions.place[test, 0])[0, 1] > 0.5


def test_a_matcher_does_not_look_at_tested_rows(world: MatchingData, recipe: JointRecipe) -> None:
    """Other emotions and other music of tested pieces change no distance of the rest."""
    train, kept, other = np.arange(40), np.arange(40, 50), np.arange(50, COUNT)
    emotions = world.emotions
    place = emotions.place.copy()
    place[other] += 5
    assert emotions.moments is not None
    moments = emotions.moments.copy()
    moments[other] += 5
    vectors = world.vectors[0].copy()
    vectors[other] *= 100
    changed = dataclasses.replace(
        world,
        vectors=(vectors,),
        emotions=Emotions("curve", place, moments, emotions.spread),
    )
    for name in ("regressor", "calibrated", "linear", "composite"):
        space = next(one for one in recipe.spaces if one.name == name)
        cell = Cell("emomusic", space, Split(train, kept, protocol="folds", name="1"))
        tables = []
        for one in (world, changed):
            matcher = JointStudy(recipe, {"emomusic": one}).matcher(cell)
            tables.append(matcher.distances(kept, world.emotions.where(kept), "corrected").to_music)
        assert np.allclose(*tables), name


def test_members_and_scorers_are_the_same_for_a_seed_and_not_for_another(
    world: MatchingData, recipe: JointRecipe
) -> None:
    space = next(one for one in recipe.spaces if one.name == "composite")
    source, train, test = recipe.datasets["emomusic"], np.arange(40), np.arange(40, COUNT)
    emotions = world.emotions.where(test)
    tables = [
        fit.fit(world, source, space, train, seed).distances(test, emotions, "corrected").to_music
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(tables[0], tables[1])
    assert not np.allclose(tables[0], tables[2])


def test_sequences_of_music_and_emotions_are_heard(world: MatchingData) -> None:
    rng = np.random.default_rng(1)
    windows = tuple(
        rng.normal(size=(rng.integers(2, 5), 3)).astype(np.float32) for _ in range(COUNT)
    )
    world = dataclasses.replace(world, windows=windows)
    settings = NetworkSettings(hears="sequence", size=4, width=4, members=0, steps=2, moments=5)
    space = MatcherRecipe(name="sequence", method="network", network=settings)
    matcher = fit.fit(world, Source(emotion="curve", windows="x"), space, np.arange(40), 0)
    alone = matcher.distances(np.array([50]), world.emotions.where(np.array([51])), "corrected")
    test = np.arange(45, COUNT)
    together = matcher.distances(test, world.emotions.where(test), "corrected")
    assert alone.to_music[0, 0] == pytest.approx(together.to_music[6, 5], rel=1e-5)


# --- cells and scores ---


def test_a_study_runs_goes_on_after_a_stop_and_scores(
    world: MatchingData, recipe: JointRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RESAMPLES", 200)
    monkeypatch.setattr(claims, "FEW_RESAMPLES", 50)
    study = JointStudy(recipe, {"emomusic": world})
    cells = study.plan()
    folder = tmp_path / "cells"
    reported: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        reported.append((done, total))
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(study, cells, folder, progress=stop)
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert len(kept) == 5
    results = engine.run(study, cells, folder, progress=lambda *one: reported.append(one))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert reported[-1] == (len(cells), len(cells))
    _check_scores(named(study.table(results), study.columns))
    verdicts = named(study.compare(results), claims.COLUMNS)
    by_chance = [one for one in verdicts if "chance" in one.claim and one.axis == "rated both"]
    assert {one.metric for one in by_chance} == set(scores.CLAIMED)
    assert all(one.verdict == "holds" for one in by_chance)
    assert {(one.seeds, one.leaks) for one in verdicts} == {(2, "leaks: none; sound not compared")}


def _check_scores(table: list[SimpleNamespace]) -> None:
    def of(space: str, metric: str, direction: str = "to_music", **more: str) -> SimpleNamespace:
        wanted = {"division": "folds", "scorer": "corrected", "query": "rated", **more}
        return next(
            one
            for one in table
            if (one.space, one.metric, one.direction) == (space, metric, direction)
            and all(getattr(one, key) == value for key, value in wanted.items())
        )

    harmonic = (1 / np.arange(1, 21)).sum() / 20
    assert of("random", "mrr").chance == pytest.approx(harmonic, rel=1e-5)
    assert of("random", "mrr").low < harmonic < of("random", "mrr").high
    assert of("regressor", "mrr").low > harmonic
    assert of("composite", "recall@10", "to_emotion").n == COUNT
    assert of("composite", "mrr", query="point").value > harmonic
    assert of("composite", "mrr", scorer="reference").value > 0
    assert of("regressor", "tau", "told").low > 0.3
    share = of("composite", "average_rank").value / 20
    assert of("composite", "rank_share").value == pytest.approx(share, rel=1e-5)


def test_a_damaged_cell_is_named(world: MatchingData, recipe: JointRecipe, tmp_path: Path) -> None:
    study = JointStudy(recipe, {"emomusic": world})
    cells = study.plan()[:1]
    engine.run(study, cells, tmp_path)
    path = next(tmp_path.glob("*.npz"))
    path.write_bytes(b"half a ce")
    with raises(DataError, "damaged_cell", subject=str(path)):
        engine.run(study, cells, tmp_path)


def test_a_cell_is_made_anew_if_the_emotions_change(
    world: MatchingData, recipe: JointRecipe
) -> None:
    cell = JointStudy(recipe, {"emomusic": world}).plan()[0]
    place = world.emotions.place + 0.1
    other = dataclasses.replace(world, emotions=dataclasses.replace(world.emotions, place=place))
    names = {JointStudy(recipe, {"emomusic": one}).file_name(cell) for one in (world, other)}
    assert len(names) == 2


def test_leaks_are_refused_or_labelled(world: MatchingData, recipe: JointRecipe) -> None:
    """A random split parts songs of one artist; folds do not."""
    space = structs.replace(recipe.spaces[0], divisions=("folds", "random"))
    both = structs.replace(recipe, spaces=(space,), claims=())
    with pytest.raises(DataError, match="known from training"):
        JointStudy(both, {"emomusic": world}).plan()
    labelled = structs.replace(both, leaks="label")
    cells = JointStudy(labelled, {"emomusic": world}).plan()
    for division in ("folds", "random"):
        labels = {cell.split.leaks for cell in cells if cell.split.protocol == division}
        assert all(("group" in label) == (division == "random") for label in labels)
        assert labels


def test_scores_per_query_are_those_of_the_metrics() -> None:
    rng = np.random.default_rng(3)
    place = rng.uniform(-0.5, 0.5, (12, 2))
    apart = retrieval.va_distances(place, place)
    distances = rng.random((12, 12))
    values, chance = rank_scores.per_query(distances, apart)
    found = dict(zip(rank_scores.METRICS, values.mean(axis=1), strict=True))
    even = dict(zip(rank_scores.METRICS, chance.mean(axis=1), strict=True))
    ranks = distances.argsort(axis=1).argsort(axis=1).diagonal() + 1
    wanted = {
        "mrr": (np.mean(1 / ranks), retrieval.chance_mrr(np.eye(12))),
        "average_rank": (np.mean(ranks), 6.5),
        "rank_share": (np.mean(ranks) / 12, 6.5 / 12),
        **{f"recall@{k}": (np.mean(ranks <= k), k / 12) for k in (1, 5, 10)},
        "ndcg@10": (retrieval.ndcg(-distances, 10, apart), retrieval.chance_ndcg(apart, 10)),
        "distance@10": (retrieval.mean_distance(-distances, 10, apart), apart.mean()),
    }
    assert set(wanted) == set(rank_scores.METRICS)
    for name, (score, level) in wanted.items():
        assert found[name] == pytest.approx(score)
        assert even[name] == pytest.approx(level)


# --- the command ---


@pytest.mark.parametrize("name", ["deam", "pmemo"])
def test_a_dry_run_names_what_is_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "store").mkdir()
    done = CliRunner().invoke(
        app,
        [
            "evaluate", str(PAPER / f"{name}.toml"), "--data", str(tmp_path), "--store",
            str(tmp_path / "store"), "--out", str(tmp_path / "out.csv"), "--dry-run",
        ],
    )  # fmt: skip
    assert done.exit_code == 1
    assert f"{name}, data: no folder" in done.output
    assert not (tmp_path / "out.csv").exists()
