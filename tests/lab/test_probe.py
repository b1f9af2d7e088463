"""Which state knows what is found, by fits that never see what they are scored on."""

from __future__ import annotations

import csv
import dataclasses
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner import encoders
from hevner.cli import app
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.errors import DataError, ModelError
from hevner.lab.cross_dataset.experiments import StudyData
from hevner.lab.data.samples import label
from hevner.lab.metrics import regression
from hevner.lab.metrics.statistics import over_seeds
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.probe import mix, scores
from hevner.lab.probe.mix import learn_weights
from hevner.lab.probe.scores import COLUMNS, Resamples, estimate, interval_of, state_of
from hevner.lab.probe.states import Probe
from hevner.lab.probe.study import PENALTIES, ProbeStudy, fit, kernel, standard
from hevner.lab.study.engine import run
from hevner.store import FeatureStore, Kind
from hevner.store.entry import Entry, digest
from tests.errors import raises
from tests.lab.study.rows import named

WIDTH, STATES, COUNT = 6, 4, 120
KNOWS = {"valence": 2, "arousal": 0}


@pytest.fixture(autouse=True)
def _little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "RESAMPLES", 60)
    monkeypatch.setattr(mix, "STEPS", 200)
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))


def make_material(
    rng: np.random.Generator, *, states: int = STATES, noise: float = 0.3, quadrants: bool = False
) -> StudyData:
    """Tracks of which valence lies in state 2 and arousal in state 0."""
    vectors = rng.normal(size=(COUNT, states, WIDTH))
    signal = np.stack([vectors[:, KNOWS["valence"], 0], vectors[:, KNOWS["arousal"], 1]], axis=1)
    truth = 0.3 * ((1 - noise) * signal + noise * rng.normal(size=(COUNT, 2)))
    tracks = []
    for k, (valence, arousal) in enumerate(truth.tolist()):
        one = Track("own", f"{k}", None, group=f"g{k // 2}", recording=f"own/{k}")
        if quadrants:
            names = {(True, True): "Q1", (False, True): "Q2", (False, False): "Q3"}
            name = names.get((valence > 0, arousal > 0), "Q4")
            tracks.append(dataclasses.replace(one, quadrant=Quadrant[name]))
        else:
            tracks.append(dataclasses.replace(one, valence=valence, arousal=arousal))
    block = vectors.reshape(COUNT, -1).astype(np.float32)
    return StudyData.of(tracks, label(tracks, {"x": block}))


@pytest.fixture
def material(rng: np.random.Generator) -> StudyData:
    return make_material(rng)


PROBE = Probe("own", "x", (), (STATES,), folds=3, seeds=2)


def table(
    probe: Probe, material: StudyData, folder: Path
) -> dict[tuple[str, str], SimpleNamespace]:
    study = ProbeStudy(probe, material)
    rows = study.table(run(study, study.plan(), folder))
    found = named(rows, study.columns)
    return {(row.axis, row.system): row for row in found}


# --- ridge regression ---


