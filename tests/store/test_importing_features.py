"""Features computed elsewhere: every form of file, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hevner.errors import DataError
from hevner.store import FeatureStore, Kind
from hevner.store.imports import Source, import_features
from tests.errors import raises


def sources(folder: Path) -> dict[str, Source]:
    """The same three tracks in every form."""
    ids, matrix = ["x", "y", "z"], np.arange(12, dtype=np.float64).reshape(3, 4) / 8
    np.save(folder / "matrix.npy", matrix)
    (folder / "ids.txt").write_text("x\ny\nz\n")
    np.savez(folder / "pair.npz", vectors=matrix, names=np.array(ids), more=np.zeros(2))
    np.savez(folder / "each.npz", **dict(zip(ids, matrix, strict=True)))
    (folder / "each").mkdir()
    for track, vector in zip(ids, matrix, strict=True):
        np.save(folder / "each" / f"{track}.npy", vector[None])
    lines = [f"{t},{','.join(map(str, v))},C" for t, v in zip(ids, matrix, strict=True)]
    (folder / "table.csv").write_text("\n".join(["id,a,b,c,d,key", *lines]))
    return {
        "npy": Source(folder / "matrix.npy", ids=str(folder / "ids.txt")),
        "pair": Source(folder / "pair.npz", array="vectors", ids="names"),
        "each": Source(folder / "each.npz"),
        "folder": Source(folder / "each"),
        "csv": Source(folder / "table.csv", id_column="id", columns=("a", "b", "c", "d")),
    }


@pytest.mark.parametrize("form", ["npy", "pair", "each", "folder", "csv"])
def test_features_of_every_form_are_imported(tmp_path: Path, form: str) -> None:
    source = sources(tmp_path)[form]
    store = FeatureStore(tmp_path / "store")
    for _ in range(2):  # once more changes nothing
        file = import_features(source, store, "songs", "jukebox", "5b", known={"x", "y", "z", "w"})
        expected = np.arange(12).reshape(3, 4) / 8
        np.testing.assert_array_equal(file.pooled(["x", "y", "z"]), expected)
        assert file.kind == Kind("jukebox", "5b", 4)
        assert len(file.ids()) == 3
    assert file.verify() == []


def test_windows_and_half_precision_are_kept(tmp_path: Path) -> None:
    rows = {"a": np.ones((3, 2), np.float16), "b": np.zeros((1, 2), np.float16)}
    np.savez(tmp_path / "f.npz", **rows)
    file = import_features(Source(tmp_path / "f.npz"), FeatureStore(tmp_path), "d", "e", "1")
    assert file.kind.dtype == "float16"
    assert file.get("a").rows.shape == (3, 2)


WRONG = {
    "dimension": ("wrong_features", {"a": np.zeros(3), "b": np.zeros(4)}),
    "nan": ("wrong_features", {"a": np.zeros(2), "b": np.array([0, np.nan])}),
    "unknown": ("unknown_id", {"a": np.zeros(2), "q": np.zeros(2)}),
    "text": ("not_a_number", {"a": np.zeros(2), "b": np.array(["x", "y"])}),
    "cube": ("wrong_features", {"a": np.zeros((2, 2, 2))}),
    "no rows": ("wrong_features", {"a": np.zeros(2), "b": np.zeros((0, 2))}),
    "no rows at first": ("wrong_features", {"a": np.zeros((0, 2))}),
    "no vector": ("wrong_features", {"a": np.array(3.0)}),
    "empty": ("empty_features", {}),
    "too large": ("wrong_features", {"a": np.array([1e300])}),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_wrong_features_are_refused_as_a_whole(tmp_path: Path, case: str) -> None:
    code, arrays = WRONG[case]
    np.savez(tmp_path / "f.npz", **arrays)
    store = FeatureStore(tmp_path / "store")
    with raises(DataError, code):
        import_features(Source(tmp_path / "f.npz"), store, "d", "e", "1", known={"a", "b"})
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a\nb\na\n", "unknown_id", "m.npy, row 2"),
        ("a\nb\n", "id_missing", "m.npy"),
        ("a\n\nc\n", "unknown_id", "row 1"),
    ],
)
def test_wrong_lists_of_ids_are_named(tmp_path: Path, text: str, code: str, place: str) -> None:
    np.save(tmp_path / "m.npy", np.zeros((3, 2)))
    (tmp_path / "ids.txt").write_text(text)
    source = Source(tmp_path / "m.npy", ids=str(tmp_path / "ids.txt"))
    with raises(DataError, code, subject=place):
        import_features(source, FeatureStore(tmp_path), "d", "e", "1")


UNREADABLE = {
    "no archive": (Source(Path("bad.npz")), "unreadable_file"),
    "no array": (Source(Path("bad.npy"), ids="x"), "unreadable_file"),
    "no ids": (Source(Path("bad.npy")), "id_missing"),
    "objects": (Source(Path("objects.npz")), "unreadable_file"),
    "no file": (Source(Path("none.npz")), "unreadable_file"),
    "no array of ids": (Source(Path("pair.npz"), array="m", ids="j"), "array_missing"),
    "ids not named": (Source(Path("pair.npz"), array="m"), "array_missing"),
    "column not named": (Source(Path("t.csv")), "id_missing"),
    "text in a table": (Source(Path("t.csv"), id_column="id"), "not_a_number"),
    "no such column": (Source(Path("t.csv"), id_column="name"), "column_missing"),
    "unknown ending": (Source(Path("t.mat")), "unknown_format"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_files_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("pair.npz", m=np.zeros((2, 2)), i=np.array(["a", "b"]))
    np.savez("objects.npz", a=np.array([{}], dtype=object))
    Path("bad.npz").write_bytes(b"no archive")
    Path("bad.npy").write_bytes(b"no array")
    Path("t.csv").write_text("id,a,key\nx,1,C\ny,2,D\n")
    Path("t.mat").write_bytes(b"")
    source, code = UNREADABLE[case]
    with raises(DataError, code, subject=str(source.path)):
        import_features(source, FeatureStore("store"), "d", "e", "1")


def test_other_vectors_under_the_same_version_are_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    for value in (0.0, 1.0):
        np.savez(tmp_path / f"{value}.npz", a=np.full(2, value))
    import_features(Source(tmp_path / "0.0.npz"), store, "d", "e", "1")
    with raises(DataError, "other_features") as caught:
        import_features(Source(tmp_path / "1.0.npz"), store, "d", "e", "1")
    assert "--version" in caught.value.remedy
    import_features(Source(tmp_path / "1.0.npz"), store, "d", "e", "2")


@pytest.mark.data
def test_published_features_are_imported(data: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    folder = data / "features"
    emomusic = Source(folder / "choi_convnet_emomusic.npz", array="embedding", ids="song_id")
    file = import_features(emomusic, store, "emomusic", "choi-convnet", "1")
    assert (len(file), file.kind.dimension) == (744, 160)
    np.testing.assert_allclose(file.get("2").rows[0, 0], 0.20123185)
    gtzan = Source(folder / "choi_convnet_gtzan.npz", array="embedding", ids="name")
    assert len(import_features(gtzan, store, "gtzan", "choi-convnet", "1").ids()) == 1000
    tonality = Source(
        folder / "deam_tonality.csv", id_column="track_id", columns=("rms", "spectral", "MFCC")
    )
    file = import_features(tonality, store, "deam", "tonality", "1")
    assert len(file.ids()) == 1802
    np.testing.assert_allclose(file.get("2").rows, [[0.10584918, 1800.4421763, -138.77792]])
