"""Loaders on small replicas of each dataset with its defects; marked ``data``: on the real ones."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets import data_folder, render
from hevner.datasets.base import read_rows
from hevner.datasets.emotify import COLUMNS
from hevner.emotion import Quadrant
from hevner.errors import DataError, MissingDependencyError

Rows = list[list[object]]


def write_csv(path: Path, header: Sequence[str], rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(header), *rows])


def touch(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


MUSEMO: Rows = [
    [115, "out_blues.00002.wav", 5.8, 2.6, "e1"],
    [116, "out_blues.00032.wav", -10, 10, "e4"],
    [117, "out_blues.00032 - Kopia.wav", -8, 8, "e4"],  # a copy with ratings of its own
    [118, "out_jazz.00002 - Kopia.wav", 1, -1, "e2"],  # a copy whose original is not there
    [119, "out_jazz.00033.wav", 4, -4, "e2"],
    [120, "out_jazz.00051.wav", 5, -5, "e2"],  # the recording of number 33
    [121, "out_jazz.00055.wav", -6, -5, "e3"],  # the recording of number 35, which is not there
    [122, "out_rock.00051.wav", 3, 3, "e1"],
]


def musemo(folder: Path, rows: Rows = MUSEMO) -> Path:
    write_csv(
        folder / "musemo" / "annotations.csv", ("Id", "Name", "Arousal", "Valence", "EmoCat"), rows
    )
    names = [str(row[1]).replace(".wav", ".ogg") for row in MUSEMO]
    touch(folder / "musemo" / "audio", names)
    return folder


def test_musemo_leaves_out_copies_whose_original_is_there(tmp_path: Path) -> None:
    clips = datasets.load("musemo", musemo(tmp_path))
    assert [clip.id for clip in clips] == [
        "out_blues.00002",
        "out_blues.00032",
        "out_jazz.00002 - Kopia",
        "out_jazz.00033",
        "out_jazz.00055",
        "out_rock.00051",
    ]


def test_musemo_labels_and_groups(tmp_path: Path) -> None:
    first, second, third, *_ = datasets.load("musemo", musemo(tmp_path))
    assert (first.valence, first.arousal) == pytest.approx((0.26, 0.58))
    assert (second.valence, second.arousal) == (1.0, -1.0)
    assert (first.quadrant, second.quadrant) == (Quadrant.Q1, Quadrant.Q4)
    assert (first.group, second.group, third.group) == ("blues-0", "blues-3", "jazz-0")
    assert (first.domain, third.domain) == ("blues", "jazz")
    assert first.path.name == "out_blues.00002.ogg"
    assert first.gems is None
    assert first.curve is None


def piece(name: str, raters: Sequence[Sequence[float]], **changes: object) -> dict[str, object]:
    mirrored = [[-value for value in rater] for rater in raters]
    entry = {"id": name, "measures": 3, "duration_s": 6.0, "valence": raters, "arousal": mirrored}
    return {**entry, **changes}


PIECES = [
    piece("Zelda_SNES_Link_Overworld", [[0.0, 0.3, 0.6], [0.2, 0.5, 1.0]]),
    # The second rater has a value more than there are measures.
    piece("Zelda_SNES_Link_Dungeon", [[0.1, 0.1, 0.1], [0.3, 0.3, 0.3, -1.0]]),
    piece("Mario_NES_Bros_Castle", [[-0.5, -0.5, -0.5]]),
]


def vgmidi(folder: Path, pieces: object = PIECES) -> Path:
    touch(folder / "vgmidi" / "midi", [f"{entry['id']}.mid" for entry in PIECES])
    (folder / "vgmidi" / "ratings.json").write_text(json.dumps(pieces), encoding="utf-8")
    return folder


def test_vgmidi_means_curves_and_groups(tmp_path: Path) -> None:
    first, second, third = datasets.load("vgmidi", vgmidi(tmp_path))
    assert first.curve is not None
    np.testing.assert_allclose(first.curve.valence, [0.1, 0.4, 0.8])
    np.testing.assert_allclose(first.curve.arousal, [-0.1, -0.4, -0.8])
    np.testing.assert_allclose(first.curve.times, [1.0, 3.0, 5.0])
    assert first.valence == pytest.approx(1.3 / 3)
    assert first.group == second.group == "Zelda-SNES-Link"
    assert (third.group, third.domain) == ("Mario-NES-Bros", "Mario")


def test_vgmidi_leaves_out_a_surplus_value(tmp_path: Path) -> None:
    second = datasets.load("vgmidi", vgmidi(tmp_path))[1]
    assert second.curve is not None
    np.testing.assert_allclose(second.curve.valence, [0.2, 0.2, 0.2])
    assert second.valence == pytest.approx(0.2)


CLIPS: Rows = [
    ["Q1_aa_0", "aa", "Q1", "train"],
    ["Q1_aa_1", "aa", "Q1", "train"],
    ["Q3_bb_0", "bb", "Q3", ""],
]


def emopia(folder: Path, rows: Rows = CLIPS) -> Path:
    write_csv(folder / "emopia" / "clips.csv", ("clip", "song", "quadrant", "official_split"), rows)
    touch(folder / "emopia" / "midi", [f"{row[0]}.mid" for row in CLIPS])
    return folder


def test_emopia_quadrants_and_songs(tmp_path: Path) -> None:
    clips = datasets.load("emopia", emopia(tmp_path))
    assert [clip.quadrant for clip in clips] == [Quadrant.Q1, Quadrant.Q1, Quadrant.Q3]
    assert [clip.group for clip in clips] == ["aa", "aa", "bb"]
    assert clips[0].valence is None
    assert clips[2].path.name == "Q3_bb_0.mid"


VOTES: Rows = [
    [2, "classical", 0, 1, 0, 0, 0, 0, 1, 1, 0, 3],
    [2, "classical", 0, 0, 0, 1, 0, 0, 1, 0, 0, 3],
    [101, "rock", 1, 0, 0, 0, 0, 1, 0, 0, 0, 4],
    [2, "classical", 0, 0, 0, 0, 0, 0, 1, 0, 0, 3],
    [2, "classical", 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
]


def emotify(folder: Path, rows: Rows = VOTES) -> Path:
    header = ("track id", "genre", *COLUMNS, "mood")
    write_csv(folder / "emotify" / "ratings.csv", header, rows)
    touch(folder / "emotify" / "audio", ["002.ogg", "101.ogg"])
    return folder


def test_emotify_shares_of_listeners(tmp_path: Path) -> None:
    first, second = datasets.load("emotify", emotify(tmp_path))
    assert first.gems == (0, 0.25, 0, 0.25, 0, 0, 0.75, 0.25, 0)
    assert second.gems == (1, 0, 0, 0, 0, 1, 0, 0, 0)
    assert (first.id, first.domain, second.id, second.domain) == ("002", "classical", "101", "rock")


# --- errors name the file, the row and what to do ---


def changed(rows: Rows, row: int, column: int, value: object) -> Rows:
    copy = [list(entry) for entry in rows]
    copy[row][column] = value
    return copy


@pytest.mark.parametrize(
    ("name", "prepare", "expected"),
    [
        (
            "musemo",
            lambda f: musemo(f, changed(MUSEMO, 1, 3, "high")),
            r"annotations\.csv, line 3: 'high' in column Valence is not a number\. Correct",
        ),
        (
            "musemo",
            lambda f: musemo(f, changed(MUSEMO, 0, 2, "")),
            r"annotations\.csv, line 2: '' in column Arousal",
        ),
        (
            "musemo",
            lambda f: musemo(f, changed(MUSEMO, 0, 4, "e5")),
            r"line 2: 'e5' in column EmoCat is not a quadrant\. Expected e1",
        ),
        (
            "musemo",
            lambda f: musemo(f, changed(MUSEMO, 0, 1, "blues2.wav")),
            r"line 2: 'blues2' does not name a GTZAN song\. Expected",
        ),
        (
            "musemo",
            lambda f: musemo(f, changed(MUSEMO, 0, 1, "out_blues.00099.wav")),
            r"line 2: label for a missing file 'out_blues\.00099\.ogg'\. Fetch",
        ),
        ("musemo", lambda f: musemo(f, [[1, "out_blues.00002.wav"]]), r"line 2: 'None' in column"),
        (
            "emopia",
            lambda f: emopia(f, changed(CLIPS, 2, 2, "Q7")),
            r"clips\.csv, line 4: 'Q7' is not a quadrant\. Expected Q1",
        ),
        (
            "emopia",
            lambda f: emopia(f, changed(CLIPS, 1, 0, "Q1_aa_9")),
            r"clips\.csv, line 3: label for a missing file 'Q1_aa_9\.mid'",
        ),
        (
            "emotify",
            lambda f: emotify(f, changed(VOTES, 2, 5, "x")),
            r"ratings\.csv, line 4: 'x' in column nostalgia",
        ),
        (
            "emotify",
            lambda f: emotify(f, changed(VOTES, 2, 0, 7)),
            r"ratings\.csv, line 4: label for a missing file '007\.ogg'",
        ),
        (
            "vgmidi",
            lambda f: vgmidi(f, [*PIECES[:2], piece("Mario_NES_Bros_Castle", [[0.1, 0.2]])]),
            r"ratings\.json, piece 2, valence: a rater has fewer than 3 values\. Fetch",
        ),
        (
            "vgmidi",
            lambda f: vgmidi(f, [piece("Mario_NES_Bros_Castle", [[0.1, float("nan"), 0.2]])]),
            r"piece 0, valence: a rating is not a number\. Remove",
        ),
        (
            "vgmidi",
            lambda f: vgmidi(f, [{"id": "Mario_NES_Bros_Castle"}]),
            r"piece 0: an entry is missing",
        ),
        (
            "vgmidi",
            lambda f: vgmidi(f, [piece("Mario", [[0.1, 0.2, 0.3]])]),
            r"piece 0: an entry is missing",
        ),
        (
            "vgmidi",
            lambda f: vgmidi(f, [piece("Mario_NES_Bros_Lost", [[0.1, 0.2, 0.3]])]),
            r"piece 0: label for a missing file 'Mario_NES_Bros_Lost\.mid'",
        ),
    ],
)
def test_a_defect_is_named(
    tmp_path: Path, name: str, prepare: Callable[[Path], Path], expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        datasets.load(name, prepare(tmp_path))


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_missing_dataset_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}.*no such file. Check the dataset folder"):
        datasets.load(name, tmp_path)


def test_ratings_that_are_not_json(tmp_path: Path) -> None:
    folder = vgmidi(tmp_path)
    (folder / "vgmidi" / "ratings.json").write_text('[{"id": ')
    with pytest.raises(DataError, match=r"ratings\.json: not JSON"):
        datasets.load("vgmidi", folder)


def test_a_missing_column_and_an_unknown_dataset(tmp_path: Path) -> None:
    write_csv(tmp_path / "emopia" / "clips.csv", ("clip", "song"), [["a", "b"]])
    with pytest.raises(DataError, match=r"column quadrant is missing\. Expected the columns clip"):
        datasets.load("emopia", tmp_path)
    with pytest.raises(DataError, match=r"no dataset 'deezer'\. Choose one of musemo"):
        datasets.load("deezer", tmp_path)


def test_line_numbers_count_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('\ufeffname\n"two\nlines"\nnext\n', encoding="utf-8")
    assert [(line, row["name"]) for line, row in read_rows(path, ("name",))] == [
        (3, "two\nlines"),
        (4, "next"),
    ]


def test_data_folder_by_argument_and_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEVNER_DATA", raising=False)
    with pytest.raises(DataError, match=r"no data folder given\. .*HEVNER_DATA"):
        data_folder()
    monkeypatch.setenv("HEVNER_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(DataError, match=r"no data folder at '.*nowhere'"):
        data_folder(tmp_path / "nowhere")


# --- rendering ---


def test_a_render_that_exists_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    there = tmp_path / "Font" / "piece.flac"
    touch(there.parent, [there.name])
    assert render.render(Path("piece.mid"), "Font", tmp_path) == there
    with pytest.raises(MissingDependencyError, match="fluidsynth"):
        render.render(Path("other.mid"), "Font", tmp_path)


def test_soundfonts_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, ["Small.sf2"])
    monkeypatch.setenv("HEVNER_SOUNDFONTS", str(tmp_path))
    assert render.find_soundfont("Small") == tmp_path / "Small.sf2"
    with pytest.raises(MissingDependencyError, match=r"Large\.sf2.*HEVNER_SOUNDFONTS"):
        render.find_soundfont("Large")


def test_rendering_a_piece(tmp_path: Path) -> None:
    import soundfile

    fonts = [font for folder in render.SOUNDFONT_FOLDERS for font in folder.glob("*.sf2")]
    if shutil.which("fluidsynth") is None or not fonts:
        pytest.skip("FluidSynth or a soundfont is not installed")
    font = min(fonts, key=lambda font: font.stat().st_size).stem
    midi = Path(__file__).resolve().parents[1] / "examples" / "midi" / "calm_evening.mid"
    path = render.render(midi, font, tmp_path)
    samples, rate = soundfile.read(path)
    assert rate == render.RENDER_RATE
    assert samples.ndim == 1
    assert 0.01 < np.abs(samples).max() <= 1
    assert [entry.name for entry in path.parent.iterdir()] == ["calm_evening.flac"]
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"not music")
    with pytest.raises(DataError, match=r"broken\.mid: FluidSynth cannot play it"):
        render.render(broken, font, tmp_path)
    assert not (tmp_path / font / "broken.flac").exists()


# --- the real data ---


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "clips", "groups"),
    [("musemo", 258, None), ("vgmidi", 151, 28), ("emopia", 990, 355), ("emotify", 321, 321)],
)
def test_counts_of_the_real_data(data: Path, name: str, clips: int, groups: int | None) -> None:
    loaded = datasets.load(name, data)
    assert len(loaded) == clips
    assert len({clip.id for clip in loaded}) == clips
    if groups is not None:
        assert len({clip.group for clip in loaded}) == groups


@pytest.mark.data
def test_labels_of_the_real_data_are_in_their_ranges(data: Path) -> None:
    for name in ("musemo", "vgmidi"):
        clips = datasets.load(name, data)
        ratings = np.array([(clip.valence, clip.arousal) for clip in clips], float)
        assert np.abs(ratings).max() <= 1
        assert abs(np.corrcoef(ratings.T)[0, 1]) < 0.25
    shares = np.array([clip.gems for clip in datasets.load("emotify", data)])
    assert shares.shape == (321, 9)
    assert shares.min() >= 0
    assert shares.max() <= 1