def ridge_by_hand(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and intercept of the textbook."""
    centre, level = x.mean(axis=0), y.mean(axis=0)
    gram = (x - centre).T @ (x - centre) + penalty * np.eye(x.shape[1])
    slope = np.linalg.solve(gram, (x - centre).T @ (y - level))
    return slope, level - centre @ slope


@pytest.mark.parametrize("width", [5, 80])
def test_the_fit_is_that_of_the_textbook(rng: np.random.Generator, width: int) -> None:
    x = rng.normal(size=(50, width)).astype(np.float32)
    y = x[:, :2] @ np.array([[1.0, 0.2], [0.3, -1.0]]) + rng.normal(size=(50, 2)) + [3.0, -1.0]
    train, test = np.arange(40), np.arange(40, 50)
    fold = np.arange(40) % 4
    z = standard(x, train).astype(float)
    products = kernel(z.astype(np.float32), train)
    found = fit(products, train, test, y[train], fold)
    unit = np.trace((z[train]) @ z[train].T)  # penalties are shares of it
    for axis in range(2):
        target = y[train, axis]
        inside = []
        for share in PENALTIES:
            missed = 0.0
            for k in range(4):
                rest, mine = fold != k, fold == k
                slope, intercept = ridge_by_hand(z[train][rest], target[rest], share * unit)
                missed += ((target[mine] - z[train][mine] @ slope - intercept) ** 2).sum()
            inside.append(1 - missed / ((target - target.mean()) ** 2).sum())
        assert found.inside[axis] == pytest.approx(max(inside), abs=1e-6)
        assert found.penalty[axis] == PENALTIES[np.argmax(inside)]
        slope, intercept = ridge_by_hand(z[train], target, found.penalty[axis] * unit)
        assert found.guesses[:, axis] == pytest.approx(z[test] @ slope + intercept, abs=1e-6)


def test_units_come_from_training_rows_and_still_numbers_stay_finite() -> None:
    x = np.array([[1.0, 7.0], [3.0, 7.0], [100.0, 7.0]], np.float32)
    assert standard(x, np.array([0, 1])).tolist() == [[-1.0, 0.0], [1.0, 0.0], [98.0, 0.0]]


# --- resamples ---


@pytest.mark.parametrize("metric", ["r2", "r2_affine", "pearson", "ccc"])
def test_resamples_are_those_of_the_plain_bootstrap(
    rng: np.random.Generator, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, groups = rng.normal(size=30), [f"g{k // 3}" for k in range(30)]
    guesses = truth + rng.normal(size=(3, 30))
    guesses[1] = 0.5  # no information

    def plain(seed: int, rows: np.ndarray) -> float:
        return getattr(regression, metric)(truth[rows], guesses[seed][rows])

    expected = over_seeds(plain, 3, groups, resamples=60)
    found = estimate(Resamples(groups, 3).regression(truth, guesses)[metric])
    assert found == pytest.approx((expected.mean, expected.low, expected.high), abs=1e-9)


def test_areas_are_those_of_the_plain_bootstrap(rng: np.random.Generator) -> None:
    truth = np.sign(rng.normal(size=40))
    guesses = np.round(truth + rng.normal(size=(2, 40)), 0)  # with ties
    groups = [f"g{k // 2}" for k in range(40)]
    expected = over_seeds(
        lambda seed, rows: roc_auc(truth[rows] > 0, guesses[seed][rows]), 2, groups, resamples=60
    )
    found = estimate(Resamples(groups, 2).auc(truth, guesses))
    assert found == pytest.approx((expected.mean, expected.low, expected.high), abs=1e-9)


# --- the learned mix ---


def test_weights_find_the_state_of_each_target(rng: np.random.Generator) -> None:
    states = rng.normal(size=(300, 5, 8)).astype(np.float32)
    targets = np.stack([states[:, 1, 0], states[:, 4, 3]], axis=1)
    targets += 0.3 * rng.normal(size=targets.shape)
    weights = learn_weights(states, targets, np.arange(300) % 5 == 0)
    assert weights.sum(axis=1) == pytest.approx(1)
    assert (weights >= 0).all()
    assert weights.argmax(axis=1).tolist() == [1, 4]
    assert weights.max(axis=1).min() > 0.5


def test_weights_are_the_same_each_time(rng: np.random.Generator) -> None:
    states, held_out = rng.normal(size=(60, 3, 4)).astype(np.float32), np.arange(60) % 5 == 0
    targets = rng.normal(size=(60, 2))
    first, second = (learn_weights(states, targets, held_out) for _ in range(2))
    assert (first == second).all()


# --- the study ---


def test_the_state_that_knows_is_found(material: StudyData, tmp_path: Path) -> None:
    rows = table(PROBE, material, tmp_path)
    for axis, state in KNOWS.items():
        best = rows[axis, f"state {state}"]
        assert best.r2 > 0.6 > rows[axis, "state 1"].r2 + 0.4
        assert best.taken == 1
        assert best.r2_low < best.r2 < best.r2_high
        assert (best.n, best.groups, best.seeds, best.folds) == (COUNT, COUNT // 2, 2, 3)
        assert rows[axis, "chosen inside"].r2 == pytest.approx(best.r2)
        assert rows[axis, "chosen inside"].less_other == pytest.approx(0)
        assert rows[axis, "learned mix"].r2 > rows[axis, "mean of states"].r2
        weights = [rows[axis, f"state {k}"].weight for k in range(STATES)]
        assert sum(weights) == pytest.approx(1)
        assert np.argmax(weights) == state
        assert best.weight_low <= best.weight <= best.weight_high
        assert best.less_last_low > 0.3
        assert best.other != best.system
        assert rows[axis, "state 1"].other == best.system
        assert rows[axis, "state 1"].less_other_high < -0.3
        assert rows[axis, "all states"].width == WIDTH * STATES
    assert np.isnan(rows["valence", f"state {STATES - 1}"].less_last)


def test_the_best_of_many_states_is_flattered(rng: np.random.Generator, tmp_path: Path) -> None:
    material = make_material(rng, states=20, noise=1.0)
    rows = table(dataclasses.replace(PROBE, widths=(20,), seeds=1), material, tmp_path)
    for axis in KNOWS:
        states = [row for row in rows.values() if row.axis == axis and state_of(vars(row)) >= 0]
        best = max(states, key=lambda row: row.r2)
        assert rows[axis, "chosen inside"].less_other < 0
        assert rows[axis, "chosen inside"].other == best.system
        assert rows[axis, "chosen inside"].r2 < 0.05


def test_labels_of_the_tested_change_no_prediction(material: StudyData, tmp_path: Path) -> None:
    part = ProbeStudy(PROBE, material).plan()[0]
    truth = material.truth.copy()
    truth[part.test] = truth[part.test][::-1]
    changed = dataclasses.replace(material, truth=truth)
    found = [ProbeStudy(PROBE, one).compute(part, tmp_path) for one in (material, changed)]
    assert np.array_equal(found[0]["guesses"], found[1]["guesses"])
    assert (found[0]["weights"] == found[1]["weights"]).all()


def test_states_of_other_widths_have_no_mix(material: StudyData, tmp_path: Path) -> None:
    probe = dataclasses.replace(PROBE, widths=(2 * WIDTH, WIDTH, WIDTH), seeds=1)
    rows = table(probe, material, tmp_path)
    assert ("valence", "learned mix") not in rows
    assert ("valence", "mean of states") not in rows
    assert rows["valence", "state 0"].width == 2 * WIDTH
    assert np.isnan(rows["valence", "state 0"].weight)
    # What was state 2 is state 1 here.
    assert rows["valence", "state 1"].r2 > 0.6
    assert rows["valence", "all states"].r2 > 0.4


def test_quadrants_are_scored_by_area(rng: np.random.Generator, tmp_path: Path) -> None:
    rows = table(PROBE, make_material(rng, quadrants=True), tmp_path)
    best = rows["valence", "state 2"]
    assert best.labels == "quadrants"
    assert best.auc > 0.9 > 0.65 > rows["valence", "state 1"].auc
    assert interval_of(vars(best)) == (best.auc, best.auc_low, best.auc_high)
    assert np.isnan([best.r2, best.ccc]).all()


def test_tracks_without_a_label_are_passed_over(material: StudyData, tmp_path: Path) -> None:
    truth = material.truth.copy()
    truth[3, 1] = np.nan
    rows = table(PROBE, dataclasses.replace(material, truth=truth), tmp_path)
    assert {row.n for row in rows.values()} == {COUNT - 1}


def test_finished_folds_are_not_done_again(
    material: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ProbeStudy(PROBE, material)
    reported: list[tuple[int, int]] = []
    first = run(study, study.plan(), tmp_path, progress=lambda *done: reported.append(done))
    assert reported == [(k + 1, 6) for k in range(6)]
    monkeypatch.setattr(ProbeStudy, "compute", partial(pytest.fail, "done again"))
    again = run(study, study.plan(), tmp_path)
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.arrays["guesses"], two.arrays["guesses"])
    next(tmp_path.glob("*.npz")).write_bytes(b"torn")
    with raises(DataError, "damaged_cell"):
        run(study, study.plan(), tmp_path)


def test_other_states_are_other_folds(material: StudyData) -> None:
    part = ProbeStudy(PROBE, material).plan()[0]
    other = dataclasses.replace(PROBE, widths=(2,))
    names = {ProbeStudy(probe, material).file_name(part) for probe in (PROBE, other)}
    assert len(names) == 2


def test_groups_stay_on_one_side(material: StudyData) -> None:
    study = ProbeStudy(PROBE, material)
    assert "leaks: none" in study.experiment.leaks["own"]
    group = material.samples.group
    for part in study.plan():
        assert not set(group[part.train]) & set(group[part.test])


@pytest.mark.parametrize("widths", [(5,), (6, 6), (0, 24), (0,)])
def test_states_must_make_up_the_vectors(widths: tuple[int, ...]) -> None:
    with raises(DataError, "wrong_widths"):
        dataclasses.replace(PROBE, widths=widths).parts(24)


def test_states_of_an_encoder() -> None:
    every = Probe.of_encoder("mert-v1-95m", "own")
    assert (every.block, every.states) == ("mert-v1-95m+all", tuple(range(13)))
    assert list(every.parts(13 * 768))[-1] == 12
    some = Probe.of_encoder("mert-v1-95m+6+9", "own")
    assert (some.block, some.states) == ("mert-v1-95m+6+9", (6, 9))
    assert some.parts(2 * 768) == {6: slice(0, 768), 9: slice(768, 1536)}
    assert (
        sum(Probe.of_encoder("clap-music", "own").widths)
        == encoders.card("clap-music+all").dimension
    )
    with pytest.raises(ModelError, match="no states"):
        Probe.of_encoder("musicnn", "own")


# --- the command ---


@pytest.fixture
def place(tmp_path: Path, material: StudyData) -> Path:
    """A folder with a dataset of one's own and its vectors."""
    own = tmp_path / "data" / "own"
    own.mkdir(parents=True)
    rows = [f"{t.id},{t.valence},{t.arousal},{t.group}" for t in material.tracks]
    (own / "annotations.csv").write_text("\n".join(["id,valence,arousal,group", *rows]) + "\n")
    (own / "layout.toml").write_text('[scales]\nvalence = "-1..1"\narousal = "-1..1"\n')
    file = FeatureStore(tmp_path / "store").open("own", Kind("x", "1", WIDTH * STATES))
    vectors = zip(material.tracks, material.samples.blocks["x"], strict=True)
    file.add_many([(t.id, "", Entry(digest(x.tobytes()), x[None])) for t, x in vectors])
    return tmp_path


def call(place: Path, *more: str, encoder: str = "x"):
    where = ["--data", str(place / "data"), "--store", str(place / "store"), "--jobs", "1"]
    what = ["--encoder", encoder, "--dataset", "own", "--folds", "3", "--seeds", "1"]
    return CliRunner().invoke(app, ["probe", *what, *where, *more])


def test_the_command_writes_table_and_picture(place: Path) -> None:
    files = ["--out", str(place / "probe.csv"), "--plot", str(place / "probe.png")]
    result = call(place, "--states", str(STATES), *files)
    assert result.exit_code == 0, result.output
    assert "Best here: state 2" in result.stdout
    assert "Best here: state 0" in result.stdout
    assert "3 of 3 folds done" in result.stderr
    with (place / "probe.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * (STATES + 4)
    assert rows[0]["features"] == "x-1"
    assert rows[0]["command"].startswith("hevner probe --encoder x --dataset own --data ")
    assert "--states 4" in rows[0]["command"]
    assert float(rows[2]["r2"]) > 0.6
    assert (place / "probe.png").read_bytes().startswith(b"\x89PNG")
    # Again, from what was kept.
    again = call(place, "--states", str(STATES), *files)
    assert "folds done" not in again.stderr
    assert again.stdout == result.stdout


def test_widths_may_be_given_one_by_one(place: Path) -> None:
    result = call(place, "--states", f"{2 * WIDTH},{2 * WIDTH}")
    assert result.exit_code == 0, result.output
    assert "state 1" in result.stdout
    assert "state 2" not in result.stdout


def test_a_dry_run_says_what_would_be_done(place: Path) -> None:
    result = call(place, "--states", str(STATES), "--dry-run", "--out", str(place / "probe.csv"))
    assert result.exit_code == 0, result.output
    assert f"own: {COUNT} tracks with ratings in {COUNT // 2} groups; leaks: none" in result.stdout
    assert f"x: {STATES} states of {WIDTH} numbers" in result.stdout
    assert "3 folds" in result.stdout
    assert not list(place.glob("probe*"))


def test_missing_vectors_are_named_with_the_command_that_makes_them(place: Path) -> None:
    result = call(place, encoder="mert-v1-95m")
    assert result.exit_code == 1
    assert "Missing: own, features mert-v1-95m+all" in result.stderr
    assert f"--store {place / 'store'} --encoder mert-v1-95m+all'" in result.stderr
    assert "hevner models add mert-v1-95m" in result.stderr


@pytest.mark.parametrize(
    ("more", "encoder", "message"),
    [
        ([], "x", "there is no encoder"),
        ([], "musicnn", "has no states"),
        (["--states", "many"], "x", "no number"),
        (["--states", "4", "--out", "a.txt"], "x", "must end in .csv"),
        (["--states", "4", "--plot", "a.gif"], "x", "ends in none of"),
    ],
)
def test_wrong_usage(place: Path, more: list[str], encoder: str, message: str) -> None:
    result = call(place, *more, encoder=encoder)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_states_that_do_not_fit_are_an_error(place: Path) -> None:
    result = call(place, "--states", "5")
    assert result.exit_code == 1
    assert "vectors of 24 numbers do not hold states of 5" in result.stderr
