"""Annotations for the programs of the field, read back with jams, mir_eval and pyarrow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import pytest

from hevner.datasets.jams import read_jams
from hevner.datasets.layout import Layout
from hevner.emotion import Scale
from hevner.output.annotations import PER_PIECE, audacity, lab, sonic_visualiser
from hevner.result import Analysis, ChordSpan, Failure, TempoCandidate
from tests.fakes import PRESENT, sample, silence

# The package jams uses jsonschema in a way that is going to be removed.
pytestmark = pytest.mark.filterwarnings("ignore:Passing a schema:DeprecationWarning")

BEATS = tuple(0.5 * n for n in range(1, 9))


def piece(**changes: Any) -> Analysis:
    chords = (("N", 0, 3), ("C:maj", 3, 6), ("F#:sus2", 6, 9), ("G:hdim7", 9, 12))
    facts: dict[str, Any] = {
        "chords": tuple(ChordSpan(*span) for span in chords),
        "beats": BEATS,
        "downbeats": BEATS[2::4],
        "tempo_candidates": (TempoCandidate(120.0, 0.75), TempoCandidate(60.0, 0.2)),
    }
    return sample(**facts | changes)


def loaded(analysis: Analysis, tmp_path: Path) -> Any:
    """The file as the package jams reads it: it must fit its schema and those of namespaces."""
    jams = pytest.importorskip("jams")
    path = tmp_path / "song.jams"
    path.write_text(PER_PIECE["jams"](analysis)["jams"], encoding="utf-8")
    return jams.load(str(path), validate=True, strict=True)


def values(read: Any, namespace: str, which: int = 0) -> list[Any]:
    data = read.search(namespace=namespace)[which].data
    return [(one.time, one.duration, one.value, one.confidence) for one in data]


def test_jams_holds_all_in_its_namespaces(tmp_path: Path) -> None:
    read = loaded(piece(), tmp_path)
    assert read.file_metadata.duration == 12.0
    assert read.file_metadata.title == "song"
    assert values(read, "mood_thayer") == [(0, 12, [-0.25, 0.5], None)]
    moments = values(read, "mood_thayer", 1)
    # The second moment has no arousal.
    assert [one[0] for one in moments] == [0, 6, 9]
    assert moments[1][2] == [pytest.approx(0.2), 0.2]
    assert [one[2] for one in values(read, "tag_open")] == list(PRESENT)
    assert values(read, "key_mode") == [(0, 12, "A:minor", 0.75)]
    assert [one[2:] for one in values(read, "tempo")] == [(120.0, 0.75), (60.0, 0.2)]
    assert [one[2] for one in values(read, "beat")] == [None, None, 1, 2, 3, 4, 1, 2]
    assert [one[2] for one in values(read, "chord_harte")][2] == "F#:(1,2,5)"
    tools = {one.annotation_metadata.annotation_tools for one in read.annotations}
    assert len(tools) == 1
    assert read.annotations[0].sandbox.intervals["valence"] == [-0.5, 0.125]


def test_jams_of_silence_is_valid_and_empty(tmp_path: Path) -> None:
    read = loaded(silence(), tmp_path)
    assert len(read.annotations) == 0
    assert read.sandbox.status == "silent"


@pytest.mark.parametrize(
    ("key", "mode", "said"),
    [("D minor", "dorian", "D:dorian"), ("C major", "ionian", "C:major"),
     ("A minor", "harmonic minor", "A:minor"), ("E major", None, "E:major")],
)  # fmt: skip
def test_keys_have_the_mode_that_jams_can_name(
    key: str, mode: str | None, said: str, tmp_path: Path
) -> None:
    assert values(loaded(piece(key=key, mode=mode), tmp_path), "key_mode")[0][2] == said


def test_jams_is_read_as_a_dataset_too(tmp_path: Path) -> None:
    path = tmp_path / "song.jams"
    path.write_text(PER_PIECE["jams"](piece().on(Scale(1, 9)))["jams"], encoding="utf-8")
    rows, _columns, moments = read_jams([path], Layout())
    assert float(rows[0].values["valence"]) == pytest.approx(4.0)
    assert len(moments) == 3


def read_back(files: dict[str, str], ending: str, tmp_path: Path) -> str:
    path = tmp_path / f"song.{ending}"
    path.write_text(files[ending], encoding="utf-8")
    return str(path)


def test_lab_is_what_mir_eval_reads(tmp_path: Path) -> None:
    spans, labels = mir_eval.io.load_labeled_intervals(read_back(lab(piece()), "lab", tmp_path))
    assert spans.tolist() == [[0, 3], [3, 6], [6, 9], [9, 12]]
    mir_eval.chord.validate(labels, ["N", "C:maj", "F#:sus2", "G:hdim7"])
    scores = mir_eval.chord.tetrads(["N", "C:maj", "F#:sus2", "G:hdim7"], labels)
    assert set(scores[[0, 1, 3]]) == {1.0}
    roots, notes, _ = mir_eval.chord.encode_many(labels)
    assert (roots[2], np.flatnonzero(notes[2]).tolist()) == (6, [0, 2, 7])


def test_labels_of_audacity_are_spans_with_texts(tmp_path: Path) -> None:
    files = audacity(piece())
    assert set(files) == {"emotion.txt", "chords.txt", "beats.txt"}
    starts, ends, labels = mir_eval.io.load_delimited(
        read_back(files, "emotion.txt", tmp_path), [float, float, str], delimiter="\t"
    )
    assert (starts, ends) == ([0, 6, 9], [3, 9, 12])
    assert labels[0] == "valence 0.00, arousal 0.20"
    times, _, places = mir_eval.io.load_delimited(
        read_back(files, "beats.txt", tmp_path), [float, float, str], delimiter="\t"
    )
    assert times == list(BEATS)
    assert places[:4] == ["?", "?", "1", "2"]


def test_layers_of_sonic_visualiser_are_csv_without_a_header(tmp_path: Path) -> None:
    files = sonic_visualiser(piece())
    layers = ("valence", "arousal", "tension", "chords", "beats")
    assert set(files) == {f"{layer}.csv" for layer in layers}
    times, found = mir_eval.io.load_time_series(
        read_back(files, "arousal.csv", tmp_path), delimiter=","
    )
    assert (times.tolist(), found.tolist()) == ([1.5, 7.5, 10.5], [0.2] * 3)
    events, labels = mir_eval.io.load_labeled_events(
        read_back(files, "beats.csv", tmp_path), delimiter=","
    )
    assert (len(events), labels[2]) == (8, "1")
    assert '6.000000,9.000000,"F#:(1,2,5)"\n' in files["chords.csv"]


@pytest.mark.parametrize("form", ["lab", "audacity", "sonic-visualiser"])
def test_what_a_piece_lacks_has_no_file(form: str) -> None:
    assert PER_PIECE[form](silence()) == {}
    assert all(PER_PIECE[form](piece(beats=())).values())


def test_parquet_keeps_numbers_and_what_is_missing(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    from hevner.output import Options
    from hevner.output.parquet import ROWS, ParquetWriter

    destination = io.BytesIO()
    writer = ParquetWriter(destination, Options())  # type: ignore[arg-type]
    for number in range(ROWS + 1):
        writer.write(sample(f"{number}.wav"))
    writer.write(Failure("bad.wav", "decode", "it is empty", ""))
    writer.finish()
    table = pq.read_table(io.BytesIO(destination.getvalue()))
    assert table.num_rows == ROWS + 2
    assert table["path"].to_pylist()[ROWS] == f"{ROWS}.wav"
    assert table["valence"].to_pylist()[-2:] == [-0.25, None]
    assert table["duration"].to_pylist()[0] == 12.0
