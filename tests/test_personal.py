"""A person's correction: its fit, its file, the commands around it."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from hevner.cli import app
from hevner.emotion import GEMS, UNIT, Scale
from hevner.errors import DataError, ModelError
from hevner.lab.personalise import (
    FEWEST,
    PRIOR,
    Prior,
    Sample,
    fit,
    fit_axis,
    left_out_errors,
    read_ratings,
)
from hevner.personal import LEAST_SLOPE, TERMS, Axis, Personal, load
from hevner.result import Analysis, Estimate
from tests import fakes
from tests.errors import raises
from tests.sounds import music, write

Array = NDArray[np.float64]


def heard(count: int, seed: int = 0) -> tuple[Array, Array]:
    """What a model might say of some pieces: values and moods."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.8, 0.8, count), rng.uniform(0, 0.5, (count, len(GEMS)))


def rated(count: int, offset: float, slope: float, noise: float = 0.1, seed: int = 0) -> Sample:
    """Pieces rated along a line."""
    values, moods = heard(count, seed)
    rng = np.random.default_rng(seed + 1)
    return Sample(values, moods, offset + slope * values + rng.normal(0, noise, count))


# The fit


@pytest.mark.parametrize("count", range(FEWEST))
def test_too_few_ratings_change_nothing(count: int) -> None:
    axis = fit_axis(rated(count, 0.5, 2.0))
    values, moods = heard(20, seed=5)
    np.testing.assert_array_equal(axis.values(values, moods), values)
    assert (axis.halves(values, moods) > 0.1).all()


def test_countless_ratings_give_the_plain_line() -> None:
    sample = rated(20_000, 0.15, 1.3)
    sample = dataclasses.replace(sample, moods=np.full_like(sample.moods, 0.2))
    axis = fit_axis(sample)
    slope, offset = np.polyfit(sample.values, sample.ratings, 1)
    assert axis.change[:2] == pytest.approx([offset, slope - 1], abs=1e-3)
    np.testing.assert_allclose(axis.change[2:], 0, atol=1e-9)
    assert axis.noise == pytest.approx(PRIOR.noise / 2, abs=1e-6)  # the smallest size allowed


def test_countless_ratings_reveal_what_moods_do() -> None:
    sample = rated(5_000, 0.0, 1.0)
    sample = dataclasses.replace(sample, ratings=sample.ratings + 0.6 * sample.moods[:, 3] - 0.15)
    axis = fit_axis(sample)
    expected = np.zeros(len(GEMS))
    expected[3] = 0.6
    np.testing.assert_allclose(axis.change[2:], expected, atol=0.03)


def test_more_ratings_are_believed_more() -> None:
    offsets = [fit_axis(rated(count, 0.3, 1.0, noise=0)).change[0] for count in (3, 6, 100)]
    assert 0.02 < offsets[0] < offsets[1] < offsets[2] < 0.3
    assert offsets[0] < 0.2


def test_stricter_prior_changes_less() -> None:
    sample = rated(10, 0.3, 1.0)
    strict = Prior(offset=0.01, slope=0.01, noise=0.25, moods=0.01)
    assert abs(fit_axis(sample, strict).change[0]) < 0.1 * abs(fit_axis(sample).change[0])


def test_agreeing_ratings_change_little() -> None:
    values, moods = heard(30)
    axis = fit_axis(Sample(values, moods, values))
    np.testing.assert_allclose(axis.values(values, moods), values, atol=0.01)


@pytest.mark.parametrize("slope", [-3.0, -1.0, 0.0])
def test_slope_stays_positive_even_against_the_ratings(slope: float) -> None:
    axis = fit_axis(rated(200, 0.0, slope))
    assert 1 + axis.change[1] == pytest.approx(LEAST_SLOPE)
    rising = axis.values(np.linspace(-1, 1, 50), np.tile(axis.centre, (50, 1)))
    assert (np.diff(rising) > 0).all()


