"""The same faults in the table and the media files of every dataset, on the replicas."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hevner import datasets
from hevner.errors import DataError
from tests.datasets import test_deam, test_mtg_jamendo
from tests.datasets.tables import assert_found
from tests.datasets.test_contract import REPLICAS
from tests.errors import raises

Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """The main table of a replica.

    Attributes
    ----------
    path
        Its file, below the folder of the replica.
    id
        Column of ids: its name, or its place in a table without a header.
    number
        Column of a number; empty if there is none.
    beyond
        A number that is not on the scale of that column.
    row
        Row that is spoiled, counted from 0; its track has no other row.
    repeats
        Whether a track may have several rows.
    without_id
        Code of the fault if there is no id.
    """

    path: str
    id: str | int
    number: str | int = ""
    beyond: str = ""
    row: int = 1
    delimiter: str = ","
    repeats: bool = False
    without_id: str = "value_missing"

    @property
    def has_header(self) -> bool:
        return isinstance(self.id, str)


DEAM = f"{test_deam.PER_SONG.as_posix()}/song_level/{test_deam.FIRST}"
TABLES = {
    "emomusic": Table("annotations/static_annotations.csv", "song_id", "mean_arousal", "9.1"),
    "deam": Table(DEAM, "song_id", "valence_mean", "0.5", without_id="not_a_number"),
    "pmemo": Table("annotations/static_annotations.csv", "musicId", "Arousal(mean)", "4.2"),
    "wtc": Table("annotations.csv", "id", "valence", "5.1"),
    "wcmed": Table("annotations.csv", "id", "valence", "5.4"),
    "ccmed": Table("annotations.csv", "id", "arousal", "-1.1"),
    "mtg_jamendo": Table(
        "data/splits/split-0/autotagging_moodtheme-train.tsv", "TRACK_ID", delimiter="\t"
    ),
    "musemo": Table("annotations.csv", "Name", "Arousal", "11", row=0),
    "emopia": Table("label.csv", "ID"),
    "emotify": Table(
        "data.csv", "track id", "nostalgia", "2", 2, repeats=True, without_id="not_a_number"
    ),
    "memomusic": Table("File/CSV File.csv", 1, 4, "10.5", row=4),
    "film": Table("ratings.csv", "id", "tension_set1", "9.5"),
    "film_listeners": Table("ratings.csv", "id", "sad_set2", "0.5"),
    "musifeast": Table("ratings.csv", "id", "arousal", "5.5"),
    "quadrants4q": Table("songs.csv", "id"),
    "mirex": Table("clusters.csv", "id", "cluster", "6"),
    "own": Table("annotations.csv", "id", "arousal", "0.5"),
}
"""VGMIDI has no table."""


@dataclass
class Replica:
    """A replica whose table can be written anew."""

    name: str
    folder: Path

    def __post_init__(self) -> None:
        self.table = TABLES[self.name]
        self.path = self.folder / self.table.path
        with self.path.open(newline="", encoding="utf-8") as file:
            self.rows = list(csv.reader(file, delimiter=self.table.delimiter))
        self.count = len(datasets.load(self.name, self.folder))
        self.place = self.table.row + self.table.has_header
        self.line = f"{self.path.name}, line {self.place + 1}"

    def column(self, name: str | int) -> int:
        if isinstance(name, int):
            return name
        return [text.strip() for text in self.rows[0]].index(name)

    def write(self, rows: Rows) -> None:
        with self.path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=self.table.delimiter).writerows(rows)

    def spoil(self, column: str | int, value: str) -> None:
        self.rows[self.place][self.column(column)] = value
        self.write(self.rows)

    def drop(self, column: str | int) -> None:
        place = self.column(column)
        self.write([row[:place] + row[place + 1 :] for row in self.rows])


@pytest.fixture
def replica(request: pytest.FixtureRequest, tmp_path: Path) -> Replica:
    name = request.param
    return Replica(name, REPLICAS[name](tmp_path / name if name == "deam" else tmp_path))


def tables(wanted: Callable[[Table], object]) -> pytest.MarkDecorator:
    names = [name for name, table in TABLES.items() if wanted(table)]
    return pytest.mark.parametrize("replica", names, indirect=True)


def test_every_dataset_is_here() -> None:
    assert {*TABLES, "vgmidi"} == {*MEDIA} == {*datasets.NAMES}


@pytest.mark.parametrize("value", ["x", "nan", ""])
@tables(lambda table: table.number)
def test_a_bad_number(replica: Replica, value: str) -> None:
    replica.spoil(replica.table.number, value)
    assert_found(replica.name, replica.folder, "not_a_number", replica.line, replica.count - 1)


@tables(lambda table: table.number)
def test_a_number_that_is_not_on_the_scale(replica: Replica) -> None:
    replica.spoil(replica.table.number, replica.table.beyond)
    assert_found(replica.name, replica.folder, "off_scale", replica.line, replica.count - 1)


@tables(lambda table: True)
def test_a_row_without_id(replica: Replica) -> None:
    replica.spoil(replica.table.id, "")
    code = replica.table.without_id
    assert_found(replica.name, replica.folder, code, replica.line, replica.count - 1)


@tables(lambda table: not table.repeats)
def test_a_repeated_row(replica: Replica) -> None:
    replica.write([*replica.rows, replica.rows[replica.place]])
    line = f"{replica.path.name}, line {len(replica.rows) + 1}"
    assert_found(replica.name, replica.folder, "duplicate_id", line, replica.count)


@pytest.mark.parametrize("column", ["id", "number"])
@tables(lambda table: table.has_header)
def test_a_missing_column(replica: Replica, column: str) -> None:
    name = getattr(replica.table, column) or replica.table.id
    if (replica.name, column) == ("own", "number"):
        pytest.skip("only the column of ids is required")
    replica.drop(name)
    assert_found(replica.name, replica.folder, "column_missing", replica.path.name, 0)


@tables(lambda table: True)
def test_a_table_that_is_no_text_or_empty(replica: Replica) -> None:
    replica.path.write_bytes(b"\xff\xfe\n")
    assert_found(replica.name, replica.folder, "not_a_table", replica.path.name, 0)
    replica.write(replica.rows[: replica.table.has_header])
    assert_found(replica.name, replica.folder, "no_rows", replica.path.name, 0)


@tables(lambda table: True)
def test_a_missing_table(replica: Replica) -> None:
    replica.path.unlink()
    code = "unreadable_file" if replica.table.has_header else "table_missing"
    assert_found(replica.name, replica.folder, code, str(replica.folder), 0)


# --- media files ---

MEDIA = {
    "emomusic": ("clips_45seconds",),
    "deam": ("MEMD_audio",),
    "pmemo": ("chorus",),
    "wtc": ("audio",),
    "wcmed": ("audio",),
    "ccmed": ("audio",),
    "mtg_jamendo": ("audio",),
    "musemo": ("audio",),
    "vgmidi": ("labelled/midi",),
    "emopia": ("midis",),
    "emotify": ("classical", "rock", "pop"),
    "memomusic": ("MIDI",),
    "film": ("audio",),
    "film_listeners": ("audio",),
    "musifeast": ("audio",),
    "quadrants4q": ("audio",),
    "mirex": ("audio",),
    "own": ("audio",),
}
"""Folders of the media files of each replica."""

every = pytest.mark.parametrize("name", datasets.NAMES)


def with_media(name: str, place: Path) -> tuple[Path, list[Path]]:
    """A replica and its media files, those of the first track first."""
    folder = REPLICAS[name](place / name if name == "deam" else place)
    if name == "deam":
        (folder / "MEMD_audio").mkdir()
        for song in test_deam.SONGS:
            (folder / "MEMD_audio" / f"{song}.mp3").touch()
    elif name == "mtg_jamendo":
        test_mtg_jamendo.add_audio(folder, "audio")
    return folder, [t.path for t in datasets.load(name, folder) if t.media is not None]


@every
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    folder, files = with_media(name, tmp_path)
    files[0].unlink()
    with raises(DataError, "file_missing"):
        datasets.load(name, folder)
    report = datasets.check(name, folder)
    assert [found.code for found in report.problems] == ["file_missing"]
    assert len(report) >= len(files)
    assert len(datasets.load(name, folder, partial=True)) == len(files) - 1


@every
def test_a_file_without_a_label(tmp_path: Path, name: str) -> None:
    folder, files = with_media(name, tmp_path)
    count = len(datasets.load(name, folder))
    extra = files[0].with_stem("zzz")
    extra.touch()
    assert len(datasets.load(name, folder)) == count
    report = datasets.check(name, folder)
    assert len(report) == count
    found = [one for one in report.findings if one.name == "unlabelled-file"]
    if report.card.unlabelled:  # so many are known to have none
        assert [one.kind for one in found] == ["note"]
    else:
        assert [(one.kind, one.subject) for one in found] == [("problem", str(extra))]


@every
def test_labels_alone_are_enough(tmp_path: Path, name: str) -> None:
    folder, _ = with_media(name, tmp_path)
    count = len(datasets.load(name, folder))
    for place in MEDIA[name]:
        shutil.rmtree(folder / place)
    dataset = datasets.load(name, folder)
    assert len(dataset) == count
    assert [one.name for one in dataset.findings].count("labels-only") == 1
    with raises(DataError, "media_missing"):
        _ = dataset.tracks[0].path
