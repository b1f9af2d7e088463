"""DEAM on replicas of its archive, and on the real labels if they are there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets.axis_swap import compare
from hevner.datasets.deam import PARTS
from hevner.errors import DataError
from tests.datasets.tables import assert_found
from tests.errors import raises

SONGS = (*range(2, 14), *range(1001, 1013), *range(2001, 2013))
STATIC = "song_id, valence_mean, valence_std, arousal_mean, arousal_std\n"
FULL_SONGS = (
    "song_id, valence_mean, valence_std, valence_ max_mean, valence_max_std, valence_min_mean,"
    " valence_min_std, arousal_mean, arousal_std, arousal_max_mean, arousal_max_std,"
    " arousal_min_mean, arousal_min_std\n"
)
MOMENTS = "song_id,sample_15000ms,sample_15500ms,sample_16000ms\n"
PER_SONG = Path("annotations") / "annotations averaged per song"
PER_RATER = Path("annotations") / "annotations per each rater"
DYNAMIC = "dynamic (per second annotations)"


def truth() -> dict[int, tuple[float, float]]:
    """Valence and arousal of each song on 1..9, to one decimal."""
    values = np.random.default_rng(7).uniform(1.5, 8.5, (len(SONGS), 2)).round(1)
    return {song: (float(v), float(a)) for song, (v, a) in zip(SONGS, values, strict=True)}


def static_files(exchanged: bool = True) -> dict[str, str]:
    first, second = STATIC, FULL_SONGS
    for song, (valence, arousal) in truth().items():
        spreads = ("0.5", "1.5")  # of valence and arousal
        if song <= 1000 and exchanged:
            valence, arousal, spreads = arousal, valence, spreads[::-1]
        if song <= 2000:
            first += f"{song},{valence},{spreads[0]},{arousal},{spreads[1]}\n"
        else:
            second += (
                f"   {song},  {valence} ,  0.5 ,  9 , 0, 1, 0,  {arousal} , 1.5,  9, 0, 1, 0\n"
            )
    return {
        "static_annotations_averaged_songs_1_2000.csv": first,
        "static_annotations_averaged_songs_2000_2058.csv": second,
    }


def moments(axis: int) -> str:
    """Ratings over time on -1..1; songs up to 2000 end before the last column."""
    lines = []
    for song, values in truth().items():
        middle = (values[axis] - 5) / 8
        last = f"{middle + 0.01}" if song > 2000 else ""
        lines.append(f"{song},{middle - 0.01},{middle},{last}\n")
    return MOMENTS + "".join(lines)


def archive(
    folder: Path,
    *,
    exchanged: bool = True,
    over_time: bool = True,
    spelling: str = "annotations averaged per song",
    **changed: str,
) -> Path:
    folder.mkdir(exist_ok=True)
    songs = folder / "annotations" / spelling / "song_level"
    songs.mkdir(parents=True)
    for name, text in {**static_files(exchanged), **changed}.items():
        (songs / name).write_text(text)
    if over_time:
        dynamic = folder / "annotations" / spelling / DYNAMIC
        dynamic.mkdir()
        (dynamic / "valence.csv").write_text(moments(0))
        (dynamic / "arousal.csv").write_text(moments(1))
    return folder


def add_metadata(folder: Path) -> None:
    (folder / "metadata").mkdir()
    (folder / "metadata" / "metadata_2013.csv").write_text(
        '"song_id","file_name","Artist","Song title","start of the segment (min.sec)",'
        '"end of the segment (min.sec)","Genre"\n'
        '2,"\t2.mp3","The Agrarians\t","\tTonight\t","\t0.48\t","\t1.33\t","\tBlues\t"\n'
    )
    (folder / "metadata" / "metadata_2014.csv").write_text(
        "Id, Artist, Album, Track, Genre, segment start, segment end, last.fm labels\n"
        "1001,the agrarians,Live,Wolf,Blues-SoulRB,0:10,0:55,indie,rock,00s,\n"
    )
    (folder / "metadata" / "metadata_2015.csv").write_text(
        "id,Filename,title,artist,album,genre,,,\n2001,2001.mp3,Old Tree,Creepoid,n/a,n/a,,,\n"
    )


def add_raters(folder: Path, *, exchanged: bool) -> None:
    """Two raters per song, one lower and one higher; the second is silent at the first moment."""
    first = "workerID, SongId, Valence, Arousal\n"
    second = "SongId,WorkerId,Arousal_Average,Valence_Average,Familiarity\n"
    for axis in ("valence", "arousal"):
        (folder / PER_RATER / DYNAMIC / axis).mkdir(parents=True)
    for song, (valence, arousal) in truth().items():
        one, two = (arousal, valence) if exchanged and song <= 1000 else (valence, arousal)
        for worker, shift in (("ab", -0.5), ("cd", 0.5)):
            if song <= 2000:
                first += f"{worker}, {song}, {one + shift}, {two + shift}\n"
            else:
                second += f"{song},{worker},{arousal + shift},{valence + shift},1\n"
        for axis in ("valence", "arousal"):
            (folder / PER_RATER / DYNAMIC / axis / f"{song}.csv").write_text(
                "WorkerId,sample_15000ms,sample_15500ms,sample_60000ms\nab,0.1,0.2,0.3\ncd,,0.4,\n"
            )
    (folder / PER_RATER / "song_level").mkdir()
    (folder / PER_RATER / "song_level" / "static_annotations_songs_1_2000.csv").write_text(first)
    (folder / PER_RATER / "song_level" / "static_annotations_songs_2000_2058.csv").write_text(
        second
    )


def names(dataset: datasets.Dataset, kind: str) -> list[str]:
    return [finding.name for finding in dataset.findings if finding.kind == kind]


def test_exchanged_songs_are_put_right_and_reported(tmp_path: Path) -> None:
    loaded = datasets.load("deam", archive(tmp_path / "deam"))
    for song, (valence, arousal) in truth().items():
        track = loaded[str(song)]
        assert (track.valence, track.arousal) == pytest.approx(
            ((valence - 5) / 4, (arousal - 5) / 4)
        )
        assert (track.valence_std, track.arousal_std) == pytest.approx((0.5 / 4, 1.5 / 4))
    (repair,) = (finding for finding in loaded.findings if finding.kind == "repair")
    assert (repair.name, repair.tracks) == ("exchanged-axes", 12)
    assert "valence correlates 1.000 with arousal" in repair.cause


def test_as_published_touches_nothing(tmp_path: Path) -> None:
    loaded = datasets.load("deam", archive(tmp_path / "deam"), labels="as_published")
    valence, arousal = truth()[2]
    assert (loaded["2"].valence, loaded["2"].arousal) == pytest.approx(
        ((arousal - 5) / 4, (valence - 5) / 4)
    )
    assert names(loaded, "repair") == []


def test_a_repaired_archive_is_left_alone(tmp_path: Path) -> None:
    loaded = datasets.load("deam", archive(tmp_path / "deam", exchanged=False))
    valence, arousal = truth()[2]
    assert (loaded["2"].valence, loaded["2"].arousal) == pytest.approx(
        ((valence - 5) / 4, (arousal - 5) / 4)
    )
    assert names(loaded, "repair") == []
    assert any("nothing to exchange" in finding.cause for finding in loaded.findings)


def test_without_other_ratings_the_labels_are_not_given_out(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam", over_time=False)
    with raises(DataError, "untested_exchange") as caught:
        datasets.load("deam", folder)
    assert "arousal.csv" in caught.value.remedy
    assert "as_published" in caught.value.remedy
    assert names(datasets.check("deam", folder), "problem") == ["untested-exchange"]
    assert len(datasets.load("deam", folder, labels="as_published")) == len(SONGS)


def test_emomusic_beside_the_folder_shows_it_too(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam", over_time=False)
    beside = tmp_path / "emomusic" / "annotations"
    beside.mkdir(parents=True)
    static = "song_id,mean_arousal,std_arousal,mean_valence,std_valence\n"
    info = (
        "song_id,file_name,Artist,Song title,start of the segment (min.sec),"
        "end of the segment (min.sec),Genre,Mediaeval 2013 set\n"
    )
    wide = "song_id,sample_15000ms\n"
    for song in range(2, 14):
        valence, arousal = truth()[song]
        static += f"{song},{arousal},1,{valence},1\n"
        info += f"{song},{song}.mp3,A,B,0,0.45,Blues,development\n"
        wide += f"{song},0\n"
    (beside / "static_annotations.csv").write_text(static)
    (beside / "songs_info.csv").write_text(info)
    for axis in ("valence", "arousal"):
        (beside / f"{axis}_cont_average.csv").write_text(wide)
        (beside / f"{axis}_cont_std.csv").write_text(wide)
    loaded = datasets.load("deam", folder)
    assert loaded["2"].valence == pytest.approx((truth()[2][0] - 5) / 4)
    assert any("against EmoMusic" in f.cause for f in loaded.findings if f.kind == "repair")


def test_curves_end_where_the_ratings_end(tmp_path: Path) -> None:
    loaded = datasets.load("deam", archive(tmp_path / "deam"))
    short, long = loaded["2"].curve, loaded["2001"].curve
    assert short is not None
    assert long is not None
    assert short.times.tolist() == [15, 15.5]
    assert long.times.tolist() == [15, 15.5, 16]
    assert short.valence[1] == pytest.approx((truth()[2][0] - 5) / 8)
    assert short.arousal[1] == pytest.approx((truth()[2][1] - 5) / 8)


def test_other_spellings_of_the_folders(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam", spelling="annotations_averaged_per_song")
    assert len(datasets.load("deam", folder)) == len(SONGS)


def test_the_long_layout_lies_on_zero_to_one(tmp_path: Path) -> None:
    lines = ["musicId,frameTime,Arousal(mean),Valence(mean)\n"]
    static = STATIC
    for song, (valence, arousal) in truth().items():
        lines += [
            f"{song},{time},{(arousal - 1) / 8},{(valence - 1) / 8}\n" for time in (15.0, 15.5)
        ]
        static += f"{song},{valence},0.5,{arousal},1.5\n"
    (tmp_path / "dynamic_annotations.csv").write_text("".join(lines))
    (tmp_path / "static_annotations.csv").write_text(static)
    curve = datasets.load("deam", tmp_path)["2"].curve
    assert curve is not None
    assert curve.times.tolist() == [15, 15.5]
    assert curve.valence[0] == pytest.approx((truth()[2][0] - 5) / 4)


def test_metadata_of_three_years_give_groups(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam")
    add_metadata(folder)
    loaded = datasets.load("deam", folder)
    assert (loaded["2"].artist, loaded["2"].title, loaded["2"].genre) == (
        "The Agrarians",
        "Tonight",
        "Blues",
    )
    assert loaded["2"].group == loaded["1001"].group == "the agrarians"
    assert (loaded["1001"].title, loaded["1001"].genre) == ("Wolf", "Blues-SoulRB")
    assert (loaded["2001"].artist, loaded["2001"].genre) == ("Creepoid", "")
    assert loaded["3"].group == "3"
    assert loaded["2"].recording == "mediaeval/2"
    assert [loaded[str(song)].official_split for song in (2, 1001, 2001)] == list(PARTS)


@pytest.mark.parametrize("exchanged", [True, False])
def test_single_raters_follow_the_repair(tmp_path: Path, exchanged: bool) -> None:
    folder = archive(tmp_path / "deam")
    add_raters(folder, exchanged=exchanged)
    loaded = datasets.load("deam", folder)
    for song in (2, 1001, 2001):
        track = loaded[str(song)]
        valence, arousal = ((value - 5) / 4 for value in truth()[song])
        assert track.raters == 2
        assert track.valence_by_rater == pytest.approx((valence - 0.125, valence + 0.125))
        assert track.arousal_by_rater == pytest.approx((arousal - 0.125, arousal + 0.125))
    assert names(loaded, "repair") == ["exchanged-axes"] * (1 + exchanged)


def test_single_raters_over_time_lie_on_the_times_of_the_curve(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam")
    add_raters(folder, exchanged=True)
    curve = datasets.load("deam", folder)["2001"].curve
    assert curve is not None
    assert curve.valence_by_rater is not None
    np.testing.assert_equal(curve.valence_by_rater, [[0.1, 0.2, np.nan], [np.nan, 0.4, np.nan]])


def test_a_missing_rater_file_is_a_problem(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam")
    add_raters(folder, exchanged=True)
    (folder / PER_RATER / DYNAMIC / "valence" / "5.csv").unlink()
    with raises(DataError, "unreadable_file", subject="5.csv"):
        datasets.load("deam", folder)
    checked = datasets.check("deam", folder)
    assert names(checked, "problem") == ["bad-rater-file"]
    assert len(checked) == len(SONGS)


FIRST = "static_annotations_averaged_songs_1_2000.csv"
SECOND = "static_annotations_averaged_songs_2000_2058.csv"
BAD = {
    "missing column": (
        SECOND,
        lambda text: text.replace(" arousal_std", " spread"),
        ("column_missing", SECOND, 0),
    ),
    "a song of the other file": (
        SECOND,
        lambda text: text + "2,5,1,5,1,5,1,5,1,5,1,5,1\n",
        ("duplicate_id", f"{SECOND}, line 14", len(SONGS)),
    ),
    "not a song": (
        FIRST,
        lambda text: text + "14.5,5,1,5,1\n",
        ("not_a_number", f"{FIRST}, line 26", len(SONGS)),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_name_file_and_row(tmp_path: Path, name: str) -> None:
    file, change, found = BAD[name]
    folder = archive(tmp_path / "deam", **{file: change(static_files()[file])})
    assert_found("deam", folder, *found)


def test_the_file_of_a_bad_row_is_not_called_unlabelled(tmp_path: Path) -> None:
    text = static_files()[FIRST].replace("\n3,", "\n3,x", 1)
    folder = archive(tmp_path / "deam", **{FIRST: text})
    (folder / "MEMD_audio").mkdir()
    for song in SONGS:
        (folder / "MEMD_audio" / f"{song}.mp3").touch()
    checked = datasets.check("deam", folder)
    assert names(checked, "problem") == ["bad-row"]
    assert len(checked) == len(SONGS) - 1


def test_bad_ratings_over_time(tmp_path: Path) -> None:
    folder = archive(tmp_path / "deam")
    path = folder / PER_SONG / DYNAMIC / "valence.csv"
    path.write_text(path.read_text() + "3,0,0,0\n77,1.5,0,0\n")
    with raises(DataError, "duplicate_id", subject="line 38"):
        datasets.load("deam", folder)
    problems = datasets.check("deam", folder).problems
    assert [problem.subject.split(", ")[-1] for problem in problems] == ["line 38", "line 39"]
    assert "1.5 in column sample_15000ms lies outside the scale -1..1" in problems[1].cause


@cache
def published(data: Path, labels: datasets.Labels) -> datasets.Dataset:
    return datasets.load("deam", data / "deam", labels=labels)


def figures(dataset: datasets.Dataset, axis: str) -> tuple[float, float]:
    values = np.array([getattr(track, axis) for track in dataset]) * 4 + 5
    return float(values.mean()), float(values.std())


def static(dataset: datasets.Dataset) -> dict[int, tuple[float, float]]:
    return {
        int(track.id): (track.valence, track.arousal)
        for track in dataset
        if track.valence is not None and track.arousal is not None
    }


def over_time(dataset: datasets.Dataset) -> dict[int, tuple[float, float]]:
    return {
        int(track.id): (float(track.curve.valence.mean()), float(track.curve.arousal.mean()))
        for track in dataset
        if track.curve is not None
    }


@pytest.mark.data
def test_the_published_figures(data: Path) -> None:
    loaded = published(data, "as_published")
    assert len(loaded) == 1802
    assert [sum(int(t.id) in ids for t in loaded) for ids in PARTS.values()] == [744, 1000, 58]
    assert figures(loaded, "valence") == pytest.approx((4.904, 1.174), abs=0.002)
    assert figures(loaded, "arousal") == pytest.approx((4.814, 1.282), abs=0.002)
    valence, arousal = zip(*static(loaded).values(), strict=True)
    assert np.corrcoef(valence, arousal)[0, 1] == pytest.approx(0.57, abs=0.002)
    assert sum(len(track.curve.times) for track in loaded if track.curve is not None) == 129995


@pytest.mark.data
def test_static_ratings_against_the_ratings_over_time(data: Path) -> None:
    loaded = published(data, "as_published")
    songs, others = static(loaded), over_time(loaded)
    expected = {
        "development": (0.575, 0.956, 0.570),
        "evaluation 2014": (0.912, 0.591, 0.942),
        "evaluation 2015": (0.984, 0.050, 0.929),
    }
    for part, ids in PARTS.items():
        found = compare({song: both for song, both in songs.items() if song in ids}, others)
        agreement = (found.valence_valence, found.valence_arousal, found.arousal_arousal)
        assert agreement == pytest.approx(expected[part], abs=0.002)
        assert found.verdict == ("exchanged" if part == "development" else "right")


@pytest.mark.data
def test_static_ratings_against_emomusic_before_and_after(data: Path) -> None:
    emomusic = static(datasets.load("emomusic", data / "emomusic"))
    before = compare(static(published(data, "as_published")), emomusic)
    assert before.songs == 744
    assert before.valence_arousal == pytest.approx(0.9998, abs=0.0001)
    assert before.arousal_valence == pytest.approx(0.9999, abs=0.0001)
    assert before.valence_valence == pytest.approx(0.599, abs=0.002)
    assert before.arousal_arousal == pytest.approx(0.599, abs=0.002)
    after = compare(static(published(data, "repaired")), emomusic)
    assert min(after.valence_valence, after.arousal_arousal) > 0.999
    assert after.verdict == "right"  # so a second exchange cannot happen


@pytest.mark.data
def test_the_repair_concerns_744_songs_and_their_deviations(data: Path) -> None:
    before, after = published(data, "as_published"), published(data, "repaired")
    (repair,) = (finding for finding in after.findings if finding.kind == "repair")
    assert (repair.name, repair.tracks) == ("exchanged-axes", 744)
    changed = [old for old, new in zip(before, after, strict=True) if old.valence != new.valence]
    assert all(int(track.id) <= 1000 for track in changed)
    assert len(changed) > 700  # the rest have the same value on both axes
    assert (after["2"].valence, after["2"].arousal) == pytest.approx((-0.5, -0.475))
    assert (after["2"].valence_std, after["2"].arousal_std) == pytest.approx((0.63 / 4, 0.94 / 4))


@pytest.mark.data
def test_deviations_divide_by_raters_those_of_emomusic_by_one_less(data: Path) -> None:
    deam = published(data, "repaired")
    emomusic = datasets.load("emomusic", data / "emomusic")
    own = {track.id: track.arousal_std for track in deam}
    ratios = [own[track.id] / track.arousal_std for track in emomusic if track.arousal_std]
    assert np.median(ratios) == pytest.approx(np.sqrt(0.9), abs=0.002)


@pytest.mark.data
def test_emomusic_is_inside_also_over_time(data: Path) -> None:
    deam = {track.recording: track for track in published(data, "repaired")}
    emomusic = datasets.load("emomusic", data / "emomusic")
    assert sum(track.recording in deam for track in emomusic) == 744
    for track in emomusic:
        own, other = track.curve, deam[track.recording].curve
        assert own is not None
        assert other is not None
        np.testing.assert_allclose(other.arousal, own.arousal[:60], atol=2e-5)
        np.testing.assert_allclose(other.valence, own.valence[:60], atol=2e-5)


@pytest.mark.data
def test_random_splits_overlap(data: Path) -> None:
    def part(dataset: str, name: str) -> set[str]:
        return set((data / dataset / "splits" / f"random_{name}.txt").read_text().split())

    sizes = [len(part("deam", name)) for name in ("train", "validation", "test")]
    assert sizes == [1261, 271, 270]
    assert len(part("emomusic", "test") & part("deam", "train")) == 82
    assert len(part("emomusic", "test") & part("deam", "validation")) == 16
    assert len(part("deam", "test") & part("emomusic", "train")) == 66
    assert len(part("deam", "test") & part("emomusic", "validation")) == 20
    development = {str(song) for song in PARTS["development"]}
    assert [len(part("deam", n) & development) for n in ("train", "validation", "test")] == [
        524,
        107,
        113,
    ]


def distances(one: list[float], other: list[float]) -> tuple[float, float]:
    """Wasserstein-1 and Jensen-Shannon distance (20 bins on [-1, 1])."""
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import wasserstein_distance

    bins = np.linspace(-1, 1, 21)
    shares = [np.histogram(values, bins)[0] / len(values) for values in (one, other)]
    return float(wasserstein_distance(one, other)), float(jensenshannon(*shares, base=2))


@pytest.mark.data
@pytest.mark.parametrize(
    ("labels", "fewest", "other", "valence", "arousal"),
    [
        ("as_published", 0, "emomusic", (0.030, 0.091), (0.028, 0.100)),
        ("repaired", 0, "emomusic", (0.030, 0.089), (0.018, 0.073)),
        ("as_published", 0, "pmemo", (0.217, 0.320), (0.291, 0.382)),
        ("repaired", 0, "pmemo", (0.195, 0.314), (0.314, 0.389)),
        ("repaired", 1001, "emomusic", (0.050, 0.171), (0.031, 0.132)),
    ],
)
def test_distances_between_label_distributions(
    data: Path,
    labels: datasets.Labels,
    fewest: int,
    other: str,
    valence: tuple[float, float],
    arousal: tuple[float, float],
) -> None:
    own = [track for track in published(data, labels) if int(track.id) >= fewest]
    others = datasets.load(other, data / other).tracks
    for axis, expected in (("valence", valence), ("arousal", arousal)):
        found = distances([getattr(t, axis) for t in own], [getattr(t, axis) for t in others])
        assert found == pytest.approx(expected, abs=0.005)