@pytest.mark.parametrize("count", [3, 4, 30])
@pytest.mark.parametrize("same", [True, False])
def test_never_nan(count: int, same: bool) -> None:
    values = np.full(count, 0.4) if same else np.linspace(-1, 1, count)
    moods = np.zeros((count, len(GEMS)))
    for ratings in (np.ones(count), -values, np.zeros(count), np.sign(values - 0.1)):
        axis = fit_axis(Sample(values, moods, ratings))
        for numbers in (axis.change, axis.covariance, axis.noise, axis.centre):
            assert np.isfinite(numbers).all()
        ends = axis.values(np.array([-1.0, 1.0]), np.ones((2, len(GEMS))))
        assert (np.abs(ends) <= 1).all()


def test_intervals_hold_nine_of_ten_new_ratings() -> None:
    inside = []
    for seed in range(100):
        everything = rated(60, 0.1, 1.2, noise=0.25, seed=10 * seed)
        first = Sample(everything.values[:10], everything.moods[:10], everything.ratings[:10])
        axis = fit_axis(first)
        values, moods = everything.values[10:], everything.moods[10:]
        error = np.abs(axis.values(values, moods) - everything.ratings[10:])
        inside.append((error <= axis.halves(values, moods)).mean())
    assert 0.86 < np.mean(inside) < 0.97


def test_intervals_widen_with_noise_and_narrow_with_ratings() -> None:
    values, moods = heard(20, seed=3)
    calm, wild = (fit_axis(rated(30, 0.1, 1.0, noise)) for noise in (0.1, 0.5))
    assert (wild.halves(values, moods) > 1.5 * calm.halves(values, moods)).all()
    few, many = (fit_axis(rated(count, 0.2, 1.3, 0.25)) for count in (5, 500))
    assert few.halves(values, moods).mean() > 1.1 * many.halves(values, moods).mean()


def test_error_on_pieces_left_out_falls_only_if_there_is_something_to_learn() -> None:
    before, after = left_out_errors(rated(20, 0.4, 1.0))
    assert after < 0.5 * before
    before, after = left_out_errors(rated(20, 0.0, 1.0))
    assert after < 1.1 * before


# Applied to an analysis


def axis_of(offset: float, slope: float) -> Axis:
    change = np.zeros(TERMS)
    change[:2] = offset, slope - 1
    return Axis(change, np.zeros(len(GEMS)), 0.2, np.zeros((TERMS, TERMS)))


def correction(model: str = "fake 1") -> Personal:
    return Personal(model, 12, axis_of(0.1, 1.5), axis_of(-0.2, 1.0))


def test_analysis_and_its_moments_are_corrected_and_say_so() -> None:
    plain = fakes.sample()
    changed = correction().apply(plain)
    assert changed.model == "fake 1, personalised from 12 ratings"
    assert changed.valence is not None
    assert changed.arousal is not None
    assert changed.valence.value == pytest.approx(0.1 + 1.5 * -0.25)
    assert changed.arousal.value == pytest.approx(0.3)
    assert changed.valence.high - changed.valence.value == pytest.approx(1.645 * 0.2, abs=1e-3)
    third, before = changed.timeline[2], plain.timeline[2]
    assert third.valence is not None
    assert before.valence is not None
    assert third.valence.value == pytest.approx(0.1 + 1.5 * before.valence.value)
    # The moment was 0.7 wide, its piece 0.375.
    assert third.valence.value - third.valence.low == pytest.approx(
        1.645 * 0.2 * 0.7 / 0.375, abs=1e-3
    )
    assert changed.timeline[1].arousal is None
    assert third.tension == before.tension is not None
    kept = ("moods", "tension", "emotions", "quadrant", "key", "chords", "duration", "warnings")
    assert all(getattr(changed, name) == getattr(plain, name) for name in kept)


def test_correction_is_the_same_on_any_scale() -> None:
    scale = Scale(1, 9)
    changed = correction().apply(fakes.sample().on(scale))
    assert changed.scale == "1..9"
    expected = correction().apply(fakes.sample())
    assert changed.valence is not None
    assert expected.valence is not None
    assert changed.valence.value == pytest.approx(expected.valence.rescaled(UNIT, scale).value)


def test_values_and_intervals_stay_on_the_scale() -> None:
    far = fakes.sample(valence=Estimate(0.95, 0.8, 1.0), arousal=Estimate(-0.95, -1.0, -0.9))
    changed = correction().apply(far)
    assert changed.valence is not None
    assert changed.arousal is not None
    assert changed.valence.value == changed.valence.high == 1.0
    assert changed.arousal.low == changed.arousal.value == -1.0


def test_silence_stays_silent() -> None:
    changed = correction().apply(fakes.silence())
    assert changed.status == "silent"
    assert changed.valence is None


def test_analysis_of_another_model_is_refused() -> None:
    with raises(ModelError, "other_model"):
        correction("unified-2").apply(fakes.sample())


def test_without_moods_offset_and_slope_are_corrected_alone() -> None:
    """Moods that a model lacks are no zeros, whose distance from the mean would count."""
    mood = correction()
    weighted = mood.valence.change.copy()
    weighted[2:] = 0.5
    centred = dataclasses.replace(mood.valence, change=weighted, centre=np.full(len(GEMS), 0.3))
    changed = dataclasses.replace(mood, valence=centred).apply(fakes.sample(moods={}))
    assert changed.valence == correction().apply(fakes.sample()).valence
    rows = [fakes.sample(moods={}, valence=Estimate(v, v - 0.1, v + 0.1)) for v in (-0.5, 0, 0.5)]
    found = fit(rows, np.array([[-0.3, 0.3], [0.2, 0.3], [0.7, 0.3]]))
    for axis in (found.valence, found.arousal):
        assert np.isfinite(axis.change).all()
        assert (axis.centre == 0).all()
    again = found.apply(rows[1])
    assert again.valence is not None
    assert 0 < again.valence.value < 0.25


# The file


def fitted(count: int = 6) -> Personal:
    values, moods = heard(count)
    analyses = [
        fakes.sample(
            valence=Estimate(value, value - 0.1, value + 0.1),
            moods=dict(zip(GEMS, row, strict=True)),
        )
        for value, row in zip(values, moods, strict=True)
    ]
    return fit(analyses, np.column_stack([values + 0.2, np.full(count, 0.3)]))


def test_file_keeps_everything(tmp_path: Path) -> None:
    before = fitted()
    before.save(tmp_path / "my.json")
    after = load(tmp_path / "my.json")
    assert (after.model, after.ratings) == ("fake 1", 6)
    assert after.apply(fakes.sample()) == before.apply(fakes.sample())
    assert after.apply(fakes.sample()).valence != fakes.sample().valence


def damage(record: dict, place: list[object], value: object) -> dict:
    inner: object = record
    for key in place[:-1]:
        inner = inner[key]  # type: ignore[index]
    inner[place[-1]] = value  # type: ignore[index]
    return record


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["format"], "something else 2"),
        (["valence"], None),
        (["ratings"], "many"),
        (["arousal", "change", 0], "x"),
        (["arousal", "change"], [0.0]),
        (["arousal", "change", 1], -1.5),
        (["valence", "noise"], 0),
        (["valence", "covariance", 0, 0], float("nan")),
    ],
)
def test_damaged_file_is_refused_with_one_message(
    tmp_path: Path, place: list[object], value: object
) -> None:
    file = tmp_path / "my.json"
    fitted().save(file)
    file.write_text(json.dumps(damage(json.loads(file.read_text()), place, value)))
    with raises(ModelError, "not_a_correction", subject="my.json"):
        load(file)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"7"])
def test_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "my.json").write_bytes(content)
    with raises(ModelError, "not_a_correction"):
        load(tmp_path / "my.json")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with raises(ModelError, "unreadable", subject="none.json"):
        load(tmp_path / "none.json")


# Ratings


def test_bad_rows_get_a_message_each(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.wav").touch()
    table = tmp_path / "ratings.csv"
    table.write_text(
        "path,valence,arousal\na.wav,3,7\nnone.wav,3,7\nb.wav,12,7\nc.wav,nan,7\n"
        "./a.wav,4,4\nd.wav,,5\n"
    )
    found, problems = read_ratings(table, Scale(1, 9))
    assert [(one.valence, one.arousal) for one in found] == [(-0.5, 0.5)]
    expected = (
        "line 3: there is no file",
        "line 4: 12 in column valence lies outside the scale 1..9",
        "line 5: 'nan' in column valence is not a number",
        "was rated before, in",
        "line 7: '' in column valence is not a number",
    )
    assert len(problems) == len(expected)
    for problem, text in zip(problems, expected, strict=True):
        assert text in str(problem)


def test_two_ratings_are_too_few() -> None:
    with raises(DataError, "too_few_ratings"):
        fitted(2)


# The commands


class Listener(fakes.FakeAnalyzer):
    """Hears in each file the valence that its name says, in hundredths."""

    def analyze(self, source: Path, /) -> Analysis:
        analysis = super().analyze(source)
        if analysis.status == "silent":
            return analysis
        value = int(source.stem) / 100
        return dataclasses.replace(analysis, valence=Estimate(value, value - 0.2, value + 0.2))


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """A fake in the place of the analysis."""
    listener = Listener()
    monkeypatch.setitem(sys.modules, "hevner.analysis", None)  # put back afterwards
    fakes.install(listener)
    return listener


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Eight pieces, rated half a point of 1..9 (0.125) above what is heard."""
    rows = ["path,valence,arousal"]
    for place, value in enumerate((-40, -30, -20, -10, 10, 20, 30, 40)):
        write(tmp_path / f"songs/{value}.wav", music(1.0 + place / 50))
        rows.append(f"songs/{value}.wav,{5 + 4 * (value / 100 + 0.25)},7")
    table = tmp_path / "ratings.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def hevner(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def valences(result: Result) -> list[float]:
    return [json.loads(line)["valence"]["value"] for line in result.stdout.splitlines()]


def test_from_ratings_to_personalised_results(
    listener: Listener, ratings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "my.json"
    result = hevner("train", "--personalise", ratings, "--out", out, "--scale", "1..9")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "valence: error on a piece left out 1.00 without" in result.stderr
    assert "Fitted to 8 ratings" in result.stderr
    heard_once = len(listener.asked)

    call = ("analyze", tmp_path / "songs", "--format", "jsonl")
    plain = hevner(*call)
    personal = hevner(*call, "--personal", out)
    again = hevner(*call)
    assert len(listener.asked) == heard_once == 8  # all from the cache, which holds no correction
    assert valences(again) == valences(plain)
    gains = np.subtract(valences(personal), valences(plain))
    assert ((gains > 0.1) & (gains < 0.3)).all()
    models = {json.loads(line)["model"] for line in personal.stdout.splitlines()}
    assert models == {"fake 1, personalised from 8 ratings"}


@pytest.mark.parametrize("row", ["songs/none.wav,5,5", "songs/10.wav,5,5", "ratings.csv,5,5"])
def test_a_bad_row_stops_with_its_line(
    listener: Listener, ratings: Path, tmp_path: Path, row: str
) -> None:
    with ratings.open("a") as file:
        file.write(row + "\n")
    result = hevner("train", "--personalise", ratings, "--out", tmp_path / "my", "--scale", "1..9")
    assert result.exit_code == 1
    assert "ratings.csv, line 10: " in result.stderr
    assert result.stderr.count("Error") == 1
    assert not (tmp_path / "my").exists()


def test_silent_piece_cannot_be_rated(listener: Listener, ratings: Path, tmp_path: Path) -> None:
    write(tmp_path / "songs/50.wav", 0 * music(1.0))
    with ratings.open("a") as file:
        file.write("songs/50.wav,5,5\n")
    result = hevner("train", "--personalise", ratings, "--out", tmp_path / "my", "--scale", "1..9")
    assert result.exit_code == 1
    assert "line 10: nothing sounds" in result.stderr


@pytest.mark.parametrize("scale", ["9..1", "loud"])
def test_senseless_scale_is_a_usage_error(ratings: Path, tmp_path: Path, scale: str) -> None:
    result = hevner("train", "--personalise", ratings, "--out", tmp_path / "my", "--scale", scale)
    assert result.exit_code == 2


def test_correction_that_cannot_be_used_stops_the_run(
    listener: Listener, ratings: Path, tmp_path: Path
) -> None:
    songs, file = tmp_path / "songs", tmp_path / "my.json"
    result = hevner("analyze", songs, "--personal", file)
    assert result.exit_code == 2
    assert "Check the path" in result.stderr
    correction("another-1").save(file)
    result = hevner("analyze", songs, "--personal", file)
    assert result.exit_code == 1
    assert result.stderr.count("fitted to the model 'another-1'") == 1
    assert result.stdout == ""


def test_prior_is_a_proper_one() -> None:
    assert all(value > 0 for value in dataclasses.astuple(PRIOR))
